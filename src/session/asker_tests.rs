use proptest::prelude::*;

use super::*;
use crate::proto::h1::{Limits, parse_request};
use crate::proto::http::FieldStore;
use crate::session::testing::{Bench, peer};

fn trusted() -> Neighbours {
    let networks = ["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"];
    let networks = networks.iter().map(|text| text.parse().unwrap()).collect();
    Neighbours { networks, ..Neighbours::default() }
}

fn ask(fields: &str, peer: &Peer) -> Result<Asker, Doubt> {
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut store = FieldStore::new();
    let head = parse_request(bytes.as_bytes(), &mut store, &Limits::default());
    Asker::of(&head.unwrap().unwrap(), peer, &trusted())
}

/// The client's address and port.
fn client(fields: &str) -> Result<String, Doubt> {
    let asker = ask(fields, &peer())?;
    assert!(asker.relayed && asker.neighbour == peer().ip);
    let ip = asker.peer.ip.map_or("nobody".to_owned(), |ip| ip.to_string());
    Ok(format!("{ip} {}", asker.peer.port))
}

/// SECURITY: of trusted peers, the right-most untrusted address counts.
#[test]
fn the_right_most_untrusted_address_counts() {
    for (fields, want) in [
        ("", "192.0.2.7 4711"),
        ("X-Forwarded-For: 203.0.113.1\r\n", "203.0.113.1 0"),
        ("X-Forwarded-For: 203.0.113.1:99\r\n", "203.0.113.1 99"),
        ("X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1 0"),
        ("X-Forwarded-For: 1.1.1.1, 203.0.113.1, 10.0.0.1,10.0.0.2\r\n", "203.0.113.1 0"),
        (
            "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 203.0.113.1\r\nX-Forwarded-For: 10.0.0.1\r\n",
            "203.0.113.1 0",
        ),
        ("X-Forwarded-For: 10.0.0.3, 10.0.0.1\r\n", "10.0.0.3 0"),
        ("X-Forwarded-For: , ,\r\n", "192.0.2.7 4711"),
        ("X-Forwarded-For: ::ffff:10.0.0.1, ::ffff:203.0.113.1\r\n", "203.0.113.1 0"),
        ("Forwarded: for=1.1.1.1, for=\"[2001:db8::9]:77\", for=10.0.0.1\r\n", "2001:db8::9 77"),
        ("Forwarded: for=1.1.1.1\r\nForwarded: for=203.0.113.1;by=10.0.0.1\r\n", "203.0.113.1 0"),
        ("Forwarded: for=203.0.113.1:5\r\nX-Forwarded-For: 203.0.113.1\r\n", "203.0.113.1 5"),
        ("Forwarded: proto=https\r\nX-Forwarded-For: 203.0.113.1\r\n", "203.0.113.1 0"),
    ] {
        assert_eq!(client(fields).as_deref(), Ok(want), "{fields}");
    }
}

/// SECURITY: who cannot be told is nobody, and no proxy on the way, whose address a rule may let in.
#[test]
fn a_client_whose_address_is_not_told_has_none() {
    for fields in [
        "X-Forwarded-For: 1.1.1.1, unknown\r\n",
        "X-Forwarded-For: unknown, 10.0.0.1\r\n",
        "X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.9, 10.0.0.1\r\n",
        "X-Forwarded-For: 1.1.1.1, 203.0.113.1x, 10.0.0.9\r\n",
        "X-Forwarded-For: 203.0.113.1;10.0.0.9\r\n",
        "Forwarded: for=1.1.1.1, for=_hidden, for=\"[2001:db8:1::1]\"\r\n",
        "Forwarded: for=1.1.1.1, proto=https\r\n",
        "Forwarded: for=unknown\r\nX-Forwarded-For: unknown\r\n",
    ] {
        assert_eq!(client(fields).as_deref(), Ok("nobody 0"), "{fields}");
    }
}

/// A proxy that sets one of both and passes the other on hands us what its client wrote.
#[test]
fn two_answers_to_who_asks_are_none() {
    let both = "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 203.0.113.1\r\n";
    for fields in [
        both,
        "Forwarded: for=unknown\r\nX-Forwarded-For: 203.0.113.1\r\n",
        "Forwarded: for=_x;proto=https\r\nX-Forwarded-For: 203.0.113.1\r\n",
        "Forwarded: for=203.0.113.1, proto=https\r\nX-Forwarded-For: 203.0.113.1\r\n",
        "Forwarded: for=203.0.113.1\r\nX-Forwarded-For: unknown\r\n",
    ] {
        assert_eq!(client(fields), Err(Doubt::Contradiction), "{fields}");
    }
    let swallowed = "Forwarded: for=\"1.1.1.1, for=203.0.113.1\r\n";
    assert_eq!(client(swallowed), Err(Doubt::Malformed));
    let stranger = Peer { ip: "203.0.113.1".parse().ok(), ..peer() };
    for fields in [both, swallowed] {
        assert!(
            ask(fields, &stranger).is_ok_and(|asker| asker.peer == stranger),
            "nobody asked it"
        );
    }
}

#[test]
fn the_scheme_is_that_of_the_client() {
    for (fields, plain, secure) in [
        ("", false, true),
        ("X-Forwarded-Proto: https\r\n", true, true),
        ("X-Forwarded-Proto: HTTP\r\n", false, false),
        ("X-Forwarded-Proto: wss\r\n", true, true),
        ("X-Forwarded-Proto: https, http\r\n", false, false),
        ("X-Forwarded-Proto: http\r\nX-Forwarded-Proto: https\r\n", true, true),
        ("X-Forwarded-Proto: on\r\n", false, true),
        ("X-Forwarded-Proto:\r\n", false, true),
        (
            "Forwarded: for=1.1.1.1;proto=http, for=203.0.113.1;proto=https, for=10.0.0.1;proto=http\r\n",
            true,
            true,
        ),
        ("Forwarded: proto=https\r\n", true, true),
        ("Forwarded: for=203.0.113.1;proto=http\r\nX-Forwarded-Proto: https\r\n", false, false),
        ("Forwarded: for=203.0.113.1;proto=https\r\nX-Forwarded-Proto: http\r\n", false, false),
        ("Forwarded: proto=https\r\nX-Forwarded-Proto: http\r\n", false, false),
        ("Forwarded: for=203.0.113.1;proto=wss\r\nX-Forwarded-Proto: https\r\n", true, true),
        ("Forwarded: for=203.0.113.1\r\nX-Forwarded-Proto: https\r\n", true, true),
        ("Forwarded: for=203.0.113.1;proto=on\r\nX-Forwarded-Proto: https\r\n", true, true),
    ] {
        for (over, want) in [(false, plain), (true, secure)] {
            let asker = ask(fields, &Peer { secure: over, ..peer() }).unwrap();
            assert_eq!(asker.peer.secure, want, "{fields} over TLS: {over}");
        }
    }
}

#[test]
fn over_unix_sockets_those_are_trusted_who_are_named_so() {
    let unix = Peer { ip: None, port: 0, server_port: 0, ..peer() };
    let fields = "X-Forwarded-For: 203.0.113.1\r\n";
    assert_eq!(ask(fields, &unix).unwrap().peer, unix);
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut store = FieldStore::new();
    let head = parse_request(bytes.as_bytes(), &mut store, &Limits::default()).unwrap().unwrap();
    let named = Neighbours { unix: true, ..Neighbours::default() };
    assert_eq!(Asker::of(&head, &unix, &named).unwrap().peer.ip, "203.0.113.1".parse().ok());
}

/// What upstreams, rules and the log get to see.
#[test]
fn who_asks_is_the_same_to_everybody() {
    let mut bench = Bench::with(|generation| generation.trusted_proxies = trusted());
    let told = "X-Forwarded-For: 1.1.1.1, 203.0.113.1\r\nX-Forwarded-Proto: https\r\n";
    bench.client_says(format!("GET /http HTTP/1.1\r\nHost: a\r\n{told}\r\n"));
    let head = bench.dialled(false);
    assert!(head.contains("X-Forwarded-For: 1.1.1.1, 203.0.113.1, 192.0.2.7\r\n"), "{head}");
    assert!(head.contains("X-Forwarded-Proto: https\r\n"), "{head}");
    assert_eq!(bench.client.peer().ip, "203.0.113.1".parse().ok());
    bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(bench.log().starts_with("203.0.113.1 "));
    bench.client_reads();
    bench.actions();
    bench.client_says(format!("GET /uwsgi HTTP/1.1\r\nHost: a\r\n{told}\r\n"));
    let packet = bench.dialled(false);
    for variable in ["REMOTE_ADDR\u{b}\x00203.0.113.1", "REMOTE_PORT\0\0", "HTTPS\u{2}\x00on"] {
        assert!(packet.contains(variable), "{packet:?} lacks {variable}");
    }
    bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    bench.client_reads();
    bench.log();
    bench.client_says(format!("GET /nowhere HTTP/1.1\r\nHost: a\r\n{told}\r\n"));
    assert!(bench.log().starts_with("203.0.113.1 "), "a request that goes nowhere, too");
}

/// The next request of the same connection may be another client's.
#[test]
fn each_request_says_it_anew() {
    let mut bench = Bench::with(|generation| generation.trusted_proxies = trusted());
    for (ip, seen) in
        [("203.0.113.1", "203.0.113.1 "), ("203.0.113.2", "203.0.113.2 "), ("", "192.0.2.7 ")]
    {
        bench
            .client_says(format!("GET /http HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {ip}\r\n\r\n"));
        bench.dialled(false);
        bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        bench.client_reads();
        bench.actions();
        assert!(bench.log().starts_with(seen));
    }
}

fn forwarding_field() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("X-Forwarded-For"),
        Just("X-FORWARDED-PROTO"),
        Just("x-forwarded-host"),
        Just("X-Forwarded-Port"),
        Just("X-Forwarded-Ssl"),
        Just("X-Real-IP"),
        Just("Forwarded"),
        Just("X_Forwarded_For"),
    ];
    (name, "EVIL[ -~]{0,30}").prop_map(|(name, value)| format!("{name}: {value}\r\n"))
}

proptest! {
    /// SECURITY: forwarding identity of untrusted peers is replaced. Whatever they say of it, in any number and
    /// order, even nominated by Connection: no upstream, rule or log sees a byte.
    #[test]
    fn no_header_of_an_untrusted_peer_ever_arrives(
        fields in prop::collection::vec(forwarding_field(), 0..12),
        nominated in any::<bool>(),
        uwsgi in any::<bool>(),
        path in prop_oneof![Just("http"), Just("raw")],
    ) {
        let path = if uwsgi { "uwsgi" } else { path };
        let mut bench = Bench::with(|generation| {
            let networks = vec!["10.0.0.0/8".parse().unwrap()];
            generation.trusted_proxies = Neighbours { networks, unix: true, any: false };
        });
        let connection = if nominated { "Connection: X-Forwarded-For, Forwarded\r\n" } else { "" };
        let fields = fields.concat();
        bench.client_says(format!("GET /{path} HTTP/1.1\r\nHost: a\r\n{connection}{fields}\r\n"));
        let seen = bench.dialled(false);
        prop_assert!(!seen.contains("EVIL"), "{}", seen);
        prop_assert!(seen.contains("192.0.2.7"), "{}", seen);
        prop_assert_eq!(bench.client.peer(), peer());
        bench.upstream_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let log = bench.log();
        prop_assert!(!log.contains("EVIL") && (log.is_empty() || log.starts_with("192.0.2.7 ")), "{}", log);
    }
}
