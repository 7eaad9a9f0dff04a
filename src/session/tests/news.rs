//! Clients of an app's WebSocket that hear of channels besides: what is published goes in between messages, wherever the app's
//! bytes are cut.

use super::track::{UPSTREAM, frame, text};
use std::sync::Arc;

use super::*;
use crate::base::Rng;
use crate::channel::{Batch, Publication};
use crate::proto::ws::{FrameHead, Kind, Opcode, Rules, Sender};

const HANDSHAKE: &str = "GET /MODE HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const PROOF: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Tidegate-Channel: room-7,news\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn open() -> Bench {
    let mut bench = Bench::new();
    bench.client_says(HANDSHAKE.replace("MODE", "track"));
    bench.dialled(false);
    bench.upstream_says(PROOF);
    assert!(!bench.client_reads().to_ascii_lowercase().contains("tidegate-channel"));
    assert_eq!(bench.actions(), "join room-7, join news");
    bench
}

pub(super) fn hear(bench: &mut Bench, said: &[u8]) -> u64 {
    let (channel, payload) = ("news".into(), said.into());
    let publication = Publication { channel, id: 1, kind: Kind::Text, payload, notice: false };
    bench.hear(&mut Batch::new(&[Arc::new(publication)]))
}

/// The messages in what a client has got, in their order; whatever is no proper sequence of frames panics.
pub(super) fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut all, mut open) = (Vec::new(), None::<Vec<u8>>);
    while !bytes.is_empty() {
        let (head, len) = FrameHead::parse(bytes, &Rules::new(Sender::Server, 1 << 20))
            .expect("a frame")
            .expect("all of its head");
        let (payload, rest) = bytes[len..].split_at(head.payload as usize);
        bytes = rest;
        match (head.opcode, &mut open) {
            (Opcode::Ping, _) => {}
            (Opcode::Continuation, Some(message)) => message.extend_from_slice(payload),
            (Opcode::Text | Opcode::Binary, None) => open = Some(payload.to_vec()),
            (opcode, open) => panic!("{opcode:?} while {open:?}"),
        }
        if head.fin && head.opcode != Opcode::Ping {
            all.extend(open.take());
        }
    }
    assert!(open.is_none());
    all
}

#[test]
fn news_wait_for_the_end_of_a_message() {
    let mut bench = open();
    assert_eq!(hear(&mut bench, b"first"), 0);
    assert_eq!(bench.takes_bytes(Side::Client), text(UPSTREAM, "first"));
    let part = frame(UPSTREAM, Opcode::Text, false, b"one ");
    bench.upstream_says(&part);
    assert_eq!(hear(&mut bench, b"second"), 0);
    bench.upstream_says(frame(UPSTREAM, Opcode::Ping, true, b"?"));
    let ping = frame(UPSTREAM, Opcode::Ping, true, b"?");
    assert_eq!(bench.takes_bytes(Side::Client), [part, ping].concat());
    let end = frame(UPSTREAM, Opcode::Continuation, true, b"message");
    bench.upstream_says(&end);
    assert_eq!(bench.takes_bytes(Side::Client), [end, text(UPSTREAM, "second")].concat());
}

#[test]
fn whatever_the_cuts_nothing_is_lost_and_nothing_stands_inside_a_message() {
    for seed in 0..500 {
        let mut rng = Rng::new(seed);
        let mut below = |n: usize| (rng.number() % n as u64) as usize;
        let mut bench = open();
        let (mut app, mut news, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..20 {
            let word = format!("app {number} {}", "x".repeat(below(200)));
            let parts = 1 + below(3);
            let size = word.len().div_ceil(parts);
            let pieces: Vec<_> = word.as_bytes().chunks(size).collect();
            for (place, piece) in pieces.iter().enumerate() {
                let opcode = if place == 0 { Opcode::Text } else { Opcode::Continuation };
                bytes.extend(frame(UPSTREAM, opcode, place + 1 == pieces.len(), piece));
                if below(4) == 0 {
                    bytes.extend(frame(UPSTREAM, Opcode::Ping, true, b"?"));
                }
            }
            app.push(word.into_bytes());
        }
        let (mut rest, mut got) = (&*bytes, Vec::new());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(1 + below(90)));
            rest = behind;
            bench.upstream_says(piece);
            // No more than may wait for the end of a message.
            if below(3) == 0 && news.len() < 4 {
                let word = format!("news {}", news.len()).into_bytes();
                assert_eq!(hear(&mut bench, &word), 0);
                news.push(word);
            }
            if below(2) == 0 {
                got.extend(bench.takes_bytes(Side::Client));
            }
        }
        got.extend(bench.takes_bytes(Side::Client));
        let (of_news, of_app): (Vec<_>, Vec<_>) =
            messages(&got).into_iter().partition(|message| message.starts_with(b"news"));
        assert_eq!((of_app, of_news), (app, news), "seed {seed}");
    }
}
