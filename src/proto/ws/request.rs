//! The request half of the opening handshake: which draft a client speaks, and whether it does so properly.

use crate::proto::h1::{RequestHead, Upgrade};
use crate::proto::http::{Body, Fields, Known, Method, Version};

use super::accept::{AcceptKey, accept_key};
use super::draft::{Draft, Drafts};
use super::hixie::{Challenge, KEY3_LEN};

/// A WebSocket request that was checked and may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// What the client speaks.
    pub draft: Draft,
    /// What it wants to see answered.
    pub key: Key<'a>,
}

/// How a client makes sure that a server means to switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// Not at all, but for the exact head of the answer: hixie-75.
    None,
    /// Two numbers and the eight bytes behind the head: hixie-76.
    Numbers(Challenge),
    /// A `Sec-WebSocket-Key`, as written: 7, 8 and 13.
    Text(&'a [u8]),
}

impl Handshake<'_> {
    /// The `Sec-WebSocket-Accept` that proves a server took part; the hixie drafts have none.
    pub fn accept(&self) -> Option<AcceptKey> {
        match self.key {
            Key::Text(key) => Some(accept_key(key)),
            _ => None,
        }
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
    /// A key that is not base64, in version 13 of 16 bytes (RFC 6455 section 4.2.1, 5).
    #[error("a malformed Sec-WebSocket-Key")]
    BadKey,
    /// One of hixie-76's two keys without the other, one without a number, or a
    /// `Sec-WebSocket-Draft` other than 0.
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

/// Checks a WebSocket request and names its draft, which must be in `allowed`.
///
/// For [`HandshakeError::UnsupportedVersion`] the answer lists `allowed.versions()`. The eight bytes
/// that follow a head of hixie-76 are not looked at, whether or not a length announces them.
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
    let version = single(head.fields, Known::SecWebSocketVersion)?;
    let key = single(head.fields, Known::SecWebSocketKey)?;
    let handshake = match (version, key) {
        (Some(version), key) => hybi(version, key, allowed),
        (None, Some(_)) => Err(HandshakeError::MissingVersion),
        (None, None) => hixie(head.fields, allowed),
    };
    // Perl and Netty announce key3.
    let key3 = matches!(handshake, Ok(Handshake { draft: Draft::Hixie76, .. }))
        && head.body == Body::Length(KEY3_LEN as u64);
    if head.body.is_empty() || key3 { handshake } else { Err(HandshakeError::Body) }
}

/// The draft that a WebSocket request looks like, before anything of it is checked: what
/// [`check_request`] accepts is of this one. `None`: like none that there is.
pub fn apparent_draft(fields: Fields<'_, '_>) -> Option<Draft> {
    if let Some(version) = fields.get(Known::SecWebSocketVersion) {
        return Draft::from_version(parse_version(version).ok()?);
    }
    if fields.has(Known::SecWebSocketKey1) || fields.has(Known::SecWebSocketKey2) {
        return Some(Draft::Hixie76);
    }
    is_hixie_75(fields).then_some(Draft::Hixie75)
}

fn hybi<'a>(
    version: &[u8],
    key: Option<&'a [u8]>,
    allowed: Drafts,
) -> Result<Handshake<'a>, HandshakeError> {
    let draft = Draft::from_version(parse_version(version)?)
        .filter(|draft| allowed.contains(*draft))
        .ok_or(HandshakeError::UnsupportedVersion)?;
    let key = key.ok_or(HandshakeError::MissingKey)?;
    if !is_key(key, draft) {
        return Err(HandshakeError::BadKey);
    }
    Ok(Handshake { draft, key: Key::Text(key) })
}

/// A head that has neither key nor version is of a hixie draft, or of none at all.
fn hixie<'a>(fields: Fields<'_, 'a>, allowed: Drafts) -> Result<Handshake<'a>, HandshakeError> {
    let draft = single(fields, Known::SecWebSocketDraft)?;
    let key1 = single(fields, Known::SecWebSocketKey1)?;
    let key2 = single(fields, Known::SecWebSocketKey2)?;
    let handshake = match (key1, key2) {
        (Some(key1), Some(key2)) if draft.is_none_or(|draft| draft == b"0") => {
            let challenge = Challenge::parse(key1, key2).ok_or(HandshakeError::BadHixie76)?;
            Handshake { draft: Draft::Hixie76, key: Key::Numbers(challenge) }
        }
        (None, None) if draft.is_none() && is_hixie_75(fields) => {
            Handshake { draft: Draft::Hixie75, key: Key::None }
        }
        (None, None) if draft.is_none() => return Err(HandshakeError::MissingKey),
        _ => return Err(HandshakeError::BadHixie76),
    };
    let allowed = allowed.contains(handshake.draft);
    if allowed { Ok(handshake) } else { Err(HandshakeError::UnsupportedDraft) }
}

/// An origin, and no field of the later drafts.
fn is_hixie_75(fields: Fields<'_, '_>) -> bool {
    fields.has(Known::Origin)
        && !fields.iter().any(|field| {
            let start = field.name.as_bytes().first_chunk::<14>();
            start.is_some_and(|start| start.eq_ignore_ascii_case(b"sec-websocket-"))
        })
}

/// The one value of a field that may stand in a head once.
fn single<'a>(fields: Fields<'_, 'a>, known: Known) -> Result<Option<&'a [u8]>, HandshakeError> {
    let mut values = fields.all(known);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(HandshakeError::Repeated),
        (value, None) => Ok(value),
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

/// Whether `key` is base64 of something, in version 13 of 16 bytes: 22 characters and `==`.
fn is_key(key: &[u8], draft: Draft) -> bool {
    let unpadded = key.strip_suffix(b"=").unwrap_or(key);
    let digits = unpadded.strip_suffix(b"=").unwrap_or(unpadded);
    let long_enough = match draft {
        Draft::Rfc6455 => digits.len() == 22 && key.len() == 24,
        _ => !digits.is_empty(),
    };
    long_enough && digits.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/'))
}

#[cfg(test)]
mod tests;
