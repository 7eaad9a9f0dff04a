//! One live WebSocket or raw tunnel, as it is shown.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Address, Millis};

use super::super::client::Client;
use super::super::figures::Figures;
use super::super::peer::Peer;
use super::super::port::Port;
use super::super::settings::{Mode, Place, Route, WebSockets};
use super::super::tunnel::{Sight, Tunnel, TunnelKind};

/// What is shown of a tunnel. Two numbers are the client's and the upstream's, in this order.
#[derive(Clone, Debug)]
pub struct Live {
    /// The `tunnel=` of its access lines.
    pub id: u64,
    /// Who the client is.
    pub peer: Peer,
    /// The route it came by.
    pub route: Arc<Route>,
    /// Its server's address, where there is a server.
    pub server: Option<Address>,
    /// What it carries.
    pub kind: TunnelKind,
    /// How much of it is looked at: `raw`, `pass`, `track`, `guard` or `translate`; or where its messages
    /// end: `echo`, `channel`, `events` or `tcp`.
    pub mode: &'static str,
    /// How long it has been open.
    pub age: Duration,
    /// How long nothing has passed that was not ours.
    pub idle: Duration,
    /// Bytes each side has sent.
    pub bytes: [u64; 2],
    /// Bytes each side has sent that the other one has not taken yet.
    pub queued: [u64; 2],
    /// Bytes of messages that are being put together.
    pub held: usize,
    /// What is known of its frames, where they are seen.
    pub figures: Option<Figures>,
}

impl Client {
    /// It as it is shown, where it is a tunnel. `moved` is when bytes last moved on its connections.
    pub fn live(&self, ports: &[Port; 2], moved: Millis, now: Millis) -> Option<Live> {
        let tunnel = self.tunnel()?;
        let [client, upstream] = ports;
        let queued = |from: &Port, to: &Port| (from.rx.len() + to.tx.len()) as u64;
        Some(Live {
            id: tunnel.id,
            peer: self.peer(),
            route: Arc::clone(&tunnel.route),
            server: tunnel.server_address().cloned(),
            kind: tunnel.kind,
            mode: mode(tunnel),
            age: now - tunnel.opened,
            idle: now - tunnel.active(moved),
            bytes: tunnel.bytes,
            queued: [queued(client, upstream), queued(upstream, client)],
            held: tunnel.held(),
            figures: tunnel.figures(),
        })
    }
}

impl Live {
    /// Whether somebody has begun to close it.
    pub fn state(&self) -> &'static str {
        if self.figures.is_some_and(|figures| figures.closing) { "closing" } else { "open" }
    }
}

/// How much of a tunnel is looked at, or where its messages end.
fn mode(tunnel: &Tunnel) -> &'static str {
    match (&tunnel.sight, tunnel.kind, &tunnel.route.target.place) {
        (Sight::Opaque(_), TunnelKind::Raw, _) => "raw",
        (Sight::Opaque(_), ..) => "pass",
        (Sight::Events(_), ..) => "events",
        (Sight::Frames(_), ..) => "track",
        (Sight::Messages(_), _, Place::Echo) => "echo",
        (Sight::Messages(_), _, Place::Channel { .. }) => "channel",
        (Sight::Messages(_), _, Place::Tcp { .. }) => "tcp",
        (Sight::Messages(_), ..) => match &tunnel.route.websockets {
            Some(WebSockets { mode: Mode::Guard, .. }) => "guard",
            _ => "translate",
        },
    }
}
