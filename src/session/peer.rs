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
        match Short::of_ip(self.ip).as_bytes() {
            b"" => out.extend_from_slice(b"unix"),
            ip => out.extend_from_slice(ip),
        }
    }
}

/// An address or a port as text of at most 45 bytes, the longest IPv6 address, without allocation. What is not known is
/// empty.
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

    /// A port, where it is known.
    pub(super) fn of_port(port: u16) -> Short {
        let mut text = Short::default();
        if port != 0 {
            text.put_number(port);
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
        for octet in ip.octets() {
            let [digits @ .., n] = OCTETS[usize::from(octet)];
            if let Some(place) = self.bytes.get_mut(self.len..self.len + 4) {
                place.copy_from_slice(&digits);
                self.len += usize::from(n);
            }
        }
        // The last dot.
        self.len -= 1;
    }

    fn put_number(&mut self, number: u16) {
        for weight in [10_000, 1000, 100, 10, 1] {
            if number >= weight || weight == 1 {
                self.put(b'0' + (number / weight % 10) as u8);
            }
        }
    }

    fn put(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// The text: ASCII.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Each octet with a dot behind it, and how many bytes the two are.
static OCTETS: [[u8; 5]; 256] = {
    let mut all = [[0; 5]; 256];
    let (mut rest, mut octet): (&mut [[u8; 5]], u8) = (&mut all, 0);
    while let [place, tail @ ..] = rest {
        let [c, x, i] = [b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10];
        *place = match octet {
            0..10 => [i, b'.', 0, 0, 2],
            10..100 => [x, i, b'.', 0, 3],
            100.. => [c, x, i, b'.', 4],
        };
        (rest, octet) = (tail, octet.wrapping_add(1));
    }
    all
};

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
            assert_eq!(Short::of_ip(Some(address.ip())).as_bytes(), ip.as_bytes());
            let port = address.port();
            assert_eq!(Short::of_port(port).as_bytes(), port.to_string().as_bytes());
        }
        assert_eq!(
            (Short::of_ip(None).as_bytes(), Short::of_port(0).as_bytes()),
            (&b""[..], &b""[..])
        );
    }

    #[test]
    fn every_number_is_written_as_usual() {
        for number in
            (0..=u16::MAX).step_by(7).chain([1, 9, 10, 99, 100, 999, 1000, 9999, 10_000, u16::MAX])
        {
            let mut text = Short::default();
            text.put_number(number);
            assert_eq!(text.as_bytes(), number.to_string().as_bytes());
        }
    }
}
