//! Opaque bytes in both directions, each at its own pace, until both have ended.
//!
//! ```text
//! Open --FIN of one side--> Half(side) --FIN of the other--> Closed(done)
//!   |                          |
//!   '---- reset of a side -----'--> Cut(side) --what came of it is delivered--> Closed(reason)
//! ```

use crate::base::Millis;
use crate::buf::Pool;
use crate::proto::http::Body;

use super::gate::Gate;
use super::linger;
use super::port::{Port, RxEnd, Side, TxEnd};
use super::reason::CloseReason;
use super::snapshot::{Cursor, SnapshotError};

/// What is known of a tunnel of which nothing is seen. Plain data.
#[derive(Clone, Debug, Default)]
pub(super) struct Opaque {
    rare: Option<Box<Rare>>,
}

/// What few have.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// One of its connections broke.
    cut: Option<Cut>,
    /// Where what the client sends has an end before the connection has.
    gate: Option<Gate>,
}

/// A side that is gone, and what is still owed to the other one.
#[derive(Clone, Debug)]
struct Cut {
    side: Side,
    reason: CloseReason,
    at: Millis,
}

impl Opaque {
    /// One whose client may send a body that is framed so, and nothing behind it.
    pub(super) fn within(body: Body) -> Opaque {
        Opaque { rare: Some(Box::new(Rare { cut: None, gate: Some(Gate::new(body)) })) }
    }

    /// Both sides are whole, and what they send has no end before they have.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.rare.is_none()
    }

    fn cut(&self) -> Option<&Cut> {
        self.rare.as_ref()?.cut.as_ref()
    }

    /// Moves what can be moved, and adds to `bytes` what it was from each side. `Some` when it is over.
    pub(super) fn advance(
        &mut self,
        ports: &mut [Port; 2],
        bytes: &mut [u64; 2],
        now: Millis,
        pool: &Pool,
    ) -> Option<CloseReason> {
        if self.cut().is_none() {
            let cut = [Side::Client, Side::Upstream].into_iter().find_map(|side| {
                let reason = ports[side as usize].broken(side)?;
                Some(Cut { side, reason, at: now })
            });
            if cut.is_some() {
                self.rare.get_or_insert_default().cut = cut;
            }
        }
        let gone = self.cut().map(|cut| cut.side);
        for side in [Side::Client, Side::Upstream] {
            if gone == Some(side.other()) {
                // Nobody takes it; but what is left unread when we close could destroy what we sent.
                let rx = &mut ports[side as usize].rx;
                rx.consume(rx.len());
            } else {
                let rare = self.rare.as_mut().filter(|_| side == Side::Client);
                let gate = rare.and_then(|rare| rare.gate.as_mut());
                match relay(ports, side, gate, pool) {
                    Ok(moved) => bytes[side as usize] += moved,
                    Err(reason) => return Some(reason),
                }
            }
        }
        if let Some(cut) = self.cut() {
            return cut.is_over(ports, now).then_some(cut.reason);
        }
        let over = |port: &Port| port.tx_end.is_some() && port.tx.is_empty();
        ports.iter().all(over).then_some(CloseReason::Done)
    }

    /// When it must be looked at again if nothing moves.
    pub(super) fn deadline(&self, ports: &[Port; 2]) -> Option<Millis> {
        self.cut().map(|cut| cut.until(ports))
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.maybe(&mut self.rare, Box::default, |rare, at| {
            let blank = || {
                let (side, reason) = (Side::Client, CloseReason::TunnelReset);
                Cut { side, reason, at: Millis::default() }
            };
            at.maybe(&mut rare.cut, blank, |cut, at| {
                cut.side.fields(at)?;
                cut.reason.fields(at)?;
                at.time(&mut cut.at)
            })?;
            at.maybe(&mut rare.gate, || Gate::Shut, Gate::fields)
        })
    }
}

impl Cut {
    /// Whether the other side has all that came of this one, or will not take it.
    fn is_over(&self, ports: &mut [Port; 2], now: Millis) -> bool {
        let late = now >= self.until(ports);
        let came = ports[self.side as usize].is_drained();
        let other = self.side.other();
        let to = &mut ports[other as usize];
        late || to.broken(other).is_some() || came && to.is_delivered()
    }

    fn until(&self, ports: &[Port; 2]) -> Millis {
        let ended = ports[self.side as usize].rx_end.is_some();
        let sent = ports[self.side.other() as usize].sent;
        self.at.max(if ended { sent } else { self.at }) + linger::FLUSH
    }
}

/// Hands blocks from `side` to the other one, as far as the gate lets them pass, and its FIN after them; returns the
/// bytes moved.
fn relay(
    ports: &mut [Port; 2],
    side: Side,
    gate: Option<&mut Gate>,
    pool: &Pool,
) -> Result<u64, CloseReason> {
    let [client, upstream] = ports;
    let (from, to) = match side {
        Side::Client => (client, upstream),
        Side::Upstream => (upstream, client),
    };
    let mut moved = 0;
    if from.rx.is_empty() {
        // Only an end can be new.
    } else if let Some(gate) = gate {
        moved = gate.relay(from, to, pool)?;
    } else if to.tx.is_empty() {
        moved = from.rx.len() as u64;
        to.tx.take_over(&mut from.rx);
    } else {
        while to.tx.room() > 0
            && let Some(segment) = from.rx.take(u64::MAX, pool)
        {
            moved += segment.len() as u64;
            to.tx.push(segment, pool);
        }
    }
    if from.rx_end == Some(RxEnd::Finished) && from.rx.is_empty() && to.tx_end.is_none() {
        to.tx_end = Some(TxEnd::Finish);
    }
    Ok(moved)
}
