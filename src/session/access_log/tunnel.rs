//! What is said of a tunnel that ended, with what was seen of its frames.

use crate::base::Millis;
use crate::config::LogFormat;

use super::super::cx::Cx;
use super::super::figures::Figures;
use super::super::peer::Peer;
use super::super::reason::CloseReason;
use super::super::tunnel::{Tunnel, TunnelKind};
use super::record::Line;
use super::{combined, json, own};

/// A tunnel that ended.
#[derive(Debug)]
pub(super) struct Ended<'a> {
    pub(super) line: Line<'a>,
    pub(super) id: u64,
    pub(super) opened: Millis,
    /// From the client, from the upstream.
    pub(super) bytes: [u64; 2],
    /// `websocket`, `events` or `raw`.
    pub(super) kind: &'static str,
    /// Where frames were seen.
    pub(super) figures: Option<Figures>,
}

impl Ended<'_> {
    /// How long it was open, in milliseconds.
    pub(super) fn total(&self, now: Millis) -> u128 {
        (now - self.opened).as_millis()
    }
}

impl Figures {
    /// Messages of the client, of the upstream.
    pub(super) fn messages(&self) -> [u64; 2] {
        let [client, upstream] = &self.tallies;
        [client.messages, upstream.messages]
    }
}

/// Writes the line of a tunnel that ended.
pub(in super::super) fn tunnel_ended(
    tunnel: &Tunnel,
    peer: &Peer,
    reason: CloseReason,
    cx: &mut Cx<'_>,
) {
    let Some(format) = cx.generation.log.as_ref().filter(|_| !tunnel.silent) else { return };
    let line = Line {
        peer,
        route: Some(&tunnel.route),
        server: tunnel.server_address(),
        reason,
        tunnel: Some(tunnel.id),
        detail: None,
    };
    let kind = match tunnel.kind {
        TunnelKind::WebSocket => "websocket",
        TunnelKind::Raw => "raw",
        TunnelKind::Events => "events",
    };
    let (id, opened, bytes) = (tunnel.id, tunnel.opened, tunnel.bytes);
    let ended = Ended { line, id, opened, bytes, kind, figures: tunnel.figures() };
    match format {
        LogFormat::Combined => combined::tunnel(&ended, cx.clock, cx.log),
        LogFormat::Json => json::tunnel(&ended, cx.clock, cx.log),
        LogFormat::Own(pieces) => own::tunnel(pieces, &ended, cx.clock, cx.log),
    }
}
