//! Checks of servers: what they ask, and what the answer comes to.

use std::sync::Arc;

use super::*;
use crate::base::Millis;
use crate::config::{Surroundings, parse};
use crate::proto::ws::accept_key;
use crate::upstream::{Group, Health, Identities, Ill, Verdict};

/// A bench whose machine checks the first server of the group that this section describes.
fn bench(section: &str) -> (Bench, Arc<Health>) {
    let text = format!("[tidegate]\nhttp = :1\ndefault = http:g\n[upstream:g]\n{section}\n");
    let text = match section.split_once("protocol = ") {
        Some((_, protocol)) => text.replace("http:g", &format!("{}:g", protocol.trim())),
        None => text,
    };
    let (config, problems) = parse(text.as_bytes(), "g", &Surroundings::none());
    assert_eq!(problems, []);
    let group = Arc::new(Group::of(&config.upstreams[0], &mut Identities::default()));
    let health = Arc::clone(&group.servers[0].health);
    let mut bench = Bench::new();
    bench.client = Client::probe(group, 0, Millis(0));
    bench.advance();
    assert_eq!((bench.actions().as_str(), health.verdict()), ("dial found", Verdict::Unknown));
    (bench, health)
}

const GET: &str = "server = 10.0.0.1:9000\nhealth = GET /healthz?x 200 every 5s timeout 2s";

/// What is found out by this answer.
fn found(section: &str, answer: &str) -> Option<Ill> {
    let (mut bench, health) = bench(section);
    bench.input(Input::Dialled { reused: false });
    bench.upstream_reads();
    bench.upstream_says(answer);
    assert_ne!(health.verdict(), Verdict::Unknown, "{answer}");
    assert_eq!(health.verdict() == Verdict::Up, health.ill().is_none());
    bench.ends(Side::Upstream, RxEnd::Finished);
    assert_eq!((bench.closed(), bench.log().as_str()), (Some(CloseReason::Done), ""));
    health.ill()
}

#[test]
fn a_request_is_judged_by_its_status() {
    let (mut bench, health) = bench(GET);
    bench.input(Input::Dialled { reused: false });
    assert_eq!(
        bench.upstream_reads(),
        "GET /healthz?x HTTP/1.1\r\nHost: 10.0.0.1:9000\r\nUser-Agent: tidegate\r\nConnection: close\r\n\r\n"
    );
    bench.upstream_says("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-");
    assert_eq!(health.verdict(), Verdict::Unknown);
    bench.upstream_says("Length: 5\r\n\r\nwe");
    assert_eq!(health.verdict(), Verdict::Up);
    assert_eq!(bench.closed(), None, "the server gets to say all of it");
    bench.upstream_says("ll!");
    bench.ends(Side::Upstream, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
    assert_eq!(found(GET, "HTTP/1.1 204 No Content\r\n\r\n"), Some(Ill::Status(204)));
    assert_eq!(found(GET, "HTTP/1.1 500 No\r\n\r\n"), Some(Ill::Status(500)));
    assert_eq!(found(GET, "SSH-2.0-OpenSSH_9.2\r\n"), Some(Ill::Nonsense));
    let (mut bench, health) = bench_asked(GET);
    bench.ends(Side::Upstream, RxEnd::Finished);
    assert_eq!((health.ill(), bench.closed()), (Some(Ill::Closed), Some(CloseReason::Done)));
}

/// A bench whose server was asked.
fn bench_asked(section: &str) -> (Bench, Arc<Health>) {
    let (mut bench, health) = bench(section);
    bench.input(Input::Dialled { reused: false });
    bench.upstream_reads();
    (bench, health)
}

#[test]
fn a_server_that_cannot_be_reached_or_is_silent_is_down() {
    let (mut bench, health) = bench(GET);
    bench.input(Input::DialFailed { ours: false });
    assert_eq!((health.ill(), bench.closed()), (Some(Ill::Unreachable), Some(CloseReason::Done)));
    let (mut bench, health) = bench_asked(GET);
    bench.wait(std::time::Duration::from_millis(1999));
    assert_eq!(health.verdict(), Verdict::Unknown);
    bench.wait(std::time::Duration::from_millis(1));
    assert_eq!((health.ill(), bench.closed()), (Some(Ill::Silent), Some(CloseReason::Done)));
}

#[test]
fn what_is_our_own_fault_decides_nothing() {
    let (mut bench, health) = bench(GET);
    bench.input(Input::DialFailed { ours: true });
    assert_eq!((health.verdict(), bench.closed().is_some()), (Verdict::Unknown, true));
    let (mut bench, health) = bench_asked(GET);
    bench.world.draining = true;
    bench.advance();
    assert_eq!((health.verdict(), bench.closed()), (Verdict::Unknown, Some(CloseReason::Drained)));
}

#[test]
fn a_connection_may_be_all_that_is_asked() {
    let (mut bench, health) = bench("server = a:1\nhealth = tcp every 1s");
    bench.input(Input::Dialled { reused: false });
    assert_eq!(bench.upstream_reads(), "");
    assert_eq!((health.verdict(), bench.closed()), (Verdict::Up, Some(CloseReason::Done)));
}

#[test]
fn a_websocket_is_opened_with_its_proof_and_closed_again() {
    let section = "server = a:1\nhealth = websocket /ws every 5s host chat.example";
    let (mut bench, health) = bench(section);
    bench.input(Input::Dialled { reused: false });
    let asked = bench.upstream_reads();
    assert!(asked.starts_with("GET /ws HTTP/1.1\r\nHost: chat.example\r\n"), "{asked}");
    let key = asked.split("Sec-WebSocket-Key: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let accept = accept_key(key.expect("a key").as_bytes());
    let switched =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let proof = String::from_utf8_lossy(&accept).into_owned();
    bench.upstream_says(format!("{switched}Sec-WebSocket-Accept: {proof}\r\n\r\n"));
    assert_eq!(health.verdict(), Verdict::Up);
    let close = bench.takes_bytes(Side::Upstream);
    assert!(matches!(close.as_slice(), [0x88, 0x82, ..]) && close.len() == 8, "{close:?}");
    let wrong = format!("{switched}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    assert_eq!(found(section, &wrong), Some(Ill::NoWebSocket));
    assert_eq!(found(section, "HTTP/1.1 404 Not Found\r\n\r\n"), Some(Ill::Status(404)));
}

#[test]
fn a_uwsgi_server_is_asked_in_a_packet() {
    let section = "server = a:1\nhealth = HEAD /a%%20b?q=1 every 5s\nprotocol = uwsgi";
    let (mut bench, health) = bench(section);
    bench.input(Input::Dialled { reused: false });
    let asked = bench.upstream_reads();
    for said in [
        "REQUEST_METHOD\u{4}\0HEAD",
        "PATH_INFO\u{4}\0/a b",
        "QUERY_STRING\u{3}\0q=1",
        "HTTP_HOST\u{3}\0a:1",
    ] {
        assert!(asked.contains(said), "{said:?} in {asked:?}");
    }
    bench.upstream_says("HTTP/1.1 302 Found\r\n\r\n");
    assert_eq!(health.verdict(), Verdict::Up);
}

#[test]
fn one_that_wants_to_know_is_told_that_it_is_for_nobody() {
    let section = "server = a:1\nhealth = tcp every 1s\nsend-proxy = v1\nprotocol = tcp";
    let (bench, _) = bench(section);
    let mut out = Vec::new();
    bench.client.introduction(&mut out);
    assert_eq!(out, b"PROXY UNKNOWN\r\n");
}

#[test]
fn requests_stay_away_from_a_server_that_is_down() {
    let pair = |bench: &Bench| {
        let pair = ROUTES.iter().position(|name| *name == "pair").expect("a route");
        Arc::clone(&bench.world.generation.routes[pair].target.group)
    };
    for (section, answer) in [("server = a:1", "HTTP/1.1 503 "), ("server = a:1\nserver = a:2", "")]
    {
        let mut bench = groups::bench(&format!("{section}\nhealth = tcp fall 1 rise 1"));
        let group = pair(&bench);
        let check = group.check.as_ref().expect("a check");
        group.servers[0].health.note(Err(Ill::Silent), check, Millis(1));
        bench.client_says("GET /pair HTTP/1.1\r\nHost: a\r\n\r\n");
        let dialled = if answer.is_empty() { "dial 1" } else { "" };
        assert_eq!(bench.actions(), dialled);
        assert!(bench.client_reads().starts_with(answer));
    }
}
