//! Connections of proxies that say first for whom they are.

use super::*;
use crate::proto::proxyproto::{Ends, Header};
use crate::session::Peer;

/// A bench whose client must say for whom it is; `secure`: TLS comes behind that.
fn bench(secure: bool) -> Bench {
    let mut bench = Bench::new();
    let now = bench.world.clock.now();
    let client = match secure {
        true => Client::greeted(Peer { secure: true, ..peer() }, now),
        false => Client::new(peer(), now),
    };
    bench.client = client.behind_proxy(now);
    bench.advance();
    bench
}

fn header(source: &str, destination: &str) -> Header {
    let ends = Ends { source: source.parse().unwrap(), destination: destination.parse().unwrap() };
    Header { ends: Some(ends), secure: false, len: 0 }
}

/// Who a proxy said it is, is who rules, upstreams and the log see.
#[test]
fn the_client_is_whom_the_proxy_names() {
    let mut bench = bench(false);
    let said = header("203.0.113.9:5555", "198.51.100.1:8443");
    bench.client.introduced(&said, bench.world.clock.now());
    bench.client_says("GET /http HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
    let head = bench.dialled(false);
    assert!(head.contains("X-Forwarded-For: 203.0.113.9\r\n"), "{head}");
    assert!(head.contains("X-Forwarded-Proto: http\r\n"), "{head}");
    bench.upstream_says(OK);
    assert!(bench.log().starts_with("203.0.113.9 "));
    bench.client_reads();
    bench.client_says("GET /uwsgi HTTP/1.1\r\nHost: a\r\n\r\n");
    bench.actions();
    bench.input(Input::Dialled { reused: false });
    let packet = bench.upstream_reads();
    for variable in
        ["REMOTE_ADDR\u{b}\x00203.0.113.9", "REMOTE_PORT\u{4}\x005555", "SERVER_PORT\u{4}\x008443"]
    {
        assert!(packet.contains(variable), "{packet:?} lacks {variable}");
    }
}

#[test]
fn a_proxy_that_ended_tls_says_so() {
    let mut bench = bench(false);
    let said = Header { secure: true, ..header("[2001:db8::1]:1", "[2001:db8::2]:2") };
    bench.client.introduced(&said, bench.world.clock.now());
    bench.client_says(GET);
    let head = bench.dialled(false);
    assert!(head.contains("X-Forwarded-For: 2001:db8::1\r\n"), "{head}");
    assert!(head.contains("X-Forwarded-Proto: https\r\n"), "{head}");
}

/// LOCAL, UNKNOWN, unix sockets: the client is the proxy itself.
#[test]
fn a_proxy_that_speaks_for_nobody_is_the_client() {
    let mut bench = bench(false);
    let said = Header { ends: None, secure: false, len: 0 };
    bench.client.introduced(&said, bench.world.clock.now());
    bench.client_says(GET);
    assert!(bench.dialled(false).contains("X-Forwarded-For: 192.0.2.7\r\n"));
}

/// Deadlines are absolute: what trickles in does not move this one.
#[test]
fn a_header_that_does_not_come_ends_the_connection() {
    for secure in [false, true] {
        let mut bench = bench(secure);
        bench.wait(Duration::from_secs(HEAD - 1));
        bench.active = bench.world.clock.now();
        bench.advance();
        assert_eq!(bench.closed(), None);
        bench.expire();
        assert_eq!(bench.closed(), Some(CloseReason::ProxyHeader));
        assert_eq!(bench.log(), "", "there was no request");
    }
}

/// The time of a TLS handshake, and that of a head, begin behind the header.
#[test]
fn what_comes_behind_has_its_own_time() {
    for (secure, reason) in [(true, CloseReason::TlsTimeout), (false, CloseReason::Idle)] {
        let mut bench = bench(secure);
        bench.wait(Duration::from_secs(HEAD - 1));
        bench.active = bench.world.clock.now();
        bench.client.introduced(&header("203.0.113.9:1", "198.51.100.1:2"), bench.active);
        bench.wait(Duration::from_secs(2));
        assert_eq!(bench.closed(), None);
        bench.expire();
        assert_eq!(bench.closed(), Some(reason));
    }
}

#[test]
fn nobody_waits_for_a_header_while_draining() {
    let mut bench = bench(false);
    bench.world.draining = true;
    bench.advance();
    assert_eq!(bench.closed(), Some(CloseReason::Drained));
}
