//! What a client sees of an upstream's response.

use super::*;
use crate::proto::http::{Body, Pairs, Version};

const PLAIN: Reply<'static> = Reply {
    body: Body::Length(3),
    version: Version::Http11,
    keep_alive: true,
    date: DATE,
    extra: Pairs::NONE,
    without: Pairs::NONE,
};

/// Sends on the response to a request with this method.
fn reply_to(method: Method, bytes: &str, reply: &Reply<'_>) -> String {
    with_response(method, bytes.as_bytes(), |head| {
        let mut out = Vec::new();
        encode_response(head, reply, &mut out);
        text(out)
    })
}

/// Sends on a dated 200 with these field lines and shows those the client sees.
fn reply_fields(fields: &str, reply: &Reply<'_>) -> String {
    let bytes = format!("HTTP/1.1 200 OK\r\nDate: then\r\n{fields}\r\n");
    let out = reply_to(Method::Get, &bytes, reply);
    let lines = out.strip_prefix("HTTP/1.1 200 OK\r\nDate: then\r\n").expect("line and date");
    lines.strip_suffix("\r\n").expect("empty line").to_owned()
}

#[test]
fn the_status_line_says_http_1_1_and_keeps_the_phrase() {
    let out = reply_to(Method::Get, "HTTP/1.0 404 No Way\r\nDate: x\r\n\r\n", &PLAIN);
    assert!(out.starts_with("HTTP/1.1 404 No Way\r\nDate: x\r\n"), "{out}");
    let out = reply_to(Method::Get, "HTTP/1.0 200\r\nDate: x\r\n\r\n", &PLAIN);
    assert!(out.starts_with("HTTP/1.1 200 \r\n"), "{out}");
}

#[test]
fn hop_by_hop_fields_are_removed() {
    let fields = "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTrailer: X\r\n\
        Proxy-Authenticate: x\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTE: x\r\n\
        Content-Length: 3\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n";
    let out = reply_fields(fields, &PLAIN);
    assert_eq!(out, "Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 3\r\n");
}

#[test]
fn connection_never_removes_cookies_or_challenges() {
    let fields = "Connection: Set-Cookie, WWW-Authenticate, Date, Content-Type\r\nSet-Cookie: a\r\n\
        WWW-Authenticate: b\r\nContent-Type: c\r\n";
    let out = reply_fields(fields, &PLAIN);
    let kept = "Set-Cookie: a\r\nWWW-Authenticate: b\r\nContent-Type: c\r\n";
    assert_eq!(out, format!("{kept}Content-Length: 3\r\n"));
}

#[test]
fn framing_is_as_told() {
    let framed = |body| reply_fields("Transfer-Encoding: chunked\r\n", &Reply { body, ..PLAIN });
    assert_eq!(framed(Body::Length(0)), "Content-Length: 0\r\n");
    assert_eq!(framed(Body::Chunked), "Transfer-Encoding: chunked\r\n");
    assert_eq!(framed(Body::UntilClose), "Connection: close\r\n");
    assert_eq!(framed(Body::Empty), "");
}

#[test]
fn bodyless_statuses_keep_their_length_where_it_may_be_said() {
    let reply = Reply { body: Body::Empty, ..PLAIN };
    let length = |method, status: u16| {
        let bytes = format!("HTTP/1.1 {status} X\r\nDate: x\r\nContent-Length: 7\r\n\r\n");
        reply_to(method, &bytes, &reply).contains("Content-Length: 7\r\n")
    };
    assert!(length(Method::Head, 200), "a HEAD response keeps it");
    assert!(length(Method::Get, 304), "304 may keep it");
    assert!(!length(Method::Get, 204), "204 has none");
    assert!(!length(Method::Head, 204), "204 has none");
}

#[test]
fn connection_depends_on_the_clients_version() {
    let fields = |version, keep_alive| {
        reply_fields("Connection: close\r\n", &Reply { version, keep_alive, ..PLAIN })
    };
    assert_eq!(fields(Version::Http11, true), "Content-Length: 3\r\n");
    assert_eq!(fields(Version::Http11, false), "Content-Length: 3\r\nConnection: close\r\n");
    assert_eq!(fields(Version::Http10, true), "Content-Length: 3\r\nConnection: keep-alive\r\n");
    assert_eq!(fields(Version::Http10, false), "Content-Length: 3\r\nConnection: close\r\n");
}

#[test]
fn date_is_added_when_missing_and_server_is_the_upstreams() {
    let out = reply_to(Method::Get, "HTTP/1.1 200 OK\r\nServer: app\r\n\r\n", &PLAIN);
    assert!(out.starts_with(&format!("HTTP/1.1 200 OK\r\nServer: app\r\nDate: {DATE}\r\n")));
    let out = reply_to(Method::Get, "HTTP/1.1 200 OK\r\ndate: x\r\n\r\n", &PLAIN);
    assert!(!out.contains(DATE));
}

#[test]
fn added_fields_go_on() {
    let extra: Pairs =
        [("Strict-Transport-Security", b"max-age=1".as_slice())].into_iter().collect();
    let reply = Reply { extra: &extra, ..PLAIN };
    let out = reply_fields("", &reply);
    assert_eq!(out, "Strict-Transport-Security: max-age=1\r\nContent-Length: 3\r\n");
}

#[test]
fn a_101_switches_with_our_own_words_and_the_upstreams_proof() {
    let bytes = "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
        Connection: Upgrade\r\nDate: x\r\nContent-Length: 9\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    let reply = Reply { body: Body::Empty, keep_alive: false, ..PLAIN };
    assert_eq!(
        reply_to(Method::Get, bytes, &reply),
        "HTTP/1.1 101 Web Socket Protocol Handshake\r\nDate: x\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
}

#[test]
fn interim_heads_are_sent_bare() {
    let interim = |bytes: &str| {
        with_response(Method::Get, bytes.as_bytes(), |head| {
            let mut out = Vec::new();
            encode_interim(head, &mut out);
            text(out)
        })
    };
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    assert_eq!(interim(hints), hints);
    let busy = "HTTP/1.0 100 Continue\r\nConnection: close\r\nContent-Length: 4\r\n\r\n";
    assert_eq!(interim(busy), "HTTP/1.1 100 Continue\r\n\r\n");
}
