//! Which server of a group is dialled, and that a seat is given back whatever way a session ends.

use std::sync::Arc;

use super::*;
use crate::base::Millis;
use crate::config::{Surroundings, parse};
use crate::upstream::{Group, Identities, Seats};

const PAIR: &str = "GET /pair HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE: &str = "GET /pair HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A bench whose route `pair` leads to the group that this section describes.
pub(super) fn bench(section: &str) -> Bench {
    let text = format!("[tidegate]\nhttp = :1\ndefault = http:g\n[upstream:g]\n{section}\n");
    let (config, problems) = parse(text.as_bytes(), "g", &Surroundings::none());
    assert_eq!(problems, []);
    let group = Group::of(&config.upstreams[0], &mut Identities::default());
    Bench::with(|generation| {
        let pair = ROUTES.iter().position(|name| *name == "pair").expect("a route");
        let route = Arc::get_mut(&mut generation.routes[pair]).expect("nobody else's");
        route.target.group = Arc::new(group);
    })
}

/// Seats of its first server.
fn seats(bench: &Bench) -> Arc<Seats> {
    let pair = ROUTES.iter().position(|name| *name == "pair").expect("a route");
    let group = &bench.world.generation.routes[pair].target.group;
    Arc::clone(&group.servers[0].seats)
}

#[test]
fn a_request_sits_from_its_dial_to_its_end() {
    let mut bench = bench("server = a:1 max=1");
    let seats = seats(&bench);
    bench.client_says(PAIR);
    assert_eq!((bench.actions().as_str(), seats.taken()), ("dial 0", 1));
    bench.input(Input::Dialled { reused: false });
    bench.upstream_reads();
    bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(seats.taken(), 1);
    bench.upstream_says("ok");
    assert_eq!((bench.actions().as_str(), seats.taken()), ("park", 0));
}

#[test]
fn it_gives_its_seat_back_however_it_ends() {
    type End = fn(&mut Bench);
    let ends: [End; 6] = [
        |bench| bench.input(Input::DialFailed { ours: false }),
        |bench| bench.input(Input::DialFailed { ours: true }),
        |bench| bench.breaks(Side::Client),
        |bench| bench.expire(),
        |bench| {
            bench.input(Input::Dialled { reused: false });
            bench.ends(Side::Upstream, RxEnd::Reset);
        },
        |bench| bench.client.close(CloseReason::Drained, &mut bench.world.cx(Millis(0))),
    ];
    for end in ends {
        let mut bench = bench("server = a:1 max=1");
        let seats = seats(&bench);
        bench.client_says(PAIR);
        assert_eq!(seats.taken(), 1);
        end(&mut bench);
        assert_eq!(seats.taken(), 0, "{:?}", bench.client);
    }
    let mut bench = bench("server = a:1 max=1");
    let seats = seats(&bench);
    bench.client_says(PAIR);
    drop(bench);
    assert_eq!(seats.taken(), 0, "a session that is simply dropped");
}

#[test]
fn a_websocket_sits_for_as_long_as_it_lives() {
    for section in ["server = a:1", "server = a:1 max=1"] {
        let mut bench = bench(section);
        let seats = seats(&bench);
        bench.client_says(UPGRADE);
        bench.input(Input::Dialled { reused: false });
        bench.upstream_says(SWITCHED);
        assert!(bench.client.tunnel().is_some());
        assert_eq!(seats.taken(), 1, "{section}");
        let written = bench.client.snapshot(&bench.ports, Millis(0)).expect("a tunnel");
        let routes = &bench.world.generation.routes;
        let route = |name: &str| routes.iter().find(|route| *route.name == *name).map(Arc::clone);
        let restored = Client::restore(&written, Millis(0), route).expect("a tunnel");
        assert_eq!(seats.taken(), 2, "one that is taken over sits too");
        drop(restored);
        bench.breaks(Side::Client);
        bench.breaks(Side::Upstream);
        assert_eq!((bench.closed().is_some(), seats.taken()), (true, 0), "{section}");
    }
}

#[test]
fn a_full_group_is_503_at_once_and_costs_no_dial() {
    let mut bench = bench("server = a:1 max=1\nserver = a:2 max=2");
    let pair = ROUTES.iter().position(|name| *name == "pair").expect("a route");
    let group = Arc::clone(&bench.world.generation.routes[pair].target.group);
    for (server, times) in group.servers.iter().zip([1, 2]) {
        (0..times).for_each(|_| server.seats.sit());
    }
    bench.client_says(PAIR);
    assert_eq!(bench.actions(), "");
    let answer = bench.client_reads();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 1\r\n"));
    assert!(bench.log().contains(" end=full"));
    group.servers[1].seats.rise();
    bench.client_says(PAIR);
    assert_eq!(bench.actions(), "dial 1", "the connection was kept, and now there is room");
}

#[test]
fn a_seat_at_a_server_that_refuses_is_given_back_before_the_next() {
    let mut bench = bench("server = a:1 max=1\nserver = a:2 max=1");
    let seats = seats(&bench);
    bench.client_says(PAIR);
    assert_eq!((bench.actions().as_str(), seats.taken()), ("dial 0", 1));
    bench.input(Input::DialFailed { ours: false });
    assert_eq!((bench.actions().as_str(), seats.taken()), ("dial 1", 0));
}

#[test]
fn what_a_request_says_decides_on_its_server() {
    let servers: Vec<String> = (1..=9).map(|port| format!("server = a:{port}")).collect();
    let section = format!("{}\nbalance = hash:${{cookie[sid]}}/${{qs[r]}}", servers.join("\n"));
    let dials = |request: &str| {
        let mut bench = bench(&section);
        bench.client_says(request);
        bench.actions()
    };
    let ask = |sid: &str, query: &str| {
        dials(&format!("GET /pair{query} HTTP/1.1\r\nHost: a\r\nCookie: x=y; sid={sid}\r\n\r\n"))
    };
    let first = ask("one", "?r=1");
    assert_eq!(first, ask("one", "?a=b&r=1"));
    let others: std::collections::HashSet<String> =
        (0..30).map(|n| ask(&n.to_string(), "?r=1")).collect();
    assert!(others.len() > 5, "{others:?}");
}

#[test]
fn what_nobody_may_try_again_is_not() {
    let mut bench = bench("server = a:1\nserver = a:2\nretries = off");
    bench.client_says(PAIR);
    assert_eq!(bench.actions(), "dial 0");
    bench.input(Input::DialFailed { ours: false });
    assert_eq!(bench.actions(), "hangup");
    assert!(bench.client_reads().starts_with("HTTP/1.1 503 "));
    bench.client_says(PAIR);
    bench.input(Input::Dialled { reused: true });
    bench.upstream_reads();
    bench.ends(Side::Upstream, RxEnd::Finished);
    assert!(bench.client_reads().starts_with("HTTP/1.1 502 "));
    assert_eq!(bench.world.counters.retries.get(), 0);
}

#[test]
fn a_dead_group_is_not_hammered() {
    let mut bench = bench("server = a:1\nserver = a:2\nserver = a:3\nretries = 2 budget=10");
    let mut dials = 0;
    for _ in 0..2000 {
        bench.client_says(PAIR);
        while bench.actions().contains("dial") {
            dials += 1;
            bench.input(Input::DialFailed { ours: false });
        }
        assert!(bench.client_reads().starts_with("HTTP/1.1 503 "));
    }
    assert!((2000..=2300).contains(&dials), "{dials} dials for 2000 requests");
}

/// A bench with a queue whose only server is full, and that server's seats.
fn queued(options: &str) -> (Bench, Arc<Seats>) {
    let mut bench = bench(&format!("server = a:1 max=1\nqueue = 1\n{options}"));
    let seats = seats(&bench);
    seats.sit();
    bench.client_says(PAIR);
    assert_eq!(bench.actions(), "queue", "and no dial");
    (bench, seats)
}

#[test]
fn a_request_waits_for_a_seat() {
    let (mut bench, seats) = queued("");
    bench.input(Input::Seat);
    assert_eq!(bench.actions(), "", "a seat that another was quicker to take");
    let (line, _) = bench.client.queued().expect("a place in the line");
    let line = Arc::clone(line);
    seats.rise();
    bench.input(Input::Seat);
    assert_eq!((bench.actions().as_str(), seats.taken()), ("dial 0", 1));
    assert!(bench.client.queued().is_none() && line.waiting() == 0);
    bench.input(Input::Seat);
    bench.input(Input::Dialled { reused: false });
    assert!(bench.upstream_reads().starts_with("GET /pair "));
}

#[test]
fn it_waits_for_so_long_and_no_longer() {
    let (mut bench, _) = queued("queue-timeout = 3s");
    let (line, since) = bench.client.queued().expect("a place in the line");
    let (line, since) = (Arc::clone(line), since);
    assert_eq!(bench.deadline(), Some(since + std::time::Duration::from_secs(3)));
    bench.expire();
    let answer = bench.client_reads();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 1\r\n"));
    assert!(bench.log().contains(" end=queue-timeout"));
    assert!(bench.awaits_request() && line.waiting() == 0);
}

#[test]
fn a_client_that_goes_leaves_the_line() {
    let (mut bench, _) = queued("");
    let line = Arc::clone(bench.client.queued().expect("a place in the line").0);
    bench.breaks(Side::Client);
    assert_eq!((bench.closed(), line.waiting()), (Some(CloseReason::ClientGone), 0));
}

#[test]
fn a_line_that_is_full_turns_away() {
    let (mut bench, _) = queued("");
    let line = Arc::clone(bench.client.queued().expect("a place in the line").0);
    assert!(line.join(1).is_none());
    bench.breaks(Side::Client);
    let _theirs = line.join(1).expect("a place");
    let mut client = Client::new(peer(), Millis(0));
    std::mem::swap(&mut bench.client, &mut client);
    bench.ports = Default::default();
    bench.client_says(PAIR);
    assert!(bench.log().contains(" end=full"));
}

#[test]
fn a_body_waits_with_its_request() {
    let mut bench = bench("server = a:1 max=1\nqueue = 1");
    let seats = seats(&bench);
    seats.sit();
    bench.client_says("POST /pair HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(bench.actions(), "queue");
    seats.rise();
    bench.input(Input::Seat);
    bench.input(Input::Dialled { reused: false });
    assert!(bench.upstream_reads().ends_with("\r\n\r\nbody"));
}
