//! What the WebSocket and uwsgi codecs cost: masking, frame headers, handshakes, packets.
//!
//! `cargo bench --bench ws_codecs`; each figure is for one payload, header, handshake or packet.

use divan::{Bencher, black_box, counter::BytesCount};
use tidegate::proto::h1::*;
use tidegate::proto::http::*;
use tidegate::proto::uwsgi::{self, Packet};
use tidegate::proto::ws::*;

fn main() {
    divan::main();
}

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[divan::bench(args = [16, 125, 1024, 16 << 10, 64 << 10])]
fn mask_payload(bencher: Bencher<'_, '_>, len: usize) {
    let mut payload = vec![7; len];
    bencher.counter(BytesCount::new(len)).bench_local(|| mask(black_box(&mut payload), KEY, 1));
}

/// The naive twin, for what the wide words are worth.
#[divan::bench(args = [16, 125, 1024, 16 << 10, 64 << 10])]
fn mask_payload_bytewise(bencher: Bencher<'_, '_>, len: usize) {
    let mut payload = vec![7; len];
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        for (i, byte) in black_box(&mut payload).iter_mut().enumerate() {
            *byte ^= KEY[(i + 1) & 3];
        }
    });
}

#[divan::bench(args = [5, 125, 1000, 70_000])]
fn frame_parse(bencher: Bencher<'_, '_>, payload: u64) {
    let rules = Rules::new(Sender::Client, 1 << 20);
    let mut bytes = [0; HEAD_MAX];
    FrameHead::new(Opcode::Binary, payload).masked(KEY).encode(&mut bytes);
    bencher.bench(|| FrameHead::parse(black_box(&bytes), black_box(&rules)));
}

#[divan::bench(args = [5, 125, 1000, 70_000])]
fn frame_encode(bencher: Bencher<'_, '_>, payload: u64) {
    let head = FrameHead::new(Opcode::Binary, payload).masked(KEY);
    let mut bytes = [0; HEAD_MAX];
    bencher.bench_local(|| black_box(head).encode(black_box(&mut bytes)));
}

const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: www.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nOrigin: https://www.example.com\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n";

/// What a browser sends behind a cookie or two.
const BROWSER: &[u8] = b"GET /app/page?id=7 HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,*/*;q=0.1\r\nAccept-Language: en\r\nAccept-Encoding: gzip, br\r\n\
    Connection: keep-alive\r\nReferer: https://www.example.com/\r\nCookie: session=0123456789\r\n\
    Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n\r\n";

#[divan::bench]
fn accept_key_of() -> AcceptKey {
    accept_key(black_box(b"dGhlIHNhbXBsZSBub25jZQ=="))
}

#[divan::bench]
fn handshake_request(bencher: Bencher<'_, '_>) {
    let mut store = FieldStore::new();
    let head = parse_request(UPGRADE, &mut store, &Limits::default()).unwrap().unwrap();
    bencher.bench_local(|| check_request(black_box(&head), Drafts::ALL).is_ok());
}

#[divan::bench]
fn handshake_response(bencher: Bencher<'_, '_>) {
    let (mut asked, mut answered) = (FieldStore::new(), FieldStore::new());
    let limits = Limits::default();
    let request = parse_request(UPGRADE, &mut asked, &limits).unwrap().unwrap();
    let head = parse_response(SWITCHED, &mut answered, Method::Get, &limits).unwrap().unwrap();
    let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
    bencher.bench_local(|| {
        check_response(black_box(&head), &accept, None, Some(request.fields)).is_ok()
    });
}

#[divan::bench(args = ["browser", "handshake"])]
fn uwsgi_packet(bencher: Bencher<'_, '_>, kind: &str) {
    let (bytes, upgrade) = if kind == "browser" { (BROWSER, false) } else { (UPGRADE, true) };
    let mut store = FieldStore::new();
    let head = parse_request(bytes, &mut store, &Limits::default()).unwrap().unwrap();
    let packet = Packet {
        modifier1: 0,
        modifier2: 0,
        path: head.path,
        path_info: head.path,
        query: head.query,
        server_name: "gate",
        server_port: b"8080",
        https: false,
        remote_addr: b"192.0.2.1",
        remote_port: b"51234",
        identity: Identity { addr: b"192.0.2.1", proto: "http", trusted: false },
        content_length: None,
        chunked: false,
        switch: if upgrade { Switch::Passed } else { Switch::No },
        certificate: None,
        extra: &[],
        vars: Pairs::NONE,
        fields: Pairs::NONE,
    };
    let mut out = Vec::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        uwsgi::encode_request(black_box(&head), &packet, &mut out).is_ok()
    });
}

/// A stream of masked messages as one read brings it, and the rules it is read by.
fn messages(len: usize, count: usize) -> (Vec<u8>, Rules) {
    let rules = Rules::new(Sender::Client, 1 << 20);
    let mut head = [0; HEAD_MAX];
    let head_len = FrameHead::new(Opcode::Text, len as u64).masked(KEY).encode(&mut head);
    let mut payload = vec![b'x'; len];
    mask(&mut payload, KEY, 0);
    let one = [&head[..head_len], &payload].concat();
    (one.repeat(count), rules)
}

/// One message in one read, as an idle connection's next one comes.
#[divan::bench(args = [5, 125, 1000, 70_000])]
fn tracker_message(bencher: Bencher<'_, '_>, len: usize) {
    let (bytes, rules) = messages(len, 1);
    let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
    bencher.bench_local(|| {
        tracker.advance(black_box(&bytes), Until::End, black_box(&rules), &mut tally)
    });
}

/// A hundred messages in one read.
#[divan::bench(args = [5, 125])]
fn tracker_hundred_messages(bencher: Bencher<'_, '_>, len: usize) {
    let (bytes, rules) = messages(len, 100);
    let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
    bencher.bench_local(|| {
        tracker.advance(black_box(&bytes), Until::End, black_box(&rules), &mut tally)
    });
}

/// The same message where it ends here: unmasked, and its text checked; the mask goes on again.
#[divan::bench(args = [5, 125, 1000, 70_000])]
fn read_text(bencher: Bencher<'_, '_>, len: usize) {
    let (mut bytes, rules) = messages(len, 1);
    let mut reader = Reader::default();
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        let _ = black_box(reader.advance(black_box(&mut bytes), black_box(&rules)));
        let start = bytes.len() - len;
        mask(&mut bytes[start..], KEY, 0);
    });
}

/// Text as applications send it: much the same keys, other values.
fn json(len: usize) -> Vec<u8> {
    let mut text = String::from("[");
    while text.len() < len {
        let n = text.len() * 7919 % 10_007;
        text +=
            &format!(r#"{{"id":{n},"user":"u{}","text":"message {n}","at":{}}},"#, n % 97, n * 31);
    }
    text.into_bytes().into_iter().take(len).collect()
}

#[divan::bench(args = [125, 1024, 16 << 10])]
fn deflate(bencher: Bencher<'_, '_>, len: usize) {
    let (message, mut engines) = (json(len), Engines::new());
    let mut deflater = Deflater::new(Window { takeover: false, bits: 15 });
    let mut out = Vec::with_capacity(2 * len);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        out.clear();
        deflater.deflate(black_box(&message), true, &mut engines, &mut out);
    });
}

#[divan::bench(args = [125, 1024, 16 << 10])]
fn inflate(bencher: Bencher<'_, '_>, len: usize) {
    let mut engines = Engines::new();
    let window = Window { takeover: false, bits: 15 };
    let (mut wire, mut room) = (Vec::new(), vec![0; len + 1]);
    Deflater::new(window).deflate(&json(len), true, &mut engines, &mut wire);
    let mut inflater = Inflater::new(window);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        inflater.inflate(black_box(&wire), true, u64::MAX, &mut engines, &mut room).is_ok()
    });
}

/// What the first draft costs: the search for its end.
#[divan::bench(args = [5, 125, 1000, 70_000])]
fn read_hixie_text(bencher: Bencher<'_, '_>, len: usize) {
    let rules = Rules { draft: Draft::Hixie76, ..Rules::new(Sender::Client, 1 << 20) };
    let mut bytes = Vec::new();
    encode_hixie_text(&"x".repeat(len), &mut bytes);
    let mut reader = HixieReader::default();
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        let _ = black_box(reader.advance(black_box(&bytes), black_box(&rules)));
        let (_, end) = bytes.split_at(len + 1);
        black_box(reader.advance(black_box(end), black_box(&rules)))
    });
}

#[divan::bench]
fn hixie_76_challenge() -> Option<[u8; 16]> {
    let keys = black_box((b"4 @1  46546xW%0l 1 5", b"12998 5 Y3 1  .P00"));
    Challenge::parse(keys.0, keys.1).map(|challenge| challenge.answer(*b"^n:ds[4U"))
}
