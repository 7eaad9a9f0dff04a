//! What an upstream sees of a request.

use super::*;
use crate::proto::http::{Body, Pairs};

const PLAIN: Forward<'static> = Forward {
    path: b"/p",
    query: None,
    host: None,
    server: b"upstream:9000",
    body: Body::Empty,
    switch: Switch::No,
    identity: Identity { addr: b"192.0.2.1", proto: "http", trusted: false },
    keep_alive: true,
    expect: false,
    raw: false,
    ours: &[],
    extra: &[],
    added: Pairs::NONE,
};

const TRUSTED: Forward<'static> =
    Forward { identity: Identity { addr: b"192.0.2.1", proto: "https", trusted: true }, ..PLAIN };

/// Sends on a whole head.
fn forward_head(bytes: &[u8], forward: &Forward<'_>) -> String {
    with_request(bytes, |head| {
        let mut out = Vec::new();
        encode_request(head, &Forward { query: head.query, ..*forward }, &mut out);
        text(out)
    })
}

/// Sends on a GET with these field lines and shows the lines an upstream sees after `Host`, without
/// our forwarding fields where these are the plain ones.
fn forward_fields(fields: &str, forward: &Forward<'_>) -> String {
    let bytes = format!("GET /raw HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let out = forward_head(bytes.as_bytes(), forward);
    let lines = out.strip_prefix("GET /p HTTP/1.1\r\nHost: a\r\n").expect("line and host");
    let lines = lines.strip_suffix("\r\n").expect("empty line");
    let ours = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n";
    lines.replace(ours, "")
}

#[test]
fn the_target_is_the_canonical_path_and_the_query() {
    let line = |target: &str| {
        let bytes = format!("PURGE {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let out = forward_head(bytes.as_bytes(), &PLAIN);
        out.lines().next().map(str::to_owned)
    };
    assert_eq!(line("/raw?a=%61&b=/../?").as_deref(), Some("PURGE /p?a=%61&b=/../? HTTP/1.1"));
    assert_eq!(line("/raw?").as_deref(), Some("PURGE /p? HTTP/1.1"));
    assert_eq!(line("http://b/raw").as_deref(), Some("PURGE /p HTTP/1.1"));
}

#[test]
fn absolute_form_host_is_rewritten_to_the_authority() {
    let bytes = b"GET http://target:81/ HTTP/1.1\r\nHost: field\r\n\r\n";
    let out = forward_head(bytes, &PLAIN);
    assert!(out.starts_with("GET /p HTTP/1.1\r\nHost: target:81\r\n"), "{out}");
    assert!(out.contains("X-Forwarded-Host: target:81\r\n") && !out.contains("field"), "{out}");
}

#[test]
fn host_is_first_and_once_and_may_be_replaced() {
    let bytes = b"GET / HTTP/1.1\r\nX: y\r\nHost: a\r\n\r\n";
    let out = forward_head(bytes, &Forward { host: Some(b"b"), ..PLAIN });
    assert!(out.starts_with("GET /p HTTP/1.1\r\nHost: b\r\nX: y\r\n"), "{out}");
    assert!(out.contains("X-Forwarded-Host: a\r\n"), "the client's own is told: {out}");
    assert_eq!(out.matches("\r\nHost:").count(), 1);
}

#[test]
fn http_1_0_without_host_becomes_1_1_with_the_upstreams() {
    let out = forward_head(b"GET / HTTP/1.0\r\n\r\n", &PLAIN);
    assert!(out.starts_with("GET /p HTTP/1.1\r\nHost: upstream:9000\r\n"), "{out}");
    assert!(!out.contains("X-Forwarded-Host"), "nobody asked for a host: {out}");
    let out = forward_head(b"GET / HTTP/1.0\r\n\r\n", &Forward { host: Some(b"b"), ..PLAIN });
    assert!(out.starts_with("GET /p HTTP/1.1\r\nHost: b\r\n"), "{out}");
}

#[test]
fn hop_by_hop_fields_are_removed() {
    let fields = "Connection: keep-alive\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n\
        Trailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Authorization: x\r\n\
        Proxy-Authenticate: x\r\nExpect: 100-continue\r\nX: stays\r\n";
    assert_eq!(forward_fields(fields, &PLAIN), "X: stays\r\n");
}

#[test]
fn upgrade_h2c_is_stripped() {
    let fields = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n";
    assert_eq!(forward_fields(fields, &PLAIN), "");
}

#[test]
fn connection_x_removes_x_but_never_what_we_need() {
    let fields = "Connection: close, X-Hop, Host, Content-Length, Transfer-Encoding, Authorization, \
        Cookie, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Added, Content-Type, \
        Sec-WebSocket-Key\r\nx-hop: gone\r\nAuthorization: stays\r\nCookie: stays\r\n\
        Content-Type: stays\r\nSec-WebSocket-Key: stays\r\nX-Hop2: stays\r\n";
    let extra: Pairs = [("X-Added", b"stays".as_slice())].into_iter().collect();
    let forward = Forward { body: Body::Length(5), added: &extra, ..PLAIN };
    let bytes = format!("GET /raw HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: 5\r\n\r\n");
    assert_eq!(
        forward_head(bytes.as_bytes(), &forward),
        "GET /p HTTP/1.1\r\nHost: a\r\nAuthorization: stays\r\nCookie: stays\r\n\
         Content-Type: stays\r\nSec-WebSocket-Key: stays\r\nX-Hop2: stays\r\n\
         Content-Length: 5\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n\
         X-Forwarded-Host: a\r\nX-Added: stays\r\n\r\n"
    );
}

#[test]
fn names_with_underscores_and_proxy_are_dropped() {
    let fields = "X_Forwarded_For: 1\r\nContent_Length: 9\r\nX-Forwarded_Host: b\r\n_: x\r\n\
        Proxy: http://evil\r\nPROXY: x\r\nProxy-X: stays\r\n";
    assert_eq!(forward_fields(fields, &PLAIN), "Proxy-X: stays\r\n");
}

#[test]
fn lengths_are_ours() {
    let framed = |body| forward_fields("Content-Length: 5\r\n", &Forward { body, ..PLAIN });
    assert_eq!(framed(Body::Length(5)), "Content-Length: 5\r\n");
    assert_eq!(framed(Body::Length(0)), "Content-Length: 0\r\n");
    assert_eq!(framed(Body::Chunked), "Transfer-Encoding: chunked\r\n");
    assert_eq!(framed(Body::Empty), "");
}

#[test]
fn raw_bodies_keep_their_framing() {
    let raw = Forward { raw: true, keep_alive: false, ..PLAIN };
    let fields = "Transfer-Encoding: Chunked\r\nTE: trailers\r\nTrailer: X\r\nConnection: TE\r\n\
        Expect: 100-continue\r\n";
    assert_eq!(
        forward_fields(fields, &raw),
        "TE: trailers\r\nTrailer: X\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n"
    );
    let fields = forward_fields("Content-Length: 7\r\n", &raw);
    assert_eq!(fields, "Content-Length: 7\r\nConnection: close\r\n");
}

#[test]
fn expect_goes_on_when_asked() {
    let fields = "Expect: 100-continue\r\nContent-Length: 5\r\n";
    let forward = Forward { expect: true, body: Body::Length(5), ..PLAIN };
    let out = forward_fields(fields, &forward);
    assert_eq!(out, "Expect: 100-continue\r\nContent-Length: 5\r\n");
}

#[test]
fn forwarding_identity_of_untrusted_peers_is_replaced() {
    let fields = "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n\
        X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Ssl: on\r\n\
        X-Forwarded-Port: 443\r\nX-Real-IP: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\n";
    assert_eq!(forward_fields(fields, &PLAIN), "");
}

#[test]
fn forwarding_identity_of_trusted_peers_is_appended_to_or_kept() {
    let fields = "X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For:\r\n\
        X-Forwarded-For: 3.3.3.3\r\nX-Forwarded-Proto: wss, ?\r\nX-Forwarded-Host: outer\r\n\
        X-Forwarded-Ssl: on\r\nX-Real-IP: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\n";
    assert_eq!(
        forward_fields(fields, &TRUSTED),
        "X-Forwarded-Host: outer\r\nX-Forwarded-Ssl: on\r\n\
         X-Real-IP: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\n\
         X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
    );
    assert_eq!(
        forward_fields("", &TRUSTED),
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\n",
        "what it did not say is said by us"
    );
}

#[test]
fn a_peer_without_an_address_adds_none() {
    let nobody = |trusted| Identity { addr: b"", proto: "http", trusted };
    let fields = "X-Forwarded-For: 1.1.1.1\r\n";
    let out = forward_fields(fields, &Forward { identity: nobody(false), ..PLAIN });
    assert_eq!(out, "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n");
    let out = forward_fields(fields, &Forward { identity: nobody(true), ..PLAIN });
    assert!(out.starts_with("X-Forwarded-For: 1.1.1.1\r\nX-"), "{out}");
}

#[test]
fn connection_is_close_or_upgrade_or_nothing() {
    let close = Forward { keep_alive: false, ..PLAIN };
    assert_eq!(forward_fields("Connection: keep-alive\r\n", &close), "Connection: close\r\n");
    assert_eq!(forward_fields("Connection: close\r\n", &PLAIN), "");
}

#[test]
fn a_websocket_handshake_goes_on_whole() {
    let fields = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
        Origin: http://a\r\n";
    let kept = fields.split_inclusive("\r\n").skip(2).collect::<String>();
    let out = forward_fields(fields, &Forward { switch: Switch::Passed, ..PLAIN });
    assert_eq!(out, format!("{kept}Connection: Upgrade\r\nUpgrade: websocket\r\n"));
}
