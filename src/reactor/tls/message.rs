//! Brings the first handshake message together from its records (RFC 8446 section 5.1).

use std::borrow::Cow;

use super::hello::HelloError;
use super::wire::Reader;

/// The most bytes a ClientHello may take on the wire, record headers included.
pub const HELLO_MAX: usize = 64 << 10;

pub(super) const HANDSHAKE: u8 = 22;
pub(super) const CLIENT_HELLO: u8 = 1;
/// `TLSPlaintext.fragment` at most (RFC 8446 section 5.1).
pub(super) const FRAGMENT_MAX: usize = 1 << 14;
/// Records it may come in at most: their headers are read again whenever more arrives.
const RECORDS_MAX: usize = 1024;
/// `type`, `legacy_record_version` and `length` (RFC 8446 section 5.1).
const RECORD_HEADER: usize = 5;
/// `msg_type` and `length` (RFC 8446 section 4).
const MESSAGE_HEADER: usize = 4;

/// A handshake message.
pub(super) struct Message<'a> {
    /// What is behind its header.
    pub(super) body: Cow<'a, [u8]>,
    /// Bytes of its records on the wire, their headers included.
    pub(super) len: usize,
}

/// The ClientHello that `bytes` begin with; `None` asks for more of them.
///
/// # Errors
/// Where there is none, or one that is too long.
pub(super) fn first_message(bytes: &[u8]) -> Result<Option<Message<'_>>, HelloError> {
    let mut rest = bytes;
    let mut header = [0; MESSAGE_HEADER];
    let (mut have, mut wanted, mut records) = (0, None, 0);
    while let Some(Record { fragment, behind }) = record(rest)? {
        let used = bytes.len() - behind.len();
        for (slot, byte) in header.iter_mut().skip(have).zip(fragment) {
            *slot = *byte;
        }
        have += fragment.len();
        rest = behind;
        records += 1;
        if have >= MESSAGE_HEADER && wanted.is_none() {
            wanted = Some(check_header(header)?);
        }
        match wanted {
            Some(wanted) if have >= wanted => {
                // Nothing may share the flight with it (RFC 8446 section 5.1).
                return match have == wanted {
                    true => Ok(Some(Message { body: body(bytes, used), len: used })),
                    false => Err(HelloError::Unexpected),
                };
            }
            _ if used >= HELLO_MAX || records > RECORDS_MAX => return Err(HelloError::TooLarge),
            _ => {}
        }
    }
    if bytes.len() >= HELLO_MAX { Err(HelloError::TooLarge) } else { Ok(None) }
}

/// Bytes of the whole message that begins with `header`.
fn check_header(header: [u8; MESSAGE_HEADER]) -> Result<usize, HelloError> {
    let [kind, high, middle, low] = header;
    if kind != CLIENT_HELLO {
        return Err(HelloError::Unexpected);
    }
    let len = u32::from_be_bytes([0, high, middle, low]) as usize + MESSAGE_HEADER;
    if len + RECORD_HEADER > HELLO_MAX { Err(HelloError::TooLarge) } else { Ok(len) }
}

/// The message of whole records, without its header: as it lies there when there is one record.
fn body(bytes: &[u8], used: usize) -> Cow<'_, [u8]> {
    let mut rest = bytes.get(..used).unwrap_or_default();
    let mut whole: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    while let Ok(Some(Record { fragment, behind })) = record(rest) {
        match whole.is_empty() {
            true => whole = Cow::Borrowed(fragment),
            false => whole.to_mut().extend_from_slice(fragment),
        }
        rest = behind;
    }
    match whole {
        Cow::Borrowed(message) => Cow::Borrowed(message.get(MESSAGE_HEADER..).unwrap_or_default()),
        Cow::Owned(mut message) => {
            message.drain(..MESSAGE_HEADER.min(message.len()));
            Cow::Owned(message)
        }
    }
}

/// A handshake record.
struct Record<'a> {
    fragment: &'a [u8],
    behind: &'a [u8],
}

/// The record that `bytes` begin with.
fn record(bytes: &[u8]) -> Result<Option<Record<'_>>, HelloError> {
    let mut reader = Reader(bytes);
    let Some(kind) = reader.u8() else { return Ok(None) };
    if kind != HANDSHAKE {
        return Err(HelloError::Unexpected);
    }
    let Some(major) = reader.u8() else { return Ok(None) };
    if major != 3 {
        return Err(HelloError::NotTls);
    }
    let Some(len) = reader.u8().and_then(|_minor| reader.u16()) else { return Ok(None) };
    match usize::from(len) {
        0 => Err(HelloError::Unexpected),
        len if len > FRAGMENT_MAX => Err(HelloError::TooLarge),
        len => Ok(reader.take(len).map(|fragment| Record { fragment, behind: reader.0 })),
    }
}
