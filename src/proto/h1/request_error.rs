//! Why a request head is refused, and with which status.

use super::FramingError;
use crate::proto::http::HostError;
use thiserror::Error;

/// A fault of a request head. The connection is closed after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// More than one empty line before the request (RFC 9112 section 2.2).
    #[error("empty lines before the request")]
    EmptyLines,
    /// The method is not a token followed by one space (RFC 9112 section 3.1).
    #[error("malformed method")]
    Method,
    /// The method is longer than [`super::METHOD_MAX`] (RFC 9112 section 3).
    #[error("method too long")]
    MethodTooLong,
    /// CONNECT and TRACE (RFC 9110 sections 9.3.6 and 9.3.8).
    #[error("method not allowed here")]
    MethodRefused,
    /// The target is empty, or has a control, a space, a `#` or a byte above 0x7e (RFC 9112
    /// section 3.2).
    #[error("malformed request target")]
    Target,
    /// Neither a path, nor an `http` or `https` URI, nor `*` with OPTIONS (RFC 9112 section 3.2).
    #[error("this form of request target is not accepted")]
    TargetForm,
    /// The target is longer than the limit (RFC 9110 section 15.5.15).
    #[error("request target too long")]
    UriTooLong,
    /// The request line ends in no HTTP version (RFC 9112 section 2.3).
    #[error("malformed version")]
    Version,
    /// A version other than HTTP/1.0 and HTTP/1.1 (RFC 9110 section 15.6.6).
    #[error("version not supported")]
    VersionUnsupported,
    /// A line that ends in anything but CRLF (RFC 9112 section 2.2).
    #[error("line does not end in CRLF")]
    LineEnd,
    /// A field line without a colon or with a name that is no token; space before the name or
    /// before the colon, and folded lines, are among these (RFC 9112 sections 5 to 5.2).
    #[error("malformed field name")]
    FieldName,
    /// A bare CR, a NUL or another control in a value (RFC 9110 section 5.5).
    #[error("malformed field value")]
    FieldValue,
    /// More field lines than the limit (RFC 6585 section 5).
    #[error("too many fields")]
    TooManyFields,
    /// The head is longer than the limit (RFC 6585 section 5).
    #[error("head too large")]
    HeadTooLarge,
    /// More `Connection` options than anybody needs (RFC 9110 section 7.6.1).
    #[error("too many connection options")]
    TooManyOptions,
    /// HTTP/1.1 without `Host` (RFC 9112 section 3.2).
    #[error("no Host")]
    HostMissing,
    /// Several `Host` fields (RFC 9112 section 3.2).
    #[error("more than one Host")]
    HostRepeated,
    /// `Host`, or the authority of the target, is no valid host and port (RFC 9112 section 3.2).
    #[error("{0}")]
    Host(HostError),
    /// The body's framing is open to two readings (RFC 9112 section 6).
    #[error("{0}")]
    Framing(FramingError),
    /// An expectation other than `100-continue` (RFC 9110 section 10.1.1).
    #[error("unknown expectation")]
    Expectation,
}

impl RequestError {
    /// The status to answer with.
    pub const fn status(self) -> u16 {
        match self {
            Self::MethodRefused => 405,
            Self::UriTooLong => 414,
            Self::Expectation => 417,
            Self::TooManyFields | Self::HeadTooLarge => 431,
            Self::VersionUnsupported => 505,
            Self::Framing(error) => error.status(),
            _ => 400,
        }
    }

    /// A short name of the fault for logs and counters, stable between versions.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::EmptyLines => "empty-lines",
            Self::Method => "method",
            Self::MethodTooLong => "method-too-long",
            Self::MethodRefused => "method-refused",
            Self::Target => "target",
            Self::TargetForm => "target-form",
            Self::UriTooLong => "uri-too-long",
            Self::Version => "version",
            Self::VersionUnsupported => "version-unsupported",
            Self::LineEnd => "line-end",
            Self::FieldName => "field-name",
            Self::FieldValue => "field-value",
            Self::TooManyFields => "too-many-fields",
            Self::HeadTooLarge => "head-too-large",
            Self::TooManyOptions => "connection-options",
            Self::HostMissing => "host-missing",
            Self::HostRepeated => "host-repeated",
            Self::Host(_) => "host-invalid",
            Self::Framing(error) => error.reason(),
            Self::Expectation => "expectation",
        }
    }
}
