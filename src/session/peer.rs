//! Who is at the other end of a client connection.

use std::fmt::{self, Display, Write};
use std::net::SocketAddr;

/// The two ends of a client connection, as they are known when it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address; `None` on a unix socket.
    pub address: Option<SocketAddr>,
    /// The port it connected to; 0 on a unix socket.
    pub server_port: u16,
}

impl Peer {
    /// Its address as logs show it.
    pub(super) fn write_address(&self, out: &mut Vec<u8>) {
        match PeerText::new(self).ip.as_str() {
            "" => out.extend_from_slice(b"unix"),
            ip => out.extend_from_slice(ip.as_bytes()),
        }
    }
}

/// A peer as text, without allocation. Empty parts for a unix socket.
#[derive(Debug, Default)]
pub(super) struct PeerText {
    pub(super) ip: Short,
    pub(super) port: Short,
    pub(super) server_port: Short,
}

impl PeerText {
    pub(super) fn new(peer: &Peer) -> PeerText {
        let mut text = PeerText::default();
        if let Some(address) = peer.address {
            text.ip.put(address.ip().to_canonical());
            text.port.put(address.port());
            text.server_port.put(peer.server_port);
        }
        text
    }
}

/// A text of at most 45 bytes: the longest IPv6 address.
#[derive(Debug)]
pub(super) struct Short {
    len: usize,
    bytes: [u8; 45],
}

impl Default for Short {
    fn default() -> Short {
        Short { len: 0, bytes: [0; 45] }
    }
}

impl Short {
    fn put(&mut self, value: impl Display) {
        // Addresses and ports always fit.
        let _ = write!(self, "{value}");
    }

    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_fits() {
        let longest = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
        for (address, ip) in [
            (longest, "1111:2222:3333:4444:5555:6666:7777:8888"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
            ("127.0.0.1:1", "127.0.0.1"),
        ] {
            let peer = Peer { address: address.parse().ok(), server_port: 80 };
            assert_eq!(PeerText::new(&peer).ip.as_str(), ip);
        }
    }
}
