//! What an end says: messages in any number of frames, pings and pongs between them, and what is wrong.

use super::frame::{BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT};
use super::plan::Fault;
use crate::session::Side;
use crate::session::sim::dice::Dice;

/// One frame that was said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) frame: Frame,
    pub(super) bytes: Vec<u8>,
    /// It answers a ping of the router's.
    pub(super) is_answer: bool,
    /// It breaks a rule or lies behind what does: nobody may hear of it.
    pub(super) is_void: bool,
}

/// All that one end has said.
#[derive(Debug)]
pub(super) struct Mouth {
    side: Side,
    rsv1: bool,
    longest: usize,
    pub(super) frames: Vec<Said>,
    /// Whole messages: whether text, and what.
    pub(super) messages: Vec<(bool, Vec<u8>)>,
    /// Payloads of pings.
    pub(super) pings: Vec<Vec<u8>>,
    /// The rule that was broken, if any.
    pub(super) broke: Option<Fault>,
    pub(super) closed: bool,
    /// The frames of the message that is being said.
    pending: Vec<Frame>,
}

impl Mouth {
    pub(super) fn new(side: Side, rsv1: bool, longest: usize) -> Mouth {
        Mouth {
            side,
            rsv1,
            longest,
            frames: Vec::new(),
            messages: Vec::new(),
            pings: Vec::new(),
            broke: None,
            closed: false,
            pending: Vec::new(),
        }
    }

    fn key(&self, dice: &mut Dice) -> Option<[u8; 4]> {
        let key = dice.pick(&[[0; 4], [1, 2, 3, 4], [0xff, 0, 0x81, 0x88]]);
        (self.side == Side::Client).then_some(key)
    }

    /// Says a frame; its bytes.
    fn put(&mut self, frame: &Frame, is_answer: bool) -> Vec<u8> {
        let bytes = frame.bytes();
        let is_void = self.broke.is_some() || self.closed;
        self.closed |= frame.opcode == CLOSE;
        self.frames.push(Said { frame: frame.clone(), bytes: bytes.clone(), is_answer, is_void });
        bytes
    }

    /// Whether a message is half said.
    pub(super) fn is_within(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Says the next frame of a message, or begins a new one.
    pub(super) fn message(&mut self, dice: &mut Dice) -> Vec<u8> {
        if self.pending.is_empty() {
            self.compose(dice);
        }
        let frame = self.pending.remove(0);
        self.put(&frame, false)
    }

    fn compose(&mut self, dice: &mut Dice) {
        let size = match dice.below(10) {
            0 => self.longest,
            1..=3 => dice.below(self.longest.min(200) + 1),
            4 => dice.below(self.longest + 1),
            _ => dice.below(20),
        };
        let is_text = dice.chance(50);
        let first = dice.below(1000);
        let letter =
            |at: usize| b"\x81\x88\0abcdefghijklmnopqrstuvwxyz"[(first + at * 7 + at / 29) % 29];
        let payload: Vec<u8> = (0..size)
            .map(letter)
            .map(|byte| if is_text && byte > 0x7f { b'!' } else { byte })
            .collect();
        if self.broke.is_none() && !self.closed {
            self.messages.push((is_text, payload.clone()));
        }
        let rsv = if self.rsv1 && dice.chance(50) { 4 } else { 0 };
        let (mut rest, mut opcode) = (&payload[..], if is_text { TEXT } else { BINARY });
        let key = self.key(dice);
        loop {
            let last = dice.chance(65);
            let cut = if last { rest.len() } else { dice.below(rest.len() + 1) };
            let (piece, behind) = rest.split_at(cut);
            let rsv = if opcode == CONTINUATION { 0 } else { rsv };
            self.pending.push(Frame { fin: last, rsv, ..Frame::new(opcode, piece, key) });
            if last {
                return;
            }
            (rest, opcode) = (behind, CONTINUATION);
        }
    }

    /// Asks, with anything but the eight bytes of the router's pings.
    pub(super) fn ping(&mut self, dice: &mut Dice) -> Vec<u8> {
        let size = dice.pick(&[1, 3, 20, 125]);
        let payload = vec![b'a' + dice.below(26) as u8; size];
        self.pings.push(payload.clone());
        let frame = Frame::new(PING, &payload, self.key(dice));
        self.put(&frame, false)
    }

    /// A pong nobody asked for.
    pub(super) fn pong(&mut self, dice: &mut Dice) -> Vec<u8> {
        let frame = Frame::new(PONG, b"unasked", self.key(dice));
        self.put(&frame, false)
    }

    /// Answers a ping; `routers`: it was none of the other end's.
    pub(super) fn answer(&mut self, payload: &[u8], routers: bool, dice: &mut Dice) -> Vec<u8> {
        let frame = Frame::new(PONG, payload, self.key(dice));
        self.put(&frame, routers)
    }

    /// Says that it is over, with a code the router never says of itself.
    pub(super) fn close(&mut self, dice: &mut Dice) -> Vec<u8> {
        let code = 4000 + dice.below(900) as u16;
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend(&b"because"[..dice.below(8)]);
        self.drop_half();
        let frame = Frame::new(CLOSE, &payload, self.key(dice));
        self.put(&frame, false)
    }

    /// What was begun does not become whole any more.
    fn drop_half(&mut self) {
        if self.is_within() && self.broke.is_none() && !self.closed {
            self.messages.pop();
        }
        self.pending.clear();
    }

    /// Says what breaks a rule.
    pub(super) fn err(&mut self, fault: Fault, dice: &mut Dice) -> Vec<u8> {
        let key = self.key(dice);
        let within = self.is_within();
        self.drop_half();
        let opcode = if within { CONTINUATION } else { TEXT };
        let mut frame = Frame::new(opcode, b"wrong", key);
        let mut before = Vec::new();
        match fault {
            Fault::Mask if key.is_some() => frame.key = None,
            Fault::Mask => frame.key = Some([7; 4]),
            Fault::Reserved => frame.rsv = 2,
            Fault::Opcode => frame.opcode = dice.pick(&[3, 7, 11, 15]),
            Fault::LongControl => frame = Frame::new(PING, &[b'x'; 126], key),
            Fault::FragmentedControl => {
                frame = Frame { fin: false, ..Frame::new(PING, b"x", key) };
            }
            Fault::StrayContinuation | Fault::Interleaved if within => frame.opcode = TEXT,
            Fault::StrayContinuation => frame.opcode = CONTINUATION,
            Fault::Interleaved => {
                let first = Frame { fin: false, ..Frame::new(TEXT, b"begun", key) };
                before = self.put(&first, false);
            }
            Fault::LongLength => {}
            Fault::BadClose => {
                let payload = dice.pick(&[&b"\x03"[..], b"\x03\xed", b"\x03\xe8\xff"]);
                frame = Frame::new(CLOSE, payload, key);
            }
            Fault::TooLarge => frame.payload = vec![b'x'; self.longest + 1],
            Fault::NotUtf8 if within => frame = Frame::new(TEXT, b"\xff", key),
            Fault::NotUtf8 => frame.payload = b"\xff".to_vec(),
        }
        self.broke = Some(match (fault, frame.payload.as_slice()) {
            (Fault::BadClose, [_, _, _]) => Fault::NotUtf8,
            (Fault::NotUtf8, _) if within => Fault::Interleaved,
            _ => fault,
        });
        let mut bytes = self.put(&frame, false);
        if fault == Fault::LongLength {
            let at = if key.is_some() { 6 } else { 2 };
            let masked = bytes.split_off(2);
            bytes[1] = bytes[1] & 0x80 | 126;
            bytes.extend([0, (masked.len() + 2 - at) as u8]);
            bytes.extend(masked);
        }
        before.extend(bytes);
        before
    }
}
