//! Apache's combined format, with fields of ours behind it.

use std::io::Write;

use crate::base::Clock;
use crate::proto::h1::RequestHead;
use crate::proto::http::Known;

use super::super::peer::Peer;
use super::escape::write_escaped;
use super::record::{Line, Record};
use super::tunnel::Ended;

/// What the line of something that is no request has in place of one.
pub(super) const NONE: &[u8] = b"\"-\" \"-\" \"-\"";

/// Request line, referer and user agent.
pub(super) fn request(head: &RequestHead<'_, '_>, path: &[u8], out: &mut Vec<u8>) {
    let field = |known| head.fields.get(known).unwrap_or(b"-");
    out.push(b'"');
    write_escaped(head.method_name.as_bytes(), out);
    out.push(b' ');
    write_escaped(path, out);
    if let Some(query) = head.query {
        out.push(b'?');
        write_escaped(query, out);
    }
    let _ = write!(out, " {}\" \"", head.version.as_str());
    write_escaped(field(Known::Referer), out);
    out.extend_from_slice(b"\" \"");
    write_escaped(field(Known::UserAgent), out);
    out.push(b'"');
    if path != head.path {
        out.extend_from_slice(b" raw=\"");
        write_escaped(head.target, out);
        out.push(b'"');
    }
}

/// The line of an exchange.
pub(super) fn exchange(record: &Record, line: &Line<'_>, clock: &Clock, out: &mut Vec<u8>) {
    let (first, total) = record.times(clock.now());
    let cut = end_of_quoted(record.request());
    let (request, agents) = record.request().split_at(cut);
    line.peer.write_address(out);
    let _ = write!(out, " - - [{}] ", clock.log_date());
    out.extend_from_slice(request);
    let _ = write!(out, " {} {}", record.status, record.bytes_out);
    out.extend_from_slice(agents);
    let _ = write!(out, " route={} upstream=", line.route());
    line.write_server(out);
    let _ = write!(out, " in={}", record.bytes_in);
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

/// The line of a tunnel that ended.
pub(super) fn tunnel(ended: &Ended<'_>, clock: &Clock, out: &mut Vec<u8>) {
    let Ended { line, bytes: [bytes_in, bytes_out], kind, figures, id, .. } = ended;
    let (route, word, total) = (line.route(), line.reason.word(), ended.total(clock.now()));
    line.peer.write_address(out);
    let _ = write!(
        out,
        " - - [{}] \"CLOSE {kind}\" 101 {bytes_out} \"-\" \"-\" route={route} upstream=",
        clock.log_date(),
    );
    line.write_server(out);
    let _ = write!(out, " in={bytes_in} ttfb=- time={total}ms end={word} tunnel={id}");
    if let Some(figures) = figures {
        let [came, went] = figures.messages();
        let _ = write!(out, " draft={} messages_in={came} messages_out={went}", figures.draft);
        if let Some((closer, code)) = figures.first_close {
            let _ = write!(out, " closed_by={} code={code}", closer.word());
        }
        if let Some(time) = figures.round_trip {
            let _ = write!(out, " rtt={}ms", time.as_millis());
        }
    }
    out.push(b'\n');
}

/// A line that a rule asked for.
pub(super) fn note(text: &[u8], peer: &Peer, clock: &Clock, out: &mut Vec<u8>) {
    peer.write_address(out);
    let _ = write!(out, " - - [{}] \"LOG\" \"", clock.log_date());
    write_escaped(text, out);
    out.extend_from_slice(b"\"\n");
}

/// Where the first quoted string ends; quotes inside are escaped.
fn end_of_quoted(text: &[u8]) -> usize {
    text.iter().skip(1).position(|byte| *byte == b'"').map_or(text.len(), |at| at + 2)
}
