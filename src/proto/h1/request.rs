//! Request heads: from bytes to a [`RequestHead`].

use super::connection::{Options, is_nominated};
use super::framing::Framing;
use super::head::{Cut, lines_end_in_crlf};
use super::{Limits, METHOD_MAX, RequestError, target};
use crate::proto::http::{Body, Field, FieldStore, Fields, Known, Method, Version, host, list};

/// What a request asks the connection to become (RFC 9110 section 7.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Nothing, or not in a way that counts: HTTP/1.0, or `Connection` does not name it.
    None,
    /// A WebSocket; whether the handshake is a good one is `proto::ws`'s to say.
    WebSocket,
    /// Something else, such as `h2c`: it is stripped.
    Other,
}

/// A request head that keeps every rule of RFC 9112 and ours.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'s, 'a> {
    /// The method, as far as we tell them apart.
    pub method: Method,
    /// The method's name as it came.
    pub method_name: &'a str,
    /// The whole target as it came.
    pub target: &'a [u8],
    /// The raw path in it: begins with `/`, or is `*`.
    pub path: &'a [u8],
    /// What follows the first `?`, raw.
    pub query: Option<&'a [u8]>,
    /// The authority asked for, `host[:port]`, valid: the target's if it has one, else that of
    /// `Host`. Empty only in HTTP/1.0 without either.
    pub host: &'a [u8],
    /// The host in it, without the port, as it came.
    pub name: &'a [u8],
    /// The client's version.
    pub version: Version,
    /// The fields as they came.
    pub fields: Fields<'s, 'a>,
    /// How the body that follows is framed; never [`Body::UntilClose`].
    pub body: Body,
    /// Whether the client is ready for another request on this connection.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends its body.
    pub expect_continue: bool,
    /// What the connection is asked to become.
    pub upgrade: Upgrade,
    /// Bytes of the head, an empty line before it included: the body begins here.
    pub len: usize,
    /// Whether `Connection` may name fields to remove.
    nominates: bool,
}

impl RequestHead<'_, '_> {
    /// Whether a `Connection` field asks for the removal of this one and may have its way.
    pub fn is_nominated(&self, field: Field<'_>) -> bool {
        self.nominates && is_nominated(self.fields, field)
    }
}

/// Parses a request head at the start of `bytes`; `Ok(None)` asks for more of them. Once
/// `limits.max_head` bytes are there, the answer is never `Ok(None)`.
pub fn parse_request<'s, 'a>(
    bytes: &'a [u8],
    store: &'s mut FieldStore<'a>,
    limits: &Limits,
) -> Result<Option<RequestHead<'s, 'a>>, RequestError> {
    let Some(start) = skip_empty_line(bytes)? else { return Ok(None) };
    let rest = bytes.get(start..).unwrap_or_default();
    let cut = cut(rest, limits.max_head.saturating_sub(start), limits.max_uri);
    let window = cut.window(rest);
    let (lines, known) = store.parts(limits.max_fields);
    let mut request = httparse::Request::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_request_with_uninit_headers(
        &mut request,
        window,
        lines,
    );
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return cut.incomplete(rest),
        Err(error) => return Err(fault(error, window)),
    };
    let httparse::Request { method: Some(method), path: Some(target), version, headers } = request
    else {
        return Err(RequestError::Method);
    };
    let head = window.get(..len).unwrap_or_default();
    if !lines_end_in_crlf(head, headers) {
        return Err(RequestError::LineEnd);
    }
    let version = if version == Some(0) { Version::Http10 } else { Version::Http11 };
    let fields = Fields::classify(head, headers, known);
    understand(method, target.as_bytes(), version, fields, start + len).map(Some)
}

/// Where the head begins: after one empty line at most.
fn skip_empty_line(bytes: &[u8]) -> Result<Option<usize>, RequestError> {
    match bytes {
        [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => Ok(None),
        [b'\r', b'\n', b'\r', b'\n', ..] => Err(RequestError::EmptyLines),
        [b'\r', b'\n', b'\r' | b'\n', ..] => Err(RequestError::LineEnd),
        [b'\r', b'\n', ..] => Ok(Some(2)),
        [b'\r' | b'\n', ..] => Err(RequestError::LineEnd),
        _ => Ok(Some(0)),
    }
}

/// How much of the bytes is looked at, and what it means if that is not enough.
fn cut(bytes: &[u8], max_head: usize, max_uri: usize) -> Cut<RequestError> {
    let head = Cut { end: max_head, error: RequestError::HeadTooLarge };
    let start = bytes.get(..=METHOD_MAX).unwrap_or(bytes);
    let line = match memchr::memchr(b' ', start) {
        None if bytes.len() > METHOD_MAX => {
            Cut { end: METHOD_MAX + 1, error: RequestError::MethodTooLong }
        }
        Some(space) if bytes.len() > max_uri => {
            let end = (space + 1).saturating_add(max_uri).saturating_add(1);
            let target = bytes.get(space + 1..end);
            match target.map(|target| memchr::memchr3(b' ', b'\r', b'\n', target)) {
                Some(None) => Cut { end, error: RequestError::UriTooLong },
                _ => head,
            }
        }
        _ => head,
    };
    if line.end < head.end { line } else { head }
}

/// Which of our faults httparse's is.
#[cold]
fn fault(error: httparse::Error, bytes: &[u8]) -> RequestError {
    match error {
        httparse::Error::HeaderName => RequestError::FieldName,
        httparse::Error::HeaderValue => RequestError::FieldValue,
        httparse::Error::NewLine => RequestError::LineEnd,
        httparse::Error::TooManyHeaders => RequestError::TooManyFields,
        httparse::Error::Token | httparse::Error::Status => {
            let method_end = bytes.iter().position(|byte| !list::is_token_byte(*byte));
            match method_end {
                Some(end) if end > 0 && bytes.get(end) == Some(&b' ') => RequestError::Target,
                _ => RequestError::Method,
            }
        }
        httparse::Error::Version => {
            let version = bytes.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default();
            match version {
                [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9', ..] => {
                    RequestError::VersionUnsupported
                }
                [b'H', b'T', b'T', b'P', b'/', b'0' | b'2'..=b'9', ..] => {
                    RequestError::VersionUnsupported
                }
                _ => RequestError::Version,
            }
        }
    }
}

/// Everything a complete head's fields and target have to be.
fn understand<'s, 'a>(
    method_name: &'a str,
    raw_target: &'a [u8],
    version: Version,
    fields: Fields<'s, 'a>,
    len: usize,
) -> Result<RequestHead<'s, 'a>, RequestError> {
    if method_name.len() > METHOD_MAX {
        return Err(RequestError::MethodTooLong);
    }
    if matches!(method_name, "CONNECT" | "TRACE") {
        return Err(RequestError::MethodRefused);
    }
    let method = Method::from_name(method_name);
    let target = target::parse(method, raw_target)?;
    let facts = Facts::gather(fields)?;
    let framing = facts.framing.check(version).map_err(RequestError::Framing)?;
    let body = match framing.length {
        Some(length) => Body::Length(length),
        None if framing.chunked => Body::Chunked,
        None => Body::Empty,
    };
    let new = version == Version::Http11;
    let options = facts.options;
    let (host, name) = effective_host(target.authority, facts.host, version)?;
    Ok(RequestHead {
        method,
        method_name,
        target: raw_target,
        path: target.path,
        query: target.query,
        host,
        name,
        version,
        fields,
        body,
        keep_alive: !options.close && (new || options.keep_alive),
        expect_continue: new && facts.expects && !body.is_empty(),
        upgrade: if new && options.upgrade { upgrade(fields) } else { Upgrade::None },
        len,
        nominates: options.nominates,
    })
}

/// What the fields we care about say, gathered in one pass.
#[derive(Default)]
struct Facts<'a> {
    framing: Framing,
    options: Options,
    host: Option<&'a [u8]>,
    expects: bool,
}

impl<'a> Facts<'a> {
    fn gather(fields: Fields<'_, 'a>) -> Result<Self, RequestError> {
        let mut facts = Self::default();
        for field in fields.iter() {
            let value = field.value;
            match field.known {
                Known::Host if facts.host.is_some() => return Err(RequestError::HostRepeated),
                Known::Host => facts.host = Some(value),
                Known::ContentLength => {
                    facts.framing.note_length(value).map_err(RequestError::Framing)?;
                }
                Known::TransferEncoding => {
                    facts.framing.note_encoding(value).map_err(RequestError::Framing)?;
                }
                Known::Connection if !facts.options.note(value) => {
                    return Err(RequestError::TooManyOptions);
                }
                Known::Expect if !value.eq_ignore_ascii_case(b"100-continue") => {
                    return Err(RequestError::Expectation);
                }
                Known::Expect => facts.expects = true,
                _ => {}
            }
        }
        Ok(facts)
    }
}

/// The one answer to "which host", with its port and without it: the target's, else that of the field. Both are checked.
fn effective_host<'a>(
    authority: Option<&'a [u8]>,
    field: Option<&'a [u8]>,
    version: Version,
) -> Result<(&'a [u8], &'a [u8]), RequestError> {
    if field.is_none() && version == Version::Http11 {
        return Err(RequestError::HostMissing);
    }
    let mut chosen: (&[u8], &[u8]) = (b"", b"");
    for candidate in [field, authority].into_iter().flatten() {
        chosen = (candidate, host::parse(candidate).map_err(RequestError::Host)?.host);
    }
    Ok(chosen)
}

fn upgrade(fields: Fields<'_, '_>) -> Upgrade {
    if fields.all(Known::Upgrade).any(|value| list::has_token(value, "websocket")) {
        Upgrade::WebSocket
    } else if fields.has(Known::Upgrade) {
        Upgrade::Other
    } else {
        Upgrade::None
    }
}
