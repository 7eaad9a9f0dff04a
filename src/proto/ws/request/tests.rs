//! Tests of the handshake's request half: each way to be refused.

use super::*;
use crate::proto::h1::{Limits, parse_request};
use crate::proto::http::FieldStore;
use HandshakeError as E;
use proptest::prelude::*;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n";

fn check_among(request: &str, allowed: Drafts) -> Result<(Draft, String), E> {
    let mut store = FieldStore::new();
    let head = parse_request(request.as_bytes(), &mut store, &Limits::default());
    let head = head.unwrap().expect("a whole head");
    let handshake = check_request(&head, allowed)?;
    assert_eq!(apparent_draft(head.fields), Some(handshake.draft));
    let Key::Text(key) = handshake.key else { return Ok((handshake.draft, String::new())) };
    assert_eq!(handshake.accept(), Some(accept_key(key)));
    Ok((handshake.draft, String::from_utf8(key.to_vec()).unwrap()))
}

fn check(lines: &[&str]) -> Result<(Draft, String), E> {
    let request = format!("GET /ws HTTP/1.1\r\nHost: h\r\n{UPGRADE}{}\r\n", lines.concat());
    check_among(&request, Drafts::NONE.with(Draft::Rfc6455))
}

/// The draft that is named where all are allowed.
fn draft(lines: &[&str]) -> Result<Draft, E> {
    let request = format!("GET /ws HTTP/1.1\r\nHost: h\r\n{UPGRADE}{}\r\n", lines.concat());
    check_among(&request, Drafts::ALL).map(|(draft, _)| draft)
}

#[test]
fn a_draft_shows_before_anything_is_checked() {
    let looks_like = |lines: &str| {
        let request = format!("GET /ws HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        let mut store = FieldStore::new();
        let head = parse_request(request.as_bytes(), &mut store, &Limits::default());
        apparent_draft(head.unwrap().expect("a whole head").fields)
    };
    for (lines, draft) in [
        ("Sec-WebSocket-Version: 13\r\n", Some(Draft::Rfc6455)),
        ("Sec-WebSocket-Version: 7\r\nOrigin: http://h\r\n", Some(Draft::Hybi07)),
        ("Sec-WebSocket-Version: 14\r\n", None),
        ("Sec-WebSocket-Version: x\r\nSec-WebSocket-Key1: 1\r\n", None),
        ("Sec-WebSocket-Key2: 1\r\nOrigin: http://h\r\n", Some(Draft::Hixie76)),
        ("Origin: http://h\r\n", Some(Draft::Hixie75)),
        (KEY, None),
        ("", None),
    ] {
        assert_eq!(looks_like(lines), draft, "{lines}");
    }
}

fn refused(lines: &[&str], error: E) {
    assert_eq!(check(lines), Err(error), "{lines:?}");
}

/// SECURITY: handshake: GET, HTTP/1.1, no body, one key, known version.
#[test]
fn a_proper_handshake_of_version_13_passes() {
    let passed = Ok((Draft::Rfc6455, "dGhlIHNhbXBsZSBub25jZQ==".to_owned()));
    assert_eq!(check(&[KEY, VERSION]), passed);
    assert_eq!(check(&[KEY, VERSION, "Content-Length: 0\r\n"]), passed);
    assert_eq!(check(&[KEY, VERSION, "Origin: https://h\r\n"]), passed);
}

/// SECURITY: `Connection: keep-alive, Upgrade`, any case, is fine.
#[test]
fn tokens_of_connection_and_upgrade_have_no_case() {
    for (connection, upgrade) in [
        ("keep-alive, Upgrade", "websocket"),
        ("Keep-Alive , UPGRADE", "WebSocket"),
        ("upgrade", "WEBSOCKET"),
        ("upgrade,", "websocket, h2c"),
    ] {
        let request = format!(
            "GET / HTTP/1.1\r\nhost: h\r\nconnection: {connection}\r\nupgrade: {upgrade}\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
        );
        assert!(check_among(&request, Drafts::ALL).is_ok(), "{connection} {upgrade}");
    }
}

/// SECURITY: handshake: GET, HTTP/1.1, no body -> 400.
#[test]
fn other_methods_versions_and_bodies_are_refused() {
    let request =
        |line: &str, more: &str| format!("{line}\r\nHost: h\r\n{UPGRADE}{KEY}{VERSION}{more}\r\n");
    for (request, error) in [
        (request("POST / HTTP/1.1", ""), E::Method),
        (request("HEAD / HTTP/1.1", ""), E::Method),
        (request("GET / HTTP/1.0", ""), E::NotAnUpgrade),
        (request("GET / HTTP/1.1", "Content-Length: 1\r\n"), E::Body),
        (request("GET / HTTP/1.1", "Transfer-Encoding: chunked\r\n"), E::Body),
        (
            format!("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n{KEY}{VERSION}\r\n"),
            E::NotAnUpgrade,
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n{KEY}{VERSION}\r\n"),
            E::NotAnUpgrade,
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{KEY}{VERSION}\r\n"
            ),
            E::NotAnUpgrade,
        ),
    ] {
        assert_eq!(check_among(&request, Drafts::ALL), Err(error), "{request}");
        assert_eq!((error.status(), error.closes()), (400, true));
    }
}

/// SECURITY: handshake: one key, 16 bytes of base64 for 13 -> 400.
#[test]
fn keys_are_one_and_of_sixteen_bytes() {
    refused(&[VERSION], E::MissingKey);
    refused(&[KEY, KEY, VERSION], E::Repeated);
    refused(&[KEY, VERSION, VERSION], E::Repeated);
    for key in [
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZSE=",
        "dGhlIHNhbXBs ZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZ=Q=",
        "dGhlIHNhbXBsZSBub25j_-==",
        "SGVsbG8sIHdvcmxkIQ==",
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
    ] {
        refused(&[&format!("Sec-WebSocket-Key: {key}\r\n"), VERSION], E::BadKey);
    }
}

/// WEBSOCKET, detection 2: other versions 426 with the list, garbage 400.
#[test]
fn versions_not_spoken_are_told_which_are() {
    for version in ["0", "1", "4", "6", "7", "8", "12", "14", "99", "255"] {
        refused(&[KEY, &format!("Sec-WebSocket-Version: {version}\r\n")], E::UnsupportedVersion);
    }
    assert_eq!((E::UnsupportedVersion.status(), E::UnsupportedVersion.closes()), (426, false));
    for version in ["", "x", "-1", "+13", "013", "256", "1000", "13 ,8", "13, 8", "13.0", "0x0d"] {
        refused(&[KEY, &format!("Sec-WebSocket-Version: {version}\r\n")], E::BadVersion);
    }
}

#[test]
fn a_version_the_route_does_not_allow_is_refused() {
    let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{UPGRADE}{KEY}{VERSION}\r\n");
    let older = Drafts::NONE.with(Draft::Hybi08);
    assert_eq!(check_among(&request, older), Err(E::UnsupportedVersion));
}

/// WEBSOCKET, detection 3: a key without a version: 400.
#[test]
fn a_key_without_a_version_is_refused() {
    refused(&[KEY], E::MissingVersion);
    refused(&[], E::MissingKey);
}

const KEY1: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n";
const KEY2: &str = "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";

/// SECURITY: a hixie-76 head where drafts are off -> 400 and close: its 8 bytes must not become a
/// request.
#[test]
fn a_hixie_76_head_is_refused_and_the_connection_closes() {
    let origin = "Origin: http://example.com\r\n";
    let draft = "Sec-WebSocket-Draft: 0\r\n";
    for lines in [&[KEY1, KEY2, origin][..], &[KEY1, KEY2], &[draft, KEY1, origin, KEY2]] {
        refused(lines, E::UnsupportedDraft);
    }
    assert_eq!((E::UnsupportedDraft.status(), E::UnsupportedDraft.closes()), (400, true));

    let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{UPGRADE}{KEY1}{KEY2}\r\n^n:ds[4U");
    assert_eq!(check_among(&request, Drafts::NONE.with(Draft::Rfc6455)), Err(E::UnsupportedDraft));
}

#[test]
fn versions_7_and_8_take_any_key() {
    for (version, draft_of) in [("7", Draft::Hybi07), ("8", Draft::Hybi08)] {
        let version = format!("Sec-WebSocket-Version: {version}\r\n");
        for key in ["dGhlIHNhbXBsZSBub25jZQ==", "AAECAwQFBgcICQoLDA0O", "eA=="] {
            let key = format!("Sec-WebSocket-Key: {key}\r\n");
            assert_eq!(draft(&[&key, &version]), Ok(draft_of));
        }
        for key in ["", "=", "==", "a b", "a===", "a=b", "\u{e4}"] {
            let key = format!("Sec-WebSocket-Key: {key}\r\n");
            assert_eq!(draft(&[&key, &version]), Err(E::BadKey), "{key}");
        }
        assert_eq!(draft(&[&version]), Err(E::MissingKey));
    }
}

/// WEBSOCKET, detection 4: Key1 and Key2: hixie-76, with or without a length for key3.
#[test]
fn hixie_76_is_recognised_by_its_keys() {
    let origin = "Origin: http://example.com\r\n";
    for more in ["", "Sec-WebSocket-Draft: 0\r\n", "Content-Length: 8\r\n", "Content-Length: 0\r\n"]
    {
        assert_eq!(draft(&[KEY1, origin, KEY2, more]), Ok(Draft::Hixie76), "{more}");
    }
    for more in ["Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n"] {
        assert_eq!(draft(&[KEY1, KEY2, more]), Err(E::Body), "{more}");
    }
    let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{UPGRADE}{KEY1}{KEY2}\r\n^n:ds[4U");
    let mut store = FieldStore::new();
    let head = parse_request(request.as_bytes(), &mut store, &Limits::default());
    let handshake = check_request(&head.unwrap().unwrap(), Drafts::ALL).unwrap();
    let Key::Numbers(challenge) = handshake.key else { panic!("numbers") };
    assert_eq!(&challenge.answer(*b"^n:ds[4U"), b"8jKS'y:G*Co,Wxa-");
    assert_eq!(handshake.accept(), None);
    for key in ["12345", "ab cd", "1 0 1", "4294967296 0", ""] {
        let key = format!("Sec-WebSocket-Key1: {key}\r\n");
        assert_eq!(draft(&[&key, KEY2]), Err(E::BadHixie76), "{key}");
        assert_eq!(draft(&[KEY1, KEY1, KEY2]), Err(E::Repeated));
    }
}

/// WEBSOCKET, detection 5: nothing, and an origin: hixie-75.
#[test]
fn hixie_75_is_recognised_by_its_origin() {
    let origin = "Origin: http://example.com\r\n";
    assert_eq!(draft(&[origin]), Ok(Draft::Hixie75));
    assert_eq!(draft(&[origin, "WebSocket-Protocol: sample\r\n"]), Ok(Draft::Hixie75));
    assert_eq!(draft(&[origin, "Content-Length: 8\r\n"]), Err(E::Body));
    assert_eq!(draft(&[origin, "Sec-WebSocket-Protocol: x\r\n"]), Err(E::MissingKey));
    assert_eq!(draft(&[]), Err(E::MissingKey));
}

/// WEBSOCKET, detection 4: only one of the two keys: 400; a draft other than 0 is refused.
#[test]
fn half_a_hixie_76_head_is_refused() {
    refused(&[KEY1], E::BadHixie76);
    refused(&[KEY2], E::BadHixie76);
    refused(&["Sec-WebSocket-Draft: 2\r\n", KEY1, KEY2], E::BadHixie76);
    refused(&["Sec-WebSocket-Draft: 0\r\n"], E::BadHixie76);
    assert_eq!((E::BadHixie76.status(), E::BadHixie76.closes()), (400, true));
}

/// WEBSOCKET, detection 5: a hixie-75 head, where it is off: 400 and close.
#[test]
fn a_hixie_75_head_is_refused() {
    refused(&["Origin: http://example.com\r\n"], E::UnsupportedDraft);
}

proptest! {
    #[test]
    fn every_key_of_sixteen_bytes_passes(bytes: [u8; 16]) {
        use base64::Engine as _;
        let key = base64::engine::general_purpose::STANDARD.encode(bytes);
        let passed = check(&[&format!("Sec-WebSocket-Key: {key}\r\n"), VERSION]);
        prop_assert_eq!(passed, Ok((Draft::Rfc6455, key)));
    }

    #[test]
    fn versions_are_numbers_up_to_255(version in 0u32..400) {
        let expected = match version {
            13 => Ok(13),
            0..=255 => Ok(version as u8),
            _ => Err(E::BadVersion),
        };
        prop_assert_eq!(parse_version(version.to_string().as_bytes()), expected);
    }
}
