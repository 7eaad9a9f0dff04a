//! Signed tokens: whom they let in, what they let do, and what becomes of those whose token expires.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::check::bench;
use super::terminated::moved;
use super::track::{CLIENT, UPSTREAM, close, text};
use super::*;
use crate::base::Millis;
use crate::config::ChannelMode;

const SECRET: &str = "a secret of thirty-two bytes, or more";
/// What the clock of a bench says at first.
const NOW: u64 = 1_795_228_200;

/// A bench whose channels want tokens.
fn site() -> Bench {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(SECRET.as_bytes()).expect("written");
    bench(&format!(
        "channel-token = HS256,{}\nchannel-audience = chat\nroute = ^/chat$ channel:tea,who=${{qs[n]}}\n\
         route = ^/hear$ channel:tea,mode=subscribe\nroute = ^/say$ publish:tea\n",
        file.path().display()
    ))
}

fn signed(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes()))
        .expect("a token")
}

/// A token for a minute that lets its bearer hear and say what these lists name.
fn token(subscribe: &[&str], publish: &[&str]) -> String {
    let claims =
        json!({ "aud": "chat", "exp": NOW + 60, "subscribe": subscribe, "publish": publish });
    signed(Algorithm::HS256, &claims, SECRET)
}

const SOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const EVENTS: &str = "Accept: text/event-stream\r\n";

fn request(line: &str, fields: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// A WebSocket whose client has shown this token.
fn open(token: &str) -> Bench {
    let mut bench = site();
    bench.client_says(request(&format!("GET /chat?token={token}"), SOCKET));
    assert!(bench.client_reads().starts_with("HTTP/1.1 101 "));
    bench
}

#[test]
fn whoever_has_no_good_token_is_told_why() {
    let claims = |changes: &[(&str, Value)]| {
        let mut claims =
            json!({ "aud": "chat", "exp": NOW + 60, "subscribe": "*", "publish": "*" });
        for (name, value) in changes {
            claims[name] = value.clone();
        }
        claims
    };
    let ours = |changes: &[(&str, Value)]| signed(Algorithm::HS256, &claims(changes), SECRET);
    let good = ours(&[]);
    let (body, signature) =
        good.split_once('.').and_then(|(_, rest)| rest.split_once('.')).unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let other = "another secret of thirty-two bytes";
    for (token, end) in [
        (String::new(), "token-missing"),
        (format!("{none}.{body}."), "token-forged"),
        (format!("{none}.{body}.{signature}"), "token-forged"),
        (format!("{good}A"), "token-forged"),
        (signed(Algorithm::HS256, &claims(&[]), other), "token-forged"),
        (signed(Algorithm::HS512, &claims(&[]), SECRET), "token-forged"),
        ("x".repeat(7 << 10), "token-forged"),
        (ours(&[("exp", Value::Null)]), "token-claims"),
        (ours(&[("nbf", json!(NOW + 1))]), "token-claims"),
        (ours(&[("subscribe", json!(7))]), "token-claims"),
        (ours(&[("aud", json!("shop"))]), "token-audience"),
        (ours(&[("exp", json!(NOW))]), "token-expired"),
        (token(&["tea-2", "te", "news"], &[]), "token-channel"),
    ] {
        let (status, said) = match end {
            "token-missing" => (401, "Bearer\r\n"),
            "token-channel" => (403, "Bearer error=\"insufficient_scope\"\r\n"),
            _ => (401, "Bearer error=\"invalid_token\"\r\n"),
        };
        let (query, field) =
            (format!("?a=1&token={token}"), format!("authorization: bearer {token}\r\n"));
        for request in [
            request(&format!("GET /chat{query}"), SOCKET),
            request("GET /chat", &format!("{SOCKET}{field}")),
            request(&format!("GET /hear{query}"), EVENTS),
            request("GET /hear", &format!("{EVENTS}{field}")),
            request(&format!("GET /say{query}"), ""),
            request("POST /say", &format!("Content-Length: 0\r\n{field}")),
        ] {
            let mut bench = site();
            bench.client_says(&request);
            let answer = bench.client_reads();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{end}: {answer}");
            assert!(answer.contains(&format!("WWW-Authenticate: {said}")), "{end}: {answer}");
            assert!(bench.log().contains(&format!(" end={end}")), "{end}");
            assert!(!bench.actions().contains("tea"), "{end}");
        }
    }
}

#[test]
fn hearing_and_saying_are_granted_apart() {
    let (hears, says) = (token(&["t*"], &[]), token(&[], &["tea"]));
    let mut bench = open(&hears);
    assert_eq!(bench.actions(), "join tea");
    bench.client_says(text(CLIENT, "word"));
    assert_eq!(bench.takes_bytes(CLIENT), close(UPSTREAM, 1008));
    bench.client_says(close(CLIENT, 1008));
    assert!(!bench.actions().contains("publish"));
    assert!(bench.log().contains(" end=read-only"));

    let mut bench = open(&says);
    bench.client_says(text(CLIENT, "word"));
    assert_eq!(bench.actions(), "publish word in tea", "it has not joined");

    let mut bench = open(&token(&["tea"], &["*"]));
    bench.client_says(text(CLIENT, "word"));
    assert_eq!(bench.actions(), "join tea, publish word in tea");

    for (line, fields, token, status) in [
        ("GET /hear", EVENTS, &hears, 200),
        ("GET /hear", EVENTS, &says, 403),
        ("GET /hear", SOCKET, &says, 403),
        ("GET /chat", EVENTS, &says, 403),
        ("GET /say", "", &says, 403),
        ("GET /say", "", &hears, 0),
        ("POST /say", "Content-Length: 1\r\n", &hears, 403),
        ("PUT /say", "Content-Length: 1\r\n", &hears, 403),
        ("POST /say", "Content-Length: 1\r\n", &says, 0),
    ] {
        let mut bench = site();
        bench.client_says(
            request(line, &format!("{fields}Authorization: Bearer {token}\r\n")) + "x",
        );
        let wanted = if status == 0 { String::new() } else { format!("HTTP/1.1 {status} ") };
        let answer = bench.client_reads();
        assert!(
            answer.starts_with(&wanted) && answer.is_empty() == (status == 0),
            "{line}: {answer}"
        );
        let actions = bench.actions();
        assert_eq!(actions.contains("tea"), status < 400, "{line} {actions}");
    }
}

#[test]
fn a_token_that_expires_closes() {
    let both = token(&["tea"], &["tea"]);
    let mut socket = open(&both);
    socket.actions();
    socket.wait(Duration::from_secs(59));
    socket.client_says(text(CLIENT, "early"));
    assert_eq!(socket.actions(), "publish early in tea");
    moved(&mut socket);
    assert_eq!(socket.deadline(), Some(Millis(60_000)));
    // What comes at that very time comes too late.
    socket.world.clock.advance(Duration::from_secs(1));
    socket.client_says(text(CLIENT, "late"));
    assert!(socket.takes_bytes(CLIENT).ends_with(&close(UPSTREAM, 1008)));
    assert!(!socket.actions().contains("publish"));
    socket.client_says(close(CLIENT, 1008));
    assert!(socket.log().contains(" end=token-expired"));

    let mut events = site();
    let field = format!("{EVENTS}Authorization: Bearer {both}\r\n");
    events.client_says(request("GET /chat", &field));
    assert!(events.client_reads().starts_with("HTTP/1.1 200 "));
    events.wait(Duration::from_secs(59));
    events.client_reads();
    events.expire();
    assert_eq!(events.client_reads(), "0\r\n\r\n");
    assert!(events.log().contains(" end=token-expired"));
}

#[test]
fn a_reload_takes_away_what_a_route_does_not_allow_any_more() {
    let mut bench = open(&token(&["tea"], &["tea"]));
    let only_hears = |route: &&Arc<Route>| match &route.target.place {
        Place::Channel { terms, .. } => terms.mode == ChannelMode::Subscribe,
        _ => false,
    };
    let routes = &bench.world.generation.routes;
    let narrow = Arc::clone(routes.iter().find(only_hears).expect("a route"));
    let now = bench.world.clock.now();
    let written = bench.client.snapshot(&bench.ports, now).expect("a WebSocket");
    let find = |_: &str| Some(Arc::clone(&narrow));
    (bench.client, bench.ports) = Client::restore(&written, now, find).expect("whole");
    bench.actions();
    bench.client_says(text(CLIENT, "word"));
    assert!(!bench.actions().contains("publish"));
    assert_eq!(bench.takes_bytes(CLIENT), close(UPSTREAM, 1008));
}

#[test]
fn no_line_has_a_token() {
    let token = token(&["tea"], &[]);
    for format in ["", "log-format = json\n", "log-format = %(uri) %(raw)\n"] {
        for target in [
            format!("/say?a=b&token={token}&n=%41"),
            format!("/say?%74oken={token}"),
            format!("/say/../say?token={token}&token=x"),
            format!("/elsewhere?token={token}"),
        ] {
            let mut file = tempfile::NamedTempFile::new().expect("a file");
            file.write_all(SECRET.as_bytes()).expect("written");
            let file = file.path().display();
            let mut bench = bench(&format!(
                "{format}route = ^/say$ publish:tea\nchannel-token = HS256,{file}\n"
            ));
            bench.client_says(request(&format!("DELETE {target}"), "Connection: close\r\n"));
            bench.client_reads();
            let line = bench.log();
            assert!(!line.contains(&token) && line.contains("token=-"), "{line}");
            assert_eq!(line.contains("n=%41"), target.contains("n=%41"), "{line}");
        }
    }
}
