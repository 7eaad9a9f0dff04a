//! One end of a WebSocket: opens it, speaks, hears, answers and leaves, well or badly.

use std::collections::VecDeque;

use super::frame::{CLOSE, Frame, PING};
use super::mouth::Mouth;
use super::plan::{Manner, Plan, Wrong};
use crate::proto::ws::accept_key;
use crate::session::Side;
use crate::session::sim::dice::Dice;
use crate::session::sim::message::{field, head, packet};
use crate::session::sim::plan::{KEY, PROOF, Stop};
use crate::session::sim::wire::{Got, Wire};

/// A frame as it was heard.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) frame: Frame,
    pub(super) bytes: Vec<u8>,
}

/// One end.
#[derive(Debug)]
pub(super) struct End {
    side: Side,
    manner: Manner,
    guard: bool,
    version: u8,
    rsv1: bool,
    pub(super) mouth: Mouth,
    pub(super) heard: Vec<Heard>,
    /// Heard, and not a whole frame.
    pub(super) inbox: Vec<u8>,
    out: VecDeque<u8>,
    /// The handshake is over.
    pub(super) is_open: bool,
    /// The handshake was not answered by a 101.
    pub(super) is_refused: bool,
    asked: bool,
    said_messages: usize,
    heard_close: bool,
    pub(super) heard_end: bool,
    finished: bool,
    /// Neither reads nor writes.
    frozen: bool,
    deaf: bool,
    mute: bool,
    rude: bool,
    stays: bool,
    /// It ends when all is sent.
    cut: Option<Stop>,
    pub(super) over: bool,
    asleep_until: u64,
    quiet_until: u64,
}

impl End {
    pub(super) fn new(side: Side, plan: &Plan) -> End {
        let manner = plan.manners[side as usize];
        End {
            side,
            manner,
            guard: plan.guard,
            version: plan.version,
            rsv1: plan.rsv1,
            mouth: Mouth::new(side, plan.rsv1, manner.longest),
            heard: Vec::new(),
            inbox: Vec::new(),
            out: VecDeque::new(),
            is_open: false,
            is_refused: false,
            asked: false,
            said_messages: 0,
            heard_close: false,
            heard_end: false,
            finished: false,
            frozen: false,
            deaf: false,
            mute: false,
            rude: false,
            stays: false,
            cut: None,
            over: false,
            asleep_until: 0,
            quiet_until: 0,
        }
    }

    /// When it wakes by itself.
    pub(super) fn wakes(&self) -> impl Iterator<Item = u64> {
        let times = if self.over { [0; 2] } else { [self.asleep_until, self.quiet_until] };
        times.into_iter()
    }

    /// One move; whether there was anything to do.
    pub(super) fn step(&mut self, now: u64, wire: &mut Wire, dice: &mut Dice) -> bool {
        if self.over || now < self.asleep_until {
            return false;
        }
        if dice.chance(2) {
            self.asleep_until = now + dice.below(400) as u64;
            return false;
        }
        if (self.frozen || self.deaf) && wire.router_is_gone() {
            return self.leave(wire, dice);
        }
        if self.frozen {
            return false;
        }
        let heard = !self.deaf && self.hear(wire, dice);
        if self.over {
            return true;
        }
        let said = self.speak(now, dice);
        let sent = self.send(wire, dice);
        heard || said || sent || self.part(wire, dice)
    }

    fn leave(&mut self, wire: &mut Wire, dice: &mut Dice) -> bool {
        wire.peer_close(dice);
        self.over = true;
        true
    }

    fn hear(&mut self, wire: &mut Wire, dice: &mut Dice) -> bool {
        match wire.peer_read(self.manner.pace[0]) {
            Got::Bytes(bytes) => {
                self.inbox.extend(bytes);
                self.understand(dice);
                true
            }
            Got::Nothing => false,
            Got::End => !std::mem::replace(&mut self.heard_end, true),
            Got::Reset => self.leave(wire, dice),
        }
    }

    fn understand(&mut self, dice: &mut Dice) {
        if !self.is_open {
            let greeted = match self.side {
                Side::Client => self.is_answered(),
                Side::Upstream => self.is_asked(),
            };
            if !greeted {
                return;
            }
            self.is_open = true;
        }
        while let Some((frame, len)) = Frame::read(&self.inbox) {
            let bytes: Vec<u8> = self.inbox.drain(..len).collect();
            assert_eq!(frame.key.is_some(), self.side == Side::Upstream, "{frame:?}");
            if frame.opcode == PING && self.may_answer() {
                let routers = frame.payload.len() == 8;
                let pong = self.mouth.answer(&frame.payload, routers, dice);
                self.out.extend(pong);
            }
            self.heard_close |= frame.opcode == CLOSE;
            self.heard.push(Heard { frame, bytes });
        }
    }

    fn may_answer(&self) -> bool {
        !self.mute && !self.finished && self.cut.is_none() && (!self.mouth.closed || self.rude)
    }

    /// The router's answer to our handshake is there.
    fn is_answered(&mut self) -> bool {
        let Some((text, len)) = head(&self.inbox) else { return false };
        self.inbox.drain(..len);
        self.is_refused = !text.starts_with("HTTP/1.1 101 ");
        if self.is_refused {
            self.inbox.clear();
            return false;
        }
        assert_eq!(field(&text, "Sec-WebSocket-Accept"), Some(PROOF));
        assert_eq!(field(&text, "Sec-WebSocket-Extensions").is_some(), self.rsv1);
        true
    }

    /// The client's handshake is there, or the router's own; answers it.
    fn is_asked(&mut self) -> bool {
        let (key, len) = if self.guard {
            let Some((vars, len)) = packet(&self.inbox) else { return false };
            (vars["HTTP_SEC_WEBSOCKET_KEY"].clone(), len)
        } else {
            let Some((text, len)) = head(&self.inbox) else { return false };
            (field(&text, "Sec-WebSocket-Key").expect("a key").to_owned(), len)
        };
        self.inbox.drain(..len);
        let proof = accept_key(key.as_bytes());
        let proof = std::str::from_utf8(&proof).expect("base64");
        let extension = if self.rsv1 { EXTENSION } else { "" };
        let answer = format!(
            "HTTP/1.1 101 Fine\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {proof}\r\n{extension}\r\n"
        );
        self.out.extend(answer.bytes());
        true
    }

    fn ask(&mut self) {
        let route = if self.guard { "guard" } else { "track" };
        let extension = if self.rsv1 { EXTENSION } else { "" };
        let request = format!(
            "GET /{route}/1 HTTP/1.1\r\nHost: sim\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: {}\r\nSec-WebSocket-Key: {KEY}\r\n{extension}\r\n",
            self.version
        );
        self.out.extend(request.bytes());
        self.asked = true;
    }

    /// Says something more, if it has anything to say.
    fn speak(&mut self, now: u64, dice: &mut Dice) -> bool {
        if self.side == Side::Client && !self.asked {
            self.ask();
            return true;
        }
        let may_begin = self.is_open || self.side == Side::Client && self.manner.early;
        let silent = self.finished || self.mute || self.is_refused || self.cut.is_some();
        if !may_begin || silent || self.out.len() > 3_000 {
            return false;
        }
        if self.mouth.closed && !self.rude || self.heard_end && !self.manner.goes_on {
            return false;
        }
        if self.heard_close && !self.mouth.closed && !self.rude {
            let close = self.mouth.close(dice);
            self.out.extend(close);
            return true;
        }
        if now < self.quiet_until {
            return false;
        }
        if let Some((after, wrong)) = self.manner.wrong
            && after <= self.said_messages
        {
            self.manner.wrong = None;
            self.err(wrong, dice);
            return true;
        }
        if self.manner.slow && dice.chance(3) {
            self.quiet_until = now + dice.pick(&[500, 20_000, 70_000]);
            return false;
        }
        let over = !self.has_more();
        let bytes = match dice.below(10) {
            0 if !over => self.mouth.ping(dice),
            1 if !over => self.mouth.pong(dice),
            _ if !over => {
                let bytes = self.mouth.message(dice);
                self.said_messages += usize::from(!self.mouth.is_within());
                bytes
            }
            _ if self.manner.closes && !self.mouth.closed && self.manner.wrong.is_none() => {
                self.mouth.close(dice)
            }
            _ => return false,
        };
        self.out.extend(bytes);
        true
    }

    /// Messages are left to be said.
    fn has_more(&self) -> bool {
        self.said_messages < self.manner.messages || self.mouth.is_within()
    }

    fn err(&mut self, wrong: Wrong, dice: &mut Dice) {
        match wrong {
            Wrong::Break(fault) => {
                let bytes = self.mouth.err(fault, dice);
                self.out.extend(bytes);
                // It has more to say, which nobody may hear.
                self.manner.messages = self.said_messages + dice.below(3);
            }
            Wrong::Cut(stop) => {
                let frame = self.mouth.message(dice);
                let cut = dice.below(frame.len() + 1);
                self.out.extend(&frame[..cut]);
                self.cut = Some(stop);
            }
            Wrong::Deaf => self.deaf = true,
            Wrong::Mute => self.mute = true,
            Wrong::Rude => {
                self.rude = true;
                self.manner.messages += 3;
                self.out.extend(self.mouth.close(dice));
            }
            Wrong::Stays => self.stays = true,
        }
    }

    fn send(&mut self, wire: &mut Wire, dice: &mut Dice) -> bool {
        let n = self.out.len().min(self.manner.pace[1]);
        if n == 0 {
            return false;
        }
        let n = wire.peer_write(&self.out.make_contiguous()[..n], dice);
        self.out.drain(..n);
        n > 0
    }

    /// Ends the connection when it is time to.
    fn part(&mut self, wire: &mut Wire, dice: &mut Dice) -> bool {
        if !self.out.is_empty() {
            return false;
        }
        match self.cut {
            Some(Stop::Reset) => {
                wire.peer_reset(dice);
                self.over = true;
                return true;
            }
            Some(Stop::Stall) => self.frozen = true,
            _ => {}
        }
        if self.stays {
            return self.heard_end && wire.router_is_gone() && self.leave(wire, dice);
        }
        let said = self.mouth.closed && self.heard_close;
        let mute = self.mute || self.is_refused || self.mouth.closed;
        let silent = mute || !self.manner.goes_on || !self.has_more();
        let alone = self.heard_end && silent;
        let done = said && self.side == Side::Upstream || self.cut.is_some() || alone;
        if done && !self.frozen && !std::mem::replace(&mut self.finished, true) {
            wire.peer_finish();
            return true;
        }
        self.finished && self.heard_end && self.leave(wire, dice)
    }
}

const EXTENSION: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
