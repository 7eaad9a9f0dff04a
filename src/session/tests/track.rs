//! Tracked tunnels: what passes, and how they end.

use std::sync::Arc;

use super::*;
use crate::config::Rate;
use crate::proto::ws::{FrameHead, HEAD_MAX, Opcode, mask};

const HANDSHAKE: &str = "GET /track HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const PROOF: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const KEY: [u8; 4] = [1, 2, 3, 4];
pub(super) const CLIENT: Side = Side::Client;
pub(super) const UPSTREAM: Side = Side::Upstream;

pub(super) fn frame(side: Side, opcode: Opcode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut head = FrameHead { fin, ..FrameHead::new(opcode, payload.len() as u64) };
    let mut payload = payload.to_vec();
    if side == CLIENT {
        head = head.masked(KEY);
        mask(&mut payload, KEY, 0);
    }
    let mut bytes = [0; HEAD_MAX];
    let n = head.encode(&mut bytes);
    [&bytes[..n], &payload].concat()
}

pub(super) fn text(side: Side, payload: &str) -> Vec<u8> {
    frame(side, Opcode::Text, true, payload.as_bytes())
}

pub(super) fn close(side: Side, code: u16) -> Vec<u8> {
    frame(side, Opcode::Close, true, &code.to_be_bytes())
}

/// The code of a lone Close frame as `side` receives it.
pub(super) fn told(bench: &mut Bench, side: Side) -> u16 {
    let bytes = bench.takes_bytes(side);
    let (code, masked) = match (side, bytes.as_slice()) {
        (Side::Client, [0x88, 2, a, b]) => ([*a, *b], [0; 4]),
        (Side::Upstream, [0x88, 0x82, k0, k1, k2, k3, a, b]) => ([*a, *b], [*k0, *k1, *k2, *k3]),
        _ => panic!("no lone close: {bytes:x?}"),
    };
    u16::from_be_bytes([code[0] ^ masked[0], code[1] ^ masked[1]])
}

pub(super) fn open_with(change: impl FnOnce(&mut WebSocketRules)) -> Bench {
    let mut bench = Bench::with(|generation| {
        let route = generation.routes.last_mut().and_then(Arc::get_mut).expect("the route");
        change(&mut route.websockets.as_mut().expect("rules").rules);
    });
    bench.client_says(HANDSHAKE);
    bench.dialled(false);
    bench.upstream_says(PROOF);
    bench.client_reads();
    bench.log();
    bench.actions();
    bench
}

pub(super) fn open() -> Bench {
    open_with(|_| {})
}

#[test]
fn frames_pass_as_they_are_and_are_counted() {
    let mut bench = open();
    let mut from_client = text(CLIENT, "hello");
    from_client.extend(frame(CLIENT, Opcode::Binary, false, b"one"));
    from_client.extend(frame(CLIENT, Opcode::Ping, true, b"?"));
    from_client.extend(frame(CLIENT, Opcode::Continuation, true, b"two"));
    for byte in &from_client {
        bench.client_says([*byte]);
    }
    assert_eq!(bench.takes_bytes(UPSTREAM), from_client);
    let from_upstream = [text(UPSTREAM, "world"), frame(UPSTREAM, Opcode::Pong, true, b"?")];
    bench.upstream_says(from_upstream.concat());
    assert_eq!(bench.takes_bytes(CLIENT), from_upstream.concat());
    bench.client_says(close(CLIENT, 1000));
    assert_eq!(bench.takes_bytes(UPSTREAM), close(CLIENT, 1000));
    bench.upstream_says(close(UPSTREAM, 1000));
    assert_eq!(told(&mut bench, CLIENT), 1000);
    bench.ends(UPSTREAM, RxEnd::Finished);
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
    let line = bench.log();
    for part in ["messages_in=2", "messages_out=1", "closed_by=client", "code=1000", "end=done"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn only_what_needs_no_more_than_a_look_goes_straight() {
    let mut bench = open();
    let now = bench.world.clock.now();
    let message = text(CLIENT, "hello");
    assert!(bench.client.passes(CLIENT, &message, now));
    let (begun, rest) = message.split_at(8);
    assert!(bench.client.passes(CLIENT, begun, now), "the rest of a message may come later");
    let mut behind = rest.to_vec();
    behind.extend(close(CLIENT, 1000));
    assert!(!bench.client.passes(CLIENT, &behind, now), "a Close is looked at");
    bench.client_says(&behind);
    assert_eq!(bench.takes_bytes(UPSTREAM), behind, "nothing of it was counted before");
    let answer = text(UPSTREAM, "bye");
    assert!(!bench.client.passes(UPSTREAM, &answer, now), "one who leaves is bidden farewell");
    bench.upstream_says([answer, close(UPSTREAM, 1000)].concat());
    bench.client_reads();
    bench.ends(UPSTREAM, RxEnd::Finished);
    bench.ends(CLIENT, RxEnd::Finished);
    let line = bench.log();
    assert!(line.contains("messages_in=2") && line.contains("messages_out=1"), "{line}");
}

#[test]
fn with_a_rate_or_before_anything_is_known_nothing_goes_straight() {
    let mut limited = open_with(|rules| rules.rate = Some(Rate { per_second: 1000, burst: 9 }));
    let now = limited.world.clock.now();
    assert!(!limited.client.passes(CLIENT, &text(CLIENT, "counted"), now));
    let mut waiting = Bench::new();
    waiting.client_says(HANDSHAKE);
    let now = waiting.world.clock.now();
    assert!(!waiting.client.passes(CLIENT, b"early", now));
}

#[test]
fn a_fin_takes_nothing_from_what_waits_for_room() {
    for (sender, receiver) in [(CLIENT, UPSTREAM), (UPSTREAM, CLIENT)] {
        let mut bench = open_with(|rules| rules.max_message = u64::MAX);
        let message = frame(sender, Opcode::Binary, true, &[7; 200 << 10]);
        bench.arrives(sender, &message);
        assert!(bench.ports[receiver as usize].tx.len() < message.len(), "some of it waits");
        bench.ends(sender, RxEnd::Finished);
        assert_eq!(bench.takes_bytes(receiver).len(), message.len());
        assert_eq!(bench.ports[receiver as usize].tx_end, Some(TxEnd::Finish));
    }
}

#[test]
fn two_ends_that_have_said_close_are_parted() {
    let mut bench = open();
    bench.client_says(close(CLIENT, 1001));
    bench.takes_bytes(UPSTREAM);
    bench.upstream_says(close(UPSTREAM, 1001));
    bench.takes_bytes(CLIENT);
    bench.expire();
    assert_eq!(bench.closed(), Some(CloseReason::Done));
    assert!(bench.actions().contains("hangup"));
}

#[test]
fn it_is_over_when_both_have_said_close_and_the_upstream_has_finished() {
    // Its FIN was read, or is known of.
    for known in [false, true] {
        let mut bench = open();
        bench.client_says(close(CLIENT, 1000));
        assert_eq!(bench.takes_bytes(UPSTREAM), close(CLIENT, 1000));
        bench.ports[1].closing = known;
        bench.upstream_says(close(UPSTREAM, 1000));
        if !known {
            assert_eq!((bench.ports[0].tx_end, bench.closed()), (None, None));
            bench.ends(UPSTREAM, RxEnd::Finished);
        }
        assert_eq!((bench.ports[0].tx_end, bench.closed()), (Some(TxEnd::Close), None));
        assert_eq!(told(&mut bench, CLIENT), 1000);
        assert_eq!(bench.closed(), Some(CloseReason::Done));
        assert!(bench.actions().contains("hangup"));
    }
}

#[test]
fn an_upstream_that_finishes_right_behind_its_close_still_gets_the_answer() {
    let mut bench = open();
    bench.upstream_says(close(UPSTREAM, 1000));
    bench.ends(UPSTREAM, RxEnd::Finished);
    assert_eq!(told(&mut bench, CLIENT), 1000);
    bench.client_says(close(CLIENT, 1000));
    assert!(!bench.actions().contains("hangup"), "it is not cut off");
    assert_eq!(bench.takes_bytes(UPSTREAM), close(CLIENT, 1000));
    assert!(bench.actions().contains("hangup"));
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn a_client_that_breaks_the_rules_hears_it_after_what_was_on_its_way() {
    let unmasked = text(UPSTREAM, "unmasked");
    let long = frame(CLIENT, Opcode::Binary, true, &[0; 1001]);
    let fragments = [
        frame(CLIENT, Opcode::Text, false, &[b'x'; 600]),
        frame(CLIENT, Opcode::Continuation, true, &[b'x'; 600]),
    ];
    let reserved = { [&[0xc1][..], &text(CLIENT, "x")[1..]].concat() };
    let stray = frame(CLIENT, Opcode::Continuation, true, b"x");
    for (fault, code, passed, reason) in [
        (unmasked, 1002, 0, CloseReason::ClientFrames),
        (long, 1009, 0, CloseReason::MessageTooLarge),
        (fragments.concat(), 1009, fragments[0].len(), CloseReason::MessageTooLarge),
        (reserved, 1002, 0, CloseReason::ClientFrames),
        (stray, 1002, 0, CloseReason::ClientFrames),
    ] {
        let mut bench = open();
        let before = text(CLIENT, "good");
        bench.client_says([&before[..], &fault].concat());
        let mut heard = bench.takes_bytes(UPSTREAM);
        let end = heard.split_off(before.len() + passed);
        assert_eq!((end[0], end[1], end.len()), (0x88, 0x82, 8), "the upstream is told");
        bench.upstream_says(text(UPSTREAM, "an answer"));
        assert_eq!(bench.takes_bytes(CLIENT), text(UPSTREAM, "an answer"));
        bench.upstream_says(close(UPSTREAM, 1001));
        assert_eq!(told(&mut bench, CLIENT), code);
        bench.ends(CLIENT, RxEnd::Finished);
        assert_eq!(bench.closed(), Some(reason));
    }
}

#[test]
fn what_an_upstream_said_before_it_finished_comes_before_the_answer_to_a_fault() {
    let mut bench = open();
    let message = frame(UPSTREAM, Opcode::Binary, true, &[7; 200 << 10]);
    bench.upstream_says(&message);
    bench.client_says(text(UPSTREAM, "unmasked"));
    bench.upstream_says(close(UPSTREAM, 1001));
    bench.ends(UPSTREAM, RxEnd::Finished);
    let mut heard = bench.takes_bytes(CLIENT);
    let end = heard.split_off(message.len());
    assert!(heard == message);
    assert_eq!(end, close(UPSTREAM, 1002));
}

#[test]
fn who_is_gone_gets_nothing_more_and_holds_nobody_up() {
    let mut bench = open();
    bench.client_says(&text(CLIENT, "half")[..7]);
    bench.ends(UPSTREAM, RxEnd::Reset);
    let rest = [text(CLIENT, "half")[7..].to_vec(), text(CLIENT, "something").repeat(20_000)];
    bench.client_says(rest.concat());
    assert_eq!(told(&mut bench, CLIENT), 1001);
    bench.client_says(close(CLIENT, 1001));
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::TunnelReset));
}

#[test]
fn an_upstream_that_breaks_the_rules_is_told_and_so_is_the_client() {
    let mut bench = open();
    bench.upstream_says(text(CLIENT, "masked"));
    assert_eq!(told(&mut bench, UPSTREAM), 1002);
    assert_eq!(told(&mut bench, CLIENT), 1011);
    bench.client_says(close(CLIENT, 1011));
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::UpstreamFrames));
}

#[test]
fn a_client_that_is_gone_is_told_to_the_upstream_as_1001() {
    let mut bench = open();
    bench.ends(CLIENT, RxEnd::Reset);
    assert_eq!(told(&mut bench, UPSTREAM), 1001);
    bench.upstream_says(close(UPSTREAM, 1001));
    assert_eq!(bench.closed(), Some(CloseReason::TunnelReset));
}

#[test]
fn leaving_tells_both_ends_between_fragments_too() {
    let mut bench = open();
    bench.client_says(frame(CLIENT, Opcode::Text, false, b"first"));
    bench.takes_bytes(UPSTREAM);
    let now = bench.world.clock.now();
    assert!(bench.client.leave(CloseReason::Drained, now));
    bench.advance();
    assert_eq!(told(&mut bench, UPSTREAM), 1001);
    assert_eq!(told(&mut bench, CLIENT), 1001);
    bench.client_says(close(CLIENT, 1001));
    bench.upstream_says(close(UPSTREAM, 1001));
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Drained));
}

#[test]
fn an_end_that_finds_no_place_is_an_abort() {
    let mut bench = open();
    bench.upstream_says(&text(UPSTREAM, "half")[..3]);
    bench.takes_bytes(CLIENT);
    let now = bench.world.clock.now();
    bench.client.leave(CloseReason::Drained, now);
    bench.advance();
    assert_eq!(told(&mut bench, UPSTREAM), 1001);
    bench.upstream_says(&text(UPSTREAM, "half")[3..4]);
    bench.takes_bytes(CLIENT);
    bench.wait(Duration::from_secs(6));
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Abort));
    assert_eq!(bench.closed(), Some(CloseReason::Drained));
}

#[test]
fn what_stands_behind_a_close_is_nothing() {
    let mut bench = open();
    let before = text(UPSTREAM, "last");
    let behind = [text(CLIENT, "masked"), close(UPSTREAM, 1005), text(UPSTREAM, "more")];
    bench.upstream_says([before.clone(), close(UPSTREAM, 4000), behind.concat()].concat());
    assert_eq!(bench.takes_bytes(CLIENT), [before, close(UPSTREAM, 4000)].concat());
    bench.client_says(close(CLIENT, 4000));
    assert_eq!(bench.takes_bytes(UPSTREAM), close(CLIENT, 4000));
    bench.ends(UPSTREAM, RxEnd::Finished);
    bench.ends(CLIENT, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
    assert!(bench.log().contains("messages_out=1"));
}

/// `side` takes some of what waits for it.
fn takes_some(bench: &mut Bench, side: Side) -> usize {
    let port = &mut bench.ports[side as usize];
    let some = port.tx.bytes().len().min(7_000);
    port.tx.sent(some);
    port.sent = bench.world.clock.now();
    some
}

#[test]
fn two_that_have_said_close_are_parted_when_all_is_taken() {
    let mut bench = open();
    let said = [text(CLIENT, "something").repeat(4_000), close(CLIENT, 4000)].concat();
    bench.client_says(&said);
    bench.upstream_says(close(UPSTREAM, 4000));
    bench.takes_bytes(CLIENT);
    let mut taken = 0;
    for _ in 0..8 {
        bench.wait(Duration::from_secs(4));
        assert_eq!(bench.closed(), None);
        taken += takes_some(&mut bench, UPSTREAM);
    }
    assert_eq!(taken + bench.takes_bytes(UPSTREAM).len(), said.len());
    bench.expire();
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn a_side_that_is_told_the_end_has_time_to_take_what_came_before() {
    let mut bench = open();
    bench.client_says(text(CLIENT, "something").repeat(4_000));
    let now = bench.world.clock.now();
    bench.client.leave(CloseReason::Killed, now);
    bench.advance();
    assert_eq!(told(&mut bench, CLIENT), 1001);
    let mut taken = 0;
    for _ in 0..8 {
        bench.wait(Duration::from_secs(4));
        assert_eq!(bench.closed(), None);
        taken += takes_some(&mut bench, UPSTREAM);
    }
    taken += bench.takes_bytes(UPSTREAM).len();
    assert_eq!(taken, 15 * 4_000 + 8, "all of it, and our Close");
    bench.wait(Duration::from_secs(5));
    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.closed(), Some(CloseReason::Killed));
}

#[test]
fn rate_and_age_end_it() {
    let mut bench = open_with(|rules| rules.rate = Some(Rate { per_second: 1, burst: 3 }));
    let message = text(CLIENT, "x");
    bench.client_says(message.repeat(3));
    assert_eq!(bench.takes_bytes(UPSTREAM).len(), 3 * message.len());
    bench.wait(Duration::from_secs(1));
    bench.client_says(&message);
    assert_eq!(bench.takes_bytes(UPSTREAM), message);
    bench.upstream_says(text(UPSTREAM, "an answer"));
    bench.takes_bytes(CLIENT);
    let ping = frame(CLIENT, Opcode::Ping, true, b"!");
    bench.client_says([&ping[..], &message.repeat(5)].concat());
    assert!(bench.takes_bytes(UPSTREAM).starts_with(&ping), "only messages count");
    bench.upstream_says(text(UPSTREAM, "another"));
    assert_eq!(bench.takes_bytes(CLIENT), text(UPSTREAM, "another"));
    bench.upstream_says(close(UPSTREAM, 1001));
    assert_eq!(told(&mut bench, CLIENT), 1008);

    let mut bench = open_with(|rules| rules.rate = Some(Rate { per_second: 1, burst: 3 }));
    bench.client_says(message.repeat(20));
    let mut heard = bench.takes_bytes(UPSTREAM);
    let end = heard.split_off(3 * message.len());
    assert_eq!(
        (heard, end[0], end.len()),
        (message.repeat(3), 0x88, 8),
        "what comes in one piece too"
    );

    let mut bench = open_with(|rules| rules.max_age = Some(Duration::from_secs(10)));
    bench.expire();
    let age = bench.world.clock.now().get();
    assert!((9_000..=11_000).contains(&age), "{age}");
    assert_eq!(told(&mut bench, CLIENT), 1001);
}

#[test]
fn a_tunnel_taken_up_elsewhere_goes_on_inside_a_frame() {
    let mut bench = open();
    let message = text(CLIENT, "a message in two pieces");
    bench.client_says(&message[..12]);
    let mut sent = bench.takes_bytes(UPSTREAM);
    let now = bench.world.clock.now();
    let written = bench.client.snapshot(&bench.ports, now).expect("a tunnel");
    let generation = Arc::clone(&bench.world.generation);
    let find = |name: &str| generation.routes.iter().find(|r| &*r.name == name).cloned();
    let (client, ports) = Client::restore(&written, now, find).expect("whole");
    (bench.client, bench.ports) = (client, ports);
    bench.client_says(&message[12..]);
    sent.extend(bench.takes_bytes(UPSTREAM));
    assert_eq!(sent, message);
    bench.expire();
    assert_eq!(bench.takes_bytes(CLIENT).first(), Some(&0x89));
    for cut in 0..written.len() {
        let find = |name: &str| generation.routes.iter().find(|r| &*r.name == name).cloned();
        assert!(Client::restore(&written[..cut], now, find).is_err(), "cut at {cut}");
    }
}
