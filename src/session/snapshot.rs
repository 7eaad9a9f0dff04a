//! A tunnel written down and taken up again, by this process or another: versioned, times relative
//! to the present, the route by its name, unsent and unread bytes included.

mod cursor;

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::{Address, Millis};
use crate::buf::{Rx, Segment, Stub, Tx};

use super::client::Client;
use super::opaque::Opaque;
use super::peer::Peer;
use super::port::{Delivery, Port, RxEnd, TxEnd};
use super::settings::Route;
use super::tunnel::{Sight, Tunnel, TunnelKind};
use super::websocket::{Track, Written};

pub(super) use cursor::Cursor;

const VERSION: u8 = 15;

/// Why a snapshot cannot be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Written by a version that writes differently.
    #[error("the snapshot is of another version")]
    Version,
    /// It ends early or says what cannot be.
    #[error("the snapshot is damaged")]
    Damaged,
    /// Its route does not exist here.
    #[error("the snapshot's route does not exist")]
    NoRoute,
}

/// All of a tunnel but its route, as one list of fields that is both written and read.
#[derive(Default)]
struct Plain {
    raw: bool,
    silent: bool,
    id: u64,
    opened: Millis,
    active: Millis,
    bytes: [u64; 2],
    route: String,
    server: u64,
    found: String,
    ip: String,
    port: u16,
    server_port: u16,
    secure: bool,
    ports: [PlainPort; 2],
    opaque: Opaque,
    track: Option<Track>,
    messages: Option<Written>,
}

/// A port with its bytes in one piece.
#[derive(Default)]
struct PlainPort {
    rx: Vec<u8>,
    rx_end: u8,
    tx: Vec<u8>,
    tx_end: u8,
    tx_broken: bool,
    lost: bool,
    tx_begun: bool,
    received: Millis,
    sent: Millis,
}

impl Plain {
    fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.flag(&mut self.raw)?;
        at.flag(&mut self.silent)?;
        at.number(&mut self.id)?;
        at.time(&mut self.opened)?;
        at.time(&mut self.active)?;
        at.number(&mut self.bytes[0])?;
        at.number(&mut self.bytes[1])?;
        at.text(&mut self.route)?;
        at.number(&mut self.server)?;
        at.text(&mut self.found)?;
        at.text(&mut self.ip)?;
        at.short(&mut self.port)?;
        at.short(&mut self.server_port)?;
        at.flag(&mut self.secure)?;
        for port in &mut self.ports {
            port.fields(at)?;
        }
        self.opaque.fields(at)?;
        at.maybe(&mut self.track, Track::blank, Track::fields)?;
        at.maybe(&mut self.messages, Written::blank, Written::fields)
    }
}

impl PlainPort {
    fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.bytes(&mut self.rx)?;
        at.byte(&mut self.rx_end)?;
        at.bytes(&mut self.tx)?;
        at.byte(&mut self.tx_end)?;
        at.flag(&mut self.tx_broken)?;
        at.flag(&mut self.lost)?;
        at.flag(&mut self.tx_begun)?;
        at.time(&mut self.received)?;
        at.time(&mut self.sent)
    }

    fn of(port: &Port) -> PlainPort {
        PlainPort {
            rx: port.rx.iter().flat_map(Segment::bytes).copied().collect(),
            rx_end: match port.rx_end {
                None => 0,
                Some(RxEnd::Finished) => 1,
                Some(RxEnd::Reset) => 2,
            },
            tx: port.tx.iter().flat_map(Segment::bytes).copied().collect(),
            tx_end: match port.tx_end {
                None => 0,
                Some(TxEnd::Finish) => 1,
                Some(TxEnd::Abort) => 2,
                Some(TxEnd::Close) => 3,
            },
            tx_broken: port.tx_broken,
            lost: port.lost,
            tx_begun: port.tx_begun,
            received: port.received,
            sent: port.sent,
        }
    }

    fn restore(self) -> Result<Port, SnapshotError> {
        let mut rx = Rx::default();
        rx.push(Segment::Stub(Stub::new(&self.rx)));
        let mut tx = Tx::default();
        tx.queue(Segment::Stub(Stub::new(&self.tx)));
        Ok(Port {
            rx,
            rx_end: match self.rx_end {
                0 => None,
                1 => Some(RxEnd::Finished),
                2 => Some(RxEnd::Reset),
                _ => return Err(SnapshotError::Damaged),
            },
            // Said anew by the worker.
            closing: false,
            tx,
            tx_end: match self.tx_end {
                0 => None,
                1 => Some(TxEnd::Finish),
                2 => Some(TxEnd::Abort),
                3 => Some(TxEnd::Close),
                _ => return Err(SnapshotError::Damaged),
            },
            tx_broken: self.tx_broken,
            lost: self.lost,
            tx_begun: self.tx_begun,
            // Asked anew where that matters.
            delivery: Delivery::Unasked,
            received: self.received,
            sent: self.sent,
        })
    }
}

impl Client {
    /// Writes a tunnel down; `None` for anything else, and for a WebSocket whose compression holds what
    /// cannot be written down.
    pub fn snapshot(&self, ports: &[Port; 2], now: Millis) -> Option<Vec<u8>> {
        let tunnel = self.tunnel()?;
        let (mut opaque, mut track, mut messages) = (Opaque::default(), None, None);
        match &tunnel.sight {
            Sight::Opaque(bytes) => opaque = bytes.clone(),
            Sight::Frames(frames) => track = Some(Track::clone(frames)),
            Sight::Messages(ends) => messages = Some(Written::of(ends)?),
            // Its client comes back by itself, and says where it was.
            Sight::Events(_) => return None,
        }
        let mut plain = Plain {
            silent: tunnel.silent,
            raw: tunnel.kind == TunnelKind::Raw,
            id: tunnel.id,
            opened: tunnel.opened,
            active: tunnel.active,
            bytes: tunnel.bytes,
            route: tunnel.route.name.to_string(),
            server: tunnel.server.into(),
            found: tunnel.found.as_ref().map(|found| found.to_string()).unwrap_or_default(),
            ip: self.peer().ip.map(|ip| ip.to_string()).unwrap_or_default(),
            port: self.peer().port,
            server_port: self.peer().server_port,
            secure: self.peer().secure,
            ports: [PlainPort::of(&ports[0]), PlainPort::of(&ports[1])],
            opaque,
            track,
            messages,
        };
        let mut at = Cursor::write(now, VERSION);
        // Writing always succeeds.
        plain.fields(&mut at).ok()?;
        Some(at.written())
    }

    /// Takes a tunnel up; `route` finds a route by its name.
    pub fn restore(
        snapshot: &[u8],
        now: Millis,
        route: impl FnOnce(&str) -> Option<Arc<Route>>,
    ) -> Result<(Client, [Port; 2]), SnapshotError> {
        let mut at = Cursor::read(now, snapshot, VERSION)?;
        let mut plain = Plain::default();
        plain.fields(&mut at)?;
        at.ended()?;
        let Plain { raw, id, opened, active, bytes, opaque, track, messages, .. } = plain;
        let server = u16::try_from(plain.server).map_err(|_| SnapshotError::Damaged)?;
        let found = plain.found.parse::<Address>().ok().map(Box::new);
        let ip = match plain.ip.as_str() {
            "" => None,
            text => Some(text.parse::<IpAddr>().map_err(|_| SnapshotError::Damaged)?),
        };
        // Nobody asks a tunnel which listener it came by.
        let Plain { port, server_port, secure, .. } = plain;
        let peer = Peer { ip, port, server_port, listener: u16::MAX, secure };
        let route = route(&plain.route).ok_or(SnapshotError::NoRoute)?;
        let [client, upstream] = plain.ports;
        let ports = [client.restore()?, upstream.restore()?];
        let kind = if raw { TunnelKind::Raw } else { TunnelKind::WebSocket };
        let sight = match (track, messages) {
            (None, None) => Sight::Opaque(opaque),
            (Some(track), None) => Sight::Frames(Box::new(track)),
            (None, Some(written)) => {
                Sight::Messages(Box::new(written.restore(&route.target.place)?))
            }
            (Some(_), Some(_)) => return Err(SnapshotError::Damaged),
        };
        // Its sockets are looked after anew.
        let watched = false;
        let silent = plain.silent;
        let mut tunnel = Tunnel {
            kind,
            id,
            opened,
            bytes,
            route,
            server,
            found,
            active,
            watched,
            silent,
            seated: false,
            sight,
        };
        tunnel.invite();
        Ok((Client::resumed(peer, tunnel.seated()), ports))
    }
}
