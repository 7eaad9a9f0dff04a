//! Peers that vanish where there is no ping: what the worker is asked for, and what it means when it finds one.

use std::sync::Arc;

use super::terminated::{CLIENT, UPSTREAM, handshake, old_proof, plain, proof};
use super::*;
use crate::proto::ws::{Draft, Opcode};

const BOTH: &str = "watch client 31s+3x3s 40s, watch upstream 31s+3x3s 40s";
const OF_CLIENT: &str = "watch client 31s+3x3s 40s";
const OF_UPSTREAM: &str = "watch upstream 31s+3x3s 40s";

/// An open tunnel of a route whose rules were changed, and what its worker was asked for.
pub(super) fn open(
    path: &str,
    draft: Draft,
    change: impl Fn(&mut WebSocketRules),
) -> (Bench, String) {
    let mut bench = Bench::with(|generation| {
        for route in generation.routes.iter_mut().filter_map(Arc::get_mut) {
            change(&mut route.websockets.as_mut().expect("settings").rules);
        }
    });
    match path {
        "raw" => bench.client_says("GET /raw HTTP/1.1\r\nHost: a\r\n\r\n"),
        _ => bench.client_says(handshake(path, draft, "")),
    }
    if path != "echo" {
        assert!(bench.actions().contains("dial"));
        bench.input(Input::Dialled { reused: false });
        let request = bench.takes_bytes(UPSTREAM);
        match path {
            "raw" | "tcp" => {}
            "old" => {
                let (head, proof) = old_proof(&request, "");
                bench.upstream_says(head);
                bench.upstream_says(proof);
            }
            _ => bench.upstream_says(proof(&String::from_utf8_lossy(&request)) + "\r\n"),
        }
    }
    bench.client_reads();
    assert!(bench.client.tunnel().is_some(), "{path}, {draft}");
    let asked = bench.actions();
    bench.log();
    (bench, asked)
}

#[test]
fn sides_without_pings_are_looked_after() {
    for (path, draft, wanted) in [
        ("http", Draft::Rfc6455, BOTH),
        ("http", Draft::Hixie76, OF_CLIENT),
        ("track", Draft::Rfc6455, ""),
        ("track", Draft::Hixie75, OF_CLIENT),
        ("guard", Draft::Rfc6455, ""),
        ("guard", Draft::Hixie76, OF_CLIENT),
        ("echo", Draft::Hybi07, ""),
        ("echo", Draft::Hixie75, OF_CLIENT),
        ("echo", Draft::Hixie76, OF_CLIENT),
        ("old", Draft::Rfc6455, OF_UPSTREAM),
        ("old", Draft::Hixie76, BOTH),
        ("tcp", Draft::Rfc6455, OF_UPSTREAM),
        ("tcp", Draft::Hixie75, BOTH),
    ] {
        let (mut bench, asked) = open(path, draft, |_| {});
        assert_eq!(asked, wanted, "{path}, {draft}");
        bench.client_says("\0x\u{ff}");
        bench.wait(Duration::from_secs(1));
        let again = bench.actions();
        assert!(!again.contains("watch"), "{path}, {draft}: {again}");
    }
}

#[test]
fn a_raw_exchange_has_the_patience_of_http_timeout() {
    let asked = open("raw", Draft::Rfc6455, |_| {}).1;
    assert_eq!(asked, BOTH.replace("40s", "60s"));
    let asked = open("raw", Draft::Rfc6455, |rules| rules.ping = Some(Duration::from_secs(300))).1;
    assert_eq!(asked, BOTH.replace("31s", "301s").replace("40s", "310s"));
}

#[test]
fn the_bounds_are_those_of_pings() {
    let off = |rules: &mut WebSocketRules| rules.ping = None;
    let upstream = |rules: &mut WebSocketRules| {
        rules.upstream_ping = Some(Duration::from_secs(5));
        rules.tolerance = Duration::from_secs(2);
    };
    let only_upstream = |rules: &mut WebSocketRules| (upstream(rules), off(rules)).1;
    for path in ["http", "raw", "tcp"] {
        assert_eq!(open(path, Draft::Hixie76, off).1, "", "{path}");
    }
    let asked = open("http", Draft::Rfc6455, upstream).1;
    assert_eq!(asked, "watch client 30s+2x1s 32s, watch upstream 5s+2x1s 7s");
    assert_eq!(open("tcp", Draft::Hixie76, only_upstream).1, "watch upstream 5s+2x1s 7s");
}

#[test]
fn a_vanished_end_is_dead() {
    for (path, reason) in [("http", "tunnel-reset"), ("http", "dead"), ("raw", "dead")] {
        for (side, word) in [(CLIENT, "client"), (UPSTREAM, "upstream")] {
            let (mut bench, _) = open(path, Draft::Rfc6455, |_| {});
            bench.ports[side as usize].lost = reason == "dead";
            bench.ends(side, RxEnd::Reset);
            assert_eq!(bench.actions(), "hangup");
            assert!(bench.closed().is_some());
            let wanted = if reason == "dead" { format!("dead-{word}") } else { reason.to_owned() };
            assert!(bench.log().contains(&format!(" end={wanted} ")), "{path}, {word}: {wanted}");
        }
    }
}

#[test]
fn a_client_hears_that_the_server_behind_its_bridge_vanished() {
    let (mut bench, _) = open("tcp", Draft::Rfc6455, |_| {});
    bench.ports[UPSTREAM as usize].lost = true;
    bench.breaks(UPSTREAM);
    bench.ends(UPSTREAM, RxEnd::Reset);
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1011u16.to_be_bytes()));
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::DeadUpstream));
}

#[test]
fn a_server_hears_that_its_old_client_vanished() {
    let (mut bench, _) = open("http", Draft::Hixie75, |_| {});
    bench.ports[CLIENT as usize].lost = true;
    bench.ends(CLIENT, RxEnd::Reset);
    let close = bench.takes_bytes(UPSTREAM);
    assert_eq!(close, super::terminated::ours(Opcode::Close, &1001u16.to_be_bytes()));
    bench.upstream_says(plain(Opcode::Close, &1001u16.to_be_bytes()));
    assert_eq!(bench.closed(), Some(CloseReason::DeadClient));
}

#[test]
fn a_tunnel_that_moved_asks_anew() {
    for path in ["http", "tcp"] {
        let (mut bench, asked) = open(path, Draft::Hixie76, |_| {});
        let now = bench.world.clock.now();
        let written = bench.client.snapshot(&bench.ports, now).expect("a tunnel");
        let routes = bench.world.generation.routes.clone();
        let find = |name: &str| routes.iter().find(|route| &*route.name == name).cloned();
        (bench.client, bench.ports) = Client::restore(&written, now, find).expect("whole");
        bench.advance();
        assert_eq!(bench.actions(), asked, "{path}");
        bench.advance();
        assert_eq!(bench.actions(), "", "{path}");
    }
}
