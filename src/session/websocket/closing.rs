//! How a WebSocket ends: who has said Close, who broke what, who is told, and when it is over.

use std::time::Duration;

use crate::base::Millis;
use crate::proto::ws::{CloseCode, FrameError};

use super::super::port::{Port, Side, TxEnd};
use super::super::reason::CloseReason;
use super::ending::Ending;
use super::life::{Closes, Life};

/// How long two ends that have both said Close may leave their connections open.
const CLOSED: Duration = Duration::from_secs(5);

impl Life {
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

    /// What `side` sent cannot be passed on: it is told `code` and not heard any more.
    pub(super) fn refuse(&mut self, side: Side, reason: CloseReason, code: CloseCode, now: Millis) {
        if self.ending.is_none() {
            let ending = Ending::fault(reason, side, code, self.told(), now);
            self.ending = Some(Box::new(ending));
        }
        self.mute(side);
    }

    /// Ends it: both sides are told.
    pub(in super::super) fn end(&mut self, reason: CloseReason, now: Millis) {
        if self.ending.is_none() {
            self.ending = Some(Box::new(Ending::new(reason, self.told(), now)));
        }
    }

    /// The connection of `side` broke: it cannot be told, the other side is.
    pub(super) fn breaks(&mut self, side: Side, reason: CloseReason, now: Millis) {
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

    /// Whether a Close has passed: nothing of ours goes in behind it, and who sent it owes no answer.
    pub(super) fn is_parting(&self) -> bool {
        self.passes && self.closed != [false; 2]
    }

    /// Whether its end has begun.
    pub(in super::super) fn is_ending(&self) -> bool {
        self.ending.is_some()
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
        if self.parts(ports) && ports[1].tx.is_empty() {
            ports[0].tx_end.get_or_insert(TxEnd::Close);
            return Some(CloseReason::Done);
        }
        let finished = |port: &Port| port.tx_end.is_some() && port.tx.is_empty();
        let late = self.parts_at(ports).is_some_and(|at| now >= at);
        (late || ports.iter().all(finished)).then_some(CloseReason::Done)
    }

    /// Whether all was said: Close by both, then FIN by the upstream, of which it is to come (RFC 6455 section 7.1.1). What is
    /// left is to close towards the client, which sends nothing any more. Behind a Close nothing is read just to see the FIN.
    pub(super) fn parts(&self, ports: &[Port; 2]) -> bool {
        let upstream = &ports[Side::Upstream as usize];
        let finished = upstream.is_drained() || upstream.closing && upstream.rx.is_empty();
        self.passes && self.ending.is_none() && self.closed == [true; 2] && finished
    }

    /// When two ends that have both said Close are parted: they have taken what came before by then.
    pub(super) fn parts_at(&self, ports: &[Port; 2]) -> Option<Millis> {
        let both = self.closes.as_ref()?.both;
        let at = ports.iter().map(|port| port.sent).fold(both, Millis::max) + CLOSED;
        Some(at).filter(|_| both != Millis::NEVER)
    }
}
