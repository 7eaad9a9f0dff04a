//! Response heads: from an upstream's bytes to a [`ResponseHead`].

use super::connection::Options;
use super::framing::Framing;
use super::head::{Cut, lines_end_in_crlf};
use super::{FramingError, Limits};
use crate::proto::http::{Body, FieldStore, Fields, Known, Method, Version, list};
use thiserror::Error;

/// Why an upstream's response head is refused: the client gets 502, the connection is not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResponseError {
    /// The first line is no HTTP/1.0 or HTTP/1.1 status line (RFC 9112 section 4).
    #[error("malformed status line")]
    StatusLine,
    /// A status below 100 (RFC 9110 section 15).
    #[error("status below 100")]
    StatusRange,
    /// A line that ends in anything but CRLF (RFC 9112 section 2.2).
    #[error("line does not end in CRLF")]
    LineEnd,
    /// A field line without a colon, or with a name that is no token, or folded (RFC 9112
    /// sections 5 to 5.2).
    #[error("malformed field name")]
    FieldName,
    /// A bare CR, a NUL or another control in a value (RFC 9110 section 5.5).
    #[error("malformed field value")]
    FieldValue,
    /// More field lines than the limit (RFC 9110 section 5.4).
    #[error("too many fields")]
    TooManyFields,
    /// The head is longer than the limit (RFC 9110 section 5.4).
    #[error("head too large")]
    HeadTooLarge,
    /// More `Connection` options than anybody needs (RFC 9110 section 7.6.1).
    #[error("too many connection options")]
    TooManyOptions,
    /// The body's framing is open to two readings (RFC 9112 section 6.3).
    #[error("{0}")]
    Framing(FramingError),
}

/// A response head that keeps the rules that matter to whoever forwards it.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'s, 'a> {
    /// The upstream's version.
    pub version: Version,
    /// The status, 100 to 999.
    pub status: u16,
    /// The reason phrase; empty when there is none or it is not ASCII.
    pub reason: &'a str,
    /// The fields as they came.
    pub fields: Fields<'s, 'a>,
    /// How the body that follows is framed; [`Body::Empty`] for those that cannot have one.
    pub body: Body,
    /// What `Content-Length` says, also where no body follows (HEAD, 304).
    pub length: Option<u64>,
    /// Whether the upstream's connection can be used again after this response.
    pub keep_alive: bool,
    /// A 101 that switches to `websocket`; whether its proof is right is `proto::ws`'s to say.
    pub upgrade_websocket: bool,
    /// Bytes of the head: the body begins here.
    pub len: usize,
    /// Whether `Connection` may name fields to remove.
    pub(super) nominates: bool,
}

impl ResponseHead<'_, '_> {
    /// Whether this is not the response yet: another head follows (101 is a final one).
    pub const fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }
}

/// Parses a response head at the start of `bytes`, the answer to a request with `method`;
/// `Ok(None)` asks for more. Interim (1xx) heads come out one by one, without a body.
pub fn parse_response<'s, 'a>(
    bytes: &'a [u8],
    store: &'s mut FieldStore<'a>,
    method: Method,
    limits: &Limits,
) -> Result<Option<ResponseHead<'s, 'a>>, ResponseError> {
    if let [b'\r' | b'\n', ..] = bytes {
        return Err(ResponseError::StatusLine);
    }
    let cut = Cut { end: limits.max_head, error: ResponseError::HeadTooLarge };
    let window = cut.window(bytes);
    let (lines, known) = store.parts(limits.max_fields);
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        window,
        lines,
    );
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return cut.incomplete(bytes),
        Err(error) => return Err(fault(error)),
    };
    let httparse::Response { version, code: Some(status), reason, headers } = response else {
        return Err(ResponseError::StatusLine);
    };
    let head = window.get(..len).unwrap_or_default();
    if !lines_end_in_crlf(head, headers) {
        return Err(ResponseError::LineEnd);
    }
    let line = StatusLine {
        version: if version == Some(0) { Version::Http10 } else { Version::Http11 },
        status,
        reason: reason.unwrap_or_default(),
    };
    understand(line, method, Fields::classify(head, headers, known), len).map(Some)
}

#[cold]
fn fault(error: httparse::Error) -> ResponseError {
    match error {
        httparse::Error::HeaderName => ResponseError::FieldName,
        httparse::Error::HeaderValue => ResponseError::FieldValue,
        httparse::Error::NewLine => ResponseError::LineEnd,
        httparse::Error::TooManyHeaders => ResponseError::TooManyFields,
        httparse::Error::Status | httparse::Error::Token | httparse::Error::Version => {
            ResponseError::StatusLine
        }
    }
}

struct StatusLine<'a> {
    version: Version,
    status: u16,
    reason: &'a str,
}

fn understand<'s, 'a>(
    line: StatusLine<'a>,
    method: Method,
    fields: Fields<'s, 'a>,
    len: usize,
) -> Result<ResponseHead<'s, 'a>, ResponseError> {
    let StatusLine { version, status, reason } = line;
    if status < 100 {
        return Err(ResponseError::StatusRange);
    }
    let mut framing = Framing::default();
    let mut options = Options::default();
    for field in fields.iter() {
        match field.known {
            Known::ContentLength => framing.note_length(field.value),
            Known::TransferEncoding => framing.note_encoding(field.value),
            Known::Connection if !options.note(field.value) => {
                return Err(ResponseError::TooManyOptions);
            }
            _ => Ok(()),
        }
        .map_err(ResponseError::Framing)?;
    }
    let framing = framing.check(version).map_err(ResponseError::Framing)?;
    let body = body(method, status, framing);
    let persistent = !options.close && (version == Version::Http11 || options.keep_alive);
    Ok(ResponseHead {
        version,
        status,
        reason,
        fields,
        body,
        length: framing.length,
        keep_alive: persistent
            && status != 101
            && body != Body::UntilClose
            && !announces_impossible_body(status, framing),
        upgrade_websocket: status == 101
            && options.upgrade
            && fields.all(Known::Upgrade).any(|value| list::has_token(value, "websocket")),
        len,
        nominates: options.nominates,
    })
}

/// RFC 9112 section 6.3, items 1 to 8, for a response.
const fn body(method: Method, status: u16, framing: Framing) -> Body {
    if matches!(method, Method::Head) || status < 200 || status == 204 || status == 304 {
        return Body::Empty;
    }
    match framing.length {
        Some(length) => Body::Length(length),
        None if framing.chunked => Body::Chunked,
        None => Body::UntilClose,
    }
}

/// A 1xx or 204 that announces a body (RFC 9110 section 8.6, RFC 9112 section 6.1): whatever comes
/// behind it is not the next response.
const fn announces_impossible_body(status: u16, framing: Framing) -> bool {
    (status < 200 || status == 204) && (framing.chunked || matches!(framing.length, Some(1..)))
}
