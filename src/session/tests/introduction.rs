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
    assert_eq!(bench.actions(), "endpoint, dial 0");
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
