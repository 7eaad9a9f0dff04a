//! Answers of the admin socket on their way out.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::base::Clock;
use crate::proto::h1::{Own, encode_chunk_prefix, encode_own, last_chunk};
use crate::proto::http::{Body, Version};
use crate::session::admin::put_text;

use super::super::line::Line;
use super::request::Refusal;

/// How long the other end may take to close after our answer, and how much of what it still says is read.
const LINGER: Duration = Duration::from_secs(1);
const LEFT: u64 = 64 << 10;

/// Sends a whole answer.
pub(super) fn put(line: &mut Line, json: &[u8]) -> io::Result<()> {
    send(line, 200, &[], json, json.len())
}

/// Sends what is said instead of an answer.
pub(super) fn refuse(refusal: &Refusal, line: &mut Line) -> io::Result<()> {
    let mut json = b"{\"error\":".to_vec();
    put_text(&refusal.sentence, &mut json);
    json.extend_from_slice(b"}\n");
    let allow: Vec<_> = refusal.allow.iter().map(|allow| ("Allow", allow.as_bytes())).collect();
    let shown = if refusal.is_head { &[][..] } else { &json };
    send(line, refusal.status, &allow, shown, json.len())
}

fn send(
    line: &mut Line,
    status: u16,
    extra: &[(&str, &[u8])],
    json: &[u8],
    len: usize,
) -> io::Result<()> {
    let mut out = Vec::new();
    encode_own(
        &own(status, Body::Length(len as u64), Version::Http11, extra, &Clock::new()),
        &mut out,
    );
    out.extend_from_slice(json);
    line.write_all(&out)
}

fn own<'a>(
    status: u16,
    body: Body,
    version: Version,
    extra: &'a [(&'a str, &'a [u8])],
    clock: &'a Clock,
) -> Own<'a> {
    let date = clock.http_date();
    Own { status, media_type: "application/json", body, version, keep_alive: false, date, extra }
}

/// An answer whose length nobody knows when it begins.
pub(super) struct Flow<'a> {
    line: &'a mut Line,
    chunked: bool,
    first: bool,
}

impl<'a> Flow<'a> {
    /// Sends the head.
    pub(super) fn begin(line: &'a mut Line, version: Version) -> io::Result<Flow<'a>> {
        let chunked = version == Version::Http11;
        let body = if chunked { Body::Chunked } else { Body::UntilClose };
        let mut out = Vec::new();
        encode_own(&own(200, body, version, &[], &Clock::new()), &mut out);
        line.write_all(&out)?;
        Ok(Flow { line, chunked, first: true })
    }

    /// Sends a piece and empties it.
    pub(super) fn put(&mut self, json: &mut Vec<u8>) -> io::Result<()> {
        if json.is_empty() {
            return Ok(());
        }
        if self.chunked {
            let mut prefix = [0; 24];
            let n = encode_chunk_prefix(json.len(), self.first, &mut prefix);
            self.line.write_all(prefix.get(..n).unwrap_or_default())?;
            self.first = false;
        }
        self.line.write_all(json)?;
        json.clear();
        Ok(())
    }

    /// Says that this was all.
    pub(super) fn end(self) -> io::Result<()> {
        if self.chunked { self.line.write_all(last_chunk(self.first)) } else { Ok(()) }
    }
}

/// Lets the other end read all: closing over bytes of its that were not read could reset the connection
/// before it has.
pub(super) fn finish(line: &mut Line) {
    line.allow(LINGER);
    if line.finish().is_ok() {
        // Whatever it still says is no request.
        let _ = io::copy(&mut line.take(LEFT), &mut io::sink());
    }
}
