//! Tests of the tracker: against frames read one by one, at any split, on frames and on garbage.
#![allow(clippy::indexing_slicing)]

use super::super::close::{CloseCode, CloseError};
use super::super::frame::{FrameHead, HEAD_MAX, Sender};
use super::super::{CONTROL_FRAME_MAX, CONTROL_MAX, ControlFrame, LONE_MAX};
use super::*;
use proptest::prelude::*;

const SERVER: Rules = Rules::new(Sender::Server, 1000);
const CLIENT: Rules = Rules { sender: Sender::Client, ..SERVER };

/// What there is to know about a stream, from the slow reader of whole frames.
#[derive(Debug, Default, PartialEq, Eq)]
struct Story {
    /// Offsets between frames, and whether a message of ours may go in there.
    boundaries: Vec<(usize, bool)>,
    /// Offset, opcode and payload of the control frames.
    controls: Vec<(usize, Opcode, Vec<u8>)>,
    fault: Option<FrameError>,
    tally: Tally,
    /// Bytes that passed.
    passed: usize,
}

/// Reads whole frames from a stream that is all there.
fn told(stream: &[u8], rules: &Rules) -> Story {
    let mut story = Story::default();
    let mut open = None;
    loop {
        story.boundaries.push((story.passed, open.is_none()));
        let rest = &stream[story.passed..];
        let (head, len) = match FrameHead::parse(rest, rules) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return story,
            Err(fault) => return Story { fault: Some(fault), ..story },
        };
        if head.opcode.is_control() {
            match Control::read(head, len, rest, rules.draft) {
                Ok(Some(control)) => {
                    let mut payload = [0; CONTROL_MAX];
                    let payload = control.payload(rest, &mut payload).to_vec();
                    story.controls.push((story.passed, head.opcode, payload));
                    story.tally.pings += u32::from(head.opcode == Opcode::Ping);
                    story.tally.pongs += u32::from(head.opcode == Opcode::Pong);
                    story.passed += control.len;
                    continue;
                }
                Ok(None) => return story,
                Err(fault) => return Story { fault: Some(fault), ..story },
            }
        }
        let fault = match (head.opcode, open) {
            (Opcode::Continuation, None) => Some(FrameError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => Some(FrameError::UnfinishedMessage),
            _ if open.unwrap_or(0) + head.payload > rules.max_message => Some(FrameError::TooLarge),
            _ => None,
        };
        if fault.is_some() {
            return Story { fault, ..story };
        }
        open = (!head.fin).then_some(open.unwrap_or(0) + head.payload);
        story.tally.messages += u64::from(head.fin);
        story.tally.fragments += u64::from(!head.fin);
        story.tally.payload += head.payload;
        let end = story.passed + len + head.payload as usize;
        if end > stream.len() {
            story.passed = stream.len();
            return story;
        }
        story.passed = end;
    }
}

/// How a tracker is asked.
type Ask = fn(&mut Tracker, &[u8], &Rules, &mut Tally) -> Result<Step, FrameError>;

const FRAME: Ask =
    |tracker, piece, rules, tally| tracker.advance(piece, Until::Frame, rules, tally);
const MESSAGE: Ask =
    |tracker, piece, rules, tally| tracker.advance(piece, Until::Message, rules, tally);
const END: Ask = |tracker, piece, rules, tally| tracker.advance(piece, Until::End, rules, tally);
/// The short way, and the long one where it says no more.
const STREAM: Ask = |tracker, piece, rules, tally| match tracker.stream(piece, rules, tally) {
    0 => tracker.advance(piece, Until::End, rules, tally),
    n => Ok(Step::Pass(n)),
};

/// The short ways for all of it or none, and the long one where that is none.
const STREAM_ALL: Ask = |tracker, piece, rules, tally| {
    let before = (*tracker, *tally);
    if rules.max_message >= LONE_MAX && tracker.lone(piece, rules.sender, tally)
        || !piece.is_empty() && tracker.stream_all(piece, rules, tally)
    {
        return Ok(Step::Pass(piece.len()));
    }
    assert_eq!((*tracker, *tally), before, "nothing has happened");
    tracker.advance(piece, Until::End, rules, tally)
};

/// No more than the longest header is seen, and what follows it goes over.
const UNSEEN: Ask = |tracker, piece, rules, tally| {
    let next = &piece[..piece.len().min(HEAD_MAX)];
    match tracker.reach(next, rules).min(piece.len() as u64) {
        0 => tracker.advance(piece, Until::End, rules, tally),
        n => {
            tracker.go_over(next, n, rules, tally);
            Ok(Step::Pass(n as usize))
        }
    }
};

/// The same from a tracker to which the stream is shown as it arrives, up to each of `cuts`.
fn tracked(stream: &[u8], cuts: &[usize], ask: Ask, rules: &Rules) -> Story {
    let mut story = Story { boundaries: vec![(0, true)], ..Story::default() };
    let mut tracker = Tracker::default();
    'arrivals: for arrived in cuts.iter().copied().chain([stream.len()]) {
        loop {
            let before = tracker;
            let at = story.passed;
            let piece = &stream[at..arrived.max(at)];
            match ask(&mut tracker, piece, rules, &mut story.tally) {
                Ok(Step::Pass(n)) => {
                    assert!(0 < n && n <= piece.len(), "something passes, and it is there");
                    story.passed += n;
                }
                Ok(Step::Control(control)) => {
                    assert_eq!(tracker, before, "a control frame leaves the message as it is");
                    let mut payload = [0; CONTROL_MAX];
                    let payload = control.payload(piece, &mut payload).to_vec();
                    story.controls.push((at, control.head.opcode, payload));
                    story.passed += control.len;
                }
                Ok(Step::Need(n)) => {
                    assert_eq!(tracker, before, "nothing moves");
                    assert!(piece.len() < n && n <= CONTROL_FRAME_MAX, "{} of {n}", piece.len());
                    assert!(
                        piece.is_empty() || tracker.at_frame(),
                        "only what starts a frame is held"
                    );
                    continue 'arrivals;
                }
                Err(fault) => {
                    assert_eq!(tracker, before, "nothing moves");
                    story.fault = Some(fault);
                    break 'arrivals;
                }
            }
            if tracker.at_frame() {
                story.boundaries.push((story.passed, tracker.at_message()));
            }
            assert_eq!(tracker, Tracker::resume(tracker.left(), tracker.open()));
        }
    }
    story
}

/// A tracker that stops at every frame finds what the slow reader finds; one that stops less often
/// finds nothing else.
fn agree(stream: &[u8], cuts: &[usize], rules: &Rules) {
    let expected = told(stream, rules);
    let every = tracked(stream, cuts, FRAME, rules);
    assert_eq!(every, expected, "{stream:02x?} at {cuts:?}");
    for ask in [MESSAGE, END, STREAM, STREAM_ALL, UNSEEN] {
        let some = tracked(stream, cuts, ask, rules);
        assert!(some.boundaries.iter().all(|at| expected.boundaries.contains(at)), "{some:?}");
        assert_eq!(
            Story { boundaries: Vec::new(), ..some },
            Story { boundaries: Vec::new(), ..told(stream, rules) }
        );
    }
}

fn frame(fin: bool, opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let head = FrameHead { fin, mask: key, ..FrameHead::new(opcode, payload.len() as u64) };
    let mut bytes = [0; HEAD_MAX];
    let len = head.encode(&mut bytes);
    [&bytes[..len], payload].concat()
}

#[test]
fn frames_of_a_piece_pass_in_one_step() {
    let text = frame(true, Opcode::Text, b"hello", Some([1, 2, 3, 4]));
    let stream = [&text[..], &text, &text, &text[..7]].concat();
    let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
    let step = tracker.advance(&stream, Until::End, &CLIENT, &mut tally);
    assert_eq!(step, Ok(Step::Pass(stream.len())));
    assert_eq!((tracker.left(), tally.messages, tally.payload), (4, 4, 20));
    assert!(!tracker.at_frame());
    tracker.pass(4);
    assert!(tracker.at_frame() && tracker.at_message());
}

#[test]
fn messages_of_one_frame_take_the_short_way() {
    let rules = Rules { rsv1: true, max_message: 100_000, ..CLIENT };
    let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
    for size in [0, 1, 125, 126, 65_535, 65_536] {
        for opcode in [Opcode::Text, Opcode::Binary] {
            let mut message = frame(true, opcode, &vec![0; size], Some([1, 2, 3, 4]));
            message[0] |= if size == 1 { 0x40 } else { 0 };
            let (head, rest) = message.split_at(message.len() - size / 2);
            assert_eq!(tracker.stream(head, &rules, &mut tally), head.len(), "{size}");
            assert_eq!(tracker.stream(rest, &rules, &mut tally), rest.len(), "{size}");
            assert!(tracker.at_message());
        }
    }
    assert_eq!((tally.messages, tally.payload), (12, 2 * (1 + 125 + 126 + 65_535 + 65_536)));
}

#[test]
fn a_header_is_held_until_it_is_whole() {
    let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
    let mut step = |bytes: &[u8]| tracker.advance(bytes, Until::End, &CLIENT, &mut tally);
    assert_eq!(step(b""), Ok(Step::Need(2)));
    assert_eq!(step(b"\x82"), Ok(Step::Need(2)));
    assert_eq!(step(b"\x82\xfe"), Ok(Step::Need(8)));
    assert_eq!(step(b"\x82\xfe\x01\x00\x01\x02\x03"), Ok(Step::Need(8)));
    assert_eq!(step(b"\x82\xfe\x01\x00\x01\x02\x03\x04"), Ok(Step::Pass(8)));
    assert_eq!(tracker.left(), 256);
}

#[test]
fn a_control_frame_is_held_until_it_is_whole() {
    let close = ControlFrame::close(CloseCode::NORMAL, "bye", Some([9, 8, 7, 6]));
    let stream = [&frame(false, Opcode::Text, b"x", Some([0; 4])), close.bytes()].concat();
    let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
    let mut step = |bytes: &[u8]| tracker.advance(bytes, Until::End, &CLIENT, &mut tally);
    assert_eq!(step(&stream), Ok(Step::Pass(7)));
    assert_eq!(step(&stream[7..15]), Ok(Step::Need(11)));
    let Ok(Step::Control(control)) = step(&stream[7..]) else { panic!("a close") };
    assert_eq!(control.payload(&stream[7..], &mut [0; CONTROL_MAX]), b"\x03\xe8bye");
    assert!(tracker.at_frame() && !tracker.at_message(), "between fragments");
    assert_eq!(tracker.open(), Some(1));
}

#[test]
fn what_lies_before_a_fault_passes_first() {
    let good = frame(true, Opcode::Text, b"hello", None);
    for (bad, fault, code) in [
        (&b"\x83\x00"[..], FrameError::UnknownOpcode, CloseCode::PROTOCOL),
        (b"\xc1\x00", FrameError::ReservedBits, CloseCode::PROTOCOL),
        (b"\x81\x80", FrameError::Masked, CloseCode::PROTOCOL),
        (b"\x80\x00", FrameError::UnexpectedContinuation, CloseCode::PROTOCOL),
        (b"\x89\x7e", FrameError::LongControl, CloseCode::PROTOCOL),
        (b"\x09\x00", FrameError::FragmentedControl, CloseCode::PROTOCOL),
        (b"\x81\x7e\x00\x01", FrameError::LengthNotMinimal, CloseCode::PROTOCOL),
        (b"\x81\x7e\x03\xe9", FrameError::TooLarge, CloseCode::TOO_LARGE),
        (b"\x88\x01x", FrameError::Close(CloseError::OneByte), CloseCode::PROTOCOL),
        (b"\x88\x03\x03\xe8\xff", FrameError::Close(CloseError::Reason), CloseCode::BAD_DATA),
    ] {
        let stream = [&good[..], bad].concat();
        let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
        let mut step = |bytes: &[u8]| tracker.advance(bytes, Until::End, &SERVER, &mut tally);
        assert_eq!(step(&stream), Ok(Step::Pass(good.len())));
        for _ in 0..2 {
            assert_eq!(step(&stream[good.len()..]), Err(fault));
        }
        assert_eq!(fault.close_code(), code);
        assert!(tracker.at_message(), "a close of ours may follow");
    }
}

#[test]
fn rsv1_passes_where_it_was_agreed() {
    let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
    let rules = Rules { rsv1: true, ..SERVER };
    let step = tracker.advance(b"\xc1\x01x", Until::End, &rules, &mut tally);
    assert_eq!(step, Ok(Step::Pass(3)));
}

/// Frames as peers send them, most of them right.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        4 => Just(Opcode::Text),
        2 => Just(Opcode::Binary),
        4 => Just(Opcode::Continuation),
        2 => Just(Opcode::Ping),
        2 => Just(Opcode::Pong),
        1 => Just(Opcode::Close),
    ];
    let payload = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..12),
        1 => proptest::collection::vec(any::<u8>(), 120..140),
        1 => Just(b"\x03\xe8".to_vec()),
    ];
    let one = (any::<bool>(), opcode, payload).prop_map(|(fin, opcode, payload)| {
        let control = opcode.is_control();
        let keep = if control { payload.len().min(CONTROL_MAX) } else { payload.len() };
        frame(fin || control, opcode, &payload[..keep], None)
    });
    proptest::collection::vec(one, 0..8).prop_map(|frames| frames.concat())
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0usize..300, 0..12).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

fn within(cuts: &[usize], stream: &[u8]) -> Vec<usize> {
    cuts.iter().map(|cut| (*cut).min(stream.len())).collect()
}

proptest! {
    #[test]
    fn any_split_of_frames_tells_the_same(stream in frames(), cuts in cuts()) {
        agree(&stream, &within(&cuts, &stream), &SERVER);
    }

    #[test]
    fn every_byte_by_itself_tells_the_same(stream in frames()) {
        let cuts: Vec<usize> = (0..stream.len()).collect();
        agree(&stream, &cuts, &Rules { max_message: 100, ..SERVER });
    }

    #[test]
    fn any_garbage_tells_the_same(
        stream in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(0x81), Just(0x01), Just(0x80), Just(0x89), Just(1), Just(0x82)],
            0..80,
        ),
        cuts in cuts(),
    ) {
        for rules in [SERVER, CLIENT, Rules { rsv1: true, ..SERVER }] {
            agree(&stream, &within(&cuts, &stream), &rules);
        }
    }
}
