//! Whether a peer still lives: pings between its silences, and the time its answers take.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::base::{Millis, Rng};

use super::super::port::Port;
use super::super::snapshot::{Cursor, SnapshotError};

/// Steps in which intervals are shortened.
const STEP: Duration = Duration::from_millis(8);

/// Keepalive of one WebSocket towards one of its ends. Plain data.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Keepalive {
    /// When the ping was sent whose answer is awaited; never, where none is.
    asked: Millis,
    /// What our last ping carried; its pong is ours too.
    payload: [u8; 8],
    /// Milliseconds the last answer took, and one.
    round_trip: Option<NonZeroU32>,
    /// Steps taken off the interval, so that those who came together are not pinged together.
    early: u16,
    /// A ping waits for its place.
    wanted: bool,
    /// Our last ping waits behind what the peer has not taken.
    queued: bool,
}

const _: () = assert!(size_of::<Keepalive>() <= 24);

/// How often a peer is asked, and how long it may take to answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) every: Duration,
    pub(super) tolerance: Duration,
}

impl Keepalive {
    pub(super) fn new(every: Duration, rng: &mut Rng) -> Keepalive {
        let most = (every / 8).as_millis() / STEP.as_millis();
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        Keepalive {
            asked: Millis::NEVER,
            payload: [0; 8],
            round_trip: None,
            early: rng.below(u64::from(most) + 1) as u16,
            wanted: false,
            queued: false,
        }
    }

    /// One to be read into from a snapshot.
    pub(super) fn blank() -> Keepalive {
        Keepalive::new(Duration::ZERO, &mut Rng::new(0))
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.moment(&mut self.asked)?;
        at.array(&mut self.payload)?;
        let mut round_trip = self.round_trip.map_or(0, NonZeroU32::get);
        at.word(&mut round_trip)?;
        self.round_trip = NonZeroU32::new(round_trip);
        at.short(&mut self.early)?;
        at.flag(&mut self.wanted)?;
        at.flag(&mut self.queued)
    }

    /// How long the last answer took.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|more| Duration::from_millis(u64::from(more.get()) - 1))
    }

    /// Whether a ping waits for its place.
    pub(super) fn wants_to_speak(&self) -> bool {
        self.wanted
    }

    /// Whether a ping waits for its place or for its answer.
    pub(super) fn waits(&self) -> bool {
        self.wanted || self.asked().is_some()
    }

    /// Notices that our ping has left: from then on its answer may be on the way.
    pub(super) fn notice(&mut self, port: &Port) {
        if port.tx.is_empty() && std::mem::take(&mut self.queued) && self.asked().is_some() {
            self.asked = self.asked.max(port.sent);
        }
    }

    /// Looks whether a ping is due.
    pub(super) fn look(&mut self, port: &Port, pace: Pace, now: Millis) {
        if self.asked().is_some_and(|asked| port.received >= asked) {
            self.asked = Millis::NEVER;
        }
        if self.ping_due(port, pace).is_some_and(|due| now >= due) {
            self.wanted = true;
        }
    }

    fn asked(&self) -> Option<Millis> {
        Some(self.asked).filter(|asked| *asked != Millis::NEVER)
    }

    /// When a ping is due.
    pub(super) fn ping_due(&self, port: &Port, pace: Pace) -> Option<Millis> {
        match self.asked() {
            _ if self.wanted => None,
            None => {
                let early = STEP * u32::from(self.early);
                Some(port.received + pace.every.saturating_sub(early))
            }
            // The answer cannot be heard, but a connection that is broken says so when it is written to.
            Some(asked) if is_unheard(port) => Some(asked + pace.every),
            Some(_) => None,
        }
    }

    /// What the ping that is due shall carry.
    pub(super) fn speak(&mut self, now: Millis, rng: &mut Rng) -> Option<[u8; 8]> {
        if !std::mem::take(&mut self.wanted) {
            return None;
        }
        if self.asked().is_none() {
            self.payload = rng.number().to_be_bytes();
        }
        self.asked = now;
        self.queued = true;
        Some(self.payload)
    }

    /// Whether a pong is the answer to a ping of ours, and goes no further.
    pub(super) fn answered(&mut self, payload: &[u8], now: Millis) -> bool {
        let ours = payload == self.payload && self.payload != [0; 8];
        if ours && let Some(asked) = self.asked() {
            self.asked = Millis::NEVER;
            let took = u32::try_from((now - asked).as_millis()).unwrap_or(u32::MAX);
            self.round_trip = NonZeroU32::new(took.saturating_add(1));
        }
        ours
    }

    /// When a peer that goes on being silent is dead. One that takes what we send lives, though a
    /// ping finds no place inside a long message or waits behind it; and one we do not read is not
    /// silent, unless it takes nothing of a full queue either.
    pub(super) fn dead_at(&self, port: &Port, pace: Pace) -> Option<Millis> {
        match self.asked() {
            Some(_) if is_unheard(port) => {
                Some(stuck_at(port, pace)).filter(|_| port.tx.room() == 0)
            }
            Some(asked) => {
                let heard = asked.max(port.received) + pace.tolerance;
                Some(match self.queued {
                    true if port.tx.is_empty() => heard.max(port.sent + pace.tolerance),
                    true => heard.max(stuck_at(port, pace)),
                    false => heard,
                })
            }
            None if self.wanted && !port.tx.is_empty() => Some(stuck_at(port, pace)),
            None => None,
        }
    }
}

/// When a peer that neither sends nor takes anything has done so for too long.
pub(super) fn stuck_at(port: &Port, pace: Pace) -> Millis {
    port.sent.max(port.received) + pace.every + pace.tolerance
}

/// Whether no answer of the peer can be heard: it has finished, or is not read at present because the
/// other one has not taken what it sent before.
fn is_unheard(port: &Port) -> bool {
    port.rx_end.is_some() || port.rx.room() == 0
}
