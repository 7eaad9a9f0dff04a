//! An end of ours to a WebSocket: what each side is told, and when it was said and heard.

use std::time::Duration;

use crate::base::Millis;
use crate::proto::ws::CloseCode;

use super::super::port::{Port, RxEnd, Side, TxEnd};
use super::super::reason::CloseReason;
use super::super::snapshot::{Cursor, SnapshotError};

/// How long both sides have to hear and answer our Close.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what an upstream is told at the very end has to leave.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The state of an end that has begun.
#[derive(Clone, Debug)]
pub(in super::super) struct Ending {
    reason: CloseReason,
    /// What each side is told.
    codes: [CloseCode; 2],
    /// What the side that did not begin it is told besides.
    text: Box<str>,
    /// It was, by us or by the other side's own Close.
    told: [bool; 2],
    /// Not listened to any more: it said Close, broke a rule, or is gone.
    muted: [bool; 2],
    /// Told only when the other side's own Close has come: what is on its way is not overtaken.
    last: Option<Side>,
    until: Millis,
}

impl Ending {
    /// An end of which both sides are told alike, but for those who were `told` already.
    pub(super) fn new(reason: CloseReason, told: [bool; 2], now: Millis) -> Ending {
        let codes = match reason {
            CloseReason::OutOfMemory
            | CloseReason::SlowSubscriber
            | CloseReason::TooManyChannels => [CloseCode::TRY_LATER, CloseCode::GOING_AWAY],
            CloseReason::TokenExpired => [CloseCode::POLICY, CloseCode::GOING_AWAY],
            CloseReason::DeadUpstream => [CloseCode::INTERNAL, CloseCode::GOING_AWAY],
            _ => [CloseCode::GOING_AWAY; 2],
        };
        // Nothing is to be expected from the dead.
        let muted = match reason {
            CloseReason::DeadClient | CloseReason::HeadTimeout => [true, false],
            CloseReason::DeadUpstream => [false, true],
            _ => [false; 2],
        };
        Ending {
            reason,
            codes,
            text: Box::default(),
            told,
            muted,
            last: None,
            until: now + PATIENCE,
        }
    }

    /// The end for a side that broke a rule: it is told `code`, the other one that it is over.
    pub(super) fn fault(
        reason: CloseReason,
        offender: Side,
        code: CloseCode,
        told: [bool; 2],
        now: Millis,
    ) -> Ending {
        let mut ending = Ending::new(reason, told, now);
        ending.codes = match offender {
            Side::Client => [code, CloseCode::GOING_AWAY],
            Side::Upstream => [CloseCode::INTERNAL, code],
        };
        ending.muted[offender as usize] = true;
        // What the upstream still sends belongs to a client that was heard until now.
        ending.last = (offender == Side::Client).then_some(offender);
        ending
    }

    /// The end for a connection that broke, that of `side`: the other side is told `code` behind what came before.
    pub(super) fn broken(
        reason: CloseReason,
        side: Side,
        code: CloseCode,
        told: [bool; 2],
        now: Millis,
    ) -> Ending {
        let mut ending = Ending::new(reason, told, now);
        ending.codes = [code; 2];
        ending.muted = [false; 2];
        ending.told[side as usize] = true;
        ending.last = Some(side.other());
        ending
    }

    /// The end that `side` has begun with `code` and `text`: it is told the code when the other side,
    /// told both, has said Close too.
    pub(super) fn closing(
        side: Side,
        code: CloseCode,
        text: &str,
        told: [bool; 2],
        now: Millis,
    ) -> Ending {
        let mut ending = Ending::new(CloseReason::Done, told, now);
        ending.codes = [code; 2];
        ending.text = text.into();
        ending.muted[side as usize] = true;
        ending.last = Some(side);
        ending
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        self.reason.fields(at)?;
        for code in &mut self.codes {
            at.short(&mut code.0)?;
        }
        let mut text = std::mem::take(&mut self.text).into_string();
        at.text(&mut text)?;
        self.text = text.into();
        for flag in self.told.iter_mut().chain(&mut self.muted) {
            at.flag(flag)?;
        }
        at.maybe(&mut self.last, || Side::Client, Side::fields)?;
        at.time(&mut self.until)
    }

    /// One to be read into from a snapshot.
    pub(super) fn blank() -> Ending {
        Ending::new(CloseReason::Done, [false; 2], Millis::default())
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
    pub(super) fn wants_to_tell(&self, side: Side, closed: &[bool; 2], now: Millis) -> bool {
        let must_wait = self.last == Some(side)
            && !closed[side.other() as usize]
            && !self.muted[side.other() as usize]
            && now < self.until;
        !self.told[side as usize] && !must_wait
    }

    /// What `side` is told now.
    pub(super) fn tell(&mut self, side: Side) -> (CloseCode, Box<str>) {
        self.told[side as usize] = true;
        let text = match self.last {
            Some(last) if last != side => std::mem::take(&mut self.text),
            _ => Box::default(),
        };
        (self.codes[side as usize], text)
    }

    /// What the client is told, or was.
    pub(super) fn told_client(&self) -> CloseCode {
        self.codes[Side::Client as usize]
    }

    /// Whether one of the two sides has begun it by an orderly Close.
    pub(super) fn is_theirs(&self) -> bool {
        self.reason == CloseReason::Done
    }

    /// `Some` when both sides were told and heard, or time is up. The client's last bytes are still
    /// in its queue then. `between` says of what goes to each side whether it stands between frames.
    pub(super) fn over(
        &mut self,
        ports: &mut [Port; 2],
        closed: &[bool; 2],
        between: [bool; 2],
        now: Millis,
    ) -> Option<CloseReason> {
        self.wait_for_takers(ports);
        let late = now >= self.until;
        let settled = |side: Side| {
            let (this, other) = (side as usize, side.other() as usize);
            let place = between[this] || !self.muted[other] && !ports[other].is_drained();
            let alone = !place && ports[other].rx_end == Some(RxEnd::Reset);
            let heard = self.muted[this] || closed[this] || ports[this].is_drained() || alone;
            ports[this].is_gone() || heard && (self.told[this] || !place)
        };
        if !(late || settled(Side::Client) && settled(Side::Upstream)) {
            return None;
        }
        // What came for a side that cannot be told gets through before its reset.
        let [client, upstream] = ports;
        let through = |side: Side, port: &mut Port| self.told[side as usize] || port.is_delivered();
        if !late && !(through(Side::Client, client) & through(Side::Upstream, upstream)) {
            return None;
        }
        for side in [Side::Client, Side::Upstream] {
            let told = self.told[side as usize];
            ports[side as usize].tx_end = Some(if told { TxEnd::Finish } else { TxEnd::Abort });
        }
        let upstream = &ports[1];
        let sent = upstream.tx.is_empty() || upstream.is_gone() || !self.told[1];
        if late && !sent {
            let until = match self.last.take() {
                Some(Side::Upstream) => now + LAST_WORD,
                _ => upstream.sent + PATIENCE,
            };
            if now < until {
                self.until = until;
                return None;
            }
        }
        (late || sent).then_some(self.reason)
    }

    /// A side that was told answers when it has taken what came before, which may be long.
    fn wait_for_takers(&mut self, ports: &[Port; 2]) {
        for (at, port) in ports.iter().enumerate() {
            if self.told[at] && !self.muted[at] && !port.is_gone() {
                self.until = self.until.max(port.sent + PATIENCE);
            }
        }
    }

    pub(super) fn deadline(&self) -> Millis {
        self.until
    }
}
