//! A tunnel written down and taken up again, by this process or another: versioned, deadlines as
//! elapsed time, the route by its name, unsent and unread bytes included.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;
use crate::buf::{Rx, Segment, Stub, Tx};

use super::client::Client;
use super::peer::Peer;
use super::port::{Port, RxEnd, TxEnd};
use super::settings::Route;
use super::tunnel::{Tunnel, TunnelKind};

const VERSION: u8 = 1;

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

impl Client {
    /// Writes a tunnel down; `None` for anything else.
    pub fn snapshot(&self, ports: &[Port; 2], now: Millis) -> Option<Vec<u8>> {
        let tunnel = self.tunnel()?;
        let mut out = Writer(vec![VERSION]);
        out.byte(match tunnel.kind {
            TunnelKind::WebSocket => 0,
            TunnelKind::Raw => 1,
        });
        out.number(tunnel.id);
        out.number((now - tunnel.opened).as_millis() as u64);
        out.number(tunnel.bytes[0]);
        out.number(tunnel.bytes[1]);
        out.bytes(tunnel.route.name.as_bytes());
        out.number(tunnel.server.into());
        out.bytes(self.peer().address.map(|a| a.to_string()).unwrap_or_default().as_bytes());
        out.number(self.peer().server_port.into());
        for port in ports {
            out.port(port);
        }
        Some(out.0)
    }

    /// Takes a tunnel up; `route` finds a route by its name.
    pub fn restore(
        snapshot: &[u8],
        now: Millis,
        route: impl FnOnce(&str) -> Option<Arc<Route>>,
    ) -> Result<(Client, [Port; 2]), SnapshotError> {
        let mut from = Reader(snapshot);
        if from.byte()? != VERSION {
            return Err(SnapshotError::Version);
        }
        let kind = match from.byte()? {
            0 => TunnelKind::WebSocket,
            1 => TunnelKind::Raw,
            _ => return Err(SnapshotError::Damaged),
        };
        let id = from.number()?;
        let age = Duration::from_millis(from.number()?);
        let bytes = [from.number()?, from.number()?];
        let name = from.text()?;
        let server = u16::try_from(from.number()?).map_err(|_| SnapshotError::Damaged)?;
        let address = match from.text()? {
            "" => None,
            text => Some(text.parse::<SocketAddr>().map_err(|_| SnapshotError::Damaged)?),
        };
        let server_port = u16::try_from(from.number()?).map_err(|_| SnapshotError::Damaged)?;
        let ports = [from.port()?, from.port()?];
        if !from.0.is_empty() {
            return Err(SnapshotError::Damaged);
        }
        let route = route(name).ok_or(SnapshotError::NoRoute)?;
        let opened = Millis(now.get().saturating_sub(age.as_millis() as u64));
        let tunnel = Tunnel { kind, id, opened, bytes, route, server };
        Ok((Client::resumed(Peer { address, server_port }, tunnel), ports))
    }
}

/// Appends values: numbers little-endian, bytes behind their length.
struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    fn number(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn port(&mut self, port: &Port) {
        self.pieces(port.rx.iter());
        self.byte(match port.rx_end {
            None => 0,
            Some(RxEnd::Finished) => 1,
            Some(RxEnd::Reset) => 2,
        });
        self.pieces(port.tx.iter());
        self.byte(match port.tx_end {
            None => 0,
            Some(TxEnd::Finish) => 1,
            Some(TxEnd::Abort) => 2,
        });
        self.byte(u8::from(port.tx_broken));
        self.byte(u8::from(port.tx_begun));
    }

    fn pieces<'a>(&mut self, segments: impl Iterator<Item = &'a Segment> + Clone) {
        self.number(segments.clone().map(Segment::len).sum::<usize>() as u64);
        for segment in segments {
            self.0.extend_from_slice(segment.bytes());
        }
    }
}

/// Takes values off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], SnapshotError> {
        let (front, rest) = self.0.split_at_checked(n).ok_or(SnapshotError::Damaged)?;
        self.0 = rest;
        Ok(front)
    }

    fn byte(&mut self) -> Result<u8, SnapshotError> {
        Ok(self.take(1)?[0])
    }

    fn flag(&mut self) -> Result<bool, SnapshotError> {
        Ok(self.byte()? != 0)
    }

    fn number(&mut self) -> Result<u64, SnapshotError> {
        let bytes = self.take(8)?.try_into().map_err(|_| SnapshotError::Damaged)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn bytes(&mut self) -> Result<&'a [u8], SnapshotError> {
        let n = usize::try_from(self.number()?).map_err(|_| SnapshotError::Damaged)?;
        self.take(n)
    }

    fn text(&mut self) -> Result<&'a str, SnapshotError> {
        str::from_utf8(self.bytes()?).map_err(|_| SnapshotError::Damaged)
    }

    fn port(&mut self) -> Result<Port, SnapshotError> {
        let mut rx = Rx::default();
        rx.push(Segment::Stub(Stub::new(self.bytes()?)));
        let rx_end = match self.byte()? {
            0 => None,
            1 => Some(RxEnd::Finished),
            2 => Some(RxEnd::Reset),
            _ => return Err(SnapshotError::Damaged),
        };
        let mut tx = Tx::default();
        tx.queue(Segment::Stub(Stub::new(self.bytes()?)));
        let tx_end = match self.byte()? {
            0 => None,
            1 => Some(TxEnd::Finish),
            2 => Some(TxEnd::Abort),
            _ => return Err(SnapshotError::Damaged),
        };
        let (tx_broken, tx_begun) = (self.flag()?, self.flag()?);
        Ok(Port { rx, rx_end, tx, tx_end, tx_broken, tx_begun })
    }
}
