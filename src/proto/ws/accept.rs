//! The response half of the opening handshake: the proof that a server meant to switch.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::proto::h1::ResponseHead;
use crate::proto::http::list::has_token;
use crate::proto::http::{Fields, Known, Version};

use super::draft::Draft;
use super::list::{element_name, elements};

/// The value of `Sec-WebSocket-Accept`.
pub type AcceptKey = [u8; 28];

/// What a key is hashed with (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The `Sec-WebSocket-Accept` that answers `key`, the `Sec-WebSocket-Key` as written
/// (RFC 6455 section 4.2.2).
pub fn accept_key(key: &[u8]) -> AcceptKey {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut accept = [0; 28];
    // 20 bytes are 28 characters, always.
    let written = STANDARD.encode_slice(digest, &mut accept);
    debug_assert_eq!(written, Ok(28));
    accept
}

/// A 101 that was checked: from here on the connection is a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// The subprotocol in force; the first of the list where a server echoes all that was offered.
    pub protocol: Option<&'a [u8]>,
    /// The server named more than one subprotocol, which browsers refuse: only `protocol` may go on.
    pub echoed_list: bool,
}

/// Why an upstream's answer to a handshake is no proof, so that no tunnel may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// Not `HTTP/1.1 101` (RFC 6455 section 4.1, response rule 1).
    #[error("the upstream did not switch protocols")]
    NotSwitching,
    /// `Upgrade` is not exactly `websocket`, in any case (rule 2).
    #[error("the upstream switched to another protocol")]
    Upgrade,
    /// `Connection` has no token `upgrade` (rule 3).
    #[error("the upstream's 101 lacks Connection: Upgrade")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, repeated or wrong (rule 4).
    #[error("the upstream's Sec-WebSocket-Accept is missing or wrong")]
    Accept,
    /// An extension that was not offered (rule 5).
    #[error("the upstream chose an extension nobody offered")]
    Extension,
    /// A subprotocol that was not offered (rule 6).
    #[error("the upstream chose a subprotocol nobody offered")]
    Protocol,
}

/// Checks an upstream's answer to a handshake of versions 7, 8 or 13.
///
/// `accept` is the value that its key demands. What was not offered may not be chosen: of
/// subprotocols `protocols`, a list; of extensions those in the fields of `offer`. The reason phrase
/// and fields without a meaning here (`Sec-WebSocket-Origin`) do not matter.
pub fn check_response<'a>(
    head: &ResponseHead<'_, 'a>,
    accept: &AcceptKey,
    protocols: Option<&[u8]>,
    offer: Option<Fields<'_, '_>>,
) -> Result<Accepted<'a>, AcceptError> {
    if head.status != 101 || head.version != Version::Http11 {
        return Err(AcceptError::NotSwitching);
    }
    let mut upgrade = head.fields.all(Known::Upgrade);
    if !upgrade.next().is_some_and(|v| v.eq_ignore_ascii_case(b"websocket"))
        || upgrade.next().is_some()
    {
        return Err(AcceptError::Upgrade);
    }
    let mut connection = head.fields.all(Known::Connection);
    if !connection.any(|value| has_token(value, "upgrade")) {
        return Err(AcceptError::Connection);
    }
    let mut proof = head.fields.all(Known::SecWebSocketAccept);
    if proof.next() != Some(accept.as_slice()) || proof.next().is_some() {
        return Err(AcceptError::Accept);
    }
    check_extensions(head.fields, offer)?;
    check_protocol(head.fields, protocols)
}

/// The subprotocols that a client of `draft` asks for, as one list.
pub fn offered_protocols<'a>(draft: Draft, fields: Fields<'_, 'a>) -> Option<Cow<'a, [u8]>> {
    if draft == Draft::Hixie75 {
        return fields.find(draft.protocol_field()).map(Cow::Borrowed);
    }
    let mut values = fields.all(Known::SecWebSocketProtocol);
    let first = values.next()?;
    let mut all = Cow::Borrowed(first);
    for further in values {
        let list = all.to_mut();
        list.extend_from_slice(b", ");
        list.extend_from_slice(further);
    }
    Some(all)
}

/// The subprotocol that a server chooses: the first of `ours` that a client offers.
pub fn choose_protocol<'a, 'o>(
    ours: impl IntoIterator<Item = &'a [u8]>,
    offered: &'o [u8],
) -> Option<&'o [u8]> {
    ours.into_iter().find_map(|ours| elements(offered).find(|offer| *offer == ours))
}

/// Extensions are compared by name; their parameters are the two ends' affair.
fn check_extensions(
    answer: Fields<'_, '_>,
    offer: Option<Fields<'_, '_>>,
) -> Result<(), AcceptError> {
    for value in answer.all(Known::SecWebSocketExtensions) {
        for chosen in elements(value).map(element_name) {
            let known = offer
                .iter()
                .flat_map(|fields| fields.all(Known::SecWebSocketExtensions))
                .flat_map(elements)
                .any(|offer| element_name(offer).eq_ignore_ascii_case(chosen));
            if !known {
                return Err(AcceptError::Extension);
            }
        }
    }
    Ok(())
}

/// Subprotocols are compared byte by byte (RFC 6455 section 4.1).
fn check_protocol<'a>(
    answer: Fields<'_, 'a>,
    offered: Option<&[u8]>,
) -> Result<Accepted<'a>, AcceptError> {
    let mut accepted = Accepted { protocol: None, echoed_list: false };
    for value in answer.all(Known::SecWebSocketProtocol) {
        if value.is_empty() {
            return Err(AcceptError::Protocol);
        }
        for chosen in elements(value) {
            let known = offered.into_iter().flat_map(elements).any(|offer| offer == chosen);
            if !known {
                return Err(AcceptError::Protocol);
            }
            accepted.echoed_list |= accepted.protocol.is_some();
            accepted.protocol.get_or_insert(chosen);
        }
    }
    Ok(accepted)
}

#[cfg(test)]
mod tests;
