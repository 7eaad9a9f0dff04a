//! Appending field lines to a head that is being written.

use crate::proto::http::{Body, list};

/// Appends pieces of bytes in one reservation.
pub(super) fn put(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// Appends `name: value` and CRLF.
pub(super) fn put_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    put(out, &[name.as_bytes(), b": ", value, b"\r\n"]);
}

/// Appends fields that were added by configuration.
pub(super) fn put_extra<'a>(
    out: &mut Vec<u8>,
    extra: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) {
    for (name, value) in extra {
        debug_assert!(list::is_token(name.as_bytes()) && !value.iter().any(u8::is_ascii_control));
        put_field(out, name, value);
    }
}

/// Appends what announces a body; nothing for those without one.
pub(super) fn put_framing(out: &mut Vec<u8>, body: Body) {
    match body {
        Body::Length(length) => put_length(out, length),
        Body::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Body::Empty | Body::UntilClose => {}
    }
}

/// Appends `Content-Length`.
pub(super) fn put_length(out: &mut Vec<u8>, length: u64) {
    put_field(out, "Content-Length", itoa::Buffer::new().format(length).as_bytes());
}
