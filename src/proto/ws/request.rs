//! The request half of the opening handshake: which draft a client speaks, and whether it does so properly.

use crate::proto::h1::{RequestHead, Upgrade};
use crate::proto::http::{Fields, Known, Method, Version};

use super::accept::{AcceptKey, accept_key};
use super::draft::{Draft, Drafts};

/// A WebSocket request that was checked and may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// What the client speaks.
    pub draft: Draft,
    /// Its `Sec-WebSocket-Key`, as written.
    pub key: &'a [u8],
}

impl Handshake<'_> {
    /// The `Sec-WebSocket-Accept` that proves a server took part.
    pub fn accept(&self) -> AcceptKey {
        accept_key(self.key)
    }
}

/// Why a WebSocket request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Not `Upgrade: websocket` with `Connection: upgrade` (RFC 6455 section 4.2.1, 3 and 4).
    #[error("not a WebSocket upgrade")]
    NotAnUpgrade,
    /// A method other than GET (RFC 6455 section 4.2.1, 1).
    #[error("a WebSocket upgrade is a GET")]
    Method,
    /// HTTP/1.0 (RFC 6455 section 4.2.1, 1).
    #[error("a WebSocket upgrade needs HTTP/1.1")]
    HttpVersion,
    /// A request body, whose bytes could be taken for frames or for a request (RFC 6455 section 4.1).
    #[error("a WebSocket upgrade has no body")]
    Body,
    /// Two keys or two versions (RFC 6455 sections 11.3.1 and 11.3.5).
    #[error("a Sec-WebSocket field twice")]
    Repeated,
    /// A `Sec-WebSocket-Version` that is not a number up to 255 (RFC 6455 section 4.3).
    #[error("a malformed Sec-WebSocket-Version")]
    BadVersion,
    /// A version not spoken here (RFC 6455 section 4.4).
    #[error("a WebSocket version not spoken here")]
    UnsupportedVersion,
    /// A key without a version (RFC 6455 section 4.2.1, 6).
    #[error("Sec-WebSocket-Version is missing")]
    MissingVersion,
    /// No key (RFC 6455 section 4.2.1, 5).
    #[error("Sec-WebSocket-Key is missing")]
    MissingKey,
    /// A key that is not 16 bytes in base64 (RFC 6455 section 4.2.1, 5).
    #[error("a malformed Sec-WebSocket-Key")]
    BadKey,
    /// One of hixie-76's two keys without the other, or a `Sec-WebSocket-Draft` other than 0.
    #[error("a malformed hixie-76 handshake")]
    BadHixie76,
    /// A hixie-75 or hixie-76 head where that draft is off.
    #[error("a WebSocket draft not spoken here")]
    UnsupportedDraft,
}

impl HandshakeError {
    /// The status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::UnsupportedVersion => 426,
            _ => 400,
        }
    }

    /// Whether the connection ends with the answer: whatever follows a refused handshake may be its
    /// draft's own bytes (hixie-76 has eight) and must not be read as a request.
    pub const fn closes(self) -> bool {
        !matches!(self, Self::UnsupportedVersion)
    }
}

/// Checks a WebSocket request and names its draft, which must be in `allowed` and be one this
/// version of the code speaks ([`Drafts::BUILT`]).
///
/// For [`HandshakeError::UnsupportedVersion`] the answer lists
/// `allowed.and(Drafts::BUILT).versions()`.
pub fn check_request<'a>(
    head: &RequestHead<'_, 'a>,
    allowed: Drafts,
) -> Result<Handshake<'a>, HandshakeError> {
    if head.upgrade != Upgrade::WebSocket {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if head.method != Method::Get {
        return Err(HandshakeError::Method);
    }
    if head.version != Version::Http11 {
        return Err(HandshakeError::HttpVersion);
    }
    if !head.body.is_empty() {
        return Err(HandshakeError::Body);
    }
    let version = single(head.fields, Known::SecWebSocketVersion)?;
    let key = single(head.fields, Known::SecWebSocketKey)?;
    let Some(version) = version else {
        let fault = || hixie_fault(head.fields);
        return Err(key.map_or_else(fault, |_| HandshakeError::MissingVersion));
    };
    let draft = Draft::from_version(parse_version(version)?)
        .filter(|draft| allowed.and(Drafts::BUILT).contains(*draft))
        .ok_or(HandshakeError::UnsupportedVersion)?;
    let key = key.ok_or(HandshakeError::MissingKey)?;
    if !is_key(key) {
        return Err(HandshakeError::BadKey);
    }
    Ok(Handshake { draft, key })
}

/// The one value of a field that may stand in a head once.
fn single<'a>(fields: Fields<'_, 'a>, known: Known) -> Result<Option<&'a [u8]>, HandshakeError> {
    let mut values = fields.all(known);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(HandshakeError::Repeated),
        (value, None) => Ok(value),
    }
}

/// What is wrong with a head that has neither key nor version: it is of a hixie draft, which is not
/// spoken here, or of none at all.
fn hixie_fault(fields: Fields<'_, '_>) -> HandshakeError {
    let draft = fields.get(Known::SecWebSocketDraft);
    let draft_0 = draft.is_none_or(|draft| draft == b"0");
    match (fields.has(Known::SecWebSocketKey1), fields.has(Known::SecWebSocketKey2)) {
        (true, true) if draft_0 => HandshakeError::UnsupportedDraft,
        (false, false) if draft.is_none() && fields.has(Known::Origin) => {
            HandshakeError::UnsupportedDraft
        }
        (false, false) if draft.is_none() => HandshakeError::MissingKey,
        _ => HandshakeError::BadHixie76,
    }
}

/// RFC 6455 section 4.3: a number from 0 to 255 without leading zeros.
fn parse_version(value: &[u8]) -> Result<u8, HandshakeError> {
    let digits =
        matches!(value, [b'0'] | [b'1'..=b'9', ..]) && value.iter().all(u8::is_ascii_digit);
    digits
        .then(|| std::str::from_utf8(value).ok()?.parse().ok())
        .flatten()
        .ok_or(HandshakeError::BadVersion)
}

/// Whether `key` is 16 bytes in base64: 22 characters of its alphabet and `==`.
fn is_key(key: &[u8]) -> bool {
    let Some(digits) = key.strip_suffix(b"==") else { return false };
    digits.len() == 22
        && digits.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/'))
}

#[cfg(test)]
mod tests;
