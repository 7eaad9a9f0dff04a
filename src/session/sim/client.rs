//! A client: sends requests, well or badly, and checks every byte it is answered.

use std::collections::VecDeque;

use super::dice::Dice;
use super::message::{Body, Coding, field, head, stream, stream_of};
use super::plan::{Ask, Framing, Malice, Misdeed, Stop};
use super::tunnel_end::TunnelEnd;
use super::wire::{Got, Wire};

/// What became of a request, as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    /// It began and did not end.
    Partial,
    /// `ours`: the router's own.
    Complete {
        ours: bool,
    },
    /// The tunnel it opened came to its end, with every byte.
    Tunnelled,
}

#[derive(Debug)]
struct Reading {
    body: Body,
    ours: bool,
    last: bool,
}

/// One client connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) asks: Vec<Ask>,
    pub(super) answers: Vec<Answer>,
    /// A response said that the connection ends, or the client decided so.
    pub(super) told_to_close: bool,
    pub(super) over: bool,
    pub(super) asleep_until: u64,
    next: usize,
    answered: usize,
    out: VecDeque<u8>,
    /// A body that waits for `100 Continue`, and until when.
    held: Option<(Vec<u8>, u64)>,
    stop: Option<Stop>,
    early: usize,
    received: Vec<u8>,
    reading: Option<Reading>,
    tunnel: Option<TunnelEnd>,
    pipelines: bool,
    half_closes: bool,
    stays: bool,
    pace: [usize; 2],
    patience: u64,
}

impl Client {
    pub(super) fn new(asks: Vec<Ask>, dice: &mut Dice) -> Client {
        let tunnels = asks.last().is_some_and(|ask| ask.upgrade);
        let paces = [1, 30, 5_000, 1_000_000];
        let small = asks.iter().all(|ask| ask.most() < 500);
        let paces = if small { &paces[..] } else { &paces[2..] };
        Client {
            answers: vec![Answer::Nothing; asks.len()],
            told_to_close: false,
            over: false,
            asleep_until: 0,
            next: 0,
            answered: 0,
            out: VecDeque::new(),
            held: None,
            stop: None,
            early: 0,
            received: Vec::new(),
            reading: None,
            tunnel: None,
            pipelines: dice.chance(40),
            half_closes: !tunnels && dice.chance(20),
            stays: dice.chance(20),
            pace: [dice.pick(paces), dice.pick(paces)],
            patience: 4_000,
            asks,
        }
    }

    fn ask(&self) -> Option<&Ask> {
        self.asks.get(self.answered)
    }

    fn is_deaf(&self) -> bool {
        self.ask().is_some_and(|ask| ask.misdeed == Some(Misdeed::Deaf))
    }

    /// It may spoil answers it has asked for by what it does behind the question.
    pub(super) fn is_rash(&self) -> bool {
        let cut = |ask: &Ask| ask.route == "raw" && ask.reply.malice.is_some();
        self.pipelines && self.asks.iter().any(|ask| ask.misdeed.is_some() || cut(ask))
    }

    /// Bytes of a tunnel that did not open went out before the answer, and may spoil it.
    pub(super) fn speaks_early(&self) -> bool {
        self.early > 0 && self.tunnel.is_none()
    }

    /// Whether the connection ended behind the answer to request `id`.
    pub(super) fn ended_behind(&self, id: u64) -> bool {
        self.told_to_close && self.answered.checked_sub(1).is_some_and(|at| self.asks[at].id == id)
    }

    /// When it wakes by itself.
    pub(super) fn wakes(&self) -> Option<u64> {
        let held = self.held.as_ref().map(|(_, until)| *until);
        [Some(self.asleep_until), held].into_iter().flatten().max().filter(|_| !self.over)
    }

    /// One move; whether there was anything to do.
    pub(super) fn step(&mut self, now: u64, wire: &mut Wire, dice: &mut Dice) -> bool {
        if self.over || now < self.asleep_until {
            return false;
        }
        if self.patience > 0 && dice.chance(2) {
            let pause = (1 + dice.below(1500) as u64).min(self.patience);
            self.patience -= pause;
            self.asleep_until = now + pause;
            return false;
        }
        if let Some(tunnel) = &mut self.tunnel
            && self.out.is_empty()
        {
            let Some(moved) = tunnel.step(self.pace, wire, dice) else {
                if tunnel.is_complete() {
                    self.answers[self.answered] = Answer::Tunnelled;
                }
                self.over = true;
                return true;
            };
            return moved;
        }
        let read = self.tunnel.is_none() && self.receive(wire, dice);
        if self.over {
            return true;
        }
        let queued = self.tunnel.is_none() && self.queue_next(now, dice);
        let sent = self.send(wire, dice);
        read || queued || sent
    }

    fn receive(&mut self, wire: &mut Wire, dice: &mut Dice) -> bool {
        if self.is_deaf() {
            if wire.router_is_gone() {
                self.end(true, wire, dice);
            }
            return self.over;
        }
        match wire.peer_read(self.pace[0]) {
            Got::Bytes(bytes) => {
                self.received.extend(bytes);
                while !self.over && self.tunnel.is_none() && self.understand(wire, dice) {}
                if let Some(tunnel) = &mut self.tunnel {
                    tunnel.feed(&std::mem::take(&mut self.received));
                }
                true
            }
            Got::Nothing => false,
            Got::End => {
                self.end(false, wire, dice);
                true
            }
            Got::Reset => {
                self.end(true, wire, dice);
                true
            }
        }
    }

    /// Nothing more comes.
    fn end(&mut self, reset: bool, wire: &mut Wire, dice: &mut Dice) {
        if let Some(reading) = &self.reading {
            let whole = matches!(reading.body.coding, Coding::Close) && !reset;
            match whole {
                true => self.complete(),
                false => self.answers[self.answered] = Answer::Partial,
            }
        } else if !self.received.is_empty() {
            self.answers[self.answered] = Answer::Partial;
        }
        self.over = true;
        if !wire.peer_is_gone() {
            wire.peer_close(dice);
        }
    }

    /// Goes on with what was received; false when more of it must come.
    fn understand(&mut self, wire: &mut Wire, dice: &mut Dice) -> bool {
        if let Some(reading) = &mut self.reading {
            let used = reading.body.feed(&self.received);
            self.received.drain(..used);
            if !reading.body.is_done() {
                return false;
            }
            self.complete();
            if self.told_to_close {
                let behind = String::from_utf8_lossy(&self.received);
                assert!(behind.is_empty(), "bytes behind the last response: {behind}");
                if !self.stays {
                    self.over = true;
                    wire.peer_close(dice);
                }
                return false;
            }
            return !self.received.is_empty();
        }
        let Some((text, len)) = head(&self.received) else { return false };
        self.received.drain(..len);
        self.head(&text);
        true
    }

    fn head(&mut self, text: &str) {
        let ask = self.asks.get(self.answered).unwrap_or_else(|| panic!("nobody asked for {text}"));
        assert!(self.answered < self.next, "answered before it was asked: {text}");
        let raw = ask.route == "raw";
        let newest = self.answered + 1 == self.next;
        let status: u16 = text[9..12].parse().unwrap_or_else(|_| panic!("{text:?}"));
        assert!(text.starts_with("HTTP/1.1 ") || raw, "{text}");
        if status == 100 {
            assert!(ask.expect, "100 to a client that expects none: {ask:?}");
            if newest && let Some((body, _)) = self.held.take() {
                self.out.extend(body);
            }
            return;
        }
        if status == 103 {
            assert!(ask.reply.interims > 0 && (!ask.old || raw), "{text}");
            return;
        }
        let ours = field(text, "Server") == Some("tidegate");
        let garbage = raw && matches!(ask.reply.malice, Some(Malice::Garbage(_)));
        if !ours && !garbage {
            assert_eq!(field(text, "X-Id"), Some(ask.id.to_string().as_str()), "{ask:?}");
            assert_eq!(status, ask.reply.status);
            assert!(!matches!(ask.misdeed, Some(Misdeed::BadHead(_))), "a bad head went through");
        }
        if status == 101 && !garbage {
            assert_eq!(ask.reply.malice.filter(|m| *m == Malice::WrongProof), None);
            assert!(ask.upgrade && !ours);
            let doom = (ask.misdeed == Some(Misdeed::Vanish)).then_some(Stop::Reset);
            let [mine, theirs] = ask.tunnel;
            self.tunnel = Some(TunnelEnd::new(
                (stream_of(ask.id, 2), self.early, mine),
                (stream_of(ask.id, 3), theirs),
                ask.id % 3 == 1,
                doom,
            ));
            self.answers[self.answered] = Answer::Partial;
            return;
        }
        let payload = (!ours && !garbage).then_some(stream_of(ask.id, 1));
        let close = field(text, "Connection").is_some_and(|value| value.contains("close"));
        let kept = field(text, "Connection") == Some("keep-alive");
        let unread = match ask.misdeed {
            Some(Misdeed::BadHead(_)) => true,
            Some(Misdeed::Truncate(at, _)) => at < ask.head().len(),
            _ => false,
        };
        let none = matches!(status, 204 | 304) || ask.method == "HEAD" && !unread;
        let chunked = field(text, "Transfer-Encoding").is_some();
        assert!(!chunked || !ask.old || raw, "chunked to HTTP/1.0");
        let body = match field(text, "Content-Length") {
            _ if none => Body::length(payload, 0),
            Some(length) => {
                let length = length.parse().expect("a length");
                assert!(ours || garbage || length == ask.reply.len as u64);
                Body::length(payload, length)
            }
            None if chunked => Body::chunked(stream_of(ask.id, 1)),
            None => Body { stream: payload, at: 0, coding: Coding::Close },
        };
        let until_close = matches!(body.coding, Coding::Close);
        let last =
            close || until_close || ask.old && !kept || raw || newest && self.held.take().is_some();
        self.reading = Some(Reading { body, ours, last });
    }

    /// A response was read to its end.
    fn complete(&mut self) {
        let Some(reading) = self.reading.take() else { return };
        let ask = &self.asks[self.answered];
        let none = matches!(ask.reply.status, 204 | 304) || ask.method == "HEAD";
        if !reading.ours
            && !none
            && ask.reply.malice != Some(Malice::Extra)
            && reading.body.stream.is_some()
        {
            let cut = matches!(ask.reply.malice, Some(Malice::Cut(_, Stop::Finish)))
                && (ask.reply.framing == Framing::Close);
            let whole = reading.body.at == ask.reply.len as u64;
            assert!(whole || cut, "a cut response was completed: {} of {ask:?}", reading.body.at);
        }
        self.answers[self.answered] = Answer::Complete { ours: reading.ours };
        self.answered += 1;
        self.told_to_close |= reading.last;
    }

    fn queue_next(&mut self, now: u64, dice: &mut Dice) -> bool {
        if self.held.as_ref().is_some_and(|(_, until)| now >= *until)
            && let Some((body, _)) = self.held.take()
        {
            self.out.extend(body);
            return true;
        }
        let behind = self.next.checked_sub(1).map(|at| &self.asks[at]);
        let may = self.next == self.answered
            || self.pipelines
                && behind.is_some_and(|ask| !ask.upgrade && !ask.close && ask.misdeed.is_none());
        let ready = self.out.is_empty() && self.held.is_none() && self.stop.is_none();
        let last = self.told_to_close || self.reading.as_ref().is_some_and(|reading| reading.last);
        if !ready || !may || last || self.next >= self.asks.len() {
            return false;
        }
        let ask = &self.asks[self.next];
        self.next += 1;
        self.patience = 4_000;
        let mut bytes = ask.head();
        let mut body = ask.body_bytes(dice);
        match ask.misdeed {
            Some(Misdeed::BadHead(text)) => (bytes, body) = (text.into(), Vec::new()),
            Some(Misdeed::BadChunk) => {
                let at = body.len() - 5;
                body[at..].copy_from_slice(b"xyz\r\n");
            }
            Some(Misdeed::Truncate(at, stop)) => {
                bytes.extend(body);
                bytes.truncate(at);
                body = Vec::new();
                self.stop = Some(stop);
            }
            Some(Misdeed::Vanish) if !ask.upgrade => self.stop = Some(Stop::Reset),
            Some(Misdeed::Vanish | Misdeed::Deaf) | None => {}
        }
        if ask.upgrade && ask.misdeed.is_none() && dice.chance(50) {
            self.early = dice.below(ask.tunnel[0] + 1);
            body = stream(stream_of(ask.id, 2), 0, self.early);
        }
        self.out.extend(bytes);
        match ask.expect && !body.is_empty() {
            true => self.held = Some((body, now + 1_500)),
            false => self.out.extend(body),
        }
        true
    }

    fn send(&mut self, wire: &mut Wire, dice: &mut Dice) -> bool {
        let n = self.out.len().min(self.pace[1]);
        if n > 0 {
            let n = wire.peer_write(&self.out.make_contiguous()[..n], dice);
            self.out.drain(..n);
            return n > 0;
        }
        match self.stop {
            Some(Stop::Finish) if self.held.is_none() => {
                self.half_closes = false;
                self.stop = Some(Stop::Stall);
                wire.peer_finish();
                return true;
            }
            Some(Stop::Reset) if dice.chance(20) => {
                wire.peer_reset(dice);
                self.over = true;
                return true;
            }
            Some(_) => return false,
            None => {}
        }
        let all = self.next == self.asks.len() && self.held.is_none();
        if all && self.half_closes {
            self.half_closes = false;
            wire.peer_finish();
            return true;
        }
        let done = self.answered == self.asks.len() || self.told_to_close;
        if done && !self.stays {
            wire.peer_close(dice);
            self.over = true;
            return true;
        }
        false
    }
}
