//! A line of the operator's own: text with variables in it.
//!
//! What the request says is kept as texts in the order in which the format wants them, each behind its length.

use std::io::Write;

use crate::base::Clock;
use crate::config::{Asked, LogPiece, Seen};
use crate::proto::h1::RequestHead;
use crate::proto::http::{Basic, Known};

use super::escape::write_escaped;
use super::record::{Line, Record};
use super::tunnel::Ended;

/// The texts of the request.
pub(super) fn request(
    pieces: &[LogPiece],
    head: &RequestHead<'_, '_>,
    path: &[u8],
    out: &mut Vec<u8>,
) {
    for piece in pieces {
        let LogPiece::Asked(asked) = piece else { continue };
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        say(asked, head, path, out);
        let len = (out.len() - start - 4) as u32;
        if let Some(place) = out.get_mut(start..start + 4) {
            place.copy_from_slice(&len.to_le_bytes());
        }
    }
}

fn say(asked: &Asked, head: &RequestHead<'_, '_>, path: &[u8], out: &mut Vec<u8>) {
    let mut put = |text: Option<&[u8]>| write_escaped(text.unwrap_or(b"-"), out);
    match asked {
        Asked::Method => put(Some(head.method_name.as_bytes())),
        Asked::Uri => {
            put(Some(path));
            if let Some(query) = head.query {
                put(Some(b"?"));
                put(Some(query));
            }
        }
        Asked::Raw => put(Some(head.target)),
        Asked::Protocol => put(Some(head.version.as_str().as_bytes())),
        Asked::Host => put(Some(head.host)),
        Asked::User => {
            let basic = head.fields.get(Known::Authorization).and_then(Basic::parse);
            put(basic.as_ref().map(Basic::user));
        }
        Asked::Field(name) => put(head.fields.find(name)),
    }
}

/// The line of an exchange.
pub(super) fn exchange(
    pieces: &[LogPiece],
    record: &Record,
    line: &Line<'_>,
    clock: &Clock,
    out: &mut Vec<u8>,
) {
    let mut texts = record.request();
    for piece in pieces {
        match piece {
            LogPiece::Text(text) => out.extend_from_slice(text.as_bytes()),
            LogPiece::Asked(_) => match next(&mut texts) {
                Some(text) => out.extend_from_slice(text),
                None => out.push(b'-'),
            },
            LogPiece::Seen(seen) => of_exchange(*seen, record, line, clock, out),
        }
    }
    out.push(b'\n');
}

/// The line of a tunnel that ended: its method is `CLOSE`, its URI the kind of tunnel.
pub(super) fn tunnel(pieces: &[LogPiece], ended: &Ended<'_>, clock: &Clock, out: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            LogPiece::Text(text) => out.extend_from_slice(text.as_bytes()),
            LogPiece::Asked(Asked::Method) => out.extend_from_slice(b"CLOSE"),
            LogPiece::Asked(Asked::Uri) => out.extend_from_slice(ended.kind.as_bytes()),
            LogPiece::Asked(_) => out.push(b'-'),
            LogPiece::Seen(seen) => of_tunnel(*seen, ended, clock, out),
        }
    }
    out.push(b'\n');
}

/// Takes the next text off.
fn next<'a>(texts: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = texts.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *texts = rest;
    Some(text)
}

fn of_exchange(seen: Seen, record: &Record, line: &Line<'_>, clock: &Clock, out: &mut Vec<u8>) {
    let (first, total) = record.times(clock.now());
    let _ = match seen {
        Seen::Status => write!(out, "{}", record.status),
        Seen::BytesOut => write!(out, "{}", record.bytes_out),
        Seen::BytesIn => write!(out, "{}", record.bytes_in),
        Seen::Micros => write!(out, "{}", total * 1000),
        Seen::Millis => write!(out, "{total}"),
        Seen::FirstByte => number(first, out),
        Seen::End => out.write_all(line.word().as_bytes()),
        Seen::Detail => {
            write_escaped(line.detail.unwrap_or("-").as_bytes(), out);
            Ok(())
        }
        _ => of_both(seen, line, clock, out),
    };
}

fn of_tunnel(seen: Seen, ended: &Ended<'_>, clock: &Clock, out: &mut Vec<u8>) {
    let [bytes_in, bytes_out] = ended.bytes;
    let total = ended.total(clock.now());
    let figures = ended.figures.as_ref();
    let messages = |side: usize| figures.and_then(|figures| figures.messages().get(side).copied());
    let _ = match seen {
        Seen::Status => out.write_all(b"101"),
        Seen::BytesOut => write!(out, "{bytes_out}"),
        Seen::BytesIn => write!(out, "{bytes_in}"),
        Seen::Micros => write!(out, "{}", total * 1000),
        Seen::Millis => write!(out, "{total}"),
        Seen::End => out.write_all(ended.line.reason.word().as_bytes()),
        Seen::Draft => match figures {
            Some(figures) => write!(out, "{}", figures.draft),
            None => out.write_all(b"-"),
        },
        Seen::MessagesIn => number(messages(0), out),
        Seen::MessagesOut => number(messages(1), out),
        Seen::ClosedBy => {
            let closer = figures.and_then(|figures| figures.first_close);
            out.write_all(closer.map_or("-", |(closer, _)| closer.word()).as_bytes())
        }
        Seen::Code => {
            let closed = figures.and_then(|figures| figures.first_close);
            number(closed.map(|(_, code)| code), out)
        }
        Seen::RoundTrip => {
            let time = figures.and_then(|figures| figures.round_trip);
            number(time.map(|time| time.as_millis()), out)
        }
        _ => of_both(seen, &ended.line, clock, out),
    };
}

/// What is said of an exchange as of a tunnel; a dash for what is not.
fn of_both(seen: Seen, line: &Line<'_>, clock: &Clock, out: &mut Vec<u8>) -> std::io::Result<()> {
    let wall = clock.wall_millis();
    match seen {
        Seen::Address => line.peer.write_address(out),
        Seen::Port => return write!(out, "{}", line.peer.port),
        Seen::Seconds => return write!(out, "{}", wall / 1000),
        Seen::WallMillis => return write!(out, "{wall}"),
        Seen::WallMicros => return write!(out, "{}", wall * 1000),
        Seen::CommonDate => out.extend_from_slice(clock.log_date().as_bytes()),
        Seen::CDate => c_date(clock.http_date(), out),
        Seen::IsoDate => out.extend_from_slice(clock.iso_date().as_str().as_bytes()),
        Seen::Process => return write!(out, "{}", std::process::id()),
        Seen::Route => out.extend_from_slice(line.route().as_bytes()),
        Seen::Upstream => line.write_server(out),
        Seen::Tunnel => return number(line.tunnel, out),
        _ => out.push(b'-'),
    }
    Ok(())
}

fn number<T: std::fmt::Display>(value: Option<T>, out: &mut Vec<u8>) -> std::io::Result<()> {
    match value {
        Some(value) => write!(out, "{value}"),
        None => out.write_all(b"-"),
    }
}

/// `Sat Nov 21 02:30:00 2026` of `Sat, 21 Nov 2026 02:30:00 GMT`.
fn c_date(http: &str, out: &mut Vec<u8>) {
    for (part, end) in [(0..3, " "), (8..12, ""), (5..8, ""), (17..26, ""), (12..16, "")] {
        out.extend_from_slice(http.get(part).unwrap_or_default().as_bytes());
        out.extend_from_slice(end.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_ctime_writes_it() {
        let mut out = Vec::new();
        c_date("Sat, 21 Nov 2026 02:30:00 GMT", &mut out);
        assert_eq!(String::from_utf8(out).as_deref(), Ok("Sat Nov 21 02:30:00 2026"));
    }

    #[test]
    fn texts_come_back_in_order() {
        let texts = [&b"\x02\0\0\0ab"[..], b"\0\0\0\0", b"\x01\0\0\0c"].concat();
        let mut rest = &texts[..];
        let taken: Vec<_> = std::iter::from_fn(|| next(&mut rest)).collect();
        assert_eq!(taken, [&b"ab"[..], b"", b"c"]);
    }
}
