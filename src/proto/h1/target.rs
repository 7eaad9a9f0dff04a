//! The forms of a request target (RFC 9112 section 3.2).

use super::RequestError;
use crate::proto::http::Method;

/// A request target taken apart; all slices are of the target as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) path: &'a [u8],
    pub(super) query: Option<&'a [u8]>,
    /// `host[:port]` of an absolute target, not yet checked.
    pub(super) authority: Option<&'a [u8]>,
}

/// Takes a target apart.
pub(super) fn parse(method: Method, target: &[u8]) -> Result<Target<'_>, RequestError> {
    if target.iter().any(|byte| !matches!(byte, b'!'..=b'~') || *byte == b'#') {
        return Err(RequestError::Target);
    }
    match target {
        [b'/', ..] => Ok(origin(target, None)),
        b"*" if method == Method::Options => Ok(origin(target, None)),
        _ => absolute(method, target),
    }
}

fn origin<'a>(target: &'a [u8], authority: Option<&'a [u8]>) -> Target<'a> {
    match memchr::memchr(b'?', target).and_then(|at| target.split_at_checked(at)) {
        Some((path, query)) => Target { path, query: query.get(1..), authority },
        None => Target { path: target, query: None, authority },
    }
}

/// `http://host[:port][/path][?query]`; without a path it is `/`, or `*` for OPTIONS without a
/// query (RFC 9112 section 3.2.4).
fn absolute(method: Method, target: &[u8]) -> Result<Target<'_>, RequestError> {
    let rest = after_scheme(target).ok_or(RequestError::TargetForm)?;
    let end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).ok_or(RequestError::TargetForm)?;
    let mut parts = origin(rest, Some(authority));
    if parts.path.is_empty() {
        let whole_server = method == Method::Options && parts.query.is_none();
        parts.path = if whole_server { b"*" } else { b"/" };
    }
    Ok(parts)
}

fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = target.split_at_checked(memchr::memchr(b':', target)?)?;
    if scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https") {
        rest.strip_prefix(b"://")
    } else {
        None
    }
}
