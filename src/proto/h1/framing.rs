//! What `Content-Length` and `Transfer-Encoding` say about a body, where only one reading is
//! possible (RFC 9112 section 6).

use crate::proto::http::{Version, list};
use thiserror::Error;

/// Why the framing of a message is refused. All of these spoil the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum FramingError {
    /// `Content-Length` and `Transfer-Encoding` in one head (RFC 9112 section 6.3, item 3).
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndEncoding,
    /// Several `Content-Length` lines, equal or not (RFC 9112 section 6.3, item 5).
    #[error("more than one Content-Length")]
    LengthRepeated,
    /// A `Content-Length` that is not `1*DIGIT` below 2^64 (RFC 9110 section 8.6).
    #[error("invalid Content-Length")]
    LengthInvalid,
    /// Several `Transfer-Encoding` lines (RFC 9112 section 6.1).
    #[error("more than one Transfer-Encoding")]
    EncodingRepeated,
    /// A `Transfer-Encoding` whose last coding is not exactly `chunked`, once (RFC 9112 section 6.1).
    #[error("invalid Transfer-Encoding")]
    EncodingInvalid,
    /// Well-formed codings that we do not know (RFC 9112 section 6.1).
    #[error("unknown transfer coding")]
    EncodingUnknown,
    /// `Transfer-Encoding` in an HTTP/1.0 message (RFC 9112 section 6.1).
    #[error("Transfer-Encoding in HTTP/1.0")]
    EncodingInHttp10,
}

impl FramingError {
    /// The status to answer a request with.
    pub const fn status(self) -> u16 {
        match self {
            Self::EncodingUnknown => 501,
            _ => 400,
        }
    }

    /// A short name of the fault for logs and counters, stable between versions.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::LengthAndEncoding => "length-and-encoding",
            Self::LengthRepeated => "length-repeated",
            Self::LengthInvalid => "length-invalid",
            Self::EncodingRepeated => "encoding-repeated",
            Self::EncodingInvalid => "encoding-invalid",
            Self::EncodingUnknown => "encoding-unknown",
            Self::EncodingInHttp10 => "encoding-in-http10",
        }
    }
}

/// The framing fields of one head, as they are met.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Framing {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
}

impl Framing {
    pub(super) fn note_length(&mut self, value: &[u8]) -> Result<(), FramingError> {
        if self.length.is_some() {
            return Err(FramingError::LengthRepeated);
        }
        self.length = Some(parse_length(value).ok_or(FramingError::LengthInvalid)?);
        Ok(())
    }

    pub(super) fn note_encoding(&mut self, value: &[u8]) -> Result<(), FramingError> {
        if self.chunked {
            return Err(FramingError::EncodingRepeated);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(refuse_encoding(value));
        }
        self.chunked = true;
        Ok(())
    }

    /// The last word, once all fields have been noted.
    pub(super) fn check(self, version: Version) -> Result<Self, FramingError> {
        if self.chunked && self.length.is_some() {
            return Err(FramingError::LengthAndEncoding);
        }
        if self.chunked && version == Version::Http10 {
            return Err(FramingError::EncodingInHttp10);
        }
        Ok(self)
    }
}

/// `1*DIGIT` that fits 64 bits and nothing else.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |sum, byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// Which fault a value other than `chunked` is: a plain list of foreign codings, with `chunked` at
/// most once and last, is unknown; anything else, lookalikes of `chunked` included, is invalid.
fn refuse_encoding(value: &[u8]) -> FramingError {
    let mut codings = value.split(|byte| *byte == b',').map(list::trim).peekable();
    let mut foreign = 0;
    while let Some(coding) = codings.next() {
        let chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.peek().is_none();
        let lookalike = coding.windows(7).any(|part| part.eq_ignore_ascii_case(b"chunked"));
        if chunked {
            continue;
        }
        if lookalike || !list::is_token(coding) {
            return FramingError::EncodingInvalid;
        }
        foreign += 1;
    }
    if foreign == 0 { FramingError::EncodingInvalid } else { FramingError::EncodingUnknown }
}
