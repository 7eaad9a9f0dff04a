//! WebSocket frames and messages: the same however they are split, followed or read whole.

use tidegate::proto::ws::*;

/// Small enough for the limit to be reached by short inputs.
const MESSAGE_MAX: u64 = 200;

/// The first byte of an input: who speaks and what was agreed; the rest are the frames.
fn rules(data: &[u8]) -> (Rules, &[u8]) {
    let (flags, frames) = data.split_first().unwrap_or((&0, &[]));
    let sender = if flags & 1 == 0 { Sender::Client } else { Sender::Server };
    let draft = match flags >> 2 & 3 {
        1 => Draft::Hybi07,
        2 => Draft::Hybi08,
        _ => Draft::Rfc6455,
    };
    (Rules { draft, rsv1: flags & 2 != 0, ..Rules::new(sender, MESSAGE_MAX) }, frames)
}

/// A header is the same at every split, and is written as it was read.
pub fn ws_frame(data: &[u8]) {
    let (rules, bytes) = rules(data);
    let whole = FrameHead::parse(bytes, &rules);
    for end in 0..bytes.len().min(HEAD_MAX) {
        let (prefix, _) = bytes.split_at(end);
        let part = FrameHead::parse(prefix, &rules);
        assert!(part == Ok(None) || part == whole, "at {end}: {part:?}, not {whole:?}");
        let least = FrameHead::len_at_least(prefix);
        assert!(part != Ok(None) || whole.is_err() || least > end, "{least} at {end}");
    }
    let Ok(Some((head, len))) = whole else { return };
    let mut written = [0; HEAD_MAX];
    assert_eq!(head.encode(&mut written), len, "the shortest form");
    assert_eq!(written.get(..len), bytes.get(..len));
}

/// What is there to know about a stream of frames.
#[derive(Debug, Default, PartialEq, Eq)]
struct Story {
    /// Offsets between frames, and whether no message is open there.
    boundaries: Vec<(usize, bool)>,
    controls: Vec<(usize, Opcode, Vec<u8>)>,
    fault: Option<FrameError>,
    messages: u64,
    passed: usize,
}

/// The tracker never reports a boundary where none is, at any split: it tells what reading whole
/// frames one by one tells.
pub fn ws_tracker(data: &[u8]) {
    let (rules, frames) = rules(data);
    let expected = read(frames, &rules);
    for step in [1, 2, 3, 7, 64, frames.len()] {
        let every = tracked(frames, step, Until::Frame, false, &rules);
        assert_eq!(every, expected, "in steps of {step}");
        for (until, short) in [(Until::Message, false), (Until::End, false), (Until::End, true)] {
            let some = tracked(frames, step, until, short, &rules);
            assert!(some.boundaries.iter().all(|at| expected.boundaries.contains(at)));
            assert_eq!((some.fault, some.messages), (expected.fault, expected.messages));
            assert_eq!((&some.controls, some.passed), (&expected.controls, expected.passed));
        }
    }
}

/// Reads the frames of a stream that is all there.
fn read(stream: &[u8], rules: &Rules) -> Story {
    let mut story = Story::default();
    let mut sequence = Sequence::default();
    loop {
        story.boundaries.push((story.passed, !sequence.is_open()));
        let (_, rest) = stream.split_at(story.passed);
        let parsed = FrameHead::parse(rest, rules);
        let (head, len) = match parsed {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return story,
            Err(fault) => return Story { fault: Some(fault), ..story },
        };
        let end = len + head.payload as usize;
        if head.opcode.is_control() {
            let Some(payload) = rest.get(len..end) else { return story };
            let mut payload = payload.to_vec();
            mask(&mut payload, head.mask.unwrap_or_default(), 0);
            if head.opcode == Opcode::Close
                && let Err(fault) = parse_close(&payload, rules.draft)
            {
                return Story { fault: Some(FrameError::Close(fault)), ..story };
            }
            story.controls.push((story.passed, head.opcode, payload));
        } else if let Err(fault) = sequence.accept(&head, rules) {
            return Story { fault: Some(fault), ..story };
        } else {
            story.messages += u64::from(head.fin);
        }
        if end > rest.len() {
            return Story { passed: stream.len(), ..story };
        }
        story.passed += end;
    }
}

/// Follows a stream that arrives in steps; with `short` by the short way, where that goes.
fn tracked(stream: &[u8], stride: usize, until: Until, short: bool, rules: &Rules) -> Story {
    let mut story = Story { boundaries: vec![(0, true)], ..Story::default() };
    let (mut tracker, mut tally) = (Tracker::default(), Tally::default());
    let mut arrived = 0;
    loop {
        let piece = stream.get(story.passed..arrived).unwrap_or_default();
        let at = story.passed;
        let passed = if short { tracker.stream(piece, rules, &mut tally) } else { 0 };
        let step = match passed {
            0 => tracker.advance(piece, until, rules, &mut tally),
            passed => Ok(Step::Pass(passed)),
        };
        match step {
            Ok(Step::Pass(n)) => story.passed += n,
            Ok(Step::Control(control)) => {
                let mut payload = [0; CONTROL_MAX];
                let payload = control.payload(piece, &mut payload).to_vec();
                story.controls.push((at, control.head.opcode, payload));
                story.passed += control.len;
            }
            Ok(Step::Need(least)) => {
                assert!(piece.len() < least && piece.len() < CONTROL_FRAME_MAX, "held too long");
                assert!(piece.is_empty() || tracker.at_frame(), "held inside a frame");
                if arrived == stream.len() {
                    break;
                }
                arrived = (arrived + stride.max(1)).min(stream.len());
                continue;
            }
            Err(fault) => {
                story.fault = Some(fault);
                break;
            }
        }
        if tracker.at_frame() {
            story.boundaries.push((story.passed, tracker.at_message()));
        }
    }
    story.messages = tally.messages;
    story
}

/// What a reader of messages saw: messages and control frames in order, and the fault.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    messages: Vec<(Kind, bool, Vec<u8>)>,
    controls: Vec<(Opcode, Vec<u8>)>,
    fault: Option<FrameError>,
    taken: usize,
}

/// Messages are the same at every split; text is UTF-8; nothing is above the limit.
pub fn ws_message(data: &[u8]) {
    let (rules, frames) = rules(data);
    let whole = messages(frames, frames.len(), &rules);
    for step in [1, 2, 3, 7, 64] {
        let pieces = messages(frames, step, &rules);
        assert_eq!((&pieces.messages, &pieces.controls), (&whole.messages, &whole.controls));
        assert_eq!(pieces.fault, whole.fault, "in steps of {step}");
    }
    for (kind, deflated, message) in &whole.messages {
        assert!(message.len() as u64 <= MESSAGE_MAX);
        let text = *kind == Kind::Text && !deflated && rules.draft.refuses_bad_text();
        assert!(!text || std::str::from_utf8(message).is_ok(), "{message:02x?}");
    }
    if whole.fault.is_none() {
        assert!(frames.len() - whole.taken < CONTROL_FRAME_MAX, "no more than that is held");
    }
}

/// Reads the messages of a stream that arrives in steps.
fn messages(frames: &[u8], step: usize, rules: &Rules) -> Reading {
    let mut stream = frames.to_vec();
    let mut reading = Reading::default();
    let (mut reader, mut open, mut arrived) = (Incoming::new(rules.draft), Vec::new(), 0);
    loop {
        let piece = stream.get_mut(reading.taken..arrived).unwrap_or_default();
        match reader.advance(piece, rules) {
            Ok(Read::Data(data)) => {
                open.extend(piece.iter().skip(data.framing).take(data.payload));
                reading.taken += data.framing + data.payload;
                if data.last {
                    let message = std::mem::take(&mut open);
                    reading.messages.push((data.kind, data.deflated, message));
                }
            }
            Ok(Read::Control(control)) => {
                let mut payload = [0; CONTROL_MAX];
                let payload = control.payload(piece, &mut payload).to_vec();
                reading.controls.push((control.head.opcode, payload));
                reading.taken += control.len;
            }
            Ok(Read::Skip(n)) => reading.taken += n,
            Ok(Read::Need(least)) => {
                assert!(piece.len() < least);
                if arrived == stream.len() {
                    return reading;
                }
                arrived = (arrived + step.max(1)).min(stream.len());
            }
            Err(fault) => return Reading { fault: Some(fault), taken: 0, ..reading },
        }
    }
}

/// The hixie drafts' messages are the same at every split, and come back when they are written.
pub fn ws_hixie(data: &[u8]) {
    for draft in [Draft::Hixie75, Draft::Hixie76] {
        let rules = Rules { draft, ..Rules::new(Sender::Client, MESSAGE_MAX) };
        let whole = messages(data, data.len(), &rules);
        for step in [1, 2, 3, 7, 64] {
            assert_eq!(messages(data, step, &rules), whole, "in steps of {step}");
        }
        let mut written = Vec::new();
        let texts: Vec<_> =
            whole.messages.iter().map(|(_, _, text)| String::from_utf8_lossy(text)).collect();
        for text in &texts {
            encode_hixie_text(text, &mut written);
        }
        let roomy = Rules { max_message: 3 * MESSAGE_MAX, ..rules };
        let again = messages(&written, 5, &roomy);
        assert_eq!((again.fault, again.taken), (None, written.len()));
        let back = again.messages.iter().map(|(_, _, text)| text.as_slice());
        assert!(back.eq(texts.iter().map(|text| text.as_bytes())));
    }
}
