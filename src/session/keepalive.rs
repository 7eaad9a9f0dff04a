//! Whether a client still lives: pings between its silences, and the time its answers take.

use std::time::Duration;

use crate::base::{Millis, Rng};
use crate::proto::ws::{ControlFrame, Opcode};

use super::cx::Cx;
use super::port::Port;
use super::reason::CloseReason;
use super::settings::WebSocketRules;
use super::snapshot::{Cursor, SnapshotError};

/// Keepalive of one tunnel, towards its client. Plain data.
#[derive(Clone, Debug, Default)]
pub(super) struct Keepalive {
    /// When it opened, and when it is to be closed for its age.
    opened: Millis,
    ends: Option<Millis>,
    /// Taken off the ping interval, so that those who came together are not pinged together.
    early: Duration,
    /// What our last ping carried; its pong is ours too.
    payload: [u8; 8],
    /// A ping waits for its place.
    wanted: bool,
    /// When the ping was sent whose answer is awaited.
    asked: Option<Millis>,
    /// When the next unasked pong is due.
    pong_due: Option<Millis>,
    pong_wanted: bool,
    /// How long the last answer took.
    pub(super) round_trip: Option<Duration>,
}

impl Keepalive {
    pub(super) fn new(rules: &WebSocketRules, cx: &mut Cx<'_>) -> Keepalive {
        let part = |rng: &mut Rng, whole: Duration, part: u32| {
            Duration::from_millis(rng.below((whole / part).as_millis() as u64 + 1))
        };
        let ends = rules.max_age.map(|age| cx.now + (age - age / 10 + part(cx.rng, age, 5)));
        let early = rules.ping.map_or(Duration::ZERO, |every| part(cx.rng, every, 8));
        Keepalive {
            opened: cx.now,
            ends,
            early,
            payload: [0; 8],
            wanted: false,
            asked: None,
            pong_due: rules.pong.map(|every| cx.now + every),
            pong_wanted: false,
            round_trip: None,
        }
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let duration = |value: &mut Duration, at: &mut Cursor<'_>| {
            let mut millis = value.as_millis() as u64;
            at.number(&mut millis)?;
            *value = Duration::from_millis(millis);
            Ok(())
        };
        at.time(&mut self.opened)?;
        at.maybe_time(&mut self.ends)?;
        duration(&mut self.early, at)?;
        at.array(&mut self.payload)?;
        at.flag(&mut self.wanted)?;
        at.maybe_time(&mut self.asked)?;
        at.maybe_time(&mut self.pong_due)?;
        at.flag(&mut self.pong_wanted)?;
        at.maybe(&mut self.round_trip, || Duration::ZERO, duration)
    }

    /// Whether a ping or pong waits for its place.
    pub(super) fn wants_to_speak(&self) -> bool {
        self.wanted || self.pong_wanted
    }

    /// Looks whether something is due.
    pub(super) fn look(&mut self, client: &Port, rules: &WebSocketRules, now: Millis) {
        if self.asked.is_some_and(|asked| client.received > asked) {
            self.asked = None;
        }
        if self.ping_due(client, rules).is_some_and(|due| now >= due) {
            self.wanted = true;
        }
        if self.pong_due.is_some_and(|due| now >= due) {
            self.pong_wanted = true;
        }
    }

    fn ping_due(&self, client: &Port, rules: &WebSocketRules) -> Option<Millis> {
        match self.asked {
            _ if self.wanted => None,
            None => Some(self.heard(client) + rules.ping?.saturating_sub(self.early)),
            // The answer cannot be heard, but a connection that is broken says so when it is written to.
            Some(asked) if is_unheard(client) => Some(asked + rules.ping?),
            Some(_) => None,
        }
    }

    fn heard(&self, client: &Port) -> Millis {
        client.received.max(self.opened)
    }

    /// The next frame of ours for the client.
    pub(super) fn speak(
        &mut self,
        rules: &WebSocketRules,
        cx: &mut Cx<'_>,
    ) -> Option<ControlFrame> {
        if std::mem::take(&mut self.wanted) {
            if self.asked.is_none() {
                self.payload = cx.rng.number().to_be_bytes();
            }
            self.asked = Some(cx.now);
            return Some(ControlFrame::new(Opcode::Ping, &self.payload, None));
        }
        if std::mem::take(&mut self.pong_wanted) {
            self.pong_due = rules.pong.map(|every| cx.now + every);
            return Some(ControlFrame::new(Opcode::Pong, b"", None));
        }
        None
    }

    /// Whether a pong is the answer to a ping of ours, and goes no further.
    pub(super) fn answered(&mut self, payload: &[u8], now: Millis) -> bool {
        let ours = payload == self.payload && self.payload != [0; 8];
        if ours && let Some(asked) = self.asked.take() {
            self.round_trip = Some(now - asked);
        }
        ours
    }

    /// Why the tunnel must end now, if it must: the client is dead, or the WebSocket old.
    pub(super) fn expired(
        &self,
        client: &Port,
        rules: &WebSocketRules,
        now: Millis,
    ) -> Option<CloseReason> {
        if self.dead_at(client, rules).is_some_and(|at| now >= at) {
            return Some(CloseReason::DeadClient);
        }
        self.ends.is_some_and(|at| now >= at).then_some(CloseReason::MaxAge)
    }

    /// When a client that goes on being silent is dead. One that takes what we send lives, though a
    /// ping finds no place inside a long message; and one we do not read is not silent.
    fn dead_at(&self, client: &Port, rules: &WebSocketRules) -> Option<Millis> {
        match self.asked {
            Some(_) if is_unheard(client) => None,
            Some(asked) => Some(asked.max(client.received) + rules.tolerance),
            None if self.wanted && !client.tx.is_empty() => {
                Some(client.sent.max(self.heard(client)) + rules.ping? + rules.tolerance)
            }
            None => None,
        }
    }

    pub(super) fn deadline(&self, client: &Port, rules: &WebSocketRules) -> Option<Millis> {
        let pong = self.pong_due.filter(|_| !self.pong_wanted);
        let times = [self.ping_due(client, rules), self.dead_at(client, rules), pong, self.ends];
        times.into_iter().flatten().min()
    }
}

/// Whether the client is not read at present, because the upstream has not taken what it sent before.
fn is_unheard(client: &Port) -> bool {
    client.rx.room() == 0
}
