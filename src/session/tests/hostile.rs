//! Peers of WebSockets that end here who take nothing, or send more than is good.

use super::terminated::{CLIENT, KEY, UPSTREAM, frame, joined, moved, open, ours, plain, sent};
use super::*;
use crate::buf::BLOCK;
use crate::proto::ws::{Draft, Opcode};

#[test]
fn pongs_are_not_piled_up_for_one_who_takes_nothing() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    let payload = |n: u32| [&n.to_be_bytes()[..], &[b'p'; 121]].concat();
    for n in 0..3000 {
        bench.client_says(sent(Opcode::Ping, &payload(n)));
        bench.upstream_says(plain(Opcode::Ping, &payload(n)));
    }
    for side in [CLIENT, UPSTREAM] {
        assert!(capacity(&bench.ports[side as usize]).1 <= HIGH_WATER + BLOCK);
    }
    moved(&mut bench);
    let to_client = bench.takes_bytes(CLIENT);
    assert!(to_client.starts_with(&plain(Opcode::Pong, &payload(0))));
    assert!(to_client.ends_with(&plain(Opcode::Pong, &payload(2999))), "the last is answered");
    assert!(bench.takes_bytes(UPSTREAM).ends_with(&ours(Opcode::Pong, &payload(2999))));
    bench.client_says(sent(Opcode::Ping, b"again"));
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Pong, b"again"));
}

#[test]
fn of_a_message_that_was_dropped_the_rest_is_not_heard() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    bench.client_says(frame(Opcode::Text, false, b"the begin, ", Some(KEY)));
    bench.upstream_says(plain(Opcode::Close, &1000u16.to_be_bytes()));
    let now = bench.world.clock.now();
    bench.client.leave(CloseReason::OutOfMemory, now);
    bench.client_says(frame(Opcode::Continuation, true, b"and the rest", Some(KEY)));
    assert_eq!(bench.takes_bytes(UPSTREAM), ours(Opcode::Close, &1000u16.to_be_bytes()));
    assert_eq!(bench.takes_bytes(CLIENT), plain(Opcode::Close, &1000u16.to_be_bytes()));
    assert_eq!((bench.client.held(), bench.closed()), (0, None), "until the client ends too");
}

#[test]
fn behind_a_message_too_many_none_goes_on_though_the_upstream_has_said_close() {
    let mut bench = Bench::with(|generation| {
        for route in &mut generation.routes {
            let route = std::sync::Arc::get_mut(route).expect("the route");
            let rules = &mut route.websockets.as_mut().expect("rules").rules;
            rules.rate = Some(crate::config::Rate { per_second: 1, burst: 1 });
        }
    });
    open(&mut bench, "guard", Draft::Rfc6455, "", "");
    bench.upstream_says(plain(Opcode::Close, &1000u16.to_be_bytes()));
    bench.client_says([sent(Opcode::Text, b"one"), sent(Opcode::Text, b"two")].concat());
    bench.wait(Duration::from_secs(2));
    bench.client_says(sent(Opcode::Text, b"three"));
    let heard = bench.takes_bytes(UPSTREAM);
    assert!(heard.starts_with(&ours(Opcode::Text, b"one")));
    assert!(!heard.windows(5).any(|five| five == b"three"));
}

#[test]
fn a_message_that_is_refused_is_kept_no_longer() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, "", "");
    bench.client_says(frame(Opcode::Text, false, &[b'x'; 900], Some(KEY)));
    assert!(bench.client.held() > 0);
    bench.client_says(frame(Opcode::Continuation, false, &[b'x'; 101], Some(KEY)));
    assert_eq!((bench.client.held(), bench.closed()), (0, None));
}

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

#[test]
fn what_inflates_a_message_counts_and_goes_with_it() {
    let mut fragment = frame(Opcode::Binary, false, b"\xf2\x48", Some(KEY));
    fragment[0] |= 0x40;
    for fault in [true, false] {
        let (mut bench, _) = joined("guard", Draft::Rfc6455, DEFLATE, "");
        bench.client_says(&fragment);
        assert!(bench.client.held() > 32 << 10);
        if fault {
            bench.client_says(frame(Opcode::Binary, true, b"", Some(KEY)));
        } else {
            let now = bench.world.clock.now();
            bench.client.leave(CloseReason::OutOfMemory, now);
        }
        assert_eq!(bench.client.held(), 0);
    }
}

#[test]
fn a_client_that_takes_nothing_of_a_long_message_keeps_no_compressor() {
    let (mut bench, _) = joined("guard", Draft::Rfc6455, DEFLATE, "");
    let long = plain(Opcode::Binary, &[7; 200_000]);
    for piece in long.chunks(16_000).take(10) {
        bench.upstream_says(piece);
    }
    assert!(!bench.ports[0].tx.is_empty(), "some of it is on its way");
    assert_eq!(bench.world.scratch.engines.idle().0, 1);
}
