//! The ClientHello, read before a configuration is chosen: the name it asks for, and where it ends.
//!
//! rustls wants its configuration first, and then reads the same bytes again. So this reads no more
//! than the choice needs, refuses what no choice can be made of, and leaves all else to rustls.

use rustls::pki_types::DnsName;

use super::message::{HANDSHAKE, first_message};
use super::wire::Reader;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const HOST_NAME: u8 = 0;
/// The longest word that is taken for a method of HTTP.
const METHOD_MAX: usize = 16;

/// What is known of a ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The name asked for, in lower case, without a dot at its end. `None` where none is asked for, and where it
    /// is no DNS name: rustls has the last word on that.
    pub server_name: Option<Box<str>>,
    /// Protocols offered.
    pub alpn: Alpn,
    /// Bytes of it on the wire, headers of its records included.
    pub len: usize,
}

/// What a client offers to speak (RFC 7301 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alpn {
    /// It names anything.
    pub any: bool,
    /// It names `http/1.1`.
    pub http1: bool,
    /// It names `h2`.
    pub h2: bool,
}

/// Why there is no ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// A request of HTTP without TLS: the client deserves an answer in the same words.
    #[error("plain HTTP on a TLS port")]
    PlainHttp,
    /// Neither a handshake record (RFC 8446 section 5.1) nor anything known.
    #[error("no TLS")]
    NotTls,
    /// SSL 2, or a record of SSL 2 around a later hello (RFC 8446 appendix D.5).
    #[error("a hello of SSL 2")]
    TooOld,
    /// Over 64 KiB, or a record over 2^14 bytes (RFC 8446 section 5.1).
    #[error("a ClientHello that is too long")]
    TooLarge,
    /// A record that is empty or of another kind inside a handshake message (RFC 8446 section 5.1), or a message
    /// that is no ClientHello (RFC 8446 section 4).
    #[error("something else than a ClientHello")]
    Unexpected,
    /// A length that does not fit (RFC 8446 section 4.1.2), an extension twice (section 4.2), two names (RFC 6066
    /// section 3).
    #[error("a malformed ClientHello")]
    Malformed,
}

impl HelloError {
    /// The alert a client is owed (RFC 8446 section 6.2), if it speaks TLS at all.
    pub fn alert(self) -> Option<u8> {
        match self {
            HelloError::PlainHttp | HelloError::NotTls => None,
            HelloError::TooOld => Some(70),
            HelloError::TooLarge | HelloError::Malformed => Some(50),
            HelloError::Unexpected => Some(10),
        }
    }
}

/// Reads a ClientHello at the start of what a client sent; `None` asks for more bytes. Whatever follows it is
/// not looked at. It is in one record or in many; their headers are read again at each call, so a caller gives
/// a client a deadline.
///
/// # Errors
/// When no further byte could make a ClientHello of it.
pub fn parse_hello(bytes: &[u8]) -> Result<Option<Hello>, HelloError> {
    match bytes.first() {
        None => return Ok(None),
        Some(&HANDSHAKE) => {}
        Some(_) => return other_than_tls(bytes),
    }
    let Some(message) = first_message(bytes)? else { return Ok(None) };
    let (server_name, alpn) = read_body(&message.body).ok_or(HelloError::Malformed)?;
    Ok(Some(Hello { server_name, alpn, len: message.len }))
}

/// What begins with no handshake record.
fn other_than_tls(bytes: &[u8]) -> Result<Option<Hello>, HelloError> {
    // SSL 2: a length of two bytes with the top bit set, then the type (RFC 8446 appendix D.5).
    if let [first, second, rest @ ..] = bytes
        && first & 0x80 != 0
    {
        return match rest {
            [] => Ok(None),
            [1, ..] if first & 0x7f != 0 || *second != 0 => Err(HelloError::TooOld),
            _ => Err(HelloError::NotTls),
        };
    }
    let method = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    match bytes.get(method) {
        _ if bytes.first().is_some_and(|byte| byte & 0x80 != 0) => Ok(None),
        _ if method == 0 || method > METHOD_MAX => Err(HelloError::NotTls),
        None => Ok(None),
        Some(b' ') => Err(HelloError::PlainHttp),
        Some(_) => Err(HelloError::NotTls),
    }
}

/// The name and the protocols of a ClientHello's body (RFC 8446 section 4.1.2); `None` where it is malformed.
fn read_body(body: &[u8]) -> Option<(Option<Box<str>>, Alpn)> {
    let mut reader = Reader(body);
    let _version_and_random = reader.take(2 + 32)?;
    let _session = reader.vec8()?;
    let _suites = reader.vec16()?;
    let _compression = reader.vec8()?;
    let (mut name, mut alpn) = (None, None);
    if reader.0.is_empty() {
        return Some((None, Alpn::default()));
    }
    let mut extensions = Reader(reader.vec16()?);
    if !reader.0.is_empty() {
        return None;
    }
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let data = extensions.vec16()?;
        match kind {
            SERVER_NAME if name.is_some() => return None,
            SERVER_NAME => name = Some(read_server_name(data)?),
            ALPN if alpn.is_some() => return None,
            ALPN => alpn = Some(read_alpn(data)?),
            _ => {}
        }
    }
    Some((name.flatten(), alpn.unwrap_or_default()))
}

/// `ServerNameList` (RFC 6066 section 3). What follows a name of an unknown type has no known shape.
fn read_server_name(data: &[u8]) -> Option<Option<Box<str>>> {
    let mut reader = Reader(data);
    let mut list = Reader(reader.vec16().filter(|list| !list.is_empty())?);
    if !reader.0.is_empty() {
        return None;
    }
    let mut found = None;
    while list.u8() == Some(HOST_NAME) {
        let name = list.vec16()?;
        if found.is_some() {
            return None;
        }
        found = Some(dns_name(name));
    }
    Some(found.flatten())
}

/// A DNS name in the form in which names are compared.
fn dns_name(bytes: &[u8]) -> Option<Box<str>> {
    let name = DnsName::try_from(bytes).ok()?;
    let name = name.as_ref();
    Some(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into())
}

/// `ProtocolNameList` (RFC 7301 section 3.1).
fn read_alpn(data: &[u8]) -> Option<Alpn> {
    let mut reader = Reader(data);
    let mut list = Reader(reader.vec16().filter(|list| !list.is_empty())?);
    if !reader.0.is_empty() {
        return None;
    }
    let mut alpn = Alpn { any: true, ..Alpn::default() };
    while !list.0.is_empty() {
        match list.vec8()? {
            [] => return None,
            b"http/1.1" => alpn.http1 = true,
            b"h2" => alpn.h2 = true,
            _ => {}
        }
    }
    Some(alpn)
}

#[cfg(test)]
#[path = "hello_tests.rs"]
mod tests;
