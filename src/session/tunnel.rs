//! A tunnel: opaque bytes in both directions, each at its own pace, until both have ended.
//!
//! ```text
//! Open --FIN of one side--> Half(side) --FIN of the other--> Closed(done)
//!   |                          |
//!   '--- reset, silence -------'--> Closed(reason)
//! ```

use std::sync::Arc;

use crate::base::Millis;
use crate::buf::Pool;

use super::cx::Cx;
use super::port::{Port, RxEnd, Side, TxEnd};
use super::reason::CloseReason;
use super::settings::Route;
use super::track::Track;

/// What a tunnel carries. `http-timeout` bounds the silence of a raw one, `tunnel-timeout` that of a
/// WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelKind {
    /// Opened by a 101 with the right proof.
    WebSocket,
    /// `http-raw-body`: everything after the request's head.
    Raw,
}

/// The state of an open tunnel. Plain data, written down by `snapshot`.
#[derive(Debug)]
pub struct Tunnel {
    /// What it carries.
    pub kind: TunnelKind,
    /// Joins the access line of its end to that of its opening.
    pub id: u64,
    /// When it opened.
    pub opened: Millis,
    /// Bytes received, by side.
    pub bytes: [u64; 2],
    /// The settings it began under.
    pub route: Arc<Route>,
    /// Place of the server in the route's group.
    pub server: u16,
    /// When something last passed that was not ours.
    pub(super) active: Millis,
    /// What is known of its frames, in mode `track`.
    pub(super) track: Option<Box<Track>>,
}

impl Tunnel {
    /// Moves what can be moved. `Some` when the tunnel is over.
    pub(super) fn advance(
        &mut self,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Option<CloseReason> {
        let silent = self.silent_at(cx.active).is_some_and(|at| cx.now >= at);
        if let (Some(track), Some(websockets)) = (&mut self.track, &self.route.websockets) {
            let rules = &websockets.rules;
            if silent {
                track.end(CloseReason::TunnelTimeout, cx.now);
            }
            let over = track.advance(ports, rules, cx);
            let bytes = track.bytes();
            if bytes != self.bytes {
                (self.bytes, self.active) = (bytes, cx.now);
            }
            return over;
        }
        if silent {
            return Some(CloseReason::TunnelTimeout);
        }
        for side in [Side::Client, Side::Upstream] {
            self.bytes[side as usize] += relay(ports, side, cx.pool);
        }
        let [client, upstream] = ports;
        let broken = |port: &Port| port.tx_broken || port.rx_end == Some(RxEnd::Reset);
        if broken(client) || broken(upstream) {
            return Some(CloseReason::TunnelReset);
        }
        let over = |port: &Port| port.tx_end.is_some() && port.tx.is_empty();
        (over(client) && over(upstream)).then_some(CloseReason::Done)
    }

    /// When it ends for silence.
    fn silent_at(&self, active: Millis) -> Option<Millis> {
        match (self.kind, &self.track) {
            (TunnelKind::Raw, _) => Some(active + self.route.times.silence),
            (TunnelKind::WebSocket, None) => Some(active + self.route.times.tunnel?),
            // Our own pings and their answers are no sign of life between the two ends.
            (TunnelKind::WebSocket, Some(_)) => Some(self.active + self.route.times.tunnel?),
        }
    }

    /// When it must be looked at again if nothing moves.
    pub(super) fn deadline(&self, active: Millis, client: &Port) -> Option<Millis> {
        let frames = match (&self.track, &self.route.websockets) {
            (Some(track), Some(websockets)) => track.deadline(client, &websockets.rules),
            _ => None,
        };
        // An end that has begun has its own time.
        let silence = match &self.track {
            Some(track) if track.ending.is_some() => None,
            _ => self.silent_at(active),
        };
        [frames, silence].into_iter().flatten().min()
    }

    /// Begins to end it in words both ends understand; false where that cannot be said.
    pub(super) fn leave(&mut self, reason: CloseReason, now: Millis) -> bool {
        match &mut self.track {
            Some(track) => {
                track.end(reason, now);
                true
            }
            None => false,
        }
    }
}

/// Hands blocks from `side` to the other one, and its end after them; returns the bytes moved.
fn relay(ports: &mut [Port; 2], side: Side, pool: &Pool) -> u64 {
    let [client, upstream] = ports;
    let (from, to) = match side {
        Side::Client => (client, upstream),
        Side::Upstream => (upstream, client),
    };
    let mut moved = 0;
    while to.tx.room() > 0
        && let Some(segment) = from.rx.take(u64::MAX, pool)
    {
        moved += segment.len() as u64;
        to.tx.push(segment, pool);
    }
    if from.is_drained() && to.tx_end.is_none() {
        to.tx_end = Some(TxEnd::Finish);
    }
    moved
}
