//! Appending field lines to a head that is being written.

use std::ops::Range;

use crate::proto::http::{Body, Field, Fields, list};

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

/// Appends those fields of a head that go on, as they came; lines that follow each other there in one piece. `run` is
/// a piece of the head that comes before them.
pub(super) fn put_fields<'a>(
    out: &mut Vec<u8>,
    fields: Fields<'_, 'a>,
    mut run: Range<usize>,
    goes_on: impl Fn(&Field<'a>) -> bool,
) {
    let put_run = |run: Range<usize>, out: &mut Vec<u8>| {
        out.extend_from_slice(fields.head().get(run).unwrap_or_default());
    };
    for field in fields.iter().filter(goes_on) {
        match fields.place(field) {
            Some(place) if place.start == run.end => run.end = place.end,
            Some(place) => put_run(std::mem::replace(&mut run, place), out),
            None => {
                put_run(std::mem::take(&mut run), out);
                put_field(out, field.name, field.value);
            }
        }
    }
    put_run(run, out);
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
