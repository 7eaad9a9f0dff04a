//! The one canonical form of a path: what is matched is what is logged is what is forwarded.
//!
//! Two clients that ask for the same thing in different disguises (`/%61dmin`, `//admin`,
//! `/public/../admin`, `/%2e%2e/admin`) come out the same. What two servers might read differently
//! (a backslash, NUL, a control, a broken escape) is refused rather than repaired.

use super::list;
use thiserror::Error;

/// Why a path is refused, always with 400 (RFC 3986 sections 2 and 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum PathError {
    /// It does not begin with `/` (RFC 9112 section 3.2.1).
    #[error("path does not begin with a slash")]
    NotAbsolute,
    /// A NUL, as it is or as `%00` (RFC 3986 section 7.3).
    #[error("NUL in the path")]
    Nul,
    /// Another control, as it is or escaped: it would end a line somewhere (RFC 3986 section 7.3).
    #[error("control character in the path")]
    Control,
    /// A backslash, as it is or escaped: some servers take it for a slash (RFC 3986 section 2).
    #[error("backslash in the path")]
    Backslash,
    /// A `%` without two hexadecimal digits (RFC 3986 section 2.1).
    #[error("broken percent-escape in the path")]
    Escape,
    /// A `#`: fragments are never sent (RFC 9112 section 3.2).
    #[error("fragment in the path")]
    Fragment,
    /// A space, a `?` or a byte above 0x7e (RFC 3986 section 3.3).
    #[error("byte that no path has")]
    Byte,
}

/// The three faces of one canonical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'a> {
    /// What is sent on and logged: escapes of unreserved characters decoded, the others in upper
    /// case, no dot segments, no empty ones (unless these were asked to stay).
    pub sent: &'a [u8],
    /// What rules match: `sent` with everything decoded but `%2F` and `%25`.
    pub matched: &'a [u8],
    /// What CGI calls `PATH_INFO`: `matched` with `%25` decoded too. `%2F` is never a separator.
    pub info: &'a [u8],
}

/// Memory that [`canonical`] writes into when a path is not canonical yet; reused between calls.
#[derive(Debug, Default)]
pub struct PathScratch {
    sent: Vec<u8>,
    matched: Vec<u8>,
    info: Vec<u8>,
}

/// Brings a raw path (no query) into its canonical form. `*`, the whole server, stays as it is; rules see `/`.
/// Borrows from `raw` when there is nothing to change, and allocates only to grow `scratch`.
pub fn canonical<'a>(
    raw: &'a [u8],
    merge_slashes: bool,
    scratch: &'a mut PathScratch,
) -> Result<CanonicalPath<'a>, PathError> {
    match raw {
        // It asks about the whole server: rules for everything are for it too.
        b"*" => return Ok(CanonicalPath { sent: raw, matched: b"/", info: raw }),
        [b'/', ..] => {}
        _ => return Err(PathError::NotAbsolute),
    }
    if is_settled(raw, merge_slashes)? {
        return Ok(CanonicalPath { sent: raw, matched: raw, info: raw });
    }
    normalise(raw, merge_slashes, &mut scratch.sent)?;
    let sent = &scratch.sent;
    if !sent.contains(&b'%') {
        return Ok(CanonicalPath { sent, matched: sent, info: sent });
    }
    decode(sent, &mut scratch.matched, |byte| byte != b'/' && byte != b'%');
    let matched = &scratch.matched;
    if memchr::memmem::find(matched, b"%25").is_none() {
        return Ok(CanonicalPath { sent, matched, info: matched });
    }
    decode(matched, &mut scratch.info, |byte| byte == b'%');
    Ok(CanonicalPath { sent, matched, info: &scratch.info })
}

/// Whether one look at a raw path tells that it is canonical already: neither escapes nor segments
/// to remove. Refuses bytes that no path has.
fn is_settled(raw: &[u8], merge_slashes: bool) -> Result<bool, PathError> {
    let mut settled = true;
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        match byte {
            b'/' => settled &= !starts_removable(tail, merge_slashes),
            b'%' => settled = false,
            b'!'..=b'~' if !matches!(byte, b'\\' | b'#' | b'?') => {}
            _ => return Err(fault(*byte)),
        }
        rest = tail;
    }
    Ok(settled)
}

/// Whether the segment that begins here is a dot segment or an empty one to be merged.
fn starts_removable(segment: &[u8], merge_slashes: bool) -> bool {
    match segment {
        [b'/', ..] => merge_slashes,
        [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..] => true,
        _ => false,
    }
}

fn fault(byte: u8) -> PathError {
    match byte {
        0 => PathError::Nul,
        b'\\' => PathError::Backslash,
        b'#' => PathError::Fragment,
        1..=0x1f | 0x7f => PathError::Control,
        _ => PathError::Byte,
    }
}

/// Writes the path segment by segment (RFC 3986 section 5.2.4, on decoded segments).
fn normalise(raw: &[u8], merge_slashes: bool, out: &mut Vec<u8>) -> Result<(), PathError> {
    out.clear();
    let mut segments = raw.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        let start = out.len();
        out.push(b'/');
        unescape_unreserved(segment, out)?;
        let removed = match out.get(start + 1..).unwrap_or_default() {
            b"" => merge_slashes && !last,
            b"." | b".." => true,
            _ => false,
        };
        if removed {
            let climbs = out.ends_with(b"..");
            out.truncate(start);
            if climbs {
                out.truncate(memchr::memrchr(b'/', out).unwrap_or(0));
            }
            if last {
                out.push(b'/');
            }
        }
    }
    Ok(())
}

/// Appends a segment with the escapes of unreserved characters decoded and the others checked.
fn unescape_unreserved(segment: &[u8], out: &mut Vec<u8>) -> Result<(), PathError> {
    let mut rest = segment;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, b""));
        out.extend_from_slice(plain);
        let Some(([_, high, low], tail)) = escape.split_first_chunk::<3>() else {
            return Err(PathError::Escape);
        };
        let byte = from_hex(*high, *low).ok_or(PathError::Escape)?;
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            0..=0x1f | 0x7f | b'\\' => return Err(fault(byte)),
            _ => out.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Copies `from` with those escapes decoded that `chosen` wants.
fn decode(from: &[u8], out: &mut Vec<u8>, chosen: impl Fn(u8) -> bool) {
    out.clear();
    let mut rest = from;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, b""));
        out.extend_from_slice(plain);
        let (taken, tail) = escape.split_at_checked(3).unwrap_or((escape, b""));
        match taken {
            [_, high, low] => match from_hex(*high, *low) {
                Some(byte) if chosen(byte) => out.push(byte),
                _ => out.extend_from_slice(taken),
            },
            _ => out.extend_from_slice(taken),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
}

fn from_hex(high: u8, low: u8) -> Option<u8> {
    Some(list::hex_digit(high)? << 4 | list::hex_digit(low)?)
}

#[cfg(test)]
mod tests;
