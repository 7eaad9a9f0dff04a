//! Tests of the reader of messages: whole, in fragments, at any split, and what it refuses.
#![allow(clippy::indexing_slicing)]

use super::super::close::CloseCode;
use super::super::draft::Draft;
use super::super::frame::{FrameHead, HEAD_MAX, Sender};
use super::super::{CONTROL_MAX, ControlFrame};
use super::*;
use proptest::prelude::*;

const CLIENT: Rules = Rules::new(Sender::Client, 1000);
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message(Kind, Vec<u8>),
    Control(Opcode, Vec<u8>),
}

/// Reads a stream that arrives up to each of `cuts`: what was seen, the fault, and how many bytes
/// had arrived when it was found.
fn read(stream: &[u8], cuts: &[usize], rules: &Rules) -> (Vec<Seen>, Option<(FrameError, usize)>) {
    let mut stream = stream.to_vec();
    let (mut reader, mut seen, mut open, mut at) = (Reader::default(), Vec::new(), Vec::new(), 0);
    let mut inside = false;
    for arrived in cuts.iter().copied().chain([stream.len()]) {
        loop {
            let piece = &mut stream[at..arrived.max(at)];
            match reader.advance(piece, rules) {
                Ok(Read::Data(data)) => {
                    assert_eq!(data.first, !inside);
                    inside = !data.last;
                    open.extend_from_slice(&piece[data.framing..data.framing + data.payload]);
                    at += data.framing + data.payload;
                    assert_eq!(data.last, reader.at_message());
                    if data.last {
                        seen.push(Seen::Message(data.kind, std::mem::take(&mut open)));
                    }
                }
                Ok(Read::Control(control)) => {
                    let mut payload = [0; CONTROL_MAX];
                    let payload = control.payload(piece, &mut payload).to_vec();
                    seen.push(Seen::Control(control.head.opcode, payload));
                    at += control.len;
                }
                Ok(Read::Need(least)) => {
                    assert!(piece.len() < least);
                    break;
                }
                Ok(Read::Skip(n)) => at += n,
                Err(fault) => return (seen, Some((fault, arrived))),
            }
        }
    }
    (seen, None)
}

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let head = FrameHead { fin, ..FrameHead::new(opcode, payload.len() as u64) }.masked(KEY);
    let mut bytes = [0; HEAD_MAX];
    let len = head.encode(&mut bytes);
    let mut payload = payload.to_vec();
    mask(&mut payload, KEY, 0);
    [&bytes[..len], &payload].concat()
}

fn text(bytes: &str) -> Seen {
    Seen::Message(Kind::Text, bytes.into())
}

#[test]
fn messages_are_whole_again_at_any_split() {
    let ping = ControlFrame::new(Opcode::Ping, b"?", Some(KEY));
    let stream = [
        &frame(true, Opcode::Text, b"hello")[..],
        &frame(false, Opcode::Text, b"fr\xc3"),
        ping.bytes(),
        &frame(false, Opcode::Continuation, b""),
        &frame(true, Opcode::Continuation, b"\xa4g"),
        &frame(true, Opcode::Binary, b""),
        &frame(false, Opcode::Binary, &[0xff; 200]),
        &frame(true, Opcode::Continuation, b""),
    ]
    .concat();
    let expected = [
        text("hello"),
        Seen::Control(Opcode::Ping, b"?".to_vec()),
        text("fräg"),
        Seen::Message(Kind::Binary, Vec::new()),
        Seen::Message(Kind::Binary, vec![0xff; 200]),
    ];
    for step in 1..=stream.len() {
        let cuts: Vec<usize> = (0..stream.len()).step_by(step).collect();
        assert_eq!(read(&stream, &cuts, &CLIENT), (expected.to_vec(), None), "steps of {step}");
    }
}

#[test]
fn bad_text_is_refused_with_its_first_bad_byte() {
    let whole = frame(true, Opcode::Text, b"abc\xff...");
    let every: Vec<usize> = (0..whole.len()).collect();
    let fault = Some((FrameError::NotUtf8, 6 + 4));
    assert_eq!(read(&whole, &every, &CLIENT), (vec![], fault));
    assert_eq!(FrameError::NotUtf8.close_code(), CloseCode::BAD_DATA);

    let split = [frame(false, Opcode::Text, b"\xf4"), frame(true, Opcode::Continuation, b"\x90")];
    assert_eq!(read(&split.concat(), &[], &CLIENT).1, Some((FrameError::NotUtf8, 14)));

    let cut = frame(true, Opcode::Text, b"\xe2\x82");
    assert_eq!(read(&cut, &[], &CLIENT).1, Some((FrameError::NotUtf8, 8)));

    let binary = frame(true, Opcode::Binary, b"\xff");
    assert_eq!(read(&binary, &[], &CLIENT).1, None);
}

#[test]
fn version_7_does_not_refuse_bad_text() {
    let rules = Rules { draft: Draft::Hybi07, ..CLIENT };
    let (seen, fault) = read(&frame(true, Opcode::Text, b"a\xff"), &[], &rules);
    assert_eq!((seen, fault), (vec![Seen::Message(Kind::Text, b"a\xff".to_vec())], None));
}

#[test]
fn a_message_above_the_limit_is_refused_before_its_payload() {
    let first = frame(false, Opcode::Binary, &[0; 600]);
    let next = frame(true, Opcode::Continuation, &[0; 401]);
    let stream = [&first[..], &next[..4]].concat();
    assert_eq!(read(&stream, &[], &CLIENT).1, None, "the header is not whole");
    let stream = [&first[..], &next[..8]].concat();
    assert_eq!(read(&stream, &[], &CLIENT).1, Some((FrameError::TooLarge, stream.len())));
}

#[test]
fn deflated_text_is_checked_when_it_was_inflated() {
    let rules = Rules { rsv1: true, ..Rules::new(Sender::Server, 100) };
    let mut stream = *b"\x41\x01\xff\x80\x01\xfe";
    let mut reader = Reader::default();
    let Ok(Read::Data(data)) = reader.advance(&mut stream, &rules) else { panic!("a fragment") };
    assert!(data.deflated && data.first && !data.last);
    let Ok(Read::Data(data)) = reader.advance(&mut stream[3..], &rules) else { panic!("the last") };
    assert!(data.deflated && !data.first && data.last);
    assert_eq!(reader.text(b"\xc3", false), Ok(()));
    assert_eq!(reader.text(b"", true), Err(FrameError::NotUtf8));
}

proptest! {
    #[test]
    fn any_split_reads_the_same(
        parts in proptest::collection::vec((any::<bool>(), 0u8..5, ".{0,20}"), 0..8),
        cuts in proptest::collection::vec(0usize..400, 0..10),
        noise in any::<(usize, u8)>(),
        noisy: bool,
    ) {
        let mut stream = Vec::new();
        for (fin, opcode, payload) in parts {
            let opcode = [
                Opcode::Text, Opcode::Binary, Opcode::Continuation, Opcode::Ping, Opcode::Pong,
            ][usize::from(opcode)];
            stream.extend(frame(fin || opcode.is_control(), opcode, payload.as_bytes()));
        }
        if noisy && !stream.is_empty() {
            let at = noise.0 % stream.len();
            stream[at] = noise.1;
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.sort_unstable();
        let (seen, fault) = read(&stream, &[], &CLIENT);
        let (pieces, piece_fault) = read(&stream, &cuts, &CLIENT);
        prop_assert_eq!(pieces, seen);
        prop_assert_eq!(piece_fault.map(|(fault, _)| fault), fault.map(|(fault, _)| fault));
    }
}
