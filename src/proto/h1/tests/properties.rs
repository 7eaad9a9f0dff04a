//! Properties of heads that hold whatever they say.

use super::*;
use crate::proto::http::{Body, FIELDS_MAX, Pairs};
use proptest::prelude::*;
use std::ops::Range;

const LIMITS: Limits = Limits { max_uri: 60, max_head: 400, max_fields: 8 };

fn bounded_request(bytes: &[u8]) -> Result<Option<String>, RequestError> {
    let mut store = FieldStore::new();
    Ok(parse_request(bytes, &mut store, &LIMITS)?.map(|head| format!("{head:?}")))
}

fn bounded_response(bytes: &[u8]) -> Result<Option<String>, ResponseError> {
    let mut store = FieldStore::new();
    let head = parse_response(bytes, &mut store, Method::Get, &LIMITS)?;
    Ok(head.map(|head| format!("{head:?}")))
}

/// Pieces of heads, good and bad, joined at random.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "GET ",
        "POST ",
        "OPTIONS ",
        "/",
        "*",
        "/a/../b",
        "?q=1",
        "http://h:1",
        " ",
        "HTTP/1.1\r\n",
        "HTTP/1.0\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 101 \r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "Host: a\r\n",
        "Host: b:1\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: x\r\n",
        "\t",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close, x\r\n",
        "X: y\r\n",
        ":",
        "a",
        "\0",
        "Upgrade: websocket\r\n",
        "Connection: upgrade\r\n",
        "Expect: 100-continue\r\n",
        "HTTP/2.0",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnop",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

/// A good request: its line, and fields that nothing is done to.
fn good_request() -> impl Strategy<Value = (Vec<u8>, Vec<(String, String)>)> {
    let name = "[A-Za-z][A-Za-z0-9-]{0,12}".prop_filter("not ours", |name| {
        crate::proto::http::Known::classify(name) == crate::proto::http::Known::Other
    });
    let value = "([!-~]([ -~]{0,20}[!-~])?)?";
    let fields = prop::collection::vec((name, value), 0..7);
    ("[A-Z]{3,7}", "/[a-z0-9/]{0,20}(\\?[!-\"$-~]{0,10})?", fields).prop_filter_map(
        "not CONNECT or TRACE",
        |(method, target, fields)| {
            if matches!(&*method, "CONNECT" | "TRACE") {
                return None;
            }
            let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n");
            for (name, value) in &fields {
                bytes.push_str(&format!("{name}: {value}\r\n"));
            }
            bytes.push_str("\r\n");
            Some((bytes.into_bytes(), fields))
        },
    )
}

const FORWARD: Forward<'static> = Forward {
    path: b"/p",
    query: None,
    host: None,
    server: b"s",
    body: Body::Empty,
    switch: Switch::No,
    identity: Identity { addr: b"192.0.2.1", proto: "http", trusted: false },
    keep_alive: true,
    expect: false,
    raw: false,
    ours: &[],
    extra: &[],
    added: Pairs::NONE,
};

proptest! {
    #[test]
    fn any_split_of_a_request_gives_the_same_result(bytes in pieces()) {
        cut_anywhere(&bytes, bounded_request);
    }

    #[test]
    fn any_split_of_a_response_gives_the_same_result(bytes in pieces()) {
        cut_anywhere(&bytes, bounded_response);
    }

    #[test]
    fn no_bytes_panic_and_splits_agree(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        cut_anywhere(&bytes, bounded_request);
        cut_anywhere(&bytes, bounded_response);
    }

    /// A byte changed anywhere in a good head: refused or understood, the same at every split.
    #[test]
    fn a_damaged_head_is_judged_the_same_at_every_split(
        (mut bytes, _) in good_request(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        cut_anywhere(&bytes, bounded_request);
    }

    #[test]
    fn every_prefix_of_a_good_request_asks_for_more((bytes, _) in good_request()) {
        for end in 0..bytes.len() {
            prop_assert_eq!(request(&bytes[..end]), Ok(None));
        }
        prop_assert!(matches!(request(&bytes), Ok(Some(_))));
    }

    /// Round trip: a request sent on says the same, and sent on again does not change.
    #[test]
    fn a_request_sent_on_is_parsed_back((bytes, fields) in good_request()) {
        let mut once = Vec::new();
        with_request(&bytes, |head| {
            encode_request(head, &Forward { query: head.query, ..FORWARD }, &mut once)
        });
        let mut twice = Vec::new();
        let others = with_request(&once, |head| {
            encode_request(head, &Forward { query: head.query, ..FORWARD }, &mut twice);
            let others = head.fields.iter().filter(|field| field.known == crate::proto::http::Known::Other);
            others.map(|field| (field.name.to_owned(), text(field.value.to_vec()))).collect::<Vec<_>>()
        });
        prop_assert_eq!(others, fields);
        prop_assert_eq!(once, twice);
    }

    /// Whatever was accepted can be sent on, and the upstream's parser agrees about it.
    #[test]
    fn what_was_accepted_is_good_when_sent_on(bytes in pieces()) {
        let mut store = FieldStore::new();
        if let Ok(Some(head)) = parse_request(&bytes, &mut store, &LIMITS) {
            let mut out = Vec::new();
            encode_request(&head, &Forward { query: head.query, body: head.body, ..FORWARD }, &mut out);
            with_request(&out, |sent| {
                assert_eq!((sent.method_name, sent.body), (head.method_name, head.body));
                assert_eq!((sent.query, sent.len), (head.query, out.len()));
            });
        }
    }
}

#[test]
fn a_head_with_the_most_fields_is_understood() {
    let limits = Limits { max_fields: usize::MAX, ..Limits::default() };
    let heads: Range<usize> = FIELDS_MAX - 1..FIELDS_MAX + 2;
    for fields in heads {
        let bytes = format!("GET / HTTP/1.0\r\n{}\r\n", "X: y\r\n".repeat(fields));
        let mut store = FieldStore::new();
        let parsed = parse_request(bytes.as_bytes(), &mut store, &limits);
        match parsed {
            Ok(Some(head)) => assert!(head.fields.len() == fields && fields <= FIELDS_MAX),
            other => assert!(other.is_err() && fields > FIELDS_MAX),
        }
    }
}
