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

/// How long the second direction of a half-closed raw exchange may stay silent is bounded by
/// `http-timeout`; a WebSocket has `tunnel-timeout` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelKind {
    /// Opened by a 101 with the right proof.
    WebSocket,
    /// `http-raw-body`: everything after the request's head.
    Raw,
}

/// The state of an open tunnel. Plain data, written down by [`super::snapshot`].
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
}

impl Tunnel {
    /// Moves what can be moved. `Some` when the tunnel is over.
    pub(super) fn advance(
        &mut self,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Option<CloseReason> {
        if self.deadline(cx.active).is_some_and(|at| cx.now >= at) {
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

    /// When it ends if nothing moves any more.
    pub(super) fn deadline(&self, active: Millis) -> Option<Millis> {
        let silence = match self.kind {
            TunnelKind::WebSocket => self.route.times.tunnel,
            TunnelKind::Raw => Some(self.route.times.silence),
        };
        silence.map(|silence| active + silence)
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
