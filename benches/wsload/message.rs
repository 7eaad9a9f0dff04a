//! The messages every connection sends: masked frames kept ready, so that sending one costs little.

use tidegate::proto::ws::{self, Deflater, Engines, FrameHead, HEAD_MAX, Opcode, Window};

use crate::options::{Options, Payload};

/// Bytes at a payload's start that carry the message's number.
const STAMP: usize = 8;
/// Messages kept ready where they are deflated and cannot be stamped.
const DEFLATED: u64 = 16;
/// The most that one write of several frames carries.
const BATCH: usize = 64 * 1024;

/// Frames ready to be written and the payload their echoes must carry.
///
/// Only the first eight payload bytes differ from message to message, so that stamping one costs the
/// same at every size. Deflated there are a few, each with a text of its own, in turn.
pub(crate) struct Message {
    frames: Vec<Frame>,
    key: [u8; 4],
    /// Several frames in one piece, for connections with more than one to send.
    batch: Vec<u8>,
}

/// One frame as it goes out, and what is in it.
struct Frame {
    wire: Vec<u8>,
    head: usize,
    payload: Vec<u8>,
}

impl Message {
    /// Messages as the options ask for, masked with `key` every time.
    pub(crate) fn new(options: &Options, key: [u8; 4]) -> Message {
        let opcode = if options.text { Opcode::Text } else { Opcode::Binary };
        let payload = |number| match options.payload {
            Payload::Noise => noise(options.size),
            Payload::Json => json(options.size, number),
        };
        let frames = match options.deflate {
            None => {
                let payload = payload(0);
                vec![Frame::new(FrameHead::new(opcode, 0), &payload.clone(), payload, key)]
            }
            Some(_) => {
                let head = FrameHead { rsv1: true, ..FrameHead::new(opcode, 0) };
                let frame = |number| {
                    let payload = payload(number);
                    Frame::new(head, &deflated(&payload), payload, key)
                };
                (0..DEFLATED).map(frame).collect()
            }
        };
        Message { frames, key, batch: Vec::with_capacity(BATCH) }
    }

    /// Bytes of payload of message `number`.
    pub(crate) fn payload(&self, number: u64) -> &[u8] {
        &self.frame(number).payload
    }

    /// Bytes of the frame of message `number` on the wire.
    pub(crate) fn frame_len(&self, number: u64) -> usize {
        self.frame(number).wire.len()
    }

    /// What is to be written for the messages `numbers`, the first of them from `offset` on.
    pub(crate) fn wire(&mut self, numbers: std::ops::Range<u64>, offset: usize) -> &[u8] {
        let first = numbers.start;
        let several = numbers.end - first > 1 && self.frame_len(first) * 2 <= BATCH;
        if !several {
            self.stamp(first);
            return &self.frame(first).wire[offset..];
        }
        self.batch.clear();
        for number in numbers {
            if self.batch.len() + self.frame_len(number) > BATCH {
                break;
            }
            self.stamp(number);
            let at = self.place(number);
            self.batch.extend_from_slice(&self.frames[at].wire);
        }
        &self.batch[offset..]
    }

    /// Whether `bytes` are the payload of message `number` from `offset` on.
    pub(crate) fn matches(&self, number: u64, offset: usize, bytes: &[u8]) -> bool {
        let payload = self.payload(number);
        let Some(expected) = payload.get(offset..offset + bytes.len()) else { return false };
        if self.frames.len() > 1 {
            return bytes == expected;
        }
        let split = STAMP.saturating_sub(offset).min(bytes.len());
        let (stamped, plain) = bytes.split_at(split);
        stamped.iter().zip(&stamp(number)[offset.min(STAMP)..]).all(|(got, want)| got == want)
            && plain == &expected[split..]
    }

    fn place(&self, number: u64) -> usize {
        (number % self.frames.len() as u64) as usize
    }

    fn frame(&self, number: u64) -> &Frame {
        &self.frames[self.place(number)]
    }

    /// Puts its number into the only frame there is.
    fn stamp(&mut self, number: u64) {
        let [frame] = &mut self.frames[..] else { return };
        let stamp = stamp(number);
        let body = &mut frame.wire[frame.head..];
        for (index, (byte, value)) in body.iter_mut().zip(stamp).enumerate() {
            *byte = value ^ self.key[index % 4];
        }
    }
}

impl Frame {
    fn new(head: FrameHead, body: &[u8], payload: Vec<u8>, key: [u8; 4]) -> Frame {
        let wire = masked(head, body, key);
        let head = wire.len() - body.len();
        Frame { wire, head, payload }
    }
}

/// A payload as permessage-deflate sends it, by itself: a sender may always begin with an empty window.
fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut deflater = Deflater::new(Window { takeover: false, bits: 15 });
    deflater.deflate(payload, true, &mut Engines::new(), &mut out);
    out
}

/// One whole frame as a client sends it.
pub(crate) fn client_frame(opcode: Opcode, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    masked(FrameHead::new(opcode, 0), payload, key)
}

fn masked(head: FrameHead, body: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut encoded = [0; HEAD_MAX];
    let head = FrameHead { payload: body.len() as u64, ..head }.masked(key);
    let len = head.encode(&mut encoded);
    let mut frame = encoded[..len].to_vec();
    frame.extend_from_slice(body);
    ws::mask(&mut frame[len..], key, 0);
    frame
}

/// The number as text, so that text messages stay valid UTF-8; it repeats after 2^48 messages.
fn stamp(number: u64) -> [u8; STAMP] {
    std::array::from_fn(|index| b'0' + ((number >> (6 * index)) & 0x3f) as u8)
}

/// Printable bytes without a short period, the same in every run.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b' ' + ((state >> 57) as u8 % 95)
    };
    (0..size).map(next).collect()
}

/// Text as applications send it: the same keys again and again, other values.
fn json(size: usize, number: u64) -> Vec<u8> {
    let mut text = String::from("{\"seq\": 0, \"items\": [");
    for place in 0.. {
        if text.len() >= size {
            break;
        }
        let value = (place + 1) * 7919 * (number + 3) % 10_007;
        let (user, at) = (value % 97, 1_700_000_000 + value * 31);
        text += &format!(
            "{{\"id\": {value}, \"user\": \"u{user}\", \"text\": \"message {place}\", \"at\": {at}}}, "
        );
    }
    text.truncate(size);
    text.into_bytes()
}
