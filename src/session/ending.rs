//! An end of ours to a tracked tunnel: what each side is told, and when it was said and heard.

use std::time::Duration;

use crate::base::{Millis, Rng};
use crate::proto::ws::{CloseCode, ControlFrame};

use super::port::{Port, Side, TxEnd};
use super::reason::CloseReason;
use super::snapshot::{Cursor, SnapshotError};
use super::track::Watch;

/// How long both sides have to hear and answer our Close.
const PATIENCE: Duration = Duration::from_secs(5);

/// The state of an end that we began.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    reason: CloseReason,
    /// What each side is told.
    codes: [CloseCode; 2],
    /// It was, by us or by the other side's own Close.
    told: [bool; 2],
    /// Not listened to any more: it broke a rule, or is gone.
    muted: [bool; 2],
    /// Told only when the other side's own Close has come: what is on its way is not overtaken.
    last: Option<Side>,
    until: Millis,
}

impl Default for Ending {
    /// One to be read into from a snapshot.
    fn default() -> Ending {
        Ending::new(CloseReason::Done, &[Watch::default(); 2], Millis::default())
    }
}

impl Ending {
    /// An end of which both sides are told alike.
    pub(super) fn new(reason: CloseReason, watch: &[Watch; 2], now: Millis) -> Ending {
        let client = match reason {
            CloseReason::TooManyMessages => CloseCode::POLICY,
            _ => CloseCode::GOING_AWAY,
        };
        Ending {
            reason,
            codes: [client, CloseCode::GOING_AWAY],
            told: [watch[1].closed, watch[0].closed],
            // Nothing is to be expected from the dead.
            muted: [reason == CloseReason::DeadClient, false],
            last: None,
            until: now + PATIENCE,
        }
    }

    /// The end for a side that broke a rule: it is told `code`, the other one that it is over.
    pub(super) fn fault(
        reason: CloseReason,
        offender: Side,
        code: CloseCode,
        watch: &[Watch; 2],
        now: Millis,
    ) -> Ending {
        let mut ending = Ending::new(reason, watch, now);
        ending.codes = match offender {
            Side::Client => [code, CloseCode::GOING_AWAY],
            Side::Upstream => [CloseCode::INTERNAL, code],
        };
        ending.muted[offender as usize] = true;
        // What the upstream still sends belongs to a client that was heard until now.
        ending.last = (offender == Side::Client).then_some(offender);
        ending
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut reason = self.reason as u8;
        at.byte(&mut reason)?;
        let reasons = CloseReason::ALL;
        self.reason = *reasons.get(usize::from(reason)).ok_or(SnapshotError::Damaged)?;
        for code in &mut self.codes {
            at.short(&mut code.0)?;
        }
        for flag in self.told.iter_mut().chain(&mut self.muted) {
            at.flag(flag)?;
        }
        at.maybe(&mut self.last, || Side::Client, Side::fields)?;
        at.time(&mut self.until)
    }

    /// `side` is not listened to any more.
    pub(super) fn mute(&mut self, side: Side) {
        self.muted[side as usize] = true;
    }

    pub(super) fn is_muted(&self, side: Side) -> bool {
        self.muted[side as usize]
    }

    pub(super) fn was_told(&self, side: Side) -> bool {
        self.told[side as usize]
    }

    /// Whether `side` is to be told as soon as there is a place for it.
    pub(super) fn wants_to_tell(&self, side: Side, watch: &[Watch; 2], now: Millis) -> bool {
        let must_wait = self.last == Some(side)
            && !watch[side.other() as usize].closed
            && !self.muted[side.other() as usize]
            && now < self.until;
        !self.told[side as usize] && !must_wait
    }

    /// The Close for `side`; a server takes only masked frames.
    pub(super) fn tell(&mut self, side: Side, rng: &mut Rng) -> ControlFrame {
        self.told[side as usize] = true;
        let key = (side == Side::Upstream).then(|| (rng.number() as u32).to_be_bytes());
        ControlFrame::close(self.codes[side as usize], "", key)
    }

    /// `Some` when both sides were told and heard, or time is up. The client's last bytes are still
    /// in its queue then.
    pub(super) fn over(
        &mut self,
        ports: &mut [Port; 2],
        watch: &[Watch; 2],
        now: Millis,
    ) -> Option<CloseReason> {
        let late = now >= self.until;
        let settled = |side: Side| {
            let port = &ports[side as usize];
            let heard =
                self.muted[side as usize] || watch[side as usize].closed || port.rx_end.is_some();
            let place = watch[side.other() as usize].tracker.at_frame()
                || !self.muted[side.other() as usize]
                    && ports[side.other() as usize].rx_end.is_none();
            port.tx_broken || heard && (self.told[side as usize] || !place)
        };
        if !(late || settled(Side::Client) && settled(Side::Upstream)) {
            return None;
        }
        for side in [Side::Client, Side::Upstream] {
            let told = self.told[side as usize];
            ports[side as usize].tx_end = Some(if told { TxEnd::Finish } else { TxEnd::Abort });
        }
        let sent = ports[1].tx.is_empty() || ports[1].tx_broken || !self.told[1];
        (late || sent).then_some(self.reason)
    }

    pub(super) fn deadline(&self) -> Millis {
        self.until
    }
}
