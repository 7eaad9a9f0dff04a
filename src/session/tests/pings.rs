//! Whether the ends of a tracked tunnel live: pings and pongs, and what they do not disturb.

use super::track::{CLIENT, UPSTREAM, close, frame, open, open_with, text, told};
use super::*;
use crate::base::Millis;
use crate::proto::ws::{Opcode, mask};

#[test]
fn a_silent_client_is_pinged_and_its_pong_goes_no_further() {
    let mut bench = open();
    bench.expire();
    let ping = bench.takes_bytes(CLIENT);
    assert_eq!((ping[0], ping[1], ping.len()), (0x89, 8, 10));
    let pongs = [
        frame(CLIENT, Opcode::Pong, true, b"not ours"),
        frame(CLIENT, Opcode::Pong, true, &ping[2..]),
    ];
    bench.wait(Duration::from_millis(20));
    bench.client_says(pongs.concat());
    assert_eq!(bench.takes_bytes(UPSTREAM), pongs[0]);
    bench.wait(Duration::from_secs(20));
    assert!(bench.takes_bytes(CLIENT).is_empty(), "it is alive: no further ping yet");
    bench.ends(CLIENT, RxEnd::Finished);
    bench.ends(UPSTREAM, RxEnd::Finished);
    assert!(bench.log().contains("rtt=20ms"));
}

#[test]
fn a_dead_client_is_found_within_the_two_bounds_and_the_upstream_is_told() {
    let mut bench = open();
    bench.expire();
    bench.takes_bytes(CLIENT);
    bench.expire();
    assert!(bench.world.clock.now() <= Millis(40_000));
    assert_eq!(told(&mut bench, UPSTREAM), 1001);
    assert!(!bench.actions().contains("hangup"), "its answer is waited for");
    bench.upstream_says(close(UPSTREAM, 1001));
    assert!(bench.actions().contains("hangup"));
    bench.takes_bytes(CLIENT);
    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.closed(), Some(CloseReason::DeadClient));
    assert!(bench.log().contains("end=dead-client"));
}

#[test]
fn a_client_that_is_not_read_is_not_dead() {
    let mut bench = open_with(|rules| rules.max_message = 1 << 20);
    let message = frame(CLIENT, Opcode::Binary, true, &[7; 400_000]);
    let mut at = 0;
    while bench.ports[0].rx.room() > 0 {
        bench.client_says(&message[at..at + 16_000]);
        at += 16_000;
    }
    let mut pings = Vec::new();
    for _ in 0..4 {
        bench.expire();
        pings.push(bench.takes_bytes(CLIENT));
    }
    assert_eq!((pings[0][0], pings[0].len()), (0x89, 10));
    assert_eq!(pings[1..], vec![pings[0].clone(); 3], "a broken connection would tell");
    let mut taken = bench.takes_bytes(UPSTREAM);
    bench.client_says(&message[at..]);
    taken.append(&mut bench.takes_bytes(UPSTREAM));
    assert!(taken == message);
    for ping in pings {
        bench.client_says(frame(CLIENT, Opcode::Pong, true, &ping[2..]));
    }
    assert!(bench.takes_bytes(UPSTREAM).is_empty(), "answers to our pings go no further");
    bench.wait(Duration::from_secs(20));
    assert!(bench.takes_bytes(CLIENT).is_empty() && bench.actions().is_empty());
}

#[test]
fn a_ping_waits_for_the_end_of_the_frame() {
    let mut bench = open();
    let message = text(UPSTREAM, "a message in two pieces");
    bench.upstream_says(&message[..10]);
    bench.takes_bytes(CLIENT);
    bench.wait(Duration::from_secs(31));
    assert!(bench.takes_bytes(CLIENT).is_empty(), "inside a frame there is no place");
    bench.upstream_says([&message[10..], &text(UPSTREAM, "next")].concat());
    let rest = bench.takes_bytes(CLIENT);
    let (end, ours) = rest.split_at(message.len() - 10);
    assert_eq!(end, &message[10..]);
    assert_eq!((ours[0], ours[1]), (0x89, 8));
    assert_eq!(&ours[10..], text(UPSTREAM, "next"));
}

#[test]
fn unasked_pongs_come_in_their_time() {
    let mut bench = open_with(|rules| rules.pong = Some(Duration::from_secs(5)));
    for _ in 0..3 {
        bench.wait(Duration::from_secs(5));
        assert_eq!(bench.takes_bytes(CLIENT), [0x8a, 0]);
    }
}

#[test]
fn silence_of_both_ends_is_not_broken_by_our_pings() {
    let mut bench = open();
    let mut pings = 0;
    while bench.closed().is_none() && bench.world.clock.now() < Millis(400_000) {
        bench.wait(Duration::from_secs(5));
        let sent = bench.takes_bytes(CLIENT);
        if sent.first() == Some(&0x89) {
            pings += 1;
            bench.client_says(frame(CLIENT, Opcode::Pong, true, &sent[2..10]));
        }
    }
    assert!(pings > 5);
    assert!(bench.log().contains("end=tunnel-timeout"));
}

#[test]
fn a_dead_upstream_is_found_where_it_is_asked() {
    let mut bench = open_with(|rules| {
        rules.ping = None;
        rules.upstream_ping = Some(Duration::from_secs(20));
    });
    bench.expire();
    let ping = bench.takes_bytes(UPSTREAM);
    assert_eq!((ping[0], ping[1]), (0x89, 0x88), "a masked ping");
    let mut payload = ping[6..].to_vec();
    mask(&mut payload, [ping[2], ping[3], ping[4], ping[5]], 0);
    bench.wait(Duration::from_millis(20));
    bench.upstream_says(frame(UPSTREAM, Opcode::Pong, true, &payload));
    assert_eq!(bench.takes_bytes(CLIENT), b"", "its pong is ours");
    bench.expire();
    assert_eq!(bench.takes_bytes(UPSTREAM).len(), ping.len());
    bench.expire();
    assert_eq!(told(&mut bench, CLIENT), 1011);
    bench.client_says(close(CLIENT, 1011));
    bench.takes_bytes(UPSTREAM);
    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.closed(), Some(CloseReason::DeadUpstream));
}

#[test]
fn a_client_that_reads_slowly_is_not_dead_while_its_ping_waits() {
    let mut bench = open();
    bench.upstream_says(frame(UPSTREAM, Opcode::Binary, true, &[7; 100_000]));
    let mut read = 0;
    for _ in 0..20 {
        bench.wait(Duration::from_secs(5));
        bench.ports[0].tx.sent(3_000);
        (bench.ports[0].sent, read) = (bench.world.clock.now(), read + 3_000);
        bench.advance();
    }
    let rest = bench.takes_bytes(CLIENT);
    let ping = &rest[100_010 - read..];
    assert_eq!((ping[0], ping.len()), (0x89, 10), "one ping waits behind the message");
    bench.wait(Duration::from_millis(30));
    bench.client_says(frame(CLIENT, Opcode::Pong, true, &ping[2..]));
    bench.ends(CLIENT, RxEnd::Finished);
    bench.ends(UPSTREAM, RxEnd::Finished);
    assert!(bench.log().contains("rtt=30ms"), "it counts from when the ping left");
}

#[test]
fn a_client_that_takes_nothing_of_what_waits_is_dead() {
    let mut bench = open();
    bench.upstream_says(frame(UPSTREAM, Opcode::Binary, true, &[7; 100_000]));
    while bench.client.tunnel().is_some_and(|tunnel| !tunnel.is_leaving()) {
        bench.expire();
    }
    assert!((30_000..=45_000).contains(&bench.world.clock.now().get()));
    assert_eq!(told(&mut bench, UPSTREAM), 1001);
}

#[test]
fn an_answer_at_once_counts_though_it_cannot_be_passed_on() {
    let mut bench = open_with(|rules| rules.max_message = 1 << 20);
    while bench.ports[1].tx.room() > 0 {
        bench.client_says(frame(CLIENT, Opcode::Binary, true, &[7; 16_000]));
    }
    bench.expire();
    let ping = bench.takes_bytes(CLIENT);
    bench.client_says(frame(CLIENT, Opcode::Pong, true, &ping[2..]));
    bench.wait(Duration::from_secs(15));
    assert!(bench.client.tunnel().is_some_and(|tunnel| !tunnel.is_leaving()));
}

#[test]
fn a_client_that_has_finished_owes_no_answer() {
    let mut bench = open();
    bench.ends(CLIENT, RxEnd::Finished);
    for _ in 0..10 {
        bench.wait(Duration::from_secs(20));
        bench.upstream_says(text(UPSTREAM, "still here"));
        let heard = bench.takes_bytes(CLIENT);
        assert!(heard.ends_with(&text(UPSTREAM, "still here")), "{heard:x?}");
    }
    bench.ends(UPSTREAM, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn nothing_of_ours_goes_in_behind_a_close() {
    for (first, reason) in [(CLIENT, CloseReason::Done), (UPSTREAM, CloseReason::DeadClient)] {
        let mut bench = open_with(|rules| {
            rules.pong = Some(Duration::from_secs(3));
            rules.upstream_ping = Some(Duration::from_secs(50));
        });
        bench.arrives(first, close(first, 4000));
        assert_eq!(bench.takes_bytes(first.other()), close(first, 4000));
        for _ in 0..39 {
            bench.wait(Duration::from_secs(1));
            let heard = [CLIENT, UPSTREAM].map(|side| bench.takes_bytes(side));
            assert_eq!(heard, [b"", b""], "it owes no answer, or the other one its Close");
        }
        bench.wait(Duration::from_secs(2));
        assert!(bench.client.tunnel().is_some_and(Tunnel::is_leaving));
        bench.takes_bytes(CLIENT);
        bench.wait(Duration::from_secs(5));
        bench.wait(Duration::from_secs(3));
        assert_eq!(bench.closed(), Some(reason));
    }
}
