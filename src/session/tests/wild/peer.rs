//! One peer of a WebSocket that ends here: says what is right and what is wrong in its draft, and
//! checks each byte it hears.

use std::collections::VecDeque;

use super::super::terminated::frame;
use crate::base::Rng;
use crate::proto::ws::{
    CONTROL_MAX, Deflater, Draft, Engines, Incoming, Inflater, KEY3_LEN, Kind, Opcode, Read, Rules,
    Sender, Window,
};

/// The longest message a client may send on the bench.
const LIMIT: u64 = 1000;
const WINDOW: Window = Window { takeover: false, bits: 15 };

pub(super) type Message = (Kind, Vec<u8>);

/// One of the two.
pub(super) struct Peer {
    draft: Draft,
    role: Sender,
    /// permessage-deflate was agreed.
    deflates: bool,
    /// The other one has binary messages.
    binary_goes_on: bool,
    /// Said and not arrived yet.
    pub(super) outbox: VecDeque<u8>,
    /// The messages it said, as the other one must hear them.
    pub(super) said: Vec<Message>,
    /// It broke a rule or said Close: what it says from here on does not count.
    pub(super) spoiled: bool,
    pings: Vec<Vec<u8>>,
    /// It said what may be anything, a ping too.
    babbles: bool,
    inbox: Vec<u8>,
    /// Bytes of a handshake that come first.
    proof: usize,
    incoming: Incoming,
    part: Vec<u8>,
    inflater: Inflater,
    deflater: Deflater,
    engines: Engines,
    pub(super) heard: Vec<Message>,
    pub(super) heard_close: bool,
}

impl Peer {
    pub(super) fn new(draft: Draft, role: Sender, deflates: bool, other: Draft) -> Peer {
        let owes = draft == Draft::Hixie76 && role == Sender::Client;
        Peer {
            draft,
            role,
            deflates,
            binary_goes_on: other.has_frames(),
            outbox: if owes { b"^n:ds[4U".to_vec().into() } else { VecDeque::new() },
            said: Vec::new(),
            spoiled: false,
            pings: vec![Vec::new()],
            babbles: false,
            inbox: Vec::new(),
            proof: if owes { 2 * KEY3_LEN } else { 0 },
            incoming: Incoming::new(draft),
            part: Vec::new(),
            inflater: Inflater::new(WINDOW),
            deflater: Deflater::new(WINDOW),
            engines: Engines::new(),
            heard: Vec::new(),
            heard_close: false,
        }
    }

    /// Says something more; nothing wrong if `tame`.
    pub(super) fn says(&mut self, rng: &mut Rng, tame: bool) {
        match rng.below(20) {
            0..=13 => self.says_message(rng, tame),
            14..=16 => self.says_ping(rng),
            17 if self.draft.has_frames() => self.put(Opcode::Pong, true, b"unasked", rng),
            18 if !tame => self.says_close(rng),
            19 if !tame => self.errs(rng),
            _ => {}
        }
    }

    fn says_ping(&mut self, rng: &mut Rng) {
        if self.draft.has_frames() {
            let payload = rng.number().to_be_bytes().repeat(rng.below(16) as usize);
            self.put(Opcode::Ping, true, &payload, rng);
            self.pings.push(payload);
        }
    }

    /// Says that it is over.
    pub(super) fn says_close(&mut self, rng: &mut Rng) {
        match self.draft {
            Draft::Hixie75 => return,
            Draft::Hixie76 => self.outbox.extend(b"\xff\x00"),
            _ if rng.below(4) == 0 => self.put(Opcode::Close, true, b"", rng),
            _ => self.put(Opcode::Close, true, b"\x03\xe8bye", rng),
        }
        self.spoiled = true;
    }

    fn says_message(&mut self, rng: &mut Rng, tame: bool) {
        let kind = match rng.below(3) {
            0 if self.draft.has_frames() && (self.binary_goes_on || !tame) => Kind::Binary,
            _ => Kind::Text,
        };
        let most = if self.role == Sender::Client { LIMIT } else { 100_000 };
        let size = if rng.below(10) == 0 { most } else { rng.below(150.min(most)) };
        let mut payload = Vec::new();
        while (payload.len() as u64) < size.saturating_sub(4) {
            match kind {
                Kind::Binary => payload.extend(rng.number().to_le_bytes()),
                Kind::Text => payload.extend(["a", "ä", "€", "🦊"][rng.below(4) as usize].bytes()),
            }
        }
        payload.truncate(if kind == Kind::Binary { most as usize } else { payload.len() });
        let mends = !self.draft.refuses_bad_text() && kind == Kind::Text && rng.below(5) == 0;
        if mends {
            payload.push(0xc3);
        }
        self.send(kind, &payload, rng);
        if !self.spoiled {
            // What has no words for it ends the WebSocket.
            self.spoiled = kind == Kind::Binary && !self.binary_goes_on;
            if !self.spoiled {
                let text = String::from_utf8_lossy(&payload).into_owned().into_bytes();
                self.said.push((kind, if kind == Kind::Text { text } else { payload }));
            }
        }
    }

    fn send(&mut self, kind: Kind, payload: &[u8], rng: &mut Rng) {
        if !self.draft.has_frames() {
            if rng.below(5) == 0 {
                self.outbox.extend(b"\x01other\xff\x80\x02ab");
            }
            self.outbox.extend(b"\x00");
            self.outbox.extend(payload);
            return self.outbox.extend(b"\xff");
        }
        let deflated = self.deflates && rng.below(2) == 0;
        let mut body = Vec::new();
        if deflated {
            self.deflater.deflate(payload, true, &mut self.engines, &mut body);
        } else {
            body.extend(payload);
        }
        let mut opcode = kind.opcode();
        while rng.below(3) == 0 {
            let rest = body.split_off(rng.below(body.len() as u64 + 1) as usize);
            self.put_data(opcode, false, &body, deflated, rng);
            if rng.below(3) == 0 {
                self.says_ping(rng);
            }
            (body, opcode) = (rest, Opcode::Continuation);
        }
        self.put_data(opcode, true, &body, deflated, rng);
    }

    fn put_data(&mut self, opcode: Opcode, fin: bool, body: &[u8], deflated: bool, rng: &mut Rng) {
        let at = self.outbox.len();
        self.put(opcode, fin, body, rng);
        if deflated && opcode != Opcode::Continuation {
            self.outbox[at] |= 0x40;
        }
    }

    fn put(&mut self, opcode: Opcode, fin: bool, payload: &[u8], rng: &mut Rng) {
        let key = (rng.number() as u32).to_be_bytes();
        let key = (self.role == Sender::Client).then_some(key);
        self.outbox.extend(frame(opcode, fin, payload, key));
    }

    /// Breaks a rule.
    fn errs(&mut self, rng: &mut Rng) {
        self.spoiled = true;
        let at = self.outbox.len();
        match rng.below(8) {
            0 => self.put(Opcode::Continuation, true, b"of nothing", rng),
            1 => self.put(Opcode::Text, true, b"\xc0\xaf", rng),
            2 => self.put(Opcode::Close, true, b"\x03\xed", rng),
            3 => self.put(Opcode::Binary, true, &[0; LIMIT as usize + 1], rng),
            4 => {
                self.put(Opcode::Text, true, b"unmasked, or masked", rng);
                self.outbox[at + 1] ^= 0x80;
            }
            5 => {
                self.put(Opcode::Binary, true, b"\xff\xff no deflate", rng);
                self.outbox[at] |= 0x40;
            }
            6 => {
                self.put(Opcode::Text, false, b"a message inside another", rng);
                self.put(Opcode::Text, true, b"of which nothing comes", rng);
            }
            _ => {
                self.babbles = true;
                let garbage = (0..=rng.below(60)).map(|_| rng.number() as u8);
                self.outbox.extend(garbage.collect::<Vec<u8>>());
            }
        }
    }

    /// Whether its draft has a Close, and there is somebody to say one.
    pub(super) fn can_hear_close(&self, alone: bool) -> bool {
        self.draft != Draft::Hixie75 && !(alone && self.role == Sender::Server)
    }

    /// Hears bytes: whole frames of its draft, nothing behind a Close, nothing nobody said.
    pub(super) fn hears(&mut self, bytes: &[u8], rng: &mut Rng) {
        self.inbox.extend(bytes);
        let proof = self.proof.min(self.inbox.len());
        self.inbox.drain(..proof);
        self.proof -= proof;
        let from = if self.role == Sender::Client { Sender::Server } else { Sender::Client };
        let rules =
            Rules { draft: self.draft, rsv1: self.deflates, ..Rules::new(from, u64::MAX >> 1) };
        loop {
            assert!(!self.heard_close || self.inbox.is_empty(), "bytes behind a Close");
            let read = self.incoming.advance(&mut self.inbox, &rules);
            match read.unwrap_or_else(|error| {
                panic!("{} {:?}: {error} in {:x?}", self.draft, self.role, self.inbox)
            }) {
                Read::Data(data) => {
                    self.inbox.drain(..data.framing);
                    let piece: Vec<u8> = self.inbox.drain(..data.payload).collect();
                    if data.deflated {
                        self.inflate(&piece, data.last);
                    } else {
                        self.part.extend(piece);
                    }
                    if data.last {
                        let message = std::mem::take(&mut self.part);
                        let is_text = std::str::from_utf8(&message).is_ok();
                        assert!(data.kind == Kind::Binary || is_text, "text that is none");
                        self.heard.push((data.kind, message));
                    }
                }
                Read::Control(control) => {
                    let mut payload = [0; CONTROL_MAX];
                    let payload = control.payload(&self.inbox, &mut payload).to_vec();
                    self.inbox.drain(..control.len);
                    match control.head.opcode {
                        Opcode::Close => self.heard_close = true,
                        Opcode::Ping => self.put(Opcode::Pong, true, &payload, rng),
                        _ => {
                            let asked = self.babbles || self.pings.contains(&payload);
                            assert!(asked, "a pong nobody asked for");
                        }
                    }
                }
                Read::Skip(n) => panic!("{n} bytes that mean nothing"),
                Read::Need(_) => return,
            }
        }
    }

    fn inflate(&mut self, piece: &[u8], last: bool) {
        let mut at = 0;
        loop {
            let mut room = [0; 4096];
            let step = self
                .inflater
                .inflate(&piece[at..], last, u64::MAX, &mut self.engines, &mut room)
                .expect("what can be inflated");
            self.part.extend(&room[..step.written]);
            at += step.read;
            if step.done {
                return;
            }
        }
    }
}
