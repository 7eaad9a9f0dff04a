//! Whether both sides of a WebSocket live, what of ours is due, and when it must be looked at again.

use crate::base::Millis;
use crate::proto::ws::{CloseCode, ControlFrame, Draft, Opcode};

use super::super::cx::Cx;
use super::super::port::{Port, Side};
use super::super::reason::CloseReason;
use super::super::settings::WebSocketRules;
use super::keepalive::{Keepalive, Pace, stuck_at};
use super::life::Life;

/// A word of ours for one side, to be said between two frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Are you there?
    Ping([u8; 8]),
    /// I am here.
    Pong,
    /// It is over, and a word about it for people.
    Close(CloseCode, Box<str>),
}

impl Word {
    /// It as a frame of `draft`, masked with `key` where a server is to have it.
    pub(super) fn frame(self, draft: Draft, key: Option<[u8; 4]>) -> ControlFrame {
        match self {
            Word::Ping(payload) => ControlFrame::new(Opcode::Ping, &payload, key),
            Word::Pong => ControlFrame::new(Opcode::Pong, b"", key),
            Word::Close(code, text) => {
                ControlFrame::close(draft.code_for(code).unwrap_or(CloseCode::NONE), &text, key)
            }
        }
    }
}

impl Life {
    /// Notices what has happened to the ends since the last call.
    pub(super) fn notice(&mut self, ports: &[Port; 2], rules: &WebSocketRules, now: Millis) {
        for side in [Side::Client, Side::Upstream] {
            if let Some(keepalive) = self.keepalive_mut(side) {
                keepalive.notice(&ports[side as usize]);
            }
        }
        if self.ending.is_none()
            && let Some(reason) = self.expired(ports, rules, now)
        {
            self.end(reason, now);
        }
        for side in [Side::Client, Side::Upstream] {
            if let Some(reason) = ports[side as usize].broken(side) {
                self.breaks(side, reason, now);
            }
        }
    }

    /// Why it must end now, if it must: an end is dead, or the WebSocket old.
    fn expired(
        &self,
        ports: &[Port; 2],
        rules: &WebSocketRules,
        now: Millis,
    ) -> Option<CloseReason> {
        for (side, reason) in
            [(Side::Client, CloseReason::DeadClient), (Side::Upstream, CloseReason::DeadUpstream)]
        {
            if self.dead_at(side, ports, rules).is_some_and(|at| now >= at) {
                // Who has said Close has lived; the other one left it unanswered.
                return Some(if self.closed[side as usize] { CloseReason::Done } else { reason });
            }
        }
        let terms = self.terms.as_ref();
        terms.is_some_and(|terms| now >= terms.ends).then_some(CloseReason::MaxAge)
    }

    /// When `side` is dead, or a Close has been left unanswered for too long.
    fn dead_at(&self, side: Side, ports: &[Port; 2], rules: &WebSocketRules) -> Option<Millis> {
        let (keepalive, pace) = self.keepalive(side).zip(pace(side, rules))?;
        let port = &ports[side as usize];
        if self.is_parting() { Some(stuck_at(port, pace)) } else { keepalive.dead_at(port, pace) }
    }

    fn keepalive(&self, side: Side) -> Option<&Keepalive> {
        match side {
            Side::Client => self.keepalive.as_ref(),
            Side::Upstream => self.terms.as_ref()?.upstream.as_ref(),
        }
    }

    fn keepalive_mut(&mut self, side: Side) -> Option<&mut Keepalive> {
        match side {
            Side::Client => self.keepalive.as_mut(),
            Side::Upstream => self.terms.as_mut()?.upstream.as_mut(),
        }
    }

    /// Looks whether something of ours is due.
    pub(super) fn look(&mut self, ports: &[Port; 2], rules: &WebSocketRules, now: Millis) {
        for side in [Side::Client, Side::Upstream] {
            if let Some(keepalive) = self.keepalive_mut(side)
                && let Some(pace) = pace(side, rules)
            {
                keepalive.look(&ports[side as usize], pace, now);
            }
        }
        self.pong_wanted |= self.terms.as_ref().is_some_and(|terms| now >= terms.pong_due);
    }

    /// Whether something of ours waits for a place between two frames that go to `side`.
    pub(super) fn wants_to_speak(&self, side: Side, now: Millis) -> bool {
        match &self.ending {
            Some(ending) => ending.wants_to_tell(side, &self.closed, now),
            None if self.is_parting() => false,
            None => {
                let asks = self.keepalive(side);
                asks.is_some_and(|keepalive| keepalive.wants_to_speak())
                    || side == Side::Client && self.pong_wanted
            }
        }
    }

    /// The next word for `side`, which must be said.
    pub(super) fn speak(
        &mut self,
        side: Side,
        rules: &WebSocketRules,
        cx: &mut Cx<'_>,
    ) -> Option<Word> {
        if !self.wants_to_speak(side, cx.now) {
            return None;
        }
        if let Some(ending) = &mut self.ending {
            let (code, text) = ending.tell(side);
            return Some(Word::Close(code, text));
        }
        if let Some(keepalive) = self.keepalive_mut(side)
            && let Some(payload) = keepalive.speak(cx.now, cx.rng)
        {
            return Some(Word::Ping(payload));
        }
        self.pong_wanted = false;
        if let Some(terms) = &mut self.terms {
            terms.pong_due = rules.pong.map_or(Millis::NEVER, |every| cx.now + every);
        }
        Some(Word::Pong)
    }

    /// Whether a pong of `side` answers a ping of ours, and goes no further.
    pub(super) fn answered(&mut self, side: Side, payload: &[u8], now: Millis) -> bool {
        let keepalive = self.keepalive_mut(side);
        keepalive.is_some_and(|keepalive| keepalive.answered(payload, now))
    }

    /// When it must be looked at again if nothing moves.
    pub(in super::super) fn deadline(
        &self,
        ports: &[Port; 2],
        rules: &WebSocketRules,
    ) -> Option<Millis> {
        if let Some(ending) = &self.ending {
            return Some(ending.deadline());
        }
        let asks = |side: Side| {
            let (keepalive, pace) = self.keepalive(side).zip(pace(side, rules))?;
            let ping =
                keepalive.ping_due(&ports[side as usize], pace).filter(|_| !self.is_parting());
            [ping, self.dead_at(side, ports, rules)].into_iter().flatten().min()
        };
        let terms = self.terms.as_ref();
        let pong = terms.map(|terms| terms.pong_due).filter(|_| !self.pong_wanted);
        let ends = terms.map(|terms| terms.ends);
        let times = [self.parts_at(ports), asks(Side::Client), asks(Side::Upstream), pong, ends];
        times.into_iter().flatten().min()
    }

    /// Before when nothing of ours can matter, as long as no side ends or speaks of control: nothing
    /// is asked, waits for its place or is counted against a limit.
    pub(super) fn calm_until(&self, ports: &[Port; 2], rules: &WebSocketRules) -> Millis {
        let waits = [Side::Client, Side::Upstream]
            .into_iter()
            .any(|side| self.keepalive(side).is_some_and(Keepalive::waits));
        let closed = self.ending.is_some() || self.closed != [false; 2];
        let news = !self.guest_rests();
        if waits || closed || news || self.pong_wanted || rules.rate.is_some() || self.obeys() {
            return Millis::default();
        }
        self.deadline(ports, rules).unwrap_or(Millis::NEVER)
    }
}

/// How `side` is asked whether it lives, where it is.
pub(super) fn pace(side: Side, rules: &WebSocketRules) -> Option<Pace> {
    let every = match side {
        Side::Client => rules.ping,
        Side::Upstream => rules.upstream_ping,
    };
    Some(Pace { every: every?, tolerance: rules.tolerance })
}
