//! WebSockets that end here: echo, guard, translation and the bridge to TCP.

use super::*;
use crate::base::Millis;
use crate::proto::ws::{Draft, FrameHead, HEAD_MAX, Opcode, mask};

pub(super) const KEY: [u8; 4] = [1, 2, 3, 4];
pub(super) const CLIENT: Side = Side::Client;
pub(super) const UPSTREAM: Side = Side::Upstream;

pub(super) fn frame(opcode: Opcode, fin: bool, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mut head = FrameHead { fin, ..FrameHead::new(opcode, payload.len() as u64) };
    head.mask = key;
    let mut payload = payload.to_vec();
    mask(&mut payload, key.unwrap_or_default(), 0);
    let mut bytes = [0; HEAD_MAX];
    let n = head.encode(&mut bytes);
    [&bytes[..n], &payload].concat()
}

/// A frame as a client of ours sends it.
pub(super) fn sent(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    frame(opcode, true, payload, Some(KEY))
}

/// A frame as a server sends it.
pub(super) fn plain(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    frame(opcode, true, payload, None)
}

/// A frame as an upstream gets it from us.
pub(super) fn ours(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    frame(opcode, true, payload, Some([0; 4]))
}

pub(super) fn handshake(path: &str, draft: Draft, more: &str) -> String {
    let key = match draft.version() {
        Some(version) => {
            format!(
                "Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            )
        }
        None if draft == Draft::Hixie75 => String::new(),
        None => "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
                 Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n"
            .to_owned(),
    };
    format!(
        "GET /{path} HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
         Origin: http://a.example\r\n{key}{more}\r\n"
    )
}

/// An open echo, and what answered the handshake.
pub(super) fn echo(draft: Draft, more: &str) -> (Bench, String) {
    let mut bench = Bench::new();
    bench.client_says(handshake("echo", draft, more));
    let answer = bench.client_reads();
    (bench, answer)
}

/// The upstream's answer to the handshake of ours that it received.
pub(super) fn proof(request: &str) -> String {
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .or_else(|| {
            let at = request.find("HTTP_SEC_WEBSOCKET_KEY")? + "HTTP_SEC_WEBSOCKET_KEY".len() + 2;
            request.get(at..at + 24)
        })
        .expect("a key");
    let accept = crate::proto::ws::accept_key(key.as_bytes());
    let accept = std::str::from_utf8(&accept).expect("base64");
    format!(
        "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Origin: http://a.example\r\nSec-WebSocket-Accept: {accept}\r\n\
         Set-Cookie: a=b\r\n"
    )
}

/// An open WebSocket to an upstream that speaks 13, and what answered the handshake.
pub(super) fn joined(path: &str, draft: Draft, more: &str, chosen: &str) -> (Bench, String) {
    let mut bench = Bench::new();
    let answer = open(&mut bench, path, draft, more, chosen);
    (bench, answer)
}

/// Opens one on a bench; what answered the handshake.
pub(super) fn open(
    bench: &mut Bench,
    path: &str,
    draft: Draft,
    more: &str,
    chosen: &str,
) -> String {
    bench.client_says(handshake(path, draft, more));
    let request = bench.dialled(false);
    bench.upstream_says(format!("{}{chosen}\r\n", proof(&request)));
    let answer = bench.client_reads();
    assert_eq!(bench.takes_bytes(UPSTREAM), b"");
    answer
}

#[test]
fn an_echo_answers_messages_pings_and_close() {
    let (mut bench, answer) = echo(Draft::Rfc6455, "");
    assert!(answer.starts_with("HTTP/1.1 101 "));
    assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_eq!(bench.actions(), "", "nobody is dialled");
    for (opcode, payload) in [(Opcode::Text, "hällo"), (Opcode::Binary, ""), (Opcode::Text, "x")] {
        bench.client_says(sent(opcode, payload.as_bytes()));
        assert_eq!(bench.takes_bytes(CLIENT), plain(opcode, payload.as_bytes()));
    }
    bench.client_says(sent(Opcode::Ping, b"?"));
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Pong, b"?"));
    bench.client_says(sent(Opcode::Close, b"\x0f\xa0bye"));
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, b"\x0f\xa0"), "4000");
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Finish));
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
    let log = bench.log();
    for part in ["messages_in=3", "messages_out=3", "closed_by=client", "code=4000", "end=done"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert_eq!(bench.world.pool.taken(), 0);
}

#[test]
fn answers_to_our_pings_are_no_sign_of_life() {
    let (mut bench, _) = echo(Draft::Rfc6455, "");
    let mut pings = 0;
    while bench.closed().is_none() && bench.world.clock.now() < Millis(400_000) {
        bench.wait(Duration::from_secs(5));
        let said = bench.takes_bytes(CLIENT);
        if said.first() == Some(&0x89) {
            pings += 1;
            bench.client_says(sent(Opcode::Pong, &said[2..10]));
        }
    }
    assert!(pings > 5);
    assert!(bench.log().contains("end=tunnel-timeout"));
}

#[test]
fn fragments_come_back_as_one_message_whatever_the_split() {
    let message = [
        frame(Opcode::Text, false, b"h\xc3", Some(KEY)),
        sent(Opcode::Ping, b"between"),
        frame(Opcode::Continuation, false, b"\xa4", Some(KEY)),
        frame(Opcode::Continuation, true, b"llo", Some(KEY)),
    ]
    .concat();
    let bytes = [&message[..], &sent(Opcode::Binary, &[7; 300])].concat();
    let expected = [
        plain(Opcode::Pong, b"between"),
        plain(Opcode::Text, "hällo".as_bytes()),
        plain(Opcode::Binary, &[7; 300]),
    ]
    .concat();
    for step in [1, 2, 3, 7, bytes.len()] {
        let (mut bench, _) = echo(Draft::Rfc6455, "");
        bytes.chunks(step).for_each(|piece| bench.client_says(piece));
        assert_eq!(bench.takes_bytes(CLIENT), expected, "{step}");
        assert_eq!(bench.client.held(), 0);
    }
}

#[test]
fn faults_are_told() {
    let mut masked = sent(Opcode::Text, b"x");
    masked[1] &= 0x7f;
    for (bytes, code) in [
        (sent(Opcode::Text, b"\xff"), 1007u16),
        (frame(Opcode::Text, false, b"\xe2\x28", Some(KEY)), 1007),
        (masked, 1002),
        (frame(Opcode::Continuation, true, b"x", Some(KEY)), 1002),
        (sent(Opcode::Binary, &[0; 1001]), 1009),
        (sent(Opcode::Close, b"\x03\xed"), 1002),
        (sent(Opcode::Close, b"\x03\xe8\xff"), 1007),
    ] {
        let (mut bench, _) = echo(Draft::Rfc6455, "");
        bench.client_says(&bytes);
        let told = bench.takes_bytes(CLIENT);
        assert_eq!(told, plain(Opcode::Close, &code.to_be_bytes()), "{bytes:x?}");
        bench.ends(CLIENT, RxEnd::Finished);
        assert!(matches!(
            bench.closed(),
            Some(CloseReason::ClientFrames | CloseReason::MessageTooLarge)
        ));
    }
}

#[test]
fn compressed_messages_come_back_compressed_and_an_idle_one_keeps_no_window() {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let (mut bench, answer) = echo(Draft::Rfc6455, offer);
    assert!(answer.contains(
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
         client_no_context_takeover\r\n"
    ));
    let mut hello = sent(Opcode::Text, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    hello[0] |= 0x40;
    bench.client_says(&hello);
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Text, b"Hello"), "too small to deflate");
    bench.client_says(sent(Opcode::Text, &[b'x'; 900]));
    let back = bench.takes_bytes(CLIENT);
    assert_eq!((back[0], back.len() < 50), (0xc1, true), "{back:x?}");
    // 1001 bytes, inflated.
    let mut out = Vec::new();
    let mut engines = crate::proto::ws::Engines::new();
    let window = crate::proto::ws::Window { takeover: false, bits: 15 };
    let mut deflater = crate::proto::ws::Deflater::new(window);
    deflater.deflate(&[b'x'; 1001], true, &mut engines, &mut out);
    let mut bomb = sent(Opcode::Text, &out);
    bomb[0] |= 0x40;
    bench.client_says(&bomb);
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1009u16.to_be_bytes()));
}

#[test]
fn hixie_75_is_answered_and_echoed() {
    let (mut bench, answer) = echo(Draft::Hixie75, "WebSocket-Protocol: sample\r\n");
    assert_eq!(
        answer,
        "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         WebSocket-Origin: http://a.example\r\nWebSocket-Location: ws://a.example/echo\r\n\
         WebSocket-Protocol: sample\r\n\r\n"
    );
    bench.client_says(b"\x00hello\xff\x00bad\xc3\x28\xff");
    assert_eq!(
        bench.client_reads(),
        String::from_utf8_lossy(b"\x00hello\xff\x00bad\xef\xbf\xbd(\xff")
    );
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn hixie_76_gets_its_head_before_it_sends_key3() {
    let (mut bench, answer) = echo(Draft::Hixie76, "");
    assert_eq!(
        answer,
        "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Origin: http://a.example\r\nSec-WebSocket-Location: ws://a.example/echo\r\n\r\n"
    );
    bench.client_says(b"^n:d");
    assert_eq!(bench.client_reads(), "");
    bench.client_says(b"s[4U\x00hi\xff");
    assert_eq!(bench.takes_bytes(CLIENT), b"8jKS'y:G*Co,Wxa-\x00hi\xff");
    bench.client_says(b"\xff\x00");
    assert_eq!(bench.takes_bytes(CLIENT), b"\xff\x00");
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn key3_is_not_awaited_for_ever() {
    let (mut bench, _) = echo(Draft::Hixie76, "");
    bench.client_says(b"^n:");
    bench.expire();
    assert_eq!(bench.takes_bytes(CLIENT), b"");
    bench.wait(Duration::from_secs(10));
    assert_eq!(bench.closed(), Some(CloseReason::HeadTimeout));
}

#[test]
fn an_upstream_whose_client_sends_no_key3_is_heard_when_it_answers() {
    let (mut bench, _) = joined("guard", Draft::Hixie76, "", "");
    bench.expire();
    let going_away = 1001u16.to_be_bytes();
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Close, &going_away));
    bench.upstream_says([plain(Opcode::Text, b"late"), plain(Opcode::Close, &going_away)].concat());
    assert!(bench.actions().contains("hangup"), "no need to wait any longer");
    assert_eq!(bench.takes_bytes(CLIENT), b"");
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::HeadTimeout));
}

#[test]
fn nothing_of_an_upstream_stands_in_place_of_the_proof() {
    let ends: [fn(&mut Bench); 3] = [
        |bench| bench.ends(CLIENT, RxEnd::Finished),
        |bench| bench.expire(),
        |bench| {
            let now = bench.world.clock.now();
            assert!(bench.client.leave(CloseReason::Killed, now));
        },
    ];
    for end in ends {
        let (mut bench, _) = joined("guard", Draft::Hixie76, "", "");
        bench.upstream_says(plain(Opcode::Text, b"early"));
        end(&mut bench);
        bench.upstream_says(plain(Opcode::Text, b"late"));
        assert_eq!(bench.takes_bytes(CLIENT), b"");

        let mut bench = Bench::new();
        bench.client_says(handshake("tcp", Draft::Hixie76, ""));
        bench.dialled(false);
        bench.client_reads();
        bench.upstream_says(b"early");
        end(&mut bench);
        bench.upstream_says(b"late");
        assert_eq!(bench.takes_bytes(CLIENT), b"");
    }
}

#[test]
fn key3_with_a_length_is_no_body() {
    let (mut bench, answer) = echo(Draft::Hixie76, "Content-Length: 8\r\n");
    assert!(answer.starts_with("HTTP/1.1 101 "));
    bench.client_says(b"^n:ds[4U");
    assert_eq!(bench.client_reads(), "8jKS'y:G*Co,Wxa-");
}

#[test]
fn plain_requests_are_told_what_is_served() {
    let mut bench = Bench::new();
    bench.client_says("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(bench.client_reads().starts_with("HTTP/1.1 200 "));
    bench.client_says("GET /tcp HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = bench.client_reads();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(
        answer.contains("Upgrade: websocket\r\nSec-WebSocket-Version: 13, 8, 7\r\n"),
        "{answer}"
    );
}

#[test]
fn a_guarded_worker_sees_whole_valid_messages_only() {
    let offers = "Sec-WebSocket-Protocol: chat, super\r\n\
                  Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let (mut bench, answer) =
        joined("guard", Draft::Rfc6455, offers, "Sec-WebSocket-Protocol: chat, super\r\n");
    assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    assert!(answer.contains("Sec-WebSocket-Protocol: chat\r\n"), "{answer}");
    assert!(answer.contains("Sec-WebSocket-Extensions: permessage-deflate;"), "{answer}");
    assert!(answer.contains("Set-Cookie: a=b\r\n"), "{answer}");
    bench.client_says(frame(Opcode::Text, false, b"he", Some(KEY)));
    bench.client_says(sent(Opcode::Ping, b"?"));
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Pong, b"?"));
    assert_eq!(bench.takes_bytes(UPSTREAM), b"", "not before it is whole");
    bench.client_says(frame(Opcode::Continuation, true, b"llo", Some(KEY)));
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Text, b"hello"));
    bench.upstream_says([plain(Opcode::Ping, b"uWSGI"), plain(Opcode::Text, b"hi")].concat());
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Pong, b"uWSGI"));
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Text, b"hi"));
    bench.client_says(frame(Opcode::Continuation, true, b"crash", Some(KEY)));
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Close, &1001u16.to_be_bytes()));
    bench.upstream_says([plain(Opcode::Text, b"late"), plain(Opcode::Close, b"")].concat());
    let told = [plain(Opcode::Text, b"late"), plain(Opcode::Close, &1002u16.to_be_bytes())];
    assert_eq!(bench.takes_bytes(CLIENT), told.concat(), "the answer does not overtake data");
}

#[test]
fn a_close_reaches_the_other_side_and_is_answered_with_its_code() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    bench.client_says(sent(Opcode::Close, b"\x0f\xa1bye"));
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Close, b"\x0f\xa1bye"));
    assert_eq!(bench.takes_bytes(CLIENT), b"");
    bench.upstream_says(plain(Opcode::Close, b""));
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &4001u16.to_be_bytes()));
    assert!(bench.actions().contains("hangup"));
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn a_close_of_a_worker_is_answered_though_the_client_never_does() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    let close = 4001u16.to_be_bytes();
    bench.upstream_says(plain(Opcode::Close, &close));
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &close));
    bench.actions();
    bench.wait(Duration::from_millis(5001));
    assert!(!bench.actions().contains("hangup"), "its answer has not left");
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Close, &close));
    bench.wait(Duration::from_millis(1001));
    assert!(bench.actions().contains("hangup"));
}

#[test]
fn a_worker_that_vanishes_is_told_to_the_client() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    bench.ends(UPSTREAM, RxEnd::Finished);
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1001u16.to_be_bytes()));
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    bench.ends(UPSTREAM, RxEnd::Reset);
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1011u16.to_be_bytes()));
}

#[test]
fn a_message_that_no_block_is_left_for_may_be_tried_later() {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let (mut bench, _) = joined("guard", Draft::Rfc6455, offer, "");
    let mut message = sent(Opcode::Text, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    message[0] |= 0x40;
    let mut block = bench.world.pool.take().expect("a block");
    block.append(&message);
    let taken: Vec<_> = std::iter::from_fn(|| bench.world.pool.take()).collect();
    bench.ports[0].rx.push(crate::buf::Segment::Block(block));
    bench.advance();
    drop(taken);
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1013u16.to_be_bytes()));
    let close = ours(Opcode::Close, &1001u16.to_be_bytes());
    assert_eq!(bench.takes_bytes(UPSTREAM), close);
    bench.upstream_says(plain(Opcode::Close, &1001u16.to_be_bytes()));
    assert!(bench.log().contains("end=out-of-memory"));
}

#[test]
fn a_long_message_of_a_worker_goes_on_in_fragments() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    let payload: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let mut got = Vec::new();
    for piece in plain(Opcode::Binary, &payload).chunks(16_000) {
        bench.upstream_says(piece);
        got.extend(bench.takes_bytes(CLIENT));
        assert!(bench.client.held() < 200_000);
    }
    let (mut whole, mut at, mut fragments) = (Vec::new(), 0, 0);
    let rules = crate::proto::ws::Rules::new(crate::proto::ws::Sender::Server, u64::MAX);
    while let Ok(Some((head, len))) = FrameHead::parse(&got[at..], &rules) {
        let opcode = if fragments == 0 { Opcode::Binary } else { Opcode::Continuation };
        assert_eq!(head.opcode, opcode);
        at += len;
        whole.extend_from_slice(&got[at..at + head.payload as usize]);
        at += head.payload as usize;
        fragments += 1;
        assert_eq!(head.fin, at == got.len());
    }
    assert!(whole == payload && fragments > 3, "{fragments}");
}

#[test]
fn an_old_browser_reaches_an_app_that_speaks_13() {
    let (mut bench, answer) = joined("guard", Draft::Hixie76, "", "");
    assert!(
        answer.ends_with("Sec-WebSocket-Location: ws://a.example/guard\r\nSet-Cookie: a=b\r\n\r\n")
    );
    bench.upstream_says(plain(Opcode::Text, b"early"));
    assert_eq!(bench.takes_bytes(CLIENT), b"", "the handshake comes first");
    bench.client_says(b"^n:ds[4U\x00h\xc3\xa4\xff\x00\xff");
    assert_eq!(bench.takes_bytes(CLIENT), b"8jKS'y:G*Co,Wxa-\x00early\xff");
    let messages = [ours(Opcode::Text, "hä".as_bytes()), ours(Opcode::Text, b"")];
    assert_eq!(bench.takes_bytes(UPSTREAM), messages.concat());
    bench.upstream_says(plain(Opcode::Ping, b"?"));
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Pong, b"?"), "for a client that cannot");
    bench.client_says(b"\xff\x00");
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Close, b""));
    bench.upstream_says(plain(Opcode::Close, b""));
    assert_eq!(bench.takes_bytes(CLIENT), b"\xff\x00");
}

#[test]
fn binary_for_a_client_that_has_only_text_ends_it() {
    let (mut bench, _) = joined("guard", Draft::Hixie75, "", "");
    bench.upstream_says(plain(Opcode::Binary, b"\x00\xff"));
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Close, &1003u16.to_be_bytes()));
    assert_eq!(bench.takes_bytes(CLIENT), b"");
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Finish));
}

#[test]
fn keys_of_an_old_client_are_never_exported() {
    let mut bench = Bench::new();
    bench.client_says(handshake("guard", Draft::Hixie76, ""));
    let packet = bench.dialled(false);
    assert!(!packet.contains("KEY1") && !packet.contains("46546"), "{packet}");
    for part in
        ["HTTP_SEC_WEBSOCKET_VERSION\u{2}\u{0}13", "HTTP_SEC_WEBSOCKET_KEY\u{18}", "HTTP_ORIGIN"]
    {
        assert!(packet.contains(part), "{part}: {packet:?}");
    }
}

/// The answer of an upstream that speaks hixie-76 to what we asked it: its head, and its proof.
pub(super) fn old_proof(request: &[u8], more: &str) -> (String, [u8; 16]) {
    let text = String::from_utf8_lossy(request);
    let head = text.find("\r\n\r\n").expect("an end") + 4;
    assert_eq!(request.len() - head, 8, "key3");
    let key =
        |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).expect("a key").to_owned();
    let challenge = crate::proto::ws::Challenge::parse(
        key("Sec-WebSocket-Key1: ").as_bytes(),
        key("Sec-WebSocket-Key2: ").as_bytes(),
    );
    let proof = challenge.expect("numbers").answer(request[head..].try_into().expect("8 bytes"));
    let head = format!(
        "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Origin: http://a.example\r\nSec-WebSocket-Location: ws://a.example/old\r\n\
         {more}\r\n"
    );
    (head, proof)
}

/// An open WebSocket to an upstream that speaks hixie-76.
pub(super) fn joined_old(draft: Draft, more: &str) -> Bench {
    let mut bench = Bench::new();
    bench.client_says(handshake("old", draft, more));
    bench.actions();
    bench.input(Input::Dialled { reused: false });
    let request = bench.takes_bytes(UPSTREAM);
    let (head, proof) = old_proof(&request, "");
    bench.upstream_says(head);
    bench.upstream_says(proof);
    assert!(bench.client_reads().starts_with("HTTP/1.1 101 "));
    bench
}

#[test]
fn a_modern_browser_reaches_a_server_that_speaks_hixie_76() {
    let mut bench = Bench::new();
    bench.client_says(handshake("old", Draft::Rfc6455, "Sec-WebSocket-Protocol: a, b\r\n"));
    let actions = bench.actions();
    assert!(actions.contains("dial"), "{actions}");
    bench.input(Input::Dialled { reused: false });
    let request = bench.takes_bytes(UPSTREAM);
    let text = String::from_utf8_lossy(&request);
    for part in [
        "\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n",
        "\r\nOrigin: http://a.example\r\n",
        "\r\nSec-WebSocket-Key1: ",
        "\r\nSec-WebSocket-Protocol: a, b\r\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (head, proof) = old_proof(&request, "Sec-WebSocket-Protocol: a, b\r\n");
    bench.upstream_says(head);
    assert_eq!(bench.client_reads(), "", "the proof is not there yet");
    bench.upstream_says(&proof[..9]);
    bench.upstream_says([&proof[9..], b"\x00early\xff"].concat());
    let answer = bench.takes_bytes(CLIENT);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("Sec-WebSocket-Protocol: a\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n\u{81}\u{5}early") || answer.contains("early"), "{answer}");
    bench.client_says(sent(Opcode::Text, b"hello"));
    assert_eq!(bench.takes_bytes(UPSTREAM), b"\x00hello\xff");
    bench.client_says(sent(Opcode::Close, &1000u16.to_be_bytes()));
    assert_eq!(bench.takes_bytes(UPSTREAM), b"\xff\x00");
    bench.upstream_says(b"\xff\x00");
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1000u16.to_be_bytes()));
}

#[test]
fn a_wrong_proof_of_hixie_76_opens_nothing() {
    let mut bench = Bench::new();
    bench.client_says(handshake("old", Draft::Rfc6455, ""));
    bench.dialled(false);
    bench.upstream_says(
        "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n\
         0123456789abcdef",
    );
    assert!(bench.client_reads().starts_with("HTTP/1.1 502 "));
}

#[test]
fn a_bridge_carries_bytes_both_ways() {
    let mut bench = Bench::new();
    let more = "Sec-WebSocket-Protocol: base64, binary\r\n";
    bench.client_says(handshake("tcp", Draft::Rfc6455, more));
    assert_eq!(bench.client_reads(), "", "the server first");
    assert_eq!(bench.dialled(false), "");
    let answer = bench.client_reads();
    assert!(answer.contains("Sec-WebSocket-Protocol: binary\r\n"), "{answer}");
    bench.upstream_says(b"RFB 003.008\n");
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Binary, b"RFB 003.008\n"));
    bench.client_says(frame(Opcode::Binary, false, b"ab", Some(KEY)));
    assert_eq!(bench.takes_bytes(UPSTREAM), b"ab", "at once");
    bench.client_says(frame(Opcode::Continuation, true, b"c", Some(KEY)));
    bench.client_says(sent(Opcode::Text, b"d"));
    assert_eq!(bench.takes_bytes(UPSTREAM), b"cd");
    bench.ends(UPSTREAM, RxEnd::Finished);
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1000u16.to_be_bytes()));
}

#[test]
fn a_bridge_speaks_base64_with_those_who_have_only_text() {
    let mut bench = Bench::new();
    bench.client_says(handshake("tcp", Draft::Hixie76, ""));
    bench.dialled(false);
    bench.client_reads();
    bench.client_says(b"^n:ds[4U\x00AP8=\xff");
    bench.client_reads();
    assert_eq!(bench.takes_bytes(UPSTREAM), b"\x00\xff");
    bench.upstream_says(b"\xff\x00\xff");
    assert_eq!(bench.takes_bytes(CLIENT), b"\x00/wD/\xff");
    bench.client_says(b"\xff\x00");
    assert_eq!(bench.ports[1].tx_end, Some(TxEnd::Finish));
    bench.ends(UPSTREAM, RxEnd::Finished);
    assert_eq!(bench.takes_bytes(CLIENT), b"\xff\x00");
}

#[test]
fn a_reset_of_the_server_is_told_as_1011() {
    let mut bench = Bench::new();
    bench.client_says(handshake("tcp", Draft::Rfc6455, ""));
    bench.dialled(false);
    bench.client_reads();
    bench.ends(UPSTREAM, RxEnd::Reset);
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1011u16.to_be_bytes()));
}

/// Writes a WebSocket down and takes it up again.
pub(super) fn moved(bench: &mut Bench) {
    let now = bench.world.clock.now();
    let written = bench.client.snapshot(&bench.ports, now).expect("a WebSocket");
    let generation = std::sync::Arc::clone(&bench.world.generation);
    let find = |name: &str| generation.routes.iter().find(|r| &*r.name == name).cloned();
    (bench.client, bench.ports) = Client::restore(&written, now, find).expect("whole");
}

#[test]
fn a_websocket_may_move_at_any_byte() {
    let bytes = [
        frame(Opcode::Text, false, b"h\xc3", Some(KEY)),
        sent(Opcode::Ping, b"?"),
        frame(Opcode::Continuation, true, b"\xa4llo", Some(KEY)),
        sent(Opcode::Binary, &[7; 130]),
    ]
    .concat();
    let back = [
        plain(Opcode::Pong, b"?"),
        plain(Opcode::Text, "hällo".as_bytes()),
        plain(Opcode::Binary, &[7; 130]),
    ]
    .concat();
    let old = b"^n:ds[4U\x01other\xff\x80\x02ab\x00h\xc3\xa4llo\xff";
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    for (draft, more, bytes, back) in [
        (Draft::Rfc6455, "", &bytes[..], &back[..]),
        (Draft::Rfc6455, offer, &bytes[..], &back[..]),
        (Draft::Hixie76, "", &old[..], "8jKS'y:G*Co,Wxa-\0h\u{e4}llo".as_bytes()),
    ] {
        let (mut bench, _) = echo(draft, more);
        let mut got = Vec::new();
        for byte in bytes {
            bench.client_says([*byte]);
            moved(&mut bench);
            got.extend(bench.takes_bytes(CLIENT));
        }
        if draft == Draft::Hixie76 {
            assert_eq!(got.pop(), Some(0xff));
        } else if !more.is_empty() {
            // Worth deflating.
            got.truncate(got.iter().rposition(|byte| *byte == 0xc2).expect("a frame"));
            assert_eq!(got, back[..got.len()]);
            continue;
        }
        assert_eq!(got, back, "{draft}");
    }
}

#[test]
fn both_ends_of_a_websocket_and_of_a_bridge_move() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    bench.client_says(frame(Opcode::Text, false, b"one ", Some(KEY)));
    bench.upstream_says(&plain(Opcode::Text, b"answer")[..4]);
    moved(&mut bench);
    bench.client_says(frame(Opcode::Continuation, true, b"two", Some(KEY)));
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Text, b"one two"));
    bench.upstream_says(b"swer");
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Text, b"answer"));
    bench.client_says(sent(Opcode::Close, b""));
    moved(&mut bench);
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Close, b""));
    let mut bench = Bench::new();
    bench.client_says(handshake("tcp", Draft::Hixie75, ""));
    bench.dialled(false);
    bench.client_reads();
    bench.client_says(b"\x00AP8");
    moved(&mut bench);
    bench.client_says(b"=\xff");
    assert_eq!(bench.takes_bytes(UPSTREAM), b"\x00\xff");
    bench.upstream_says(b"\xff");
    moved(&mut bench);
    assert_eq!(bench.takes_bytes(CLIENT), b"\x00/w==\xff");
}

#[test]
fn pings_of_a_client_that_does_not_read_are_not_answered_without_end() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    let pings = sent(Opcode::Ping, &[7; 125]).repeat(100);
    for _ in 0..50 {
        bench.client_says(&pings);
    }
    assert!(bench.ports[0].tx.capacity() <= HIGH_WATER + (20 << 10));
    assert!(bench.ports[0].rx.is_empty(), "messages still go on");
    bench.client_says(sent(Opcode::Text, b"hello"));
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Text, b"hello"));
}

#[test]
fn a_client_that_never_reads_its_echo_is_dropped() {
    let (mut bench, _) = echo(Draft::Rfc6455, "");
    while bench.ports[0].rx.room() > 0 {
        bench.client_says(sent(Opcode::Binary, &[7; 1000]).repeat(16));
    }
    assert!(bench.ports[0].tx.capacity() <= HIGH_WATER + (20 << 10));
    for _ in 0..3 {
        if bench.closed().is_none() {
            bench.expire();
        }
    }
    assert!(bench.log().contains("end=dead-client"), "{:?}", bench.closed());
}
