//! Listeners that send everybody on to https.

use std::num::NonZeroU16;

use super::super::testing::*;
use super::super::*;
use crate::base::Millis;

fn bench(port: u16) -> Bench {
    let mut bench = Bench::new();
    let port = NonZeroU16::new(port).unwrap();
    bench.client = Client::redirected(peer(), port, Millis(0));
    bench
}

/// What a request for `target` with this `Host` is answered.
fn answered(port: u16, target: &str, host: &str) -> String {
    let mut bench = bench(port);
    bench.client_says(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(bench.actions(), "");
    bench.client_reads()
}

#[test]
fn the_host_the_canonical_path_and_the_raw_query_stay() {
    for (port, target, host, location) in [
        (443, "/", "a.example", "https://a.example/"),
        (443, "/echo/x?q=%41+b", "a.example:80", "https://a.example/echo/x?q=%41+b"),
        (8443, "/a", "a.example:8080", "https://a.example:8443/a"),
        (443, "/a/../%61b//c", "[::1]:80", "https://[::1]/ab/c"),
        (443, "//evil.example/", "a.example", "https://a.example/evil.example/"),
        (443, "http://b.example/x", "a.example", "https://b.example/x"),
    ] {
        let answer = answered(port, target, host);
        assert!(answer.starts_with("HTTP/1.1 301 Moved Permanently\r\n"), "{answer}");
        assert!(answer.contains(&format!("\r\nLocation: {location}\r\n")), "{target}: {answer}");
    }
}

#[test]
fn without_a_host_there_is_no_saying_where_to() {
    let mut bench = bench(443);
    bench.client_says("GET / HTTP/1.0\r\n\r\n");
    let answer = bench.client_reads();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(!answer.contains("Location"), "{answer}");
    assert!(answered(443, "/\\x", "a").starts_with("HTTP/1.1 400 "));
}

#[test]
fn the_connection_serves_one_request_after_the_other() {
    let mut bench = bench(443);
    for _ in 0..2 {
        bench.client_says("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = bench.client_reads();
        assert!(answer.ends_with("\r\n\r\n") && answer.contains("Location: https://a/echo"));
        assert!(bench.log().contains(" 301 "));
    }
    assert!(bench.awaits_request());
    bench.client_says("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /");
    assert!(bench.client_reads().contains("\r\nConnection: close\r\n"));
    assert!(bench.log().contains("end=to-https"));
}
