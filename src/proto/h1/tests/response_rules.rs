//! The rules for what an upstream may answer.

use super::*;
use crate::proto::http::{Body, Version};
use FramingError::*;
use ResponseError::*;

/// Each entry: the rule, a whole head, the fault.
const REFUSED: &[(&str, &[u8], ResponseError)] = &[
    (
        "two lengths",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        Framing(LengthRepeated),
    ),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 4, 8\r\n\r\n", Framing(LengthInvalid)),
    ("a bad length", b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", Framing(LengthInvalid)),
    ("a bad length", b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", Framing(LengthInvalid)),
    ("a bad length", b"HTTP/1.1 304 OK\r\nContent-Length: x\r\n\r\n", Framing(LengthInvalid)),
    (
        "both framings",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        Framing(LengthAndEncoding),
    ),
    (
        "both framings",
        b"HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        Framing(LengthAndEncoding),
    ),
    (
        "Transfer-Encoding is exactly chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
        Framing(EncodingInvalid),
    ),
    (
        "Transfer-Encoding is exactly chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        Framing(EncodingUnknown),
    ),
    (
        "HTTP/1.0 with Transfer-Encoding",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        Framing(EncodingInHttp10),
    ),
    ("status below 100", b"HTTP/1.1 099 Low\r\n\r\n", StatusRange),
    ("status below 100", b"HTTP/1.1 000 None\r\n\r\n", StatusRange),
    ("the status has three digits", b"HTTP/1.1 20 OK\r\n\r\n", StatusLine),
    ("the status has three digits", b"HTTP/1.1 2000 OK\r\n\r\n", StatusLine),
    ("the status has three digits", b"HTTP/1.1 +20 OK\r\n\r\n", StatusLine),
    ("one space before the status", b"HTTP/1.1  200 OK\r\n\r\n", StatusLine),
    ("versions exactly HTTP/1.0 or HTTP/1.1", b"HTTP/2.0 200 OK\r\n\r\n", StatusLine),
    ("versions exactly HTTP/1.0 or HTTP/1.1", b"http/1.1 200 OK\r\n\r\n", StatusLine),
    ("versions exactly HTTP/1.0 or HTTP/1.1", b"ICY 200 OK\r\n\r\n", StatusLine),
    ("no status line at all", b"<html>", StatusLine),
    ("no empty line before a response", b"\r\nHTTP/1.1 200 OK\r\n\r\n", StatusLine),
    ("no empty line before a response", b"\nHTTP/1.1 200 OK\r\n\r\n", StatusLine),
    ("LF-only line endings", b"HTTP/1.1 200 OK\n\n", LineEnd),
    ("LF-only line endings", b"HTTP/1.1 200\nX: y\r\n\r\n", LineEnd),
    ("LF-only line endings", b"HTTP/1.1 200 OK\r\nX: y\n\r\n", LineEnd),
    ("LF-only line endings", b"HTTP/1.1 200 OK\r\nX: y\r\n\n", LineEnd),
    ("values with CR, LF or NUL", b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", FieldValue),
    ("values with CR, LF or NUL", b"HTTP/1.1 200 OK\r\nX: a\r\r\n\r\n", FieldValue),
    ("values with CR, LF or NUL", b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", FieldValue),
    ("values with CR, LF or NUL", b"HTTP/1.1 200 O\0K\r\n\r\n", StatusLine),
    ("values with CR, LF or NUL", b"HTTP/1.1 200 O\rK\r\n\r\n", StatusLine),
    ("obs-fold", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", FieldName),
    ("space before the colon", b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n", FieldName),
    ("space before the first field", b"HTTP/1.1 200 OK\r\n X: a\r\n\r\n", FieldName),
    ("every line has a colon", b"HTTP/1.1 200 OK\r\nabc\r\n\r\n", FieldName),
];

#[test]
fn responses_that_are_502() {
    for (rule, bytes, error) in REFUSED {
        assert_eq!(response(bytes), Err(*error), "{rule}: {}", bytes.escape_ascii());
        cut_anywhere(bytes, response);
    }
}

/// What real workers write and must be understood.
#[test]
fn real_upstreams_are_tolerated() {
    let heads: &[&[u8]] = &[
        b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
          Connection: Upgrade\r\nSec-WebSocket-Origin: http://a\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n",
        b"HTTP/1.1 200 \r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\n\r\n",
        b"HTTP/1.1 404 N\xe4 da\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX_Y: underscores are an upstream's own\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n",
    ];
    for bytes in heads {
        assert!(matches!(response(bytes), Ok(Some(_))), "{}", bytes.escape_ascii());
        cut_anywhere(bytes, response);
    }
}

fn body_of(method: Method, status: u16, fields: &str) -> (Body, Option<u64>, bool) {
    let bytes = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
    with_response(method, bytes.as_bytes(), |head| (head.body, head.length, head.keep_alive))
}

#[test]
fn bodies_follow_rfc_9112_section_6_3() {
    let length = "Content-Length: 7\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    assert_eq!(body_of(Method::Get, 200, length), (Body::Length(7), Some(7), true));
    assert_eq!(body_of(Method::Get, 200, chunked), (Body::Chunked, None, true));
    assert_eq!(body_of(Method::Get, 200, ""), (Body::UntilClose, None, false));
    assert_eq!(body_of(Method::Get, 205, ""), (Body::UntilClose, None, false));
    assert_eq!(body_of(Method::Head, 200, length), (Body::Empty, Some(7), true));
    assert_eq!(body_of(Method::Head, 200, chunked), (Body::Empty, None, true));
    assert_eq!(body_of(Method::Head, 200, ""), (Body::Empty, None, true));
    assert_eq!(body_of(Method::Get, 304, length), (Body::Empty, Some(7), true));
    assert_eq!(body_of(Method::Get, 304, chunked), (Body::Empty, None, true));
    assert_eq!(body_of(Method::Get, 204, ""), (Body::Empty, None, true));
    assert_eq!(body_of(Method::Get, 100, ""), (Body::Empty, None, true));
}

#[test]
fn a_body_with_204_or_1xx_makes_the_connection_unfit_for_reuse() {
    assert!(!body_of(Method::Get, 204, "Content-Length: 7\r\n").2);
    assert!(!body_of(Method::Get, 204, "Transfer-Encoding: chunked\r\n").2);
    assert!(!body_of(Method::Get, 103, "Content-Length: 7\r\n").2);
    assert!(body_of(Method::Get, 204, "Content-Length: 0\r\n").2);
}

#[test]
fn the_connection_is_reused_as_the_version_and_options_say() {
    let keeps = |version: &str, connection: &str| {
        let fields = format!("Content-Length: 0\r\nConnection: {connection}\r\n");
        let bytes = format!("HTTP/{version} 200 OK\r\n{fields}\r\n");
        with_response(Method::Get, bytes.as_bytes(), |head| {
            assert_eq!(head.version == Version::Http10, version == "1.0");
            head.keep_alive
        })
    };
    assert!(keeps("1.1", "") && !keeps("1.1", "close") && !keeps("1.1", "Keep-Alive, Close"));
    assert!(!keeps("1.0", "") && keeps("1.0", "Keep-Alive"));
}

#[test]
fn only_a_101_to_websocket_is_an_upgrade() {
    let upgrade = |status: u16, fields: &str| {
        let bytes = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
        with_response(Method::Get, bytes.as_bytes(), |head| {
            assert!(status != 101 || (!head.keep_alive && !head.is_interim()));
            head.upgrade_websocket
        })
    };
    assert!(upgrade(101, "Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    assert!(upgrade(101, "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n"));
    assert!(!upgrade(101, "Upgrade: websocket\r\n"));
    assert!(!upgrade(101, "Connection: Upgrade\r\n"));
    assert!(!upgrade(101, "Upgrade: h2c\r\nConnection: Upgrade\r\n"));
    assert!(!upgrade(200, "Upgrade: websocket\r\nConnection: Upgrade\r\n"));
}

#[test]
fn interim_heads_come_one_by_one() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let mut rest = &bytes[..];
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let (len, status, interim) =
            with_response(Method::Get, rest, |head| (head.len, head.status, head.is_interim()));
        seen.push((status, interim));
        rest = &rest[len..];
    }
    assert_eq!(seen, [(100, true), (103, true), (200, false)]);
}
