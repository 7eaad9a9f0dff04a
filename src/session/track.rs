//! A tunnel whose frame headers are followed: messages are counted, limits hold, dead clients are
//! found, and an end of ours is told to both sides in their own words. Payload is not looked at.
//!
//! ```text
//! Open --fault of a side, dead client, age, drain--> Ending --both told and heard, or late--> Over
//!   '--Close and FIN of the two ends, as they come--------------------------------------------^
//! ```
//!
//! A control frame of ours goes in only where the direction it joins stands between two frames,
//! judged on the bytes already queued.

use std::time::Duration;

use crate::base::Millis;
use crate::buf::{Copied, Pool};
use crate::proto::ws::{
    CONTROL_MAX, Control, ControlFrame, Draft, FrameError, Opcode, Rules, Sender, Step, Tally,
    Tracker, Until, parse_close,
};

use super::cx::Cx;
use super::ending::Ending;
use super::keepalive::Keepalive;
use super::port::{Port, RxEnd, Side, TxEnd};
use super::reason::CloseReason;
use super::settings::WebSocketRules;
use super::snapshot::{Cursor, SnapshotError};

/// How long two ends that have both said Close may leave their connections open.
pub(super) const CLOSED: Duration = Duration::from_secs(5);

/// One direction, named after the side that sends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    pub(super) tracker: Tracker,
    pub(super) tally: Tally,
    /// Bytes that came, frames and all.
    pub(super) bytes: u64,
    /// Its Close was seen; nothing after it counts.
    pub(super) closed: bool,
}

/// The state of a tracked tunnel. Plain data.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) watch: [Watch; 2],
    pub(super) keepalive: Keepalive,
    pub(super) ending: Option<Ending>,
    /// Who said Close first, and with which code (1005: with none).
    pub(super) first_close: Option<(Side, u16)>,
    /// When both had said Close.
    pub(super) both_closed: Option<Millis>,
    /// RSV1 was agreed: permessage-deflate is the two ends' affair.
    pub(super) rsv1: bool,
    /// Messages the client may still send, in thousandths, and since when that is so.
    pub(super) allowance: u64,
    pub(super) allowance_at: Millis,
}

/// The code that stands for a Close without one (RFC 6455 section 7.4.1).
const NO_CODE: u16 = 1005;

impl Track {
    pub(super) fn new(rules: &WebSocketRules, rsv1: bool, cx: &mut Cx<'_>) -> Track {
        Track {
            watch: [Watch::default(); 2],
            keepalive: Keepalive::new(rules, cx),
            ending: None,
            first_close: None,
            both_closed: None,
            rsv1,
            allowance: rules.rate.map_or(0, |rate| u64::from(rate.burst) * 1000),
            allowance_at: cx.now,
        }
    }

    /// Moves what can be moved. `Some` when the tunnel is over and both queues are empty or late.
    pub(super) fn advance(
        &mut self,
        ports: &mut [Port; 2],
        rules: &WebSocketRules,
        cx: &mut Cx<'_>,
    ) -> Option<CloseReason> {
        if self.ending.is_none()
            && let Some(reason) = self.keepalive.expired(&ports[0], rules, cx.now)
        {
            self.end(reason, cx.now);
        }
        for side in [Side::Client, Side::Upstream] {
            self.notice_loss(side, ports, cx.now);
        }
        for side in [Side::Client, Side::Upstream] {
            self.relay(side, ports, rules, cx);
        }
        self.keepalive.look(&ports[0], rules, cx.now);
        self.speak(ports, rules, cx);
        self.over(ports, cx.now)
    }

    /// Passes on what `side` sent, frame by frame as far as its headers must be seen.
    fn relay(
        &mut self,
        side: Side,
        ports: &mut [Port; 2],
        rules: &WebSocketRules,
        cx: &mut Cx<'_>,
    ) {
        let frames = Rules {
            draft: Draft::Rfc6455,
            sender: if side == Side::Client { Sender::Client } else { Sender::Server },
            rsv1: self.rsv1,
            max_message: if side == Side::Client { rules.max_message } else { u64::MAX },
        };
        loop {
            let (from, to) = pair(ports, side);
            if self.ending.as_ref().is_some_and(|ending| ending.is_muted(side)) {
                // Whoever is not listened to any more may go on sending for a while.
                return from.rx.consume(from.rx.len());
            }
            let discard = self.discards(side);
            if from.rx.is_empty() || (!discard && to.tx.room() == 0) {
                break;
            }
            let speaks = self.wants_to_speak(side.other(), cx.now);
            let until = if speaks { Until::Frame } else { Until::End };
            let counted = self.watch[Side::Client as usize].tally.messages;
            let watch = &mut self.watch[side as usize];
            match watch.tracker.advance(from.rx.bytes(), until, &frames, &mut watch.tally) {
                Ok(Step::Pass(n)) => {
                    watch.bytes += n as u64;
                    pass(n, discard, ports, side, cx.pool);
                }
                Ok(Step::Need(_)) if from.rx.gather(cx.pool) => continue,
                Ok(Step::Need(_)) => break,
                Ok(Step::Control(control)) => self.control(control, side, discard, ports, cx),
                Err(error) => return self.fault(error, side, cx.now),
            }
            if speaks {
                self.speak(ports, rules, cx);
            }
            if side == Side::Client && !self.may_send(rules, counted, cx.now) {
                return self.end(CloseReason::TooManyMessages, cx.now);
            }
        }
        let (from, to) = pair(ports, side);
        if from.rx_end.is_some() && self.ending.is_none() {
            // A header or control frame that was cut short is of no use to anybody.
            from.rx.consume(from.rx.len());
            to.tx_end.get_or_insert(TxEnd::Finish);
        }
    }

    /// A whole control frame stands at the front of what `side` sent.
    fn control(
        &mut self,
        control: Control,
        side: Side,
        discard: bool,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) {
        let mut payload = [0; CONTROL_MAX];
        let (from, _) = pair(ports, side);
        let payload = control.payload(from.rx.bytes(), &mut payload);
        let swallow = match control.head.opcode {
            Opcode::Close => {
                let code = parse_close(payload, Draft::Rfc6455)
                    .ok()
                    .flatten()
                    .map_or(NO_CODE, |close| close.code.0);
                self.heard_close(side, code, cx.now)
            }
            Opcode::Pong => side == Side::Client && self.keepalive.answered(payload, cx.now),
            _ => false,
        };
        if !swallow {
            self.watch[side as usize].bytes += control.len as u64;
        }
        pass(control.len, discard || swallow, ports, side, cx.pool);
    }

    /// `side` said Close; true when that was the answer to ours and goes no further.
    fn heard_close(&mut self, side: Side, code: u16, now: Millis) -> bool {
        self.watch[side as usize].closed = true;
        self.first_close.get_or_insert((side, code));
        if self.watch[side.other() as usize].closed {
            self.both_closed.get_or_insert(now);
        }
        self.ending.is_some()
    }

    /// Whether what `side` sends goes nowhere: it has said Close, or the other side was told the end.
    fn discards(&self, side: Side) -> bool {
        self.watch[side as usize].closed
            || self.ending.as_ref().is_some_and(|ending| ending.was_told(side.other()))
    }

    /// Whether something of ours waits for a place between two frames that go to `side`.
    fn wants_to_speak(&self, side: Side, now: Millis) -> bool {
        match &self.ending {
            Some(ending) => ending.wants_to_tell(side, &self.watch, now),
            None => side == Side::Client && self.keepalive.wants_to_speak(),
        }
    }

    /// Whether what goes to `side` stands between two frames.
    fn is_between(&self, side: Side) -> bool {
        self.watch[side.other() as usize].tracker.at_frame()
    }

    /// Puts in what is due where a direction stands between two frames.
    fn speak(&mut self, ports: &mut [Port; 2], rules: &WebSocketRules, cx: &mut Cx<'_>) {
        for side in [Side::Client, Side::Upstream] {
            if !self.is_between(side) || !self.wants_to_speak(side, cx.now) {
                continue;
            }
            let port = &mut ports[side as usize];
            match &mut self.ending {
                Some(ending) => put(&ending.tell(side, cx.rng), port, cx.pool),
                None => {
                    while let Some(frame) = self.keepalive.speak(rules, cx) {
                        put(&frame, port, cx.pool);
                    }
                }
            }
        }
    }

    /// The frame that `side` has begun breaks a rule: it is not heard any more.
    fn fault(&mut self, error: FrameError, side: Side, now: Millis) {
        let reason = match (side, error) {
            (Side::Client, FrameError::TooLarge) => CloseReason::MessageTooLarge,
            (Side::Client, _) => CloseReason::ClientFrames,
            (Side::Upstream, _) => CloseReason::UpstreamFrames,
        };
        if self.ending.is_none() {
            self.ending = Some(Ending::fault(reason, side, error.close_code(), &self.watch, now));
        } else if let Some(ending) = &mut self.ending {
            ending.mute(side);
        }
    }

    /// Ends it: both sides are told.
    pub(super) fn end(&mut self, reason: CloseReason, now: Millis) {
        if self.ending.is_none() {
            self.ending = Some(Ending::new(reason, &self.watch, now));
        }
    }

    /// Takes what the client's new messages cost off its allowance; false when it is used up.
    fn may_send(&mut self, rules: &WebSocketRules, counted: u64, now: Millis) -> bool {
        let Some(rate) = rules.rate else { return true };
        let new = self.watch[Side::Client as usize].tally.messages - counted;
        if new == 0 {
            return true;
        }
        let earned = (now - self.allowance_at).as_millis() as u64 * u64::from(rate.per_second);
        let most = u64::from(rate.burst) * 1000;
        self.allowance = self.allowance.saturating_add(earned).min(most);
        self.allowance_at = now;
        match self.allowance.checked_sub(new * 1000) {
            Some(left) => {
                self.allowance = left;
                true
            }
            None => false,
        }
    }

    /// A side that broke off cannot be told; the other one is.
    fn notice_loss(&mut self, side: Side, ports: &[Port; 2], now: Millis) {
        let port = &ports[side as usize];
        if port.tx_broken || port.rx_end == Some(RxEnd::Reset) {
            self.end(CloseReason::TunnelReset, now);
            if let Some(ending) = &mut self.ending {
                ending.mute(side);
            }
        }
    }

    /// Bytes that came, by side.
    pub(super) fn bytes(&self) -> [u64; 2] {
        self.watch.map(|watch| watch.bytes)
    }

    fn over(&mut self, ports: &mut [Port; 2], now: Millis) -> Option<CloseReason> {
        if let Some(ending) = &mut self.ending {
            return ending.over(ports, &self.watch, now);
        }
        let finished = |port: &Port| port.tx_end.is_some() && port.tx.is_empty();
        let late = self.both_closed.is_some_and(|at| now >= at + CLOSED);
        (late || ports.iter().all(finished)).then_some(CloseReason::Done)
    }

    /// One to be read into from a snapshot.
    pub(super) fn blank() -> Track {
        Track {
            watch: [Watch::default(); 2],
            keepalive: Keepalive::default(),
            ending: None,
            first_close: None,
            both_closed: None,
            rsv1: false,
            allowance: 0,
            allowance_at: Millis::default(),
        }
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        for watch in &mut self.watch {
            watch.fields(at)?;
        }
        self.keepalive.fields(at)?;
        at.maybe(&mut self.ending, Ending::default, Ending::fields)?;
        at.maybe(
            &mut self.first_close,
            || (Side::Client, 0),
            |(side, code), at| {
                side.fields(at)?;
                at.short(code)
            },
        )?;
        at.maybe_time(&mut self.both_closed)?;
        at.flag(&mut self.rsv1)?;
        at.number(&mut self.allowance)?;
        at.time(&mut self.allowance_at)
    }

    /// When it must be looked at again if nothing moves.
    pub(super) fn deadline(&self, client: &Port, rules: &WebSocketRules) -> Option<Millis> {
        match &self.ending {
            Some(ending) => Some(ending.deadline()),
            None => {
                let closed = self.both_closed.map(|at| at + CLOSED);
                [closed, self.keepalive.deadline(client, rules)].into_iter().flatten().min()
            }
        }
    }
}

impl Watch {
    fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let (mut left, mut open) = (self.tracker.left(), self.tracker.open());
        at.number(&mut left)?;
        at.maybe(&mut open, || 0, |size, at| at.number(size))?;
        self.tracker = Tracker::resume(left, open);
        let Tally { messages, fragments, payload, pings, pongs } = &mut self.tally;
        for number in [messages, fragments, payload] {
            at.number(number)?;
        }
        for small in [pings, pongs] {
            let mut number = u64::from(*small);
            at.number(&mut number)?;
            *small = u32::try_from(number).map_err(|_| SnapshotError::Damaged)?;
        }
        at.number(&mut self.bytes)?;
        at.flag(&mut self.closed)
    }
}

/// Who sends and who receives in the direction named after `side`.
fn pair(ports: &mut [Port; 2], side: Side) -> (&mut Port, &mut Port) {
    let [client, upstream] = ports;
    match side {
        Side::Client => (client, upstream),
        Side::Upstream => (upstream, client),
    }
}

/// Hands the first `n` bytes, which lie in one piece, to the other side, or drops them.
fn pass(n: usize, discard: bool, ports: &mut [Port; 2], side: Side, pool: &Pool) {
    let (from, to) = pair(ports, side);
    if discard {
        from.rx.consume(n);
    } else if let Some(segment) = from.rx.take(n as u64, pool) {
        to.tx.push(segment, pool);
    }
}

fn put(frame: &ControlFrame, port: &mut Port, pool: &Pool) {
    port.tx.put(frame.bytes(), Copied::Head, pool);
}
