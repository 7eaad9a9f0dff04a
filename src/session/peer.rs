//! Who is at the other end of a client connection.

use std::fmt::{self, Write};
use std::net::IpAddr;

/// The two ends of a client connection, or of the one that a proxy relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address, without the zone of a link-local one; `None` on a unix socket.
    pub ip: Option<IpAddr>,
    /// The client's port; 0 on a unix socket, and where a proxy names the address only.
    pub port: u16,
    /// The port it connected to; 0 on a unix socket.
    pub server_port: u16,
    /// The listener it came by: which of [`Generation::listeners`](super::Generation::listeners).
    pub listener: u16,
    /// It came over TLS.
    pub secure: bool,
}

impl Peer {
    /// The scheme of what it asks for.
    pub(super) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Its address as logs show it.
    pub(super) fn write_address(&self, out: &mut Vec<u8>) {
        match PeerText::new(self).ip.as_str() {
            "" => out.extend_from_slice(b"unix"),
            ip => out.extend_from_slice(ip.as_bytes()),
        }
    }
}

/// A peer as text, without allocation. What is not known is empty.
#[derive(Debug)]
pub(super) struct PeerText {
    pub(super) ip: Short,
    pub(super) port: Short,
    pub(super) server_port: Short,
}

impl PeerText {
    pub(super) fn new(peer: &Peer) -> PeerText {
        let port = |port| {
            let mut text = Short::default();
            if port != 0 {
                text.put_number(port);
            }
            text
        };
        PeerText {
            ip: Short::of_ip(peer.ip),
            port: port(peer.port),
            server_port: port(peer.server_port),
        }
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
    /// An address, if there is one.
    pub(super) fn of_ip(ip: Option<IpAddr>) -> Short {
        let mut text = Short::default();
        if let Some(ip) = ip {
            text.put_ip(ip.to_canonical());
        }
        text
    }

    // Addresses and ports always fit. Every request has its peer written, so the usual kinds do
    // without the formatting machinery.

    fn put_ip(&mut self, ip: IpAddr) {
        let IpAddr::V4(ip) = ip else {
            let _ = write!(self, "{ip}");
            return;
        };
        let [first, rest @ ..] = ip.octets();
        self.put_number(first);
        for octet in rest {
            let _ = self.write_str(".");
            self.put_number(octet);
        }
    }

    fn put_number(&mut self, number: impl itoa::Integer) {
        let _ = self.write_str(itoa::Buffer::new().format(number));
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
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn every_address_fits() {
        let longest = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
        for (address, ip) in [
            (longest, "1111:2222:3333:4444:5555:6666:7777:8888"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("255.200.100.10:65535", "255.200.100.10"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let peer = Peer {
                ip: Some(address.ip()),
                port: address.port(),
                server_port: 80,
                listener: 0,
                secure: false,
            };
            let text = PeerText::new(&peer);
            assert_eq!(text.ip.as_str(), ip);
            assert_eq!(text.port.as_str(), address.port().to_string());
            assert_eq!(text.server_port.as_str(), "80");
        }
    }
}
