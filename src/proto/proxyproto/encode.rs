//! Writing the header of a relayed connection.

use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A line of text (section 2.1).
    V1,
    /// A binary block (section 2.2).
    V2,
}

/// The two ends of the connection that is relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Who connected.
    pub source: SocketAddr,
    /// The address that was connected to.
    pub destination: SocketAddr,
}

/// What a binary block begins with (section 2.2).
pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, a connection relayed for somebody.
pub(super) const PROXY: u8 = 0x21;
/// Version 2, a connection to be taken for our own.
pub(super) const LOCAL: u8 = 0x20;
/// Families and transports.
pub(super) const UNSPEC: u8 = 0x00;
pub(super) const TCP_OVER_IPV4: u8 = 0x11;
pub(super) const TCP_OVER_IPV6: u8 = 0x21;

/// Both ends in one family.
enum Family {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

/// Appends the header for a connection between `ends`; `None` for one without addresses, such as one over a
/// unix socket, which the receiver shall take for our own. A relayed one of unspecified family would say the
/// same, but HAProxy 2.6 breaks it off.
pub fn encode(version: Version, ends: Option<&Ends>, out: &mut Vec<u8>) {
    match version {
        Version::V1 => line(ends, out),
        Version::V2 => block(ends, out),
    }
}

/// At most 107 bytes (section 2.1).
fn line(ends: Option<&Ends>, out: &mut Vec<u8>) {
    let Some(ends) = ends else {
        out.extend_from_slice(b"PROXY UNKNOWN\r\n");
        return;
    };
    let ports = (ends.source.port(), ends.destination.port());
    // Writing to a Vec does not fail.
    let _ = match ends.family() {
        Family::V4(from, to) => {
            let (from, to) = (IpAddr::from(from), IpAddr::from(to));
            write!(out, "PROXY TCP4 {from} {to} {} {}\r\n", ports.0, ports.1)
        }
        Family::V6(from, to) => {
            let (from, to) = (Hextets(from.into()), Hextets(to.into()));
            write!(out, "PROXY TCP6 {from} {to} {} {}\r\n", ports.0, ports.1)
        }
    };
}

fn block(ends: Option<&Ends>, out: &mut Vec<u8>) {
    out.extend_from_slice(SIGNATURE);
    let Some(ends) = ends else {
        out.extend_from_slice(&[LOCAL, UNSPEC, 0, 0]);
        return;
    };
    out.push(PROXY);
    match ends.family() {
        Family::V4(from, to) => {
            out.extend_from_slice(&[TCP_OVER_IPV4, 0, 12]);
            out.extend_from_slice(&from);
            out.extend_from_slice(&to);
        }
        Family::V6(from, to) => {
            out.extend_from_slice(&[TCP_OVER_IPV6, 0, 36]);
            out.extend_from_slice(&from);
            out.extend_from_slice(&to);
        }
    }
    out.extend_from_slice(&ends.source.port().to_be_bytes());
    out.extend_from_slice(&ends.destination.port().to_be_bytes());
}

impl Ends {
    fn family(&self) -> Family {
        match (self.source.ip().to_canonical(), self.destination.ip().to_canonical()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Family::V4(from.octets(), to.octets()),
            (from, to) => Family::V6(in_ipv6(from).octets(), in_ipv6(to).octets()),
        }
    }
}

/// There is one family for both ends: beside an IPv6 address, an IPv4 one is mapped.
fn in_ipv6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// An IPv6 address in hexadecimal digits only: the text of a mapped one ends in an IPv4 address otherwise, which
/// the format of section 2.1 does not have.
struct Hextets(Ipv6Addr);

impl std::fmt::Display for Hextets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.to_ipv4_mapped().is_none() {
            return self.0.fmt(f);
        }
        let [.., high, low] = self.0.segments();
        write!(f, "::ffff:{high:x}:{low:x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(source: &str, destination: &str) -> Ends {
        Ends { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
    }

    fn v1(ends: Option<&Ends>) -> String {
        let mut out = Vec::new();
        encode(Version::V1, ends, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn v2(ends: Option<&Ends>) -> Vec<u8> {
        let mut out = b"before".to_vec();
        encode(Version::V2, ends, &mut out);
        out.split_off(6)
    }

    /// The example of section 2.1, and its worst cases.
    #[test]
    fn lines() {
        let example = ends("192.168.0.1:56324", "192.168.0.11:443");
        assert_eq!(v1(Some(&example)), "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
        let worst = ends("255.255.255.255:65535", "255.255.255.255:65535");
        let line = "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n";
        assert_eq!((v1(Some(&worst)).as_str(), line.len()), (line, 56));
        let all = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
        let ip = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        let line = format!("PROXY TCP6 {ip} {ip} 65535 65535\r\n");
        assert_eq!((v1(Some(&ends(all, all))), line.len()), (line.clone(), 104));
        assert_eq!(v1(None), "PROXY UNKNOWN\r\n");
        assert!(line.len() < 107);
    }

    /// Section 2.2: signature, version and command, family and transport, length, addresses.
    #[test]
    fn blocks() {
        const HEAD: [u8; 13] =
            [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21];
        let found = v2(Some(&ends("192.168.0.1:56324", "192.168.0.11:443")));
        let (head, rest) = found.split_at(13);
        assert_eq!(head, HEAD);
        let addresses = [192, 168, 0, 1, 192, 168, 0, 11, 0xdc, 0x04, 0x01, 0xbb];
        assert_eq!(rest, [&[0x11, 0, 12][..], &addresses].concat());
        let found = v2(Some(&ends("[2001:db8::1]:1", "[2001:db8::2]:65535")));
        let (head, rest) = found.split_at(13);
        assert_eq!(head, HEAD);
        let ip = |last: u8| [&[0x20, 0x01, 0x0d, 0xb8][..], &[0; 11], &[last]].concat();
        let all = [&[0x21, 0, 36][..], &ip(1), &ip(2), &[0, 1, 0xff, 0xff]].concat();
        assert_eq!((rest, found.len()), (all.as_slice(), 52));
        assert_eq!(v2(None), [&HEAD[..12], &[0x20, 0, 0, 0]].concat());
    }

    #[test]
    fn both_ends_are_of_one_family() {
        let mapped = ends("[::ffff:10.0.0.1]:1", "10.0.0.2:2");
        assert_eq!(v1(Some(&mapped)), "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n");
        assert_eq!(v2(Some(&mapped)).get(13), Some(&TCP_OVER_IPV4));
        let mixed = ends("10.0.0.1:1", "[2001:db8::2]:2");
        assert_eq!(v1(Some(&mixed)), "PROXY TCP6 ::ffff:a00:1 2001:db8::2 1 2\r\n");
        let block = v2(Some(&mixed));
        assert_eq!(block.get(13), Some(&TCP_OVER_IPV6));
        assert_eq!(block.get(26..32), Some([0xff, 0xff, 10, 0, 0, 1].as_slice()));
    }
}
