//! Texts of an app that are about channels: they are followed, and never shown to its client, wherever they are cut.

use std::sync::Arc;

use super::news::{hear, messages};
use super::terminated::{self, moved};
use super::track::{UPSTREAM, frame, text};
use super::*;
use crate::base::Rng;
use crate::proto::ws::{Draft, FrameHead, HEAD_MAX, Opcode};

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// An open WebSocket to an app whose commands begin with `@channels:`.
fn open(path: &str, offered: &str, chosen: &str) -> Bench {
    let mut bench = Bench::with(|generation| {
        for route in &mut generation.routes {
            Arc::get_mut(route).expect("the only one").control = Some(b"@channels:"[..].into());
        }
    });
    terminated::open(&mut bench, path, Draft::Rfc6455, offered, chosen);
    bench.actions();
    bench
}

fn refused(bench: &Bench) -> u64 {
    bench.world.counters.channel_commands_refused.get()
}

#[test]
fn commands_are_followed_and_not_shown() {
    for path in ["track", "guard"] {
        let mut bench = open(path, "", "Tidegate-Channel: room\r\n");
        let mut says = |said: &str, done: &str, count: u64| {
            bench.upstream_says(text(UPSTREAM, said));
            assert_eq!(bench.actions(), done, "{path}: {said}");
            assert_eq!(bench.takes_bytes(Side::Client), b"", "{path}: {said}");
            assert_eq!(refused(&bench), count, "{path}: {said}");
        };
        says("@channels:join tea", "join tea", 0);
        says("@channels: publish tea hello  world ", "publish hello  world  in tea", 0);
        says("@channels:publish elsewhere", "publish  in elsewhere", 0);
        says("@channels:leave tea", "leave tea", 0);
        let long = format!("@channels:join {}", "x".repeat(129));
        let bad = ["", "join", "joint tea", "join a b", "publish a/b x", "leave ", "JOIN tea"];
        for (count, command) in (1..).zip(bad) {
            says(&format!("@channels:{command}"), "", count);
        }
        says(&long, "", 8);
        for number in 2..=16 {
            says(&format!("@channels:join c{number}"), &format!("join c{number}"), 8);
        }
        says("@channels:join more", "", 9);
        says("@channels:join c7", "join c7", 9);
        says("@channels:leave room", "leave room", 9);
        says("@channels:join more", "join more", 9);
        for said in ["@channels", "@Channels:join tea", " @channels:join tea", "", "@"] {
            bench.upstream_says(text(UPSTREAM, said));
            assert_eq!(bench.takes_bytes(Side::Client), text(UPSTREAM, said), "{path}: {said}");
            assert_eq!(bench.actions(), "");
        }
    }
}

#[test]
fn a_client_that_was_in_no_channel_may_be_sent_into_one() {
    for path in ["track", "guard", "http"] {
        let mut bench = open(path, "", "");
        bench.upstream_says(text(UPSTREAM, "@channels:join news"));
        assert_eq!(bench.actions(), "join news");
        assert_eq!(hear(&mut bench, b"word"), 0);
        assert_eq!(bench.takes_bytes(Side::Client), text(UPSTREAM, "word"));
    }
}

#[test]
fn what_is_too_long_is_heard_by_nobody() {
    let long = format!("@channels:publish tea {}", "x".repeat(200 << 10));
    for path in ["track", "guard"] {
        let mut bench = open(path, "", "");
        bench.upstream_says(text(UPSTREAM, &long));
        for (place, piece) in long.as_bytes().chunks(50_000).enumerate() {
            let opcode = if place == 0 { Opcode::Text } else { Opcode::Continuation };
            bench.upstream_says(frame(UPSTREAM, opcode, place == 4, piece));
        }
        bench.upstream_says(text(UPSTREAM, "after"));
        assert_eq!(bench.takes_bytes(Side::Client), text(UPSTREAM, "after"), "{path}");
        assert_eq!((bench.actions(), refused(&bench)), (String::new(), 2), "{path}");
    }
}

#[test]
fn what_is_compressed_is_no_command() {
    let mut bench = open("track", DEFLATE, DEFLATE);
    let head = FrameHead { rsv1: true, ..FrameHead::new(Opcode::Text, 19) };
    let mut bytes = [0; HEAD_MAX];
    let n = head.encode(&mut bytes);
    let compressed = [&bytes[..n], b"@channels:join tea!"].concat();
    bench.upstream_says(&compressed);
    assert_eq!(bench.takes_bytes(Side::Client), compressed);
    assert_eq!(bench.actions(), "");
    bench.upstream_says(text(UPSTREAM, "@channels:join tea"));
    assert_eq!(bench.actions(), "join tea");
    assert_eq!(bench.takes_bytes(Side::Client), b"");
}

#[test]
fn a_command_may_move_at_any_byte() {
    let parts: [&[u8]; 3] = [b"@chan", b"", b"nels:publish tea word"];
    let bytes = [
        text(UPSTREAM, "before"),
        frame(UPSTREAM, Opcode::Text, false, parts[0]),
        frame(UPSTREAM, Opcode::Continuation, false, &[&b"nels:pub"[..], parts[1]].concat()),
        frame(UPSTREAM, Opcode::Continuation, true, b"lish tea word"),
        text(UPSTREAM, "after"),
    ]
    .concat();
    for path in ["track", "guard"] {
        let mut bench = open(path, "", "Tidegate-Channel: room\r\n");
        let mut got = Vec::new();
        for byte in &bytes {
            bench.upstream_says([*byte]);
            moved(&mut bench);
            got.extend(bench.takes_bytes(Side::Client));
        }
        assert_eq!(messages(&got), [b"before".to_vec(), b"after".to_vec()], "{path}");
        assert_eq!(bench.actions().matches("publish word in tea").count(), 1, "{path}");
    }
}

#[test]
fn whatever_the_cuts_no_command_is_shown_and_nothing_else_is_lost() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let mut below = |n: usize| (rng.number() % n as u64) as usize;
        let path = ["track", "guard"][below(2)];
        let mut bench = open(path, "", "Tidegate-Channel: news\r\n");
        let (mut app, mut said, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..25 {
            let command = format!("@channels:publish tea {number}{}", "y".repeat(below(80)));
            let word = match below(6) {
                0 | 1 => command.clone(),
                2 => "@channels:"[..below(10)].to_owned(),
                3 => format!("@channels;{number}"),
                _ => format!("app {number} {}", "x".repeat(below(200))),
            };
            let binary = below(4) == 0;
            match word == command && !binary {
                true => said.push(command.replace("@channels:publish tea ", "")),
                false => app.push(word.clone().into_bytes()),
            }
            let size = 1 + below(word.len() + 1);
            let mut pieces: Vec<_> = word.as_bytes().chunks(size).collect();
            if pieces.is_empty() || below(4) == 0 {
                pieces.insert(below(pieces.len() + 1), b"");
            }
            for (place, piece) in pieces.iter().enumerate() {
                let first = if binary { Opcode::Binary } else { Opcode::Text };
                let opcode = if place == 0 { first } else { Opcode::Continuation };
                bytes.extend(frame(UPSTREAM, opcode, place + 1 == pieces.len(), piece));
                if below(4) == 0 {
                    bytes.extend(frame(UPSTREAM, Opcode::Ping, true, b"?"));
                }
            }
        }
        let (mut rest, mut got, mut news) = (&*bytes, Vec::new(), Vec::new());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(1 + below(60)));
            rest = behind;
            bench.upstream_says(piece);
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
        assert_eq!((of_app, of_news), (app, news), "seed {seed} {path}");
        let wanted: Vec<_> = said.iter().map(|word| format!("publish {word} in tea")).collect();
        assert_eq!(bench.actions(), wanted.join(", "), "seed {seed} {path}");
        assert_eq!(refused(&bench), 0);
    }
}
