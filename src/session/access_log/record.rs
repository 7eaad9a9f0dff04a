//! The line of an exchange, which is also that of a tunnel's opening.
//!
//! What the line needs of the request is rendered when its head is parsed, since the head's bytes are
//! gone when the exchange ends.

use std::io::Write;

use crate::base::{Address, Millis};
use crate::proto::h1::RequestHead;
use crate::proto::http::Known;

use super::super::cx::Cx;
use super::super::peer::Peer;
use super::super::reason::CloseReason;
use super::super::settings::Route;
use super::LogFormat;
use super::escape::{write_escaped, write_json};

/// What is collected for the line of one exchange. Reused; it keeps its buffer.
#[derive(Debug, Default)]
pub(in super::super) struct Record {
    /// The rendered part: request line, referer and user agent.
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
        format: Option<LogFormat>,
        now: Millis,
    ) {
        let mut request = std::mem::take(&mut self.request);
        request.clear();
        *self = Record { began: Some(now), ..Record::default() };
        if let Some(format) = format {
            render_request(format, head, path, &mut request);
        }
        self.request = request;
    }

    /// The record of something that is not a request.
    pub(in super::super) fn unreadable(began: Option<Millis>, cx: &Cx<'_>) -> Record {
        let mut record = Record { began: began.or(Some(cx.now)), ..Record::default() };
        match cx.generation.log {
            Some(LogFormat::Combined) => record.request.extend_from_slice(b"\"-\" \"-\" \"-\""),
            Some(LogFormat::Json) => record.request.extend_from_slice(b"\"method\":null"),
            None => {}
        }
        record
    }

    /// Writes the line of an exchange that ended.
    pub(in super::super) fn finish(&self, line: &Line<'_>, cx: &mut Cx<'_>) {
        let Some(format) = cx.generation.log.filter(|_| !self.silent) else { return };
        match format {
            LogFormat::Combined => self.combined(line, cx),
            LogFormat::Json => self.json(line, cx),
        }
    }

    fn times(&self, now: Millis) -> (Option<u128>, u128) {
        let began = self.began.unwrap_or(now);
        (self.first_byte.map(|at| (at - began).as_millis()), (now - began).as_millis())
    }

    fn combined(&self, line: &Line<'_>, cx: &mut Cx<'_>) {
        let (first, total) = self.times(cx.now);
        // The quoted parts of the rendered request: line, referer, user agent.
        let cut = end_of_quoted(&self.request);
        let (request, agents) = self.request.split_at(cut);
        let out = &mut *cx.log;
        line.peer.write_address(out);
        let _ = write!(out, " - - [{}] ", cx.clock.log_date());
        out.extend_from_slice(request);
        let _ = write!(out, " {} {}", self.status, self.bytes_out);
        out.extend_from_slice(agents);
        let _ = write!(out, " route={} upstream=", line.route());
        line.write_server(out);
        let _ = write!(out, " in={}", self.bytes_in);
        match first {
            Some(first) => _ = write!(out, " ttfb={first}ms"),
            None => out.extend_from_slice(b" ttfb=-"),
        }
        let _ = write!(out, " time={total}ms end={}", line.word());
        if let Some(id) = line.tunnel {
            let _ = write!(out, " tunnel={id}");
        }
        if let Some(detail) = line.detail {
            out.extend_from_slice(b" detail=\"");
            write_escaped(detail.as_bytes(), out);
            out.push(b'"');
        }
        out.push(b'\n');
    }

    fn json(&self, line: &Line<'_>, cx: &mut Cx<'_>) {
        let (first, total) = self.times(cx.now);
        let out = &mut *cx.log;
        let _ = write!(out, "{{\"time\":\"{}\",\"client\":\"", cx.clock.iso_date().as_str());
        line.peer.write_address(out);
        let event = if line.tunnel.is_some() { "open" } else { "exchange" };
        let _ = write!(out, "\",\"event\":\"{event}\",");
        out.extend_from_slice(&self.request);
        out.extend_from_slice(b",\"route\":");
        write_json(line.route().as_bytes(), out);
        out.extend_from_slice(b",\"upstream\":\"");
        line.write_server(out);
        let _ = write!(
            out,
            "\",\"status\":{},\"bytes_in\":{},\"bytes_out\":{}",
            self.status, self.bytes_in, self.bytes_out
        );
        if let Some(first) = first {
            let _ = write!(out, ",\"ttfb_ms\":{first}");
        }
        let _ = write!(out, ",\"total_ms\":{total},\"end\":\"{}\"", line.word());
        if let Some(id) = line.tunnel {
            let _ = write!(out, ",\"tunnel\":{id}");
        }
        if let Some(detail) = line.detail {
            out.extend_from_slice(b",\"detail\":");
            write_json(detail.as_bytes(), out);
        }
        out.extend_from_slice(b"}\n");
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

impl Line<'_> {
    /// How it ended; a tunnel's opening is no end.
    fn word(&self) -> &'static str {
        if self.tunnel.is_some() { "open" } else { self.reason.word() }
    }

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

fn render_request(format: LogFormat, head: &RequestHead<'_, '_>, path: &[u8], out: &mut Vec<u8>) {
    let field = |known| head.fields.get(known);
    let (referer, agent) = (field(Known::Referer), field(Known::UserAgent));
    match format {
        LogFormat::Combined => {
            out.push(b'"');
            write_escaped(head.method_name.as_bytes(), out);
            out.push(b' ');
            write_escaped(path, out);
            if let Some(query) = head.query {
                out.push(b'?');
                write_escaped(query, out);
            }
            let _ = write!(out, " {}\" \"", head.version.as_str());
            write_escaped(referer.unwrap_or(b"-"), out);
            out.extend_from_slice(b"\" \"");
            write_escaped(agent.unwrap_or(b"-"), out);
            out.push(b'"');
            if path != head.path {
                out.extend_from_slice(b" raw=\"");
                write_escaped(head.target, out);
                out.push(b'"');
            }
        }
        LogFormat::Json => {
            out.extend_from_slice(b"\"method\":");
            write_json(head.method_name.as_bytes(), out);
            for (name, value) in [
                ("host", Some(head.host)),
                ("path", Some(path)),
                ("query", head.query),
                ("raw", (path != head.path).then_some(head.target)),
                ("referer", referer),
                ("agent", agent),
            ] {
                if let Some(value) = value {
                    let _ = write!(out, ",\"{name}\":");
                    write_json(value, out);
                }
            }
            let _ = write!(out, ",\"protocol\":\"{}\"", head.version.as_str());
        }
    }
}

/// Where the first quoted string ends; quotes inside are escaped.
fn end_of_quoted(text: &[u8]) -> usize {
    text.iter().skip(1).position(|byte| *byte == b'"').map_or(text.len(), |at| at + 2)
}
