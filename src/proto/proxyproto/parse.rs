//! What stands in front of a connection's first byte, as a proxy said it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

use super::encode::{Ends, LOCAL, PROXY, SIGNATURE, TCP_OVER_IPV4, TCP_OVER_IPV6, UNSPEC};

/// The longest line, its end included (section 2.1).
pub const LINE_MAX: usize = 107;
/// The longest block that is taken: addresses and what else a proxy may say in a kilobyte or two.
pub const BLOCK_MAX: usize = 4096;
/// Of a block, what stands before its addresses (section 2.2).
const BLOCK_HEAD: usize = 16;
const START: &[u8] = b"PROXY ";
/// Of a TLV, what it is about: the TLS of the relayed connection (section 2.2.6).
const ABOUT_TLS: u8 = 0x20;
/// Of what it says, that the client came over TLS.
const CAME_OVER_TLS: u8 = 0x01;

/// What a proxy said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Between whom the relayed connection is; `None`: the connection is to be taken for what it is, the proxy's own
    /// or one whose ends have no addresses.
    pub ends: Option<Ends>,
    /// The relayed connection came to the proxy over TLS (section 2.2.6).
    pub secure: bool,
    /// Its length in bytes.
    pub len: usize,
}

/// Why it is no header (doc/proxy-protocol.txt).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It begins with neither of both signatures (section 2).
    #[error("no PROXY header")]
    Missing,
    /// A line without an end within [`LINE_MAX`] bytes (section 2.1).
    #[error("a PROXY line of more than 107 bytes")]
    LongLine,
    /// A line that is not made as section 2.1 says.
    #[error("a malformed PROXY line")]
    Line,
    /// A version that is not 2, or a command that is neither LOCAL nor PROXY (section 2.2).
    #[error("an unknown version or command in a PROXY block")]
    Command,
    /// A family or transport that section 2.2 does not have, or one without a stream.
    #[error("an unknown family or transport in a PROXY block")]
    Family,
    /// Over [`BLOCK_MAX`], or shorter than its addresses are.
    #[error("a PROXY block of a wrong length")]
    Length,
    /// What stands behind the addresses is no list of TLVs (section 2.2.2 and following).
    #[error("malformed TLVs in a PROXY block")]
    Extra,
}

/// Reads the header at the front of `bytes`; `None`: more of it must come.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    if begins(bytes, SIGNATURE) {
        return block(bytes);
    }
    if begins(bytes, START) {
        return line(bytes);
    }
    Err(HeaderError::Missing)
}

/// Whether one of both is the beginning of the other.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    bytes.iter().zip(with).all(|(byte, wanted)| byte == wanted)
}

fn line(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let window = bytes.get(..LINE_MAX).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if window.len() < LINE_MAX { Ok(None) } else { Err(HeaderError::LongLine) };
    };
    let text = window.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let text = text.and_then(|line| line.strip_prefix(START)).ok_or(HeaderError::Line)?;
    let text = str::from_utf8(text).map_err(|_| HeaderError::Line)?;
    let ends = said(text).ok_or(HeaderError::Line)?;
    Ok(Some(Header { ends, secure: false, len: end + 1 }))
}

/// What a line says behind its first word.
fn said(text: &str) -> Option<Option<Ends>> {
    let mut words = text.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, destination) = (words.next()?, words.next()?);
    let ips: (IpAddr, IpAddr) = match family {
        "TCP4" => {
            (source.parse::<Ipv4Addr>().ok()?.into(), destination.parse::<Ipv4Addr>().ok()?.into())
        }
        "TCP6" => {
            (source.parse::<Ipv6Addr>().ok()?.into(), destination.parse::<Ipv6Addr>().ok()?.into())
        }
        _ => return None,
    };
    let ports = (port(words.next()?)?, port(words.next()?)?);
    let source = SocketAddr::new(ips.0, ports.0);
    let destination = SocketAddr::new(ips.1, ports.1);
    words.next().is_none().then_some(Some(Ends { source, destination }))
}

/// Digits without needless zeros.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let short = text == "0" || !text.starts_with('0');
    if plain && short { text.parse().ok() } else { None }
}

fn block(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let command = bytes.get(SIGNATURE.len()).copied();
    let family = bytes.get(SIGNATURE.len() + 1).copied();
    if command.is_some_and(|command| ![PROXY, LOCAL].contains(&command)) {
        return Err(HeaderError::Command);
    }
    if family.is_some_and(|family| least(family).is_none()) {
        return Err(HeaderError::Family);
    }
    let Some(Ok(len)) = bytes.get(14..BLOCK_HEAD).map(<[u8; 2]>::try_from) else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes(len));
    let least = family.and_then(least).unwrap_or(0);
    if len > BLOCK_MAX - BLOCK_HEAD || command == Some(PROXY) && len < least {
        return Err(HeaderError::Length);
    }
    let len = BLOCK_HEAD + len;
    let Some(body) = bytes.get(BLOCK_HEAD..len) else { return Ok(None) };
    if command == Some(LOCAL) {
        return Ok(Some(Header { ends: None, secure: false, len }));
    }
    let (addresses, extra) = body.split_at_checked(least).ok_or(HeaderError::Length)?;
    // Behind an unspecified family nothing says where addresses end.
    let secure = match family {
        Some(UNSPEC) => false,
        _ => extras(extra).ok_or(HeaderError::Extra)?,
    };
    let ends = match family {
        Some(TCP_OVER_IPV4) => Some(pair::<4, 12>(addresses).ok_or(HeaderError::Length)?),
        Some(TCP_OVER_IPV6) => Some(pair::<16, 36>(addresses).ok_or(HeaderError::Length)?),
        _ => None,
    };
    Ok(Some(Header { ends, secure, len }))
}

/// How long the addresses of a family are: that of streams over IP or unix sockets, or none.
fn least(family: u8) -> Option<usize> {
    match family {
        UNSPEC => Some(0),
        TCP_OVER_IPV4 => Some(12),
        TCP_OVER_IPV6 => Some(36),
        0x31 => Some(216),
        _ => None,
    }
}

/// Two addresses of `N` bytes and two ports, `ALL` bytes in all.
fn pair<const N: usize, const ALL: usize>(bytes: &[u8]) -> Option<Ends>
where
    IpAddr: From<[u8; N]>,
{
    let bytes = <&[u8; ALL]>::try_from(bytes).ok()?.as_slice();
    let (source, rest) = bytes.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (from, rest) = rest.split_first_chunk::<2>()?;
    let (to, _) = rest.split_first_chunk::<2>()?;
    Some(Ends {
        source: SocketAddr::new((*source).into(), u16::from_be_bytes(*from)),
        destination: SocketAddr::new((*destination).into(), u16::from_be_bytes(*to)),
    })
}

/// What TLVs, one after the other, say of TLS; `None` when they are none. Those that are not known are skipped.
fn extras(mut bytes: &[u8]) -> Option<bool> {
    let mut secure = false;
    while let Some(([kind, high, low], rest)) = bytes.split_first_chunk::<3>() {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, next) = rest.split_at_checked(len)?;
        if *kind == ABOUT_TLS {
            secure = value.first()? & CAME_OVER_TLS != 0;
        }
        bytes = next;
    }
    bytes.is_empty().then_some(secure)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
