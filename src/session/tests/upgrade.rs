//! WebSocket handshakes, and what may become of the connection.

use std::sync::Arc;

use super::*;
use crate::config::Origin;
use crate::proto::ws::{Draft, Drafts};

const HANDSHAKE: &str = "GET /http HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const PROOF: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[test]
fn the_right_proof_opens_a_tunnel_and_early_bytes_wait_for_it() {
    let mut bench = Bench::new();
    bench.client_says(format!("{HANDSHAKE}early"));
    assert!(bench.dialled(false).ends_with("\r\n\r\n"));
    bench.upstream_says(format!("{PROOF}hello"));
    assert!(bench.client.tunnel().is_some());
    assert!(bench.client_reads().ends_with("\r\n\r\nhello"));
    assert_eq!(bench.upstream_reads(), "early");
    assert_eq!(bench.log().lines().count(), 1);
    bench.ends(Side::Client, RxEnd::Finished);
    assert_eq!((bench.ports[1].tx_end, bench.closed()), (Some(TxEnd::Finish), None));
    bench.upstream_says("last");
    bench.ends(Side::Upstream, RxEnd::Finished);
    assert_eq!(bench.client_reads(), "last");
    assert_eq!(bench.closed(), Some(CloseReason::Done));
    assert_eq!(bench.log().lines().count(), 1);
}

#[test]
fn bytes_behind_a_handshake_that_failed_are_no_request() {
    for answer in [OK.to_owned(), PROOF.replace("s3p", "AAA")] {
        let mut bench = asked(HANDSHAKE);
        bench.upstream_says(answer);
        assert!(bench.client_reads().contains("Connection: close\r\n"));
        bench.actions();
        bench.client_says(GET);
        assert_eq!(bench.actions(), "", "nothing is dialled for it");
    }
}

#[test]
fn what_stands_behind_an_old_handshake_is_for_servers_that_get_one() {
    for (path, behind) in [("http", 8), ("tcp", 0), ("echo", 0)] {
        let mut bench = Bench::with(|generation| {
            for route in &mut generation.routes {
                let route = Arc::get_mut(route).expect("nobody else has it");
                if let Some(websockets) = &mut route.websockets {
                    websockets.upstream = Some(Draft::Hixie76);
                }
            }
        });
        bench.client_says(HANDSHAKE.replace("/http", &format!("/{path}")));
        bench.input(Input::Dialled { reused: false });
        let sent = bench.upstream_reads();
        let body = sent.split_once("\r\n\r\n").map_or(sent.len(), |(_, body)| body.chars().count());
        assert_eq!(body, behind, "{path}: {sent}");
    }
}

#[test]
fn an_idle_connection_that_had_died_is_replaced_once() {
    let mut bench = Bench::new();
    bench.client_says(HANDSHAKE);
    bench.dialled(true);
    bench.ends(Side::Upstream, RxEnd::Finished);
    assert_eq!(bench.actions(), "hangup, dial 0 fresh");
    bench.input(Input::Dialled { reused: false });
    assert!(bench.upstream_reads().contains("Sec-WebSocket-Key"));
    bench.ends(Side::Upstream, RxEnd::Finished);
    assert_eq!(bench.actions(), "hangup");
    assert!(bench.client_reads().starts_with("HTTP/1.1 502 "));
}

#[test]
fn another_version_is_told_what_the_route_speaks() {
    for (spoken, said) in [
        (Drafts::ALL, "Sec-WebSocket-Version: 13, 8, 7\r\n"),
        (Drafts::NONE.with(Draft::Rfc6455), "Sec-WebSocket-Version: 13\r\n"),
    ] {
        let mut bench = Bench::with(|generation| {
            let route = Arc::get_mut(&mut generation.routes[0]).unwrap();
            route.websockets.as_mut().unwrap().drafts = spoken;
        });
        bench.client_says(HANDSHAKE.replace("Version: 13", "Version: 99"));
        let answer = bench.client_reads();
        assert!(answer.starts_with("HTTP/1.1 426 ") && answer.contains(said), "{answer}");
        assert_eq!(bench.actions(), "");
    }
}

#[test]
fn a_plain_request_where_only_websockets_are_taken() {
    let mut bench = Bench::with(|generation| {
        Arc::get_mut(&mut generation.routes[0]).unwrap().target.place = Place::Tcp { token: None };
    });
    bench.client_says(GET);
    let answer = bench.client_reads();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(answer.contains("Upgrade: websocket\r\n"), "{answer}");
    assert_eq!(bench.actions(), "");
    assert!(bench.log().contains("upgrade-required"));
}

#[test]
fn a_page_of_another_origin_reaches_nobody() {
    let hixie = "GET /http HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n";
    let older = HANDSHAKE.replace("Version: 13", "Version: 8");
    for (handshake, field) in [
        (HANDSHAKE, "Origin"),
        (older.as_str(), "Sec-WebSocket-Origin"),
        (older.as_str(), "Origin"),
        (hixie, "Origin"),
    ] {
        for (origin, passes) in [("https://good.example", true), ("https://a", false)] {
            let mut bench = Bench::with(|generation| {
                let route = Arc::get_mut(&mut generation.routes[0]).unwrap();
                let websockets = route.websockets.as_mut().unwrap();
                websockets.drafts = Drafts::ALL;
                let (scheme, host) = ("https".into(), "good.example".into());
                websockets.origins = vec![Origin::Exact { scheme, host, port: Some(443) }];
            });
            let line = format!("\r\n{field}: {origin}\r\n\r\n");
            let key3 = if handshake == hixie { "^n:ds[4U" } else { "" };
            bench.client_says(handshake.replace("\r\n\r\n", &line) + key3);
            assert_eq!(bench.actions() != "", passes, "{handshake}{line}");
            if passes {
                continue;
            }
            let answer = bench.client_reads();
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
            assert!(answer.contains("Connection: close\r\n"), "{answer}");
            assert!(bench.log().contains("forbidden-origin"));
            bench.client_says(GET);
            assert_eq!(bench.actions(), "", "what follows is no request");
        }
    }
}

#[test]
fn nothing_is_read_behind_an_upgrade_of_an_old_version() {
    let request = "GET /http HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut bench = asked(request);
    bench.upstream_says(OK);
    assert!(!bench.client_reads().contains("keep-alive"));
    bench.actions();
    bench.client_says(GET);
    assert_eq!(bench.actions(), "", "nothing is dialled for it");
}
