//! The message every connection sends: one masked frame kept ready, stamped with a number before each use.

use tidegate::proto::ws::{self, FrameHead, HEAD_MAX, Opcode};

/// Bytes at a payload's start that carry the message's number.
const STAMP: usize = 8;

/// A frame ready to be written and the payload its echo must carry.
///
/// Only the first eight payload bytes differ from message to message, so that stamping one costs the
/// same at every size.
pub(crate) struct Message {
    frame: Vec<u8>,
    head: usize,
    payload: Vec<u8>,
    key: [u8; 4],
    /// Several frames in one piece, for connections with more than one to send.
    batch: Vec<u8>,
}

/// The most that one write of several frames carries.
const BATCH: usize = 64 * 1024;

impl Message {
    /// A message of `size` bytes, masked with `key` every time.
    pub(crate) fn new(size: usize, text: bool, key: [u8; 4]) -> Message {
        let payload = pattern(size);
        let opcode = if text { Opcode::Text } else { Opcode::Binary };
        let frame = client_frame(opcode, &payload, key);
        let head = frame.len() - size;
        Message { frame, head, payload, key, batch: Vec::with_capacity(BATCH) }
    }

    /// Bytes of payload.
    pub(crate) fn size(&self) -> usize {
        self.payload.len()
    }

    /// Bytes of one frame on the wire.
    pub(crate) fn frame_len(&self) -> usize {
        self.frame.len()
    }

    /// What is to be written for the messages `numbers`, the first of them from `offset` on.
    pub(crate) fn wire(&mut self, numbers: std::ops::Range<u64>, offset: usize) -> &[u8] {
        let several = numbers.end - numbers.start > 1 && self.frame.len() * 2 <= BATCH;
        if !several {
            self.stamp(numbers.start);
            return &self.frame[offset..];
        }
        self.batch.clear();
        for number in numbers {
            if self.batch.len() + self.frame.len() > BATCH {
                break;
            }
            self.stamp(number);
            self.batch.extend_from_slice(&self.frame);
        }
        &self.batch[offset..]
    }

    /// Whether `bytes` are the payload of message `number` from `offset` on.
    pub(crate) fn matches(&self, number: u64, offset: usize, bytes: &[u8]) -> bool {
        let Some(expected) = self.payload.get(offset..offset + bytes.len()) else { return false };
        let split = STAMP.saturating_sub(offset).min(bytes.len());
        let (stamped, plain) = bytes.split_at(split);
        stamped.iter().zip(&stamp(number)[offset.min(STAMP)..]).all(|(got, want)| got == want)
            && plain == &expected[split..]
    }

    fn stamp(&mut self, number: u64) {
        let stamp = stamp(number);
        let body = &mut self.frame[self.head..];
        for (index, (byte, value)) in body.iter_mut().zip(stamp).enumerate() {
            *byte = value ^ self.key[index % 4];
        }
    }
}

/// One whole frame as a client sends it.
pub(crate) fn client_frame(opcode: Opcode, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut head = [0; HEAD_MAX];
    let len = FrameHead::new(opcode, payload.len() as u64).masked(key).encode(&mut head);
    let mut frame = head[..len].to_vec();
    frame.extend_from_slice(payload);
    ws::mask(&mut frame[len..], key, 0);
    frame
}

/// The number as text, so that text messages stay valid UTF-8; it repeats after 2^48 messages.
fn stamp(number: u64) -> [u8; STAMP] {
    std::array::from_fn(|index| b'0' + ((number >> (6 * index)) & 0x3f) as u8)
}

/// Printable bytes without a short period, the same in every run.
fn pattern(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b' ' + ((state >> 57) as u8 % 95)
    };
    (0..size).map(next).collect()
}
