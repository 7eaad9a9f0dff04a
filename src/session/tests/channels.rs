//! Clients of channels: who they are, and what those who ask are told.

use super::check::bench;
use super::*;
use crate::channel::Answer;

const SITE: &str = "route = ^/chat$ channel:tea,ids=yes,who=${qs[n]},events=yes,public=yes\n\
                    route = ^/all$ publish:tea,public=yes\ndefault = http:app:1";

fn handshake(query: &str) -> String {
    format!(
        "GET /chat{query} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

fn events(query: &str) -> String {
    format!("GET /chat{query} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
}

#[test]
fn whoever_joins_may_have_a_name() {
    let longest = "x".repeat(256);
    for (query, joins) in [
        ("?n=ann", "join tea as ann".to_owned()),
        ("?n=%C3%A4%22,b", "join tea as ä\",b".to_owned()),
        ("?n=", "join tea".to_owned()),
        ("", "join tea".to_owned()),
        (&*format!("?n={longest}"), format!("join tea as {longest}")),
        ("?since=7&n=ann", "join tea as ann, ask tea since Some(7)".to_owned()),
    ] {
        for request in [handshake(query), events(query)] {
            let mut bench = bench(SITE);
            bench.client_says(&request);
            let answer = bench.client_reads();
            assert!(answer.starts_with("HTTP/1.1 101 ") || answer.starts_with("HTTP/1.1 200 "));
            assert!(bench.actions().contains(&joins), "{query}");
        }
    }
    for query in ["?n=%FF", "?n=a%0Ab", &format!("?n=x{longest}")] {
        for request in [handshake(query), events(query)] {
            let mut bench = bench(SITE);
            bench.client_says(&request);
            assert!(bench.client_reads().starts_with("HTTP/1.1 400 "), "{query}");
            assert!(bench.log().contains(" end=channel-who"));
            assert_eq!(bench.actions(), "");
        }
    }
}

#[test]
fn those_who_ask_are_told_who_is_there() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for (count, who, more, said) in [
        (0, names(&[]), 0, "{\"channel\":\"tea\",\"subscribers\":0}\n"),
        (7, names(&["ann"]), 0, "{\"channel\":\"tea\",\"subscribers\":7,\"who\":[\"ann\"]}\n"),
        (
            7,
            names(&["a\"", "b"]),
            3,
            "{\"channel\":\"tea\",\"subscribers\":7,\"who\":[\"a\\\"\",\"b\"],\"more\":3}\n",
        ),
    ] {
        let mut bench = bench(SITE);
        bench.client_says("GET /all HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(bench.actions(), "ask tea since None");
        bench.input(Input::Told(Answer::Present { count, who, more }));
        let answer = bench.client_reads();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(said), "{answer}");
    }
}
