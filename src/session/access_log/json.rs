//! One JSON object per line.

use std::io::Write;

use crate::base::{Clock, write_json};
use crate::proto::h1::RequestHead;
use crate::proto::http::Known;

use super::super::peer::Peer;
use super::record::{Line, Record};
use super::tunnel::Ended;

/// What the line of something that is no request has in place of one.
pub(super) const NONE: &[u8] = b"\"method\":null";

/// The members that tell of the request.
pub(super) fn request(head: &RequestHead<'_, '_>, path: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"method\":");
    write_json(head.method_name.as_bytes(), out);
    for (name, value) in [
        ("host", Some(head.host)),
        ("path", Some(path)),
        ("query", head.query),
        ("raw", (path != head.path).then_some(head.target)),
        ("referer", head.fields.get(Known::Referer)),
        ("agent", head.fields.get(Known::UserAgent)),
    ] {
        if let Some(value) = value {
            let _ = write!(out, ",\"{name}\":");
            write_json(value, out);
        }
    }
    let _ = write!(out, ",\"protocol\":\"{}\"", head.version.as_str());
}

/// The line of an exchange.
pub(super) fn exchange(record: &Record, line: &Line<'_>, clock: &Clock, out: &mut Vec<u8>) {
    let (first, total) = record.times(clock.now());
    let event = if line.tunnel.is_some() { "open" } else { "exchange" };
    begin(event, line.peer, clock, out);
    out.push(b',');
    out.extend_from_slice(record.request());
    way(line, out);
    let _ = write!(
        out,
        ",\"status\":{},\"bytes_in\":{},\"bytes_out\":{}",
        record.status, record.bytes_in, record.bytes_out
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

/// The line of a tunnel that ended.
pub(super) fn tunnel(ended: &Ended<'_>, clock: &Clock, out: &mut Vec<u8>) {
    let Ended { line, bytes: [bytes_in, bytes_out], kind, figures, id, .. } = ended;
    begin("close", line.peer, clock, out);
    let _ = write!(out, ",\"kind\":\"{kind}\"");
    way(line, out);
    let _ = write!(
        out,
        ",\"bytes_in\":{bytes_in},\"bytes_out\":{bytes_out},\"total_ms\":{},\"end\":\"{}\",\
         \"tunnel\":{id}",
        ended.total(clock.now()),
        line.reason.word(),
    );
    if let Some(figures) = figures {
        let (draft, [came, went]) = (figures.draft, figures.messages());
        let _ =
            write!(out, ",\"draft\":\"{draft}\",\"messages_in\":{came},\"messages_out\":{went}");
        if let Some((closer, code)) = figures.first_close {
            let _ = write!(out, ",\"closed_by\":\"{}\",\"code\":{code}", closer.word());
        }
        if let Some(time) = figures.round_trip {
            let _ = write!(out, ",\"rtt_ms\":{}", time.as_millis());
        }
    }
    out.extend_from_slice(b"}\n");
}

/// A line that a rule asked for.
pub(super) fn note(text: &[u8], peer: &Peer, clock: &Clock, out: &mut Vec<u8>) {
    begin("log", peer, clock, out);
    out.extend_from_slice(b",\"text\":");
    write_json(text, out);
    out.extend_from_slice(b"}\n");
}

fn begin(event: &str, peer: &Peer, clock: &Clock, out: &mut Vec<u8>) {
    let _ = write!(out, "{{\"time\":\"{}\",\"client\":\"", clock.iso_date().as_str());
    peer.write_address(out);
    let _ = write!(out, "\",\"event\":\"{event}\"");
}

fn way(line: &Line<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"route\":");
    write_json(line.route().as_bytes(), out);
    out.extend_from_slice(b",\"upstream\":\"");
    line.write_server(out);
    out.push(b'"');
}
