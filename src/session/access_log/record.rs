//! What is collected for the line of an exchange, which is also that of a tunnel's opening.
//!
//! What the line needs of the request is rendered when its head is parsed, since the head's bytes are
//! gone when the exchange ends.

use std::io::Write;

use crate::base::{Address, Millis};
use crate::config::LogFormat;
use crate::proto::h1::RequestHead;

use super::super::cx::Cx;
use super::super::peer::Peer;
use super::super::reason::CloseReason;
use super::super::settings::{Generation, Route};
use super::hidden::{Hidden, mask};
use super::{combined, json, own};

/// What is collected for the line of one exchange. Reused; it keeps its buffer.
#[derive(Debug, Default)]
pub(in super::super) struct Record {
    /// How the line is written, whatever a reload says meanwhile; `None` when it is not.
    format: Option<LogFormat>,
    /// What is said of the request, rendered in that format.
    request: Vec<u8>,
    pub(in super::super) began: Option<Millis>,
    pub(in super::super) first_byte: Option<Millis>,
    /// 0 when nothing was answered.
    pub(in super::super) status: u16,
    /// Payload bytes of the request's body.
    pub(in super::super) bytes_in: u64,
    /// Payload bytes of the response's body.
    pub(in super::super) bytes_out: u64,
    /// No line is written.
    pub(in super::super) silent: bool,
}

impl Record {
    /// Starts the record of a request, rendering what the line will need of its head. `path` is what the
    /// head's path comes to.
    pub(in super::super) fn begin(
        &mut self,
        head: &RequestHead<'_, '_>,
        path: &[u8],
        generation: &Generation,
        now: Millis,
    ) {
        let Some(format) = &generation.log else { return self.begin_unwritten(now) };
        let hidden = generation.hides_tokens.then(|| Hidden::of(head)).flatten();
        let masked = hidden.as_ref().map(|hidden| hidden.head(head));
        let head = masked.as_ref().unwrap_or(head);
        let mut request = std::mem::take(&mut self.request);
        request.clear();
        match format {
            LogFormat::Combined => combined::request(head, path, &mut request),
            LogFormat::Json => json::request(head, path, &mut request),
            LogFormat::Own(pieces) => own::request(pieces, head, path, &mut request),
        }
        if generation.hides_tokens {
            mask(&mut request);
        }
        let format = Some(format.clone());
        *self = Record { format, request, began: Some(now), ..Record::default() };
    }

    /// Starts the record of a request of which no line is written.
    fn begin_unwritten(&mut self, now: Millis) {
        // Field by field: it is done for each request, and most are nothing to be dropped.
        let Record { format, request, began, first_byte, status, bytes_in, bytes_out, silent } =
            self;
        request.clear();
        (*format, *began, *first_byte) = (None, Some(now), None);
        (*status, *bytes_in, *bytes_out, *silent) = (0, 0, 0, false);
    }

    /// The record of something that is not a request.
    pub(in super::super) fn unreadable(began: Option<Millis>, cx: &Cx<'_>) -> Record {
        let format = cx.generation.log.clone();
        let request = match format {
            Some(LogFormat::Combined) => combined::NONE,
            Some(LogFormat::Json) => json::NONE,
            Some(LogFormat::Own(_)) | None => b"",
        };
        let request = request.to_vec();
        Record { format, request, began: began.or(Some(cx.now)), ..Record::default() }
    }

    /// Writes the line of an exchange that ended.
    pub(in super::super) fn finish(&self, line: &Line<'_>, cx: &mut Cx<'_>) {
        let Some(format) = self.format.as_ref().filter(|_| !self.silent) else { return };
        match format {
            LogFormat::Combined => combined::exchange(self, line, cx.clock, cx.log),
            LogFormat::Json => json::exchange(self, line, cx.clock, cx.log),
            LogFormat::Own(pieces) => own::exchange(pieces, self, line, cx.clock, cx.log),
        }
    }

    pub(super) fn request(&self) -> &[u8] {
        &self.request
    }

    /// Milliseconds to the first byte of the answer, and to `now`.
    pub(super) fn times(&self, now: Millis) -> (Option<u128>, u128) {
        let began = self.began.unwrap_or(now);
        (self.first_byte.map(|at| (at - began).as_millis()), (now - began).as_millis())
    }
}

/// What the end of an exchange adds to its record.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Line<'a> {
    pub(in super::super) peer: &'a Peer,
    pub(in super::super) route: Option<&'a Route>,
    pub(in super::super) server: Option<&'a Address>,
    pub(in super::super) reason: CloseReason,
    /// Number of the tunnel that opened.
    pub(in super::super) tunnel: Option<u64>,
    /// What exactly was wrong with a request that was refused.
    pub(in super::super) detail: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// Of a request that no route had.
    pub(in crate::session) fn unanswered(peer: &'a Peer, reason: CloseReason) -> Line<'a> {
        Line { peer, route: None, server: None, reason, tunnel: None, detail: None }
    }

    /// How it ended; a tunnel's opening is no end.
    pub(super) fn word(&self) -> &'static str {
        if self.tunnel.is_some() { "open" } else { self.reason.word() }
    }

    /// The route's name, or a dash.
    pub(super) fn route(&self) -> &str {
        self.route.map_or("-", |route| &route.name)
    }

    /// The server's address, or a dash.
    pub(super) fn write_server(&self, out: &mut Vec<u8>) {
        match self.server {
            Some(address) => _ = write!(out, "{address}"),
            None => out.push(b'-'),
        }
    }
}
