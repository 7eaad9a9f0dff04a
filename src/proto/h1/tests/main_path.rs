//! The main path of each codec.

use super::super::*;
use super::DATE;
use crate::proto::http::*;

#[test]
fn a_request_goes_from_client_to_upstream() {
    let bytes = b"POST /a/%62?q=1 HTTP/1.1\r\nHost: Example.com\r\nConnection: X-Drop, Cookie\r\n\
        X-Drop: 1\r\nCookie: c\r\nX_Y: 1\r\nProxy: p\r\nX-Forwarded-For: 9.9.9.9\r\n\
        Content-Length: 3\r\n\r\nabc";
    let mut store = FieldStore::new();
    let head = parse_request(bytes, &mut store, &Limits::default()).unwrap().unwrap();
    assert_eq!(
        (head.method, head.path, head.query),
        (Method::Post, &b"/a/%62"[..], Some(&b"q=1"[..]))
    );
    assert_eq!((head.host, head.body), (&b"Example.com"[..], Body::Length(3)));
    assert!(head.keep_alive && !head.expect_continue && head.upgrade == Upgrade::None);
    assert_eq!(bytes.len() - head.len, 3);
    let mut scratch = PathScratch::default();
    let path = canonical(head.path, true, &mut scratch).unwrap();
    let identity = Identity { addr: b"10.0.0.1", proto: "http", trusted: false };
    let extra: Pairs = [("X-Added", b"yes".as_slice())].into_iter().collect();
    let forward = Forward {
        path: path.sent,
        query: head.query,
        host: None,
        server: b"127.0.0.1:9000",
        body: head.body,
        switch: Switch::No,
        identity,
        keep_alive: true,
        expect: false,
        raw: false,
        ours: &[],
        extra: &[],
        added: &extra,
    };
    let mut out = Vec::new();
    encode_request(&head, &forward, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "POST /a/b?q=1 HTTP/1.1\r\nHost: Example.com\r\nCookie: c\r\nContent-Length: 3\r\n\
         X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: Example.com\r\n\
         X-Added: yes\r\n\r\n"
    );
}

#[test]
fn a_response_goes_from_upstream_to_client() {
    let bytes = b"HTTP/1.0 200 \r\nServer: app\r\nX: 1\r\n\r\nbody";
    let mut store = FieldStore::new();
    let head = parse_response(bytes, &mut store, Method::Get, &Limits::default()).unwrap().unwrap();
    assert_eq!((head.status, head.reason, head.body), (200, "", Body::UntilClose));
    assert!(!head.keep_alive && !head.upgrade_websocket);
    let reply = Reply {
        body: Body::Chunked,
        version: Version::Http11,
        keep_alive: true,
        date: DATE,
        extra: Pairs::NONE,
        without: Pairs::NONE,
    };
    let mut out = Vec::new();
    encode_response(&head, &reply, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!(
            "HTTP/1.1 200 \r\nServer: app\r\nX: 1\r\nDate: {DATE}\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        )
    );
}

#[test]
fn chunks_are_found_and_written() {
    let mut decoder = ChunkedDecoder::new();
    let bytes = b"5;x=y\r\nhello\r\n0\r\nTrailer: 1\r\n\r\nnext";
    assert_eq!(decoder.advance(bytes), Ok(Chunk { framing: 7, data: 5, done: false }));
    assert_eq!(decoder.advance(&bytes[12..]), Ok(Chunk { framing: 19, data: 0, done: true }));
    let mut prefix = [0; 24];
    let len = encode_chunk_prefix(0xabc, false, &mut prefix);
    assert_eq!(&prefix[..len], b"\r\nabc\r\n");
}

#[test]
fn an_answer_is_whole() {
    let mut out = Vec::new();
    let answer = Answer { keep_alive: false, text: "No route.", ..Answer::new(404, DATE) };
    encode_answer(&answer, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!(
            "HTTP/1.1 404 Not Found\r\nServer: tidegate\r\nDate: {DATE}\r\nConnection: close\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: 24\r\n\r\n\
             404 Not Found\nNo route.\n"
        )
    );
}
