//! What holds in a WebSocket whatever is seen of it: who is alive, what a client may do, the end.

use std::time::Duration;

use crate::base::Millis;
use crate::proto::ws::{CloseCode, Draft, FrameError, Tally};

use super::super::cx::Cx;
use super::super::port::{Port, Side};
use super::super::reason::CloseReason;
use super::super::settings::WebSocketRules;
use super::super::snapshot::{Cursor, SnapshotError};
use super::super::tunnel::{Closer, Figures};
use super::ending::Ending;
use super::keepalive::{Keepalive, Pace, stuck_at};
use super::terms::Terms;

/// How long two ends that have both said Close may leave their connections open.
const CLOSED: Duration = Duration::from_secs(5);

/// The code that stands for a Close without one (RFC 6455 section 7.4.1).
pub(super) const NO_CODE: CloseCode = CloseCode::NONE;

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

/// How the client is joined to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bond {
    /// The two hear each other's frames, Close among them.
    Passed,
    /// Each hears only what we say.
    Spoken,
    /// There is no other side.
    Alone,
}

/// What is known of the two ends, and of the end. Plain data.
#[derive(Clone, Debug)]
pub(in super::super) struct Life {
    /// Of the client, where it is asked.
    keepalive: Option<Keepalive>,
    // What is rare or belongs to the end is boxed: a WebSocket is small while it is idle.
    ending: Option<Box<Ending>>,
    closes: Option<Box<Closes>>,
    terms: Option<Box<Terms>>,
    /// Who has said Close; nothing after it counts.
    closed: [bool; 2],
    /// A Close of one side goes to the other by itself.
    passes: bool,
    /// There is no other side.
    alone: bool,
    /// An unasked pong waits for its place.
    pong_wanted: bool,
}

/// What is remembered of Closes that came.
#[derive(Clone, Debug)]
struct Closes {
    /// Who said it first, and with which code.
    first: (Side, u16),
    /// When both had said it.
    both: Millis,
}

impl Life {
    /// At the beginning. `asks` says of each side whether it can be pinged.
    pub(super) fn new(
        rules: &WebSocketRules,
        bond: Bond,
        asks: [bool; 2],
        cx: &mut Cx<'_>,
    ) -> Life {
        let [client, upstream] = [Side::Client, Side::Upstream].map(|side| {
            let pace = pace(side, rules).filter(|_| asks[side as usize])?;
            Some(Keepalive::new(pace.every, cx.rng))
        });
        Life {
            keepalive: client,
            terms: Terms::new(rules, asks[0], upstream, cx),
            passes: bond == Bond::Passed,
            alone: bond == Bond::Alone,
            closed: [false, bond == Bond::Alone],
            ..Life::blank()
        }
    }

    /// One to be read into from a snapshot.
    pub(super) fn blank() -> Life {
        Life {
            keepalive: None,
            ending: None,
            closes: None,
            terms: None,
            closed: [false; 2],
            passes: false,
            alone: false,
            pong_wanted: false,
        }
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.maybe(&mut self.keepalive, Keepalive::blank, Keepalive::fields)?;
        at.maybe(&mut self.ending, || Box::new(Ending::blank()), |ending, at| ending.fields(at))?;
        at.maybe(
            &mut self.closes,
            || Box::new(Closes { first: (Side::Client, 0), both: Millis::NEVER }),
            |closes, at| {
                closes.first.0.fields(at)?;
                at.short(&mut closes.first.1)?;
                at.moment(&mut closes.both)
            },
        )?;
        at.maybe(&mut self.terms, || Box::new(Terms::blank()), |terms, at| terms.fields(at))?;
        for flag in
            self.closed.iter_mut().chain([&mut self.passes, &mut self.alone, &mut self.pong_wanted])
        {
            at.flag(flag)?;
        }
        Ok(())
    }

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

    /// Whether a Close has passed: nothing of ours goes in behind it, and who sent it owes no answer.
    fn is_parting(&self) -> bool {
        self.passes && self.closed != [false; 2]
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

    /// `side` said Close; true when that was the answer to ours and goes no further.
    pub(super) fn heard_close(&mut self, side: Side, code: CloseCode, now: Millis) -> bool {
        self.closed[side as usize] = true;
        // What answers a Close of ours is not the first.
        if self.ending.is_some() {
            return true;
        }
        let first = || Box::new(Closes { first: (side, code.0), both: Millis::NEVER });
        let closes = self.closes.get_or_insert_with(first);
        if self.closed[side.other() as usize] {
            closes.both = closes.both.min(now);
        }
        false
    }

    /// Whether `side` has said Close.
    pub(super) fn has_closed(&self, side: Side) -> bool {
        self.closed[side as usize]
    }

    /// Whether what `side` sends goes nowhere: it has said Close, or the other side was told the end.
    pub(super) fn discards(&self, side: Side) -> bool {
        self.closed[side as usize]
            || self.ending.as_ref().is_some_and(|ending| ending.was_told(side.other()))
    }

    /// Whether `side` is not even listened to.
    pub(super) fn is_muted(&self, side: Side) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.is_muted(side))
    }

    /// The frame that `side` has begun breaks a rule: it is not heard any more.
    pub(super) fn fault(&mut self, error: FrameError, side: Side, now: Millis) {
        if error == FrameError::NoMemory {
            self.end(CloseReason::OutOfMemory, now);
            return self.mute(side);
        }
        let reason = match (side, error) {
            (Side::Client, FrameError::TooLarge) => CloseReason::MessageTooLarge,
            (Side::Client, _) => CloseReason::ClientFrames,
            (Side::Upstream, _) => CloseReason::UpstreamFrames,
        };
        self.refuse(side, reason, error.close_code(), now);
    }

    /// Ends it: both sides are told.
    pub(in super::super) fn end(&mut self, reason: CloseReason, now: Millis) {
        if self.ending.is_none() {
            self.ending = Some(Box::new(Ending::new(reason, self.told(), now)));
        }
    }

    /// The connection of `side` broke: it cannot be told, the other side is.
    fn breaks(&mut self, side: Side, reason: CloseReason, now: Millis) {
        if self.ending.is_some() {
            return;
        }
        let internal =
            reason == CloseReason::DeadUpstream || side == Side::Upstream && !self.passes;
        let code = if internal { CloseCode::INTERNAL } else { CloseCode::GOING_AWAY };
        self.ending = Some(Box::new(Ending::broken(reason, side, code, self.told(), now)));
    }

    /// `side` is not heard any more, where the end has begun.
    pub(super) fn mute(&mut self, side: Side) {
        if let Some(ending) = &mut self.ending {
            ending.mute(side);
        }
    }

    /// `side` has said Close with `code` and `text`, or has ended without: the other side is told, and it
    /// `code` again when that has said Close too.
    pub(super) fn closes(&mut self, side: Side, code: CloseCode, text: &str, now: Millis) {
        self.closed[side as usize] = true;
        if self.ending.is_none() {
            let ending = Ending::closing(side, code, text, self.told(), now);
            self.ending = Some(Box::new(ending));
        }
    }

    /// `side` sends nothing more.
    pub(super) fn finished(&mut self, side: Side) {
        self.closed[side as usize] = true;
    }

    /// What `side` sent cannot be passed on: it is told `code` and not heard any more.
    pub(super) fn refuse(&mut self, side: Side, reason: CloseReason, code: CloseCode, now: Millis) {
        if self.ending.is_none() {
            let ending = Ending::fault(reason, side, code, self.told(), now);
            self.ending = Some(Box::new(ending));
        }
        self.mute(side);
    }

    /// Whether `side` was told that it is over.
    pub(super) fn was_told(&self, side: Side) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.was_told(side))
    }

    /// Who has heard of the end before it begins.
    fn told(&self) -> [bool; 2] {
        let [client, upstream] = self.closed;
        if self.passes { [upstream, client] } else { [false, self.alone] }
    }

    /// Takes what new messages of the client cost off its allowance; false when it is used up.
    pub(super) fn may_send(&mut self, new: u64, rules: &WebSocketRules, now: Millis) -> bool {
        let Some((rate, terms)) = rules.rate.filter(|_| new > 0).zip(self.terms.as_mut()) else {
            return true;
        };
        terms.allowance.spend(new, rate, now)
    }

    /// `Some` when it is over. `between` says of what goes to each side whether it stands between
    /// two frames.
    pub(super) fn over(
        &mut self,
        ports: &mut [Port; 2],
        between: [bool; 2],
        now: Millis,
    ) -> Option<CloseReason> {
        if let Some(ending) = &mut self.ending {
            return ending.over(ports, &self.closed, between, now);
        }
        let finished = |port: &Port| port.tx_end.is_some() && port.tx.is_empty();
        let late = self.parts_at(ports).is_some_and(|at| now >= at);
        (late || ports.iter().all(finished)).then_some(CloseReason::Done)
    }

    /// When two ends that have both said Close are parted: they have taken what came before by then.
    fn parts_at(&self, ports: &[Port; 2]) -> Option<Millis> {
        let both = self.closes.as_ref()?.both;
        let at = ports.iter().map(|port| port.sent).fold(both, Millis::max) + CLOSED;
        Some(at).filter(|_| both != Millis::NEVER)
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
        if waits || closed || self.pong_wanted || rules.rate.is_some() {
            return Millis::default();
        }
        self.deadline(ports, rules).unwrap_or(Millis::NEVER)
    }

    /// Whether its end has begun.
    pub(in super::super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// What is known, with what was counted by the side that sent it.
    pub(super) fn figures(&self, draft: Draft, tallies: [Tally; 2]) -> Figures {
        let theirs = self.closes.as_ref().map(|closes| closes.first);
        let ours = self.ending.as_ref().filter(|ending| !ending.is_theirs());
        Figures {
            draft,
            tallies,
            first_close: theirs
                .map(|(side, code)| (Closer::End(side), code))
                .or_else(|| ours.map(|ending| (Closer::Router, ending.told_client().0))),
            round_trip: self.keepalive.and_then(|client| client.round_trip()),
            closing: self.is_ending() || self.closed != [false, self.alone],
        }
    }
}

/// How `side` is asked whether it lives, where it is.
fn pace(side: Side, rules: &WebSocketRules) -> Option<Pace> {
    let every = match side {
        Side::Client => rules.ping,
        Side::Upstream => rules.upstream_ping,
    };
    Some(Pace { every: every?, tolerance: rules.tolerance })
}
