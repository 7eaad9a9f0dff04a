//! Responses as a client sees them: written anew from an upstream's head.

use std::ops::Range;

use super::ResponseHead;
use super::connection::is_nominated;
use super::write::{put, put_extra, put_field, put_fields, put_framing, put_length};
use crate::proto::http::{Body, Field, Known, Pairs, Version};

/// What the router decides about a response that it sends on.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// How the body that follows is framed towards this client. With [`Body::Empty`] the length
    /// that the upstream declared stays where that is allowed (HEAD, 304), and only there.
    pub body: Body,
    /// The client's version.
    pub version: Version,
    /// Whether the client's connection is kept. Not with [`Body::UntilClose`].
    pub keep_alive: bool,
    /// Now, for upstreams that send no `Date`: an IMF-fixdate of 29 bytes.
    pub date: &'a str,
    /// Fields to add. Names are tokens and values have no controls: the caller's duty.
    pub extra: &'a Pairs,
    /// Names of fields of the upstream that do not go on.
    pub without: &'a Pairs,
}

/// Appends a final response head for the client, with its empty line; of a 101, the switch to
/// `websocket`.
///
/// The status line always says HTTP/1.1 (RFC 9110 section 6.2). Hop-by-hop fields and what
/// `Connection` nominates are removed (section 7.6.1), `Date` is added when missing (6.6.1).
pub fn encode_response(head: &ResponseHead<'_, '_>, reply: &Reply<'_>, out: &mut Vec<u8>) {
    put_line_and_fields(head, reply.without, out);
    if !head.fields.has(Known::Date) {
        put_field(out, "Date", reply.date.as_bytes());
    }
    put_extra(out, reply.extra.iter());
    if head.status == 101 {
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        return;
    }
    match (reply.body, head.length) {
        (Body::Empty, Some(length)) if head.status >= 200 && head.status != 204 => {
            put_length(out, length);
        }
        (body, _) => put_framing(out, body),
    }
    put_connection(out, reply.version, reply.keep_alive && reply.body != Body::UntilClose);
    out.extend_from_slice(b"\r\n");
}

/// Appends an interim head (100, 103) as it came, but for hop-by-hop fields.
pub fn encode_interim(head: &ResponseHead<'_, '_>, out: &mut Vec<u8>) {
    put_line_and_fields(head, Pairs::NONE, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends the fields of an upstream's 101 that are neither hop-by-hop nor of its handshake, nor among `without`.
pub fn encode_end_to_end(head: &ResponseHead<'_, '_>, without: &Pairs, out: &mut Vec<u8>) {
    for field in head.fields.iter() {
        let is_old = field.name.get(..10).is_some_and(|s| s.eq_ignore_ascii_case("websocket-"));
        if !is_old && !field.known.is_handshake() && passes(head, field) && !without.has(field.name)
        {
            put_field(out, field.name, field.value);
        }
    }
}

fn passes(head: &ResponseHead<'_, '_>, field: Field<'_>) -> bool {
    !(field.known.is_hop_by_hop() || (head.nominates && is_nominated(head.fields, field)))
}

fn put_line_and_fields(head: &ResponseHead<'_, '_>, without: &Pairs, out: &mut Vec<u8>) {
    out.reserve(head.len + 160);
    let line = line(head).unwrap_or_else(|| {
        let mut digits = itoa::Buffer::new();
        let status = digits.format(head.status).as_bytes();
        put(out, &[b"HTTP/1.1 ", status, b" ", head.reason.as_bytes(), b"\r\n"]);
        0..0
    });
    put_fields(out, head.fields, line, |field| passes(head, *field) && !without.has(field.name));
}

/// Where the status line stands in the head, its end included; `None` where it is not the one that we write.
fn line(head: &ResponseHead<'_, '_>) -> Option<Range<usize>> {
    let bytes = head.fields.head();
    let reason = head.reason.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr());
    let end = reason.wrapping_add(head.reason.len());
    let as_ours = reason == b"HTTP/1.1 200 ".len()
        && bytes.starts_with(b"HTTP/1.1 ")
        && bytes.get(end..end + 2)? == b"\r\n";
    as_ours.then_some(0..end + 2)
}

/// Appends `Connection` where the version's default is not what is meant.
pub(super) fn put_connection(out: &mut Vec<u8>, version: Version, keep_alive: bool) {
    match (version, keep_alive) {
        (_, false) => out.extend_from_slice(b"Connection: close\r\n"),
        (Version::Http10, true) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        (Version::Http11, true) => {}
    }
}

/// Appends field lines, such as those that are added to a 101.
pub fn encode_extra(extra: &Pairs, out: &mut Vec<u8>) {
    put_extra(out, extra.iter());
}
