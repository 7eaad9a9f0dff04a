//! Tests of the handshake's response half: nothing but the right proof opens a tunnel.

use super::*;
use crate::proto::h1::{Limits, parse_request, parse_response};
use crate::proto::http::{FieldStore, Method};
use AcceptError as E;

const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
const STATUS: &str = "HTTP/1.1 101 Switching Protocols\r\n";

/// The chosen subprotocol and whether it was one of a list, for a response to a request with
/// `offered` among its fields.
fn check(response: &str, offered: &str) -> Result<(Option<String>, bool), E> {
    let limits = Limits::default();
    let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{offered}\r\n");
    let (mut asked, mut answered) = (FieldStore::new(), FieldStore::new());
    let request = parse_request(request.as_bytes(), &mut asked, &limits).unwrap().unwrap();
    let response = format!("{response}\r\n");
    let head = parse_response(response.as_bytes(), &mut answered, Method::Get, &limits);
    let head = head.unwrap().expect("a whole head");
    let protocols = offered_protocols(Draft::Rfc6455, request.fields);
    let (protocols, extensions) = (protocols.as_deref(), Some(request.fields));
    let accepted = check_response(&head, &accept_key(KEY), protocols, extensions)?;
    let protocol = accepted.protocol.map(|p| String::from_utf8(p.to_vec()).unwrap());
    Ok((protocol, accepted.echoed_list))
}

fn refused(response: &str, offered: &str, error: E) {
    assert_eq!(check(response, offered), Err(error), "{response}");
}

#[test]
fn the_accept_key_is_that_of_rfc_6455() {
    assert_eq!(&accept_key(KEY), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn the_right_proof_opens_a_tunnel() {
    assert_eq!(check(&format!("{STATUS}{UPGRADE}{ACCEPT}"), ""), Ok((None, false)));
    let loose = "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n";
    assert_eq!(check(&format!("{STATUS}{loose}{ACCEPT}"), ""), Ok((None, false)));
}

/// uWSGI's own 101: another reason phrase, `WebSocket`, an obsolete origin, the list echoed.
#[test]
fn the_answer_of_uwsgi_is_accepted() {
    let response = format!(
        "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Origin: http://h\r\n{ACCEPT}\
         Sec-WebSocket-Protocol: chat, superchat\r\n"
    );
    let offered = "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n";
    assert_eq!(check(&response, offered), Ok((Some("chat".to_owned()), true)));
}

/// SECURITY: the dialect's own proof is the only door to a tunnel: upstream 200, 426.
#[test]
fn only_a_101_switches() {
    for status in ["HTTP/1.1 200 OK", "HTTP/1.1 426 Upgrade Required", "HTTP/1.1 100 Continue"] {
        refused(&format!("{status}\r\n{UPGRADE}{ACCEPT}"), "", E::NotSwitching);
    }
    refused(&format!("HTTP/1.0 101 Switching\r\n{UPGRADE}{ACCEPT}"), "", E::NotSwitching);
}

/// SECURITY: a wrong or missing `Sec-WebSocket-Accept`.
#[test]
fn a_wrong_or_missing_accept_key_opens_nothing() {
    refused(&format!("{STATUS}{UPGRADE}"), "", E::Accept);
    for accept in [
        "",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
        "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "dGhlIHNhbXBsZSBub25jZQ==",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, x",
    ] {
        refused(&format!("{STATUS}{UPGRADE}Sec-WebSocket-Accept: {accept}\r\n"), "", E::Accept);
    }
    refused(&format!("{STATUS}{UPGRADE}{ACCEPT}{ACCEPT}"), "", E::Accept);
}

/// SECURITY: another `Upgrade` token.
#[test]
fn another_upgrade_token_opens_nothing() {
    for upgrade in
        ["", "Upgrade: h2c\r\n", "Upgrade: websocket, h2c\r\n", "Upgrade: websockets\r\n"]
    {
        let response = format!("{STATUS}{upgrade}Connection: Upgrade\r\n{ACCEPT}");
        refused(&response, "", E::Upgrade);
    }
    let twice = "Upgrade: websocket\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    refused(&format!("{STATUS}{twice}{ACCEPT}"), "", E::Upgrade);
    for connection in ["", "Connection: close\r\n", "Connection: upgraded\r\n"] {
        let response = format!("{STATUS}Upgrade: websocket\r\n{connection}{ACCEPT}");
        refused(&response, "", E::Connection);
    }
}

/// SECURITY: an extension nobody offered.
#[test]
fn an_extension_nobody_offered_opens_nothing() {
    let response = |list| format!("{STATUS}{UPGRADE}{ACCEPT}Sec-WebSocket-Extensions: {list}\r\n");
    let offered = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-y\r\n";
    let chosen = response("permessage-deflate; server_no_context_takeover");
    assert!(check(&chosen, offered).is_ok());
    assert!(check(&response("X-Y, Permessage-Deflate"), offered).is_ok());
    assert!(check(&response(""), "").is_ok());
    refused(&chosen, "", E::Extension);
    refused(&response("permessage-deflate, x-z"), offered, E::Extension);
    refused(&response("client_max_window_bits"), offered, E::Extension);
    refused(&response(";"), offered, E::Extension);
}

/// SECURITY: a subprotocol nobody offered.
#[test]
fn a_subprotocol_nobody_offered_opens_nothing() {
    let response = |list| format!("{STATUS}{UPGRADE}{ACCEPT}Sec-WebSocket-Protocol: {list}\r\n");
    let offered = "Sec-WebSocket-Protocol: chat, superchat\r\n";
    assert_eq!(check(&response("superchat"), offered), Ok((Some("superchat".to_owned()), false)));
    for (chosen, offered) in [("chat", ""), ("Chat", offered), ("chat, x", offered), ("", offered)]
    {
        refused(&response(chosen), offered, E::Protocol);
    }
}
