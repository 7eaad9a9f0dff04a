//! The PROXY protocol towards a server.

use std::sync::Arc;

use super::*;
use crate::config::ProxyVersion;

const HANDSHAKE: &str = "GET /tcp HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// A binary frame that says `hi`.
const HI: &[u8] = b"\x82\x82\0\0\0\0hi";

fn bench(version: ProxyVersion) -> Bench {
    let mut bench = Bench::with(|generation| {
        let tcp = ROUTES.iter().position(|name| *name == "tcp").unwrap();
        let target = &mut Arc::get_mut(&mut generation.routes[tcp]).unwrap().target;
        Arc::get_mut(&mut target.group).unwrap().send_proxy = Some(version);
    });
    bench.client_says([HANDSHAKE.as_bytes(), HI].concat());
    assert_eq!(bench.actions(), "endpoint, dial 0 fresh");
    bench
}

#[test]
fn the_first_words_are_ours_and_come_once_there_is_a_connection() {
    let endpoint = "198.51.100.1:80".parse().ok();
    for (version, said) in [
        (ProxyVersion::V1, "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n".as_bytes()),
        (
            ProxyVersion::V2,
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x12\x67\0\x50",
        ),
    ] {
        let mut bench = bench(version);
        bench.input(Input::Endpoint(endpoint));
        assert_eq!(bench.upstream_reads(), "");
        bench.input(Input::Dialled { reused: false });
        assert_eq!(bench.takes_bytes(Side::Upstream), [said, b"hi"].concat());
    }
}

#[test]
fn only_the_server_that_is_reached_is_told() {
    let mut bench = Bench::with(|generation| {
        let [tcp, pair] = ["tcp", "pair"].map(|of| ROUTES.iter().position(|name| *name == of));
        let servers = generation.routes[pair.unwrap()].target.group.servers.clone();
        let target = &mut Arc::get_mut(&mut generation.routes[tcp.unwrap()]).unwrap().target;
        let group = Arc::get_mut(&mut target.group).unwrap();
        (group.servers, group.send_proxy) = (servers, Some(ProxyVersion::V1));
    });
    bench.client_says([HANDSHAKE.as_bytes(), HI].concat());
    for _ in 0..2 {
        assert!(bench.actions().starts_with("endpoint, dial "));
        bench.input(Input::Endpoint(None));
        assert_eq!(bench.upstream_reads(), "");
        bench.input(Input::DialFailed { ours: false });
    }
    assert!(bench.client_reads().starts_with("HTTP/1.1 503 "));
    assert_eq!(bench.upstream_reads(), "");
}

#[test]
fn a_client_without_an_address_is_unknown() {
    let mut bench = bench(ProxyVersion::V1);
    bench.input(Input::Endpoint(None));
    bench.input(Input::Dialled { reused: false });
    assert_eq!(bench.upstream_reads(), "PROXY UNKNOWN\r\nhi");
}

/// A bench whose servers of HTTP are told.
fn told() -> Bench {
    Bench::with(|generation| {
        let pair = ROUTES.iter().position(|name| *name == "pair").unwrap();
        let target = &mut Arc::get_mut(&mut generation.routes[pair]).unwrap().target;
        Arc::get_mut(&mut target.group).unwrap().send_proxy = Some(ProxyVersion::V1);
    })
}

const PAIR: &str = "GET /pair HTTP/1.1\r\nHost: a\r\n\r\n";
const LINE: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n";

/// The connection is there: what is said on it.
fn connected(bench: &mut Bench) {
    bench.input(Input::Endpoint("198.51.100.1:80".parse().ok()));
    bench.input(Input::Dialled { reused: false });
}

#[test]
fn a_request_comes_behind_it_on_a_connection_of_its_own() {
    let mut bench = told();
    for _ in 0..2 {
        bench.client_says(PAIR);
        let actions = bench.actions();
        assert!(actions.starts_with("endpoint, dial ") && actions.ends_with(" fresh"), "{actions}");
        connected(&mut bench);
        let sent = bench.upstream_reads();
        assert!(sent.starts_with(&format!("{LINE}GET /pair HTTP/1.1\r\nHost: a\r\n")), "{sent}");
        assert!(sent.contains("\r\nConnection: close\r\n"), "{sent}");
        bench.upstream_says(OK);
        assert!(bench.client_reads().starts_with("HTTP/1.1 200 "));
        assert_eq!(bench.actions(), "hangup");
        assert!(bench.awaits_request(), "the client's connection goes on");
    }
}

#[test]
fn the_next_server_is_told_once() {
    for took_some in [true, false] {
        let mut bench = told();
        bench.client_says(PAIR);
        bench.actions();
        connected(&mut bench);
        if took_some {
            bench.upstream_reads();
            bench.ends(Side::Upstream, RxEnd::Reset);
        } else {
            bench.breaks(Side::Upstream);
        }
        let actions = bench.actions();
        assert!(actions.starts_with("hangup, endpoint, dial "), "{actions}");
        connected(&mut bench);
        let sent = bench.upstream_reads();
        assert!(sent.starts_with(&format!("{LINE}GET /pair ")), "{sent}");
        assert_eq!((sent.matches("PROXY").count(), sent.matches("GET").count()), (1, 1), "{sent}");
    }
}
