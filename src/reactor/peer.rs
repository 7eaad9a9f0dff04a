//! Who is at the other end of a socket, or at this one.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};

use rustix::net::SocketAddrAny;

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// An IP address and port; an IPv4 address mapped into IPv6 is given as IPv4, so that access
    /// rules and logs know it by one name.
    Ip(SocketAddr),
    /// The other end of a unix socket.
    Unix,
}

impl Peer {
    /// The IP address, if it has one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Peer::Ip(address) => Some(address.ip()),
            Peer::Unix => None,
        }
    }

    /// The port, if it has one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Peer::Ip(address) => Some(address.port()),
            Peer::Unix => None,
        }
    }

    pub(super) fn from_any(address: SocketAddrAny) -> Peer {
        SocketAddr::try_from(address).map_or(Peer::Unix, Peer::from)
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        let mapped = match address {
            SocketAddr::V6(v6) => v6.ip().to_ipv4_mapped(),
            SocketAddr::V4(_) => None,
        };
        match mapped {
            Some(ip) => Peer::Ip(SocketAddrV4::new(ip, address.port()).into()),
            None => Peer::Ip(address),
        }
    }
}

/// `127.0.0.1:8080`, `[::1]:8080` or `unix:`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(address) => address.fmt(f),
            Peer::Unix => f.write_str("unix:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_ipv4() {
        for (text, shown) in [
            ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("10.0.0.1:80", "10.0.0.1:80"),
        ] {
            assert_eq!(Peer::from(text.parse::<SocketAddr>().unwrap()).to_string(), shown);
        }
        assert_eq!((Peer::Unix.ip(), Peer::Unix.port()), (None, None));
    }
}
