//! Heads of responses that the router makes itself and whose body is more than a sentence.

use super::reply::put_connection;
use super::write::{put, put_extra, put_field, put_framing};
use crate::proto::http::{Body, Version, reason};

/// The head of a response of our own; its body is the caller's to send.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// The status, 200 or more.
    pub status: u16,
    /// The body's type, such as `application/json`.
    pub media_type: &'a str,
    /// How the body is framed.
    pub body: Body,
    /// The client's version.
    pub version: Version,
    /// Whether the client's connection is kept. Not with [`Body::UntilClose`].
    pub keep_alive: bool,
    /// Now, as an IMF-fixdate of 29 bytes.
    pub date: &'a str,
    /// Fields to add. Names are tokens and values have no controls: the caller's duty.
    pub extra: &'a [(&'a str, &'a [u8])],
}

/// Appends the head with its empty line.
pub fn encode_own(own: &Own<'_>, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let status = digits.format(own.status);
    put(out, &[b"HTTP/1.1 ", status.as_bytes(), b" ", reason(own.status).as_bytes(), b"\r\n"]);
    put_field(out, "Server", b"tidegate");
    put_field(out, "Date", own.date.as_bytes());
    put_field(out, "Content-Type", own.media_type.as_bytes());
    put_extra(out, own.extra.iter().copied());
    put_framing(out, own.body);
    put_connection(out, own.version, own.keep_alive && own.body != Body::UntilClose);
    out.extend_from_slice(b"\r\n");
}
