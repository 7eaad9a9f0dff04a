//! Requests that wait until somebody has answered what a rule wants to know.

use std::sync::Arc;

use super::*;
use crate::config::{Config, Surroundings, parse};
use crate::reactor::tls::{Connectors, TrafficLog};
use crate::upstream::Identities;
use crate::worker::Guards;

fn config(text: &str) -> Config {
    let text = format!("[tidegate]\nhttp = :80\n{text}");
    let (config, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
    assert_eq!(problems, []);
    config
}

/// A bench under this main section.
pub(super) fn bench(text: &str) -> Bench {
    let mut connectors = Connectors::new(Arc::new(TrafficLog));
    let (mut identities, mut problems) = (Identities::default(), Vec::new());
    let generation = crate::worker::build(
        &config(text),
        &mut identities,
        &mut connectors,
        &Guards::default(),
        "router",
        &mut problems,
    );
    assert_eq!(problems, []);
    Bench::with(|found| *found = generation.expect("a generation"))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

const SITE: &str = "route-run = addheader:X-A: 1\nroute-if = isfile:/srv${PATH_INFO} http:file:1\n\
                    route-if-not = exists:/off http:app:1\nroute-run = log:none";

#[test]
fn a_file_is_looked_for_and_the_rules_go_on_with_what_was_found() {
    for (answers, end) in
        [(&[true][..], "file:1"), (&[false, false], "app:1"), (&[false, true], "404")]
    {
        let mut bench = bench(SITE);
        bench.client_says(get("/x"));
        assert_eq!(bench.actions(), "look File /srv/x");
        assert!(bench.client_reads().is_empty() && bench.log().is_empty());
        bench.input(Input::Looked(Some(answers[0])));
        if let Some(second) = answers.get(1) {
            assert_eq!(bench.actions(), "look Any /off");
            bench.input(Input::Looked(Some(*second)));
        }
        if end == "404" {
            let answer = bench.client_reads();
            assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("X-A: 1\r\n"));
            let log = bench.log();
            assert_eq!(log.matches("LOG").count(), 1, "a note is written once: {log}");
            assert!(bench.awaits_request());
            continue;
        }
        let head = bench.dialled(false);
        assert!(head.starts_with("GET /x HTTP/1.1\r\n"), "{head}");
        bench.upstream_says(OK);
        let answer = bench.client_reads();
        assert!(answer.ends_with("ok") && answer.matches("X-A: 1\r\n").count() == 1, "{answer}");
        assert!(bench.log().contains(&format!("upstream={end} ")), "{end}");
        assert_eq!(bench.world.counters.requests.get(), 1);
    }
}

#[test]
fn nobody_looks_in_time() {
    for late in [false, true] {
        let mut bench = bench(SITE);
        bench.client_says(get("/x"));
        bench.actions();
        match late {
            true => bench.wait(Duration::from_secs(5)),
            false => bench.input(Input::Looked(None)),
        }
        let said = bench.client_reads();
        assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
        assert!(bench.log().contains(" end=overloaded"));
        bench.client_says(get("/y"));
        if !late {
            assert_eq!(bench.actions(), "look File /srv/y", "the connection was kept");
            continue;
        }
        assert!(said.contains("Connection: close\r\n"), "{said}");
        bench.input(Input::Looked(Some(true)));
        assert_eq!(bench.actions(), "", "the answer is nobody else's");
    }
}

#[test]
fn a_next_request_waits_behind_it_and_a_client_may_leave() {
    let mut bench = bench(SITE);
    bench.client_says(get("/x") + &get("/y"));
    assert_eq!(bench.actions(), "look File /srv/x");
    assert!(!bench.client.wants_client_bytes(&bench.ports[0]));
    bench.input(Input::Looked(Some(true)));
    bench.dialled(false);
    bench.upstream_says(OK);
    bench.client_reads();
    assert_eq!(bench.actions(), "park, look File /srv/y", "each request is asked for itself");
    bench.breaks(Side::Client);
    assert_eq!(bench.closed(), Some(CloseReason::ClientGone));
    assert!(bench.log().contains("\"GET /y HTTP/1.1\" 0 "));
}

#[test]
fn a_request_ends_under_the_rules_it_began_with() {
    let mut bench = bench(SITE);
    bench.client_says(get("/x"));
    bench.actions();
    let new = super::check::bench("default = http:new:1").world.generation;
    bench.world.generation = new;
    bench.input(Input::Looked(Some(true)));
    bench.dialled(false);
    bench.upstream_says(OK);
    bench.client_reads();
    assert!(bench.log().contains("upstream=file:1 "));
    bench.client_says(get("/x"));
    assert_eq!(bench.actions(), "park, dial 0");
}

#[test]
fn a_route_may_want_less_of_a_head_than_its_listener() {
    let site = "default = http:app:1\nmax-uri = 200\n[route:small]\npath = ^/small\nto = http:small:1\n\
                max-uri = 100\nmax-head = 300\nmax-fields = 3";
    let long = |n| "x".repeat(n);
    for (path, fields, status) in [
        (format!("/small?{}", long(93)), String::new(), 0),
        (format!("/small?{}", long(94)), String::new(), 414),
        (format!("/other?{}", long(94)), String::new(), 0),
        ("/small".into(), format!("A: {}\r\n", long(300)), 431),
        ("/other".into(), format!("A: {}\r\n", long(300)), 0),
        ("/small".into(), "A: 1\r\nB: 1\r\nC: 1\r\n".into(), 431),
        ("/small".into(), "A: 1\r\nB: 1\r\n".into(), 0),
    ] {
        let mut bench = bench(site);
        bench.client_says(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        match status {
            0 => assert!(bench.actions().contains("dial"), "{path} {fields}"),
            _ => {
                let said = bench.client_reads();
                assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {said}");
                assert!(bench.log().contains("route=small "));
            }
        }
    }
}

/// SECURITY: a rule that lets everybody in who has an address lets nobody in who has none.
#[test]
fn a_client_of_whom_a_proxy_tells_nothing_is_not_allowed() {
    let site = "trusted-proxies = 192.0.2.7\nroute = ^/ allow:0.0.0.0/0,::/0\ndefault = http:app:1";
    for (who, lets_in) in [("203.0.113.1", true), ("unknown", false), ("203.0.113.1, x", false)] {
        let mut bench = bench(site);
        bench.client_says(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {who}\r\n\r\n"));
        match lets_in {
            true => assert!(bench.actions().contains("dial"), "{who}"),
            false => assert!(bench.client_reads().starts_with("HTTP/1.1 403 "), "{who}"),
        }
    }
}
