//! One end of a tunnel resets: what came of it before reaches the other one, whatever is seen of it.

use super::terminated::{CLIENT, UPSTREAM, joined, moved, ours, plain};
use super::track::{close, text, told};
use super::vanished::open;
use super::*;
use crate::base::Millis;
use crate::proto::ws::{Draft, Opcode};

/// Bytes that take several blocks.
const MUCH: usize = 300_000;

/// An opaque tunnel.
fn opaque() -> Bench {
    open("http", Draft::Rfc6455, |_| {}).0
}

/// Bytes that `side` sent, `more` than the other one's queue takes, and a reset behind them.
fn sends_and_resets(bench: &mut Bench, side: Side) -> Vec<u8> {
    let mut sent = Vec::new();
    while bench.ports[side as usize].rx.is_empty() {
        let piece: Vec<u8> = (0..10_000).map(|n| (n + sent.len()) as u8).collect();
        bench.arrives(side, &piece);
        sent.extend(piece);
        assert!(sent.len() < MUCH);
    }
    bench.ends(side, RxEnd::Reset);
    sent
}

#[test]
fn what_came_before_a_reset_is_delivered() {
    for side in [CLIENT, UPSTREAM] {
        let mut bench = opaque();
        let sent = sends_and_resets(&mut bench, side);
        assert_eq!(bench.closed(), None);
        bench.arrives(side.other(), "to nobody");
        assert!(bench.ports[side.other() as usize].rx.is_empty(), "what we do not read is a reset");
        assert!(bench.takes_bytes(side.other()) == sent, "every byte");
        assert_eq!(bench.closed(), Some(CloseReason::TunnelReset));
        assert_eq!(bench.actions(), "hangup");
        let ends = bench.ports.each_ref().map(|port| port.tx_end);
        assert_eq!(ends, [Some(TxEnd::Abort); 2], "nobody is told that it was all");
    }
}

#[test]
fn a_reset_waits_until_the_host_of_the_other_end_has_everything() {
    let mut bench = opaque();
    bench.upstream_says("last words");
    bench.ports[0].tx.sent(10);
    bench.ports[1].rx_end = Some(RxEnd::Reset);
    let Bench { client, ports, world, .. } = &mut bench;
    client.advance(ports, &mut world.cx(Millis(0)));
    assert_eq!((client.closed(), ports[0].delivery), (None, Delivery::Asked));
    ports[0].delivery = Delivery::Done;
    client.advance(ports, &mut world.cx(Millis(0)));
    assert_eq!(client.closed(), Some(CloseReason::TunnelReset));
}

#[test]
fn a_write_that_fails_is_not_the_last_that_is_heard() {
    let mut bench = opaque();
    bench.client_says("before");
    bench.takes(UPSTREAM);
    bench.breaks(UPSTREAM);
    assert_eq!(bench.closed(), None, "what it said may still be in its socket");
    bench.upstream_says("an answer");
    bench.ends(UPSTREAM, RxEnd::Reset);
    assert_eq!(bench.client_reads(), "an answer");
    assert_eq!(bench.closed(), Some(CloseReason::TunnelReset));
}

#[test]
fn a_side_that_had_finished_has_said_all() {
    let mut bench = opaque();
    bench.upstream_says("all of it");
    bench.ends(UPSTREAM, RxEnd::Finished);
    bench.client_says("more");
    bench.breaks(UPSTREAM);
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Finish));
    assert_eq!(bench.closed(), None);
    assert_eq!(bench.client_reads(), "all of it");
    assert_eq!(bench.closed(), Some(CloseReason::TunnelReset));
}

#[test]
fn one_who_takes_nothing_is_waited_for_within_bounds() {
    let mut bench = opaque();
    sends_and_resets(&mut bench, UPSTREAM);
    bench.expire();
    assert_eq!(bench.world.clock.now(), Millis(30_000));
    assert_eq!(bench.closed(), Some(CloseReason::TunnelReset));
    let mut bench = opaque();
    sends_and_resets(&mut bench, UPSTREAM);
    bench.ends(CLIENT, RxEnd::Reset);
    assert_eq!(bench.closed(), Some(CloseReason::TunnelReset), "or not at all");
}

#[test]
fn a_tunnel_may_move_while_it_ends() {
    let mut bench = opaque();
    bench.ports[UPSTREAM as usize].lost = true;
    let sent = sends_and_resets(&mut bench, UPSTREAM);
    moved(&mut bench);
    assert!(bench.takes_bytes(CLIENT) == sent, "every byte");
    assert_eq!(bench.closed(), Some(CloseReason::DeadUpstream));
}

#[test]
fn messages_before_a_reset_come_before_the_close() {
    for side in [CLIENT, UPSTREAM] {
        let (mut bench, _) = open("track", Draft::Rfc6455, |_| {});
        let message = text(side, &"x".repeat(1000));
        let mut sent = Vec::new();
        while bench.ports[side as usize].rx.is_empty() {
            bench.arrives(side, message.repeat(16));
            sent.extend(message.repeat(16));
        }
        bench.ends(side, RxEnd::Reset);
        let got = bench.takes_bytes(side.other());
        let rest = got.strip_prefix(&sent[..]).expect("all messages");
        assert_eq!(rest[0], 0x88, "and then the Close");
        bench.arrives(side.other(), close(side.other(), 1001));
        bench.ends(side.other(), RxEnd::Finished);
        assert_eq!(bench.closed(), Some(CloseReason::TunnelReset));
    }
}

#[test]
fn the_begin_of_a_message_comes_through_before_its_end_is_cut() {
    let (mut bench, _) = open("track", Draft::Rfc6455, |_| {});
    let begin = text(UPSTREAM, &"x".repeat(50_000))[..40_000].to_vec();
    bench.upstream_says(&begin);
    bench.ends(UPSTREAM, RxEnd::Reset);
    assert_eq!(bench.closed(), None);
    assert!(bench.takes_bytes(CLIENT) == begin);
    assert_eq!(bench.closed(), Some(CloseReason::TunnelReset));
    assert_eq!(bench.ports[0].tx_end, Some(TxEnd::Abort));
}

#[test]
fn messages_that_end_here_come_before_the_close_too() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    bench.ports[UPSTREAM as usize].rx_end = Some(RxEnd::Reset);
    bench.upstream_says(
        [plain(Opcode::Text, b"said before"), plain(Opcode::Text, b"half")[..4].to_vec()].concat(),
    );
    let close = plain(Opcode::Close, &1011u16.to_be_bytes());
    assert_eq!(bench.takes_bytes(CLIENT), [plain(Opcode::Text, b"said before"), close].concat());

    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    bench.ports[CLIENT as usize].rx_end = Some(RxEnd::Reset);
    bench.client_says(super::terminated::sent(Opcode::Text, b"said before"));
    let close = ours(Opcode::Close, &1001u16.to_be_bytes());
    assert_eq!(bench.takes_bytes(UPSTREAM), [ours(Opcode::Text, b"said before"), close].concat());

    let (mut bench, _) = open("tcp", Draft::Rfc6455, |_| {});
    bench.ports[UPSTREAM as usize].rx_end = Some(RxEnd::Reset);
    bench.upstream_says("said before");
    let close = plain(Opcode::Close, &1011u16.to_be_bytes());
    assert_eq!(bench.takes_bytes(CLIENT), [plain(Opcode::Binary, b"said before"), close].concat());
}

#[test]
fn a_client_that_resets_is_not_told_by_1001_before_its_last_message() {
    let (mut bench, _) = open("track", Draft::Rfc6455, |_| {});
    bench.ports[CLIENT as usize].rx_end = Some(RxEnd::Reset);
    bench.client_says(text(CLIENT, "last"));
    assert_eq!(bench.takes_bytes(UPSTREAM)[..10], text(CLIENT, "last"));
    let (mut bench, _) = open("track", Draft::Rfc6455, |_| {});
    bench.ends(CLIENT, RxEnd::Reset);
    assert_eq!(told(&mut bench, UPSTREAM), 1001);
}
