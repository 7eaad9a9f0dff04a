//! What the HTTP codecs cost: heads parsed and written, chunked bodies, canonical paths.
//!
//! `cargo bench --bench codecs`; each figure is for one head, body or path.

use divan::{Bencher, black_box, counter::BytesCount};
use tidegate::proto::h1::*;
use tidegate::proto::http::*;

fn main() {
    divan::main();
}

/// What curl sends.
const CURL: &[u8] = b"GET /api/v1/items?page=2 HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";

/// What a browser sends behind a cookie or two.
const BROWSER: &[u8] = b"GET /static/app.css HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/css,*/*;q=0.1\r\nAccept-Language: en\r\nAccept-Encoding: gzip, br\r\n\
    Connection: keep-alive\r\nReferer: https://www.example.com/\r\nCookie: session=0123456789\r\n\r\n";

const HANDSHAKE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: www.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nOrigin: https://www.example.com\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\
    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\
    Last-Modified: Sun, 06 Nov 1994 08:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"x\"\r\n\
    Accept-Ranges: bytes\r\n\r\n";

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn forward<'a>(path: &'a [u8], query: Option<&'a [u8]>) -> Forward<'a> {
    Forward {
        path,
        query,
        host: None,
        server: b"127.0.0.1:9000",
        body: Body::Empty,
        switch: Switch::No,
        identity: Identity { addr: b"192.0.2.1", proto: "http", trusted: false },
        keep_alive: true,
        expect: false,
        raw: false,
        ours: &[],
        extra: &[],
        added: Pairs::NONE,
    }
}

#[divan::bench(args = ["curl", "browser", "handshake"])]
fn request_parse(bencher: Bencher<'_, '_>, kind: &str) {
    let bytes = request(kind);
    let limits = Limits::default();
    bencher.counter(BytesCount::new(bytes.len())).bench(|| {
        let mut store = FieldStore::new();
        parse_request(black_box(bytes), &mut store, &limits).map(|head| head.map(|head| head.len))
    });
}

/// httparse alone, for what our own strict pass adds.
#[divan::bench(args = ["curl", "browser", "handshake"])]
fn request_httparse_alone(bencher: Bencher<'_, '_>, kind: &str) {
    let bytes = request(kind);
    bencher.counter(BytesCount::new(bytes.len())).bench(|| {
        let mut lines = [const { std::mem::MaybeUninit::uninit() }; 100];
        let mut request = httparse::Request::new(&mut []);
        request
            .parse_with_uninit_headers(black_box(bytes), &mut lines)
            .map(|status| status.is_complete())
    });
}

/// Parse, canonicalise and serialise: what a proxied request costs.
#[divan::bench(args = ["curl", "browser", "handshake"])]
fn request_forward(bencher: Bencher<'_, '_>, kind: &str) {
    let bytes = request(kind);
    let limits = Limits::default();
    let mut out = Vec::with_capacity(4096);
    let mut scratch = PathScratch::default();
    bencher.counter(BytesCount::new(bytes.len())).bench_local(|| {
        let mut store = FieldStore::new();
        let head = parse_request(black_box(bytes), &mut store, &limits);
        let Ok(Some(head)) = head else { panic!("a good head") };
        let path = canonical(head.path, true, &mut scratch).expect("a good path");
        out.clear();
        encode_request(&head, &forward(path.sent, head.query), &mut out);
        black_box(out.len())
    });
}

#[divan::bench]
fn response_parse(bencher: Bencher<'_, '_>) {
    let limits = Limits::default();
    bencher.counter(BytesCount::new(RESPONSE.len())).bench(|| {
        let mut store = FieldStore::new();
        let head = parse_response(black_box(RESPONSE), &mut store, Method::Get, &limits);
        head.map(|head| head.map(|head| head.len))
    });
}

#[divan::bench]
fn response_forward(bencher: Bencher<'_, '_>) {
    let limits = Limits::default();
    let mut out = Vec::with_capacity(4096);
    bencher.counter(BytesCount::new(RESPONSE.len())).bench_local(|| {
        let mut store = FieldStore::new();
        let head = parse_response(black_box(RESPONSE), &mut store, Method::Get, &limits);
        let Ok(Some(head)) = head else { panic!("a good head") };
        let (body, version) = (head.body, Version::Http11);
        out.clear();
        let reply = Reply {
            body,
            version,
            keep_alive: true,
            date: DATE,
            extra: Pairs::NONE,
            without: Pairs::NONE,
        };
        encode_response(&head, &reply, &mut out);
        black_box(out.len())
    });
}

#[divan::bench]
fn answer(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        encode_answer(&Answer::new(black_box(404), DATE), &mut out);
        black_box(out.len())
    });
}

/// A body of 16 KiB in chunks of this size.
#[divan::bench(args = [16, 256, 4096, 16384])]
fn chunked_decode(bencher: Bencher<'_, '_>, size: usize) {
    let mut bytes = Vec::new();
    let mut prefix = [0; 24];
    for index in 0..16384 / size {
        let len = encode_chunk_prefix(size, index == 0, &mut prefix);
        bytes.extend_from_slice(&prefix[..len]);
        bytes.resize(bytes.len() + size, b'x');
    }
    bytes.extend_from_slice(last_chunk(false));
    bencher.counter(BytesCount::new(bytes.len())).bench(|| {
        let mut decoder = ChunkedDecoder::new();
        let mut rest = black_box(&bytes[..]);
        let mut payload = 0;
        while !decoder.is_done() {
            let chunk = decoder.advance(rest).expect("a good body");
            payload += chunk.data;
            rest = &rest[chunk.framing + chunk.data..];
        }
        payload
    });
}

#[divan::bench(args = [1, 1000, 16384])]
fn chunk_prefix(size: usize) -> usize {
    encode_chunk_prefix(black_box(size), false, black_box(&mut [0; 24]))
}

#[divan::bench(args = [
    "/",
    "/static/js/vendor/app-1234567890.min.js",
    "/a/%62/../c",
    "/caf%C3%A9/menu%20du%20jour",
])]
fn canonical_path(bencher: Bencher<'_, '_>, raw: &str) {
    let mut scratch = PathScratch::default();
    bencher.bench_local(|| {
        let path = canonical(black_box(raw.as_bytes()), true, &mut scratch).expect("a good path");
        path.sent.len() + path.matched.len()
    });
}

#[divan::bench(args = ["www.example.com:8080", "WWW.Example.com."])]
fn host_comparable(bencher: Bencher<'_, '_>, host: &str) {
    let mut scratch = Vec::new();
    bencher.bench_local(|| host::comparable(black_box(host.as_bytes()), &mut scratch).len());
}

fn request(kind: &str) -> &'static [u8] {
    match kind {
        "curl" => CURL,
        "browser" => BROWSER,
        _ => HANDSHAKE,
    }
}
