//! Tests of the packet: what a worker reads out of it, variable by variable.
#![allow(clippy::indexing_slicing)]

use super::*;
use crate::proto::h1::{Limits, parse_request};
use crate::proto::http::{FieldStore, Pairs};
use proptest::prelude::*;

type Variables = Vec<(String, String)>;

const PLAIN: Packet<'_> = Packet {
    modifier1: 0,
    modifier2: 0,
    path: b"/app/x",
    path_info: b"/app/x",
    query: None,
    server_name: "gate",
    server_port: b"8080",
    https: false,
    remote_addr: b"192.0.2.7",
    remote_port: b"51234",
    identity: Identity { addr: b"192.0.2.7", proto: "http", trusted: false },
    content_length: None,
    chunked: false,
    switch: Switch::No,
    certificate: None,
    extra: &[],
    vars: Pairs::NONE,
    fields: Pairs::NONE,
};

const TRUSTED: Packet<'_> =
    Packet { identity: Identity { trusted: true, ..PLAIN.identity }, ..PLAIN };

/// Encodes the request and reads the variables back as a worker does.
fn variables(request: &str, packet: &Packet<'_>) -> Variables {
    let mut out = Vec::new();
    encode(request, packet, &mut out).unwrap();
    decode(&out)
}

fn encode(request: &str, packet: &Packet<'_>, out: &mut Vec<u8>) -> Result<(), PacketError> {
    let limits = Limits { max_uri: 70_000, max_head: 200_000, max_fields: FIELDS_MAX };
    let mut store = FieldStore::new();
    let head = parse_request(request.as_bytes(), &mut store, &limits).unwrap().unwrap();
    encode_request(&head, &Packet { query: head.query, ..*packet }, out)
}

/// The twin: a packet read as uWSGI's `uwsgi_parse_vars` reads it, strictly.
fn decode(packet: &[u8]) -> Variables {
    let size = usize::from(u16::from_le_bytes([packet[1], packet[2]]));
    let mut rest = &packet[4..];
    assert_eq!(rest.len(), size);
    let mut take = || {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let (text, behind) = behind.split_at(usize::from(u16::from_le_bytes(*length)));
        rest = behind;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    let mut variables = Vec::new();
    while let Some(key) = take() {
        assert!(!key.is_empty());
        variables.push((key, take().unwrap()));
    }
    variables
}

fn all<'v>(variables: &'v Variables, key: &str) -> Vec<&'v str> {
    variables.iter().filter(|(k, _)| k == key).map(|(_, value)| value.as_str()).collect()
}

fn assert_var(variables: &Variables, key: &str, value: &str) {
    assert_eq!(all(variables, key), [value], "{key} in {variables:?}");
}

fn assert_no_var(variables: &Variables, key: &str) {
    assert_eq!(all(variables, key), [""; 0], "{key}");
}

#[test]
fn variables_come_in_the_order_of_uwsgis_router() {
    let request = "POST /app/%78?a=1&b=%20 HTTP/1.1\r\nHost: gate.example:8080\r\nUser-Agent: t/1\r\n\
                   Content-Type: text/plain\r\nContent-Length: 3\r\nX-One: 1\r\n\r\n";
    let packet = Packet { content_length: Some(3), ..PLAIN };
    let pairs = [
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", "/app/x?a=1&b=%20"),
        ("PATH_INFO", "/app/x"),
        ("QUERY_STRING", "a=1&b=%20"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SCRIPT_NAME", ""),
        ("SERVER_NAME", "gate"),
        ("SERVER_PORT", "8080"),
        ("UWSGI_ROUTER", "http"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("REMOTE_PORT", "51234"),
        ("HTTP_HOST", "gate.example:8080"),
        ("HTTP_USER_AGENT", "t/1"),
        ("CONTENT_TYPE", "text/plain"),
        ("CONTENT_LENGTH", "3"),
        ("HTTP_X_ONE", "1"),
        ("HTTP_X_FORWARDED_FOR", "192.0.2.7"),
        ("HTTP_X_FORWARDED_PROTO", "http"),
        ("HTTP_X_FORWARDED_HOST", "gate.example:8080"),
    ];
    let expected: Variables = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
    assert_eq!(variables(request, &packet), expected);
}

#[test]
fn modifiers_and_tls_have_their_places() {
    let packet = Packet { modifier1: 5, modifier2: 9, https: true, ..PLAIN };
    let mut out = Vec::new();
    encode("GET / HTTP/1.1\r\nHost: h\r\n\r\n", &packet, &mut out).unwrap();
    assert_eq!((out[0], out[3]), (5, 9));
    let variables = decode(&out);
    assert_eq!(variables[9], ("HTTPS".to_owned(), "on".to_owned()));
    assert_eq!(variables[10].0, "REMOTE_ADDR");
}

#[test]
fn the_path_is_the_canonical_one_and_the_query_is_raw() {
    let packet = Packet { path: b"/a%2Fb%25", path_info: b"/a%2Fb%", ..PLAIN };
    let vars = variables("GET /x/../a%2Fb%25?q=%2e%2e HTTP/1.1\r\nHost: h\r\n\r\n", &packet);
    assert_var(&vars, "REQUEST_URI", "/a%2Fb%25?q=%2e%2e");
    assert_var(&vars, "PATH_INFO", "/a%2Fb%");
    assert_var(&vars, "QUERY_STRING", "q=%2e%2e");
    let vars = variables("GET /? HTTP/1.1\r\nHost: h\r\n\r\n", &PLAIN);
    assert_var(&vars, "REQUEST_URI", "/app/x?");
    assert_var(&vars, "QUERY_STRING", "");
}

#[test]
fn repeated_fields_are_joined_where_the_first_stood() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nCookie: a=1\r\nAccept: x\r\nx-a: 2\r\n\
                   COOKIE: b=2\r\nX-A:\r\nAccept: y\r\n\r\n";
    let vars = variables(request, &PLAIN);
    let names: Vec<&str> = vars[11..15].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["HTTP_HOST", "HTTP_X_A", "HTTP_COOKIE", "HTTP_ACCEPT"]);
    assert_var(&vars, "HTTP_X_A", "1, 2, ");
    assert_var(&vars, "HTTP_COOKIE", "a=1; b=2");
    assert_var(&vars, "HTTP_ACCEPT", "x, y");
}

#[test]
fn names_with_underscores_and_proxy_never_become_variables() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nProxy: http://evil\r\nContent_Length: 5\r\n\
                   X_Forwarded_For: 10.0.0.1\r\nX-A_B: 1\r\nX-A-B: good\r\n\r\n";
    let vars = variables(request, &PLAIN);
    assert_no_var(&vars, "HTTP_PROXY");
    assert_no_var(&vars, "CONTENT_LENGTH");
    assert_no_var(&vars, "HTTP_CONTENT_LENGTH");
    assert_var(&vars, "HTTP_X_FORWARDED_FOR", "192.0.2.7");
    assert_var(&vars, "HTTP_X_A_B", "good");
}

#[test]
fn there_are_never_two_lengths() {
    let posted = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nA: b\r\n\r\n";
    let vars = variables(posted, &Packet { content_length: Some(5), ..PLAIN });
    assert_var(&vars, "CONTENT_LENGTH", "5");
    assert_no_var(&variables(posted, &PLAIN), "CONTENT_LENGTH");

    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let vars = variables(chunked, &Packet { content_length: Some(70_000), ..PLAIN });
    assert_var(&vars, "CONTENT_LENGTH", "70000");
    assert_no_var(&vars, "HTTP_TRANSFER_ENCODING");

    let vars = variables(chunked, &Packet { chunked: true, ..PLAIN });
    assert_var(&vars, "HTTP_TRANSFER_ENCODING", "chunked");
    assert_no_var(&vars, "CONTENT_LENGTH");

    let none = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let vars = variables(none, &Packet { content_length: Some(0), ..PLAIN });
    assert_var(&vars, "CONTENT_LENGTH", "0");
}

#[test]
fn hop_by_hop_fields_stay_here() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-Hop, Cookie\r\nX-Hop: 1\r\n\
                   Cookie: a=1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\n\
                   Proxy-Authorization: Basic x\r\nX-Kept: 1\r\n\r\n";
    let vars = variables(request, &PLAIN);
    for name in ["CONNECTION", "X_HOP", "KEEP_ALIVE", "TE", "UPGRADE", "PROXY_AUTHORIZATION"] {
        assert_no_var(&vars, &format!("HTTP_{name}"));
    }
    assert_var(&vars, "HTTP_X_KEPT", "1");
    assert_var(&vars, "HTTP_COOKIE", "a=1");
}

#[test]
fn a_websocket_handshake_goes_with_all_its_fields() {
    let request = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\
                   Upgrade: websocket\r\nOrigin: http://h\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Underscore_: 1\r\n\
                   Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n\r\n";
    let vars = variables(request, &Packet { switch: Switch::Passed, ..PLAIN });
    assert_var(&vars, "HTTP_CONNECTION", "keep-alive, Upgrade");
    assert_var(&vars, "HTTP_UPGRADE", "websocket");
    assert_var(&vars, "HTTP_ORIGIN", "http://h");
    assert_var(&vars, "HTTP_SEC_WEBSOCKET_VERSION", "13");
    assert_var(&vars, "HTTP_SEC_WEBSOCKET_KEY", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_var(&vars, "HTTP_SEC_WEBSOCKET_PROTOCOL", "a, b");
    assert_no_var(&vars, "HTTP_X_UNDERSCORE_");
}

#[test]
fn identity_of_untrusted_peers_is_replaced() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\
                   X-Forwarded-Host: evil\r\nX-Forwarded-Ssl: on\r\nForwarded: for=10.0.0.1\r\n\
                   X-Real-IP: 10.0.0.1\r\n\r\n";
    let vars = variables(request, &PLAIN);
    assert_var(&vars, "HTTP_X_FORWARDED_FOR", "192.0.2.7");
    assert_var(&vars, "HTTP_X_FORWARDED_PROTO", "http");
    assert_var(&vars, "HTTP_X_FORWARDED_HOST", "h");
    for name in ["X_FORWARDED_SSL", "FORWARDED", "X_REAL_IP"] {
        assert_no_var(&vars, &format!("HTTP_{name}"));
    }
}

#[test]
fn identity_of_trusted_peers_is_appended_to() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n\
                   X-Forwarded-Proto: ftp\r\nX-Forwarded-Ssl: on\r\n\r\n";
    let identity = Identity { proto: "https", ..TRUSTED.identity };
    let vars = variables(request, &Packet { identity, ..TRUSTED });
    assert_var(&vars, "HTTP_X_FORWARDED_FOR", "10.0.0.1, 10.0.0.2, 192.0.2.7");
    assert_var(&vars, "HTTP_X_FORWARDED_PROTO", "https");
    assert_var(&vars, "HTTP_X_FORWARDED_HOST", "h");
    assert_var(&vars, "HTTP_X_FORWARDED_SSL", "on");
    let identity = Identity { addr: b"", ..TRUSTED.identity };
    let vars = variables(request, &Packet { identity, ..TRUSTED });
    assert_var(&vars, "HTTP_X_FORWARDED_FOR", "10.0.0.1, 10.0.0.2");
}

#[test]
fn the_host_is_the_effective_one() {
    let vars = variables("GET http://real/ HTTP/1.1\r\nHost: other\r\n\r\n", &PLAIN);
    assert_var(&vars, "HTTP_HOST", "real");
    let vars = variables("GET / HTTP/1.0\r\n\r\n", &PLAIN);
    assert_no_var(&vars, "HTTP_HOST");
    assert_no_var(&vars, "HTTP_X_FORWARDED_HOST");
    assert_var(&vars, "SERVER_PROTOCOL", "HTTP/1.0");
    assert_var(&variables("GET http://real/ HTTP/1.0\r\n\r\n", &PLAIN), "HTTP_HOST", "real");
}

#[test]
fn further_variables_come_last() {
    let extra = [("SCRIPT_NAME".to_owned(), "/app".to_owned()), ("X".to_owned(), String::new())];
    let packet = Packet { extra: &extra, ..PLAIN };
    let vars = variables("GET / HTTP/1.1\r\nHost: h\r\n\r\n", &packet);
    assert_eq!(vars[vars.len() - 2..], extra);
}

#[test]
fn a_packet_above_65535_bytes_is_an_error_and_leaves_nothing() {
    let request = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "v".repeat(65_535));
    let mut out = b"kept".to_vec();
    assert_eq!(encode(&request, &PLAIN, &mut out), Err(PacketError::TooLarge));
    assert_eq!(out, b"kept");
}

#[test]
fn a_reused_buffer_does_not_grow() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nA: c\r\n\r\n";
    let mut out = Vec::new();
    encode(request, &PLAIN, &mut out).unwrap();
    let (first, capacity) = (out.clone(), out.capacity());
    out.clear();
    encode(request, &PLAIN, &mut out).unwrap();
    assert_eq!((out == first, out.capacity()), (true, capacity));
}

proptest! {
    /// Joining fields while encoding agrees with doing it name by name in a list.
    #[test]
    fn joined_fields_agree_with_a_naive_twin(
        fields in proptest::collection::vec(("(X-[ab]{1,2}|x-[AB]|Cookie|COOKIE|Accept)", "[ -~]{0,6}"), 0..20),
    ) {
        let mut request = "GET / HTTP/1.1\r\nHost: h\r\n".to_owned();
        let mut expected: Variables = Vec::new();
        for (name, value) in &fields {
            request += &format!("{name}: {value}\r\n");
            let value = value.trim_matches(' ');
            let key = format!("HTTP_{}", name.to_uppercase().replace('-', "_"));
            let between = if key == "HTTP_COOKIE" { "; " } else { ", " };
            match expected.iter_mut().find(|(k, _)| *k == key) {
                Some((_, joined)) => *joined += &format!("{between}{value}"),
                None => expected.push((key, value.to_owned())),
            }
        }
        request += "\r\n";
        let vars = variables(&request, &PLAIN);
        prop_assert_eq!(&vars[12..vars.len() - 3], &expected[..]);
    }
}
