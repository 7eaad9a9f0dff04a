//! Hosts: what a valid authority is, and the form in which hosts are compared.

use std::net::Ipv6Addr;
use thiserror::Error;

/// The longest host name (RFC 1035 section 2.3.4).
const HOST_MAX: usize = 255;

/// Why an authority (`host[:port]`) is refused (RFC 9110 section 7.2, RFC 3986 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HostError {
    /// Nothing at all, or a port alone.
    #[error("empty host")]
    Empty,
    /// A user name or password before an `@` (RFC 9110 section 4.2.4).
    #[error("user information in the host")]
    Userinfo,
    /// A byte that no host name has, an empty label, or more than 255 bytes.
    #[error("invalid host name")]
    Name,
    /// Brackets around anything that is not an IPv6 address (RFC 3986 section 3.2.2).
    #[error("invalid IPv6 literal")]
    Literal,
    /// A port that is not a decimal number from 1 to 65535.
    #[error("invalid port")]
    Port,
}

/// An authority's two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host: a name, an IPv4 address, or an IPv6 address in its brackets.
    pub host: &'a [u8],
    /// The port, when it has one.
    pub port: Option<u16>,
}

/// Takes an authority apart and checks it: letters, digits, `-`, `.`, `_` and `~` make a name
/// without empty labels (a trailing dot is fine); percent-escapes and lists are refused.
pub fn parse(authority: &[u8]) -> Result<Authority<'_>, HostError> {
    let (host, port) = split(authority)?;
    let port = match port {
        Some(digits) => match parse_port(digits) {
            // What looked like a host and a port may be a user's name and the rest.
            Err(_) if digits.contains(&b'@') => return Err(HostError::Userinfo),
            port => Some(port?),
        },
        None => None,
    };
    if host.is_empty() {
        return Err(HostError::Empty);
    }
    Ok(Authority { host, port })
}

/// The form in which hosts are compared: lower case, without port and trailing dot. Borrowed from
/// `authority` when that has it already, else written into `scratch`.
pub fn comparable<'a>(authority: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    // From the end, where the port is; the colons of an IPv6 address are inside its brackets.
    let end = authority.iter().rposition(|byte| matches!(byte, b':' | b']'));
    let host = match end {
        Some(at) if authority.get(at) == Some(&b':') => authority.get(..at).unwrap_or(authority),
        _ => authority,
    };
    comparable_name(host, scratch)
}

/// The same of a host without its port.
pub fn comparable_name<'a>(host: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let host = host.strip_suffix(b".").unwrap_or(host);
    if !host.iter().any(u8::is_ascii_uppercase) {
        return host;
    }
    scratch.clear();
    scratch.extend(host.iter().map(u8::to_ascii_lowercase));
    scratch
}

type Split<'a> = (&'a [u8], Option<&'a [u8]>);

fn split(authority: &[u8]) -> Result<Split<'_>, HostError> {
    if authority.first() == Some(&b'[') {
        return split_literal(authority);
    }
    let (mut end, mut before, mut empty_label) = (0, b'.', false);
    for byte in authority {
        if IN_NAMES.get(usize::from(*byte)) != Some(&true) {
            break;
        }
        empty_label |= *byte == b'.' && before == b'.';
        before = *byte;
        end += 1;
    }
    let (host, rest) = authority.split_at_checked(end).ok_or(HostError::Name)?;
    match rest {
        [] | [b':', ..] => {}
        _ if rest.contains(&b'@') => return Err(HostError::Userinfo),
        _ => return Err(HostError::Name),
    }
    if host.len() > HOST_MAX || empty_label {
        return Err(HostError::Name);
    }
    Ok((host, rest.split_first().map(|(_, port)| port)))
}

fn split_literal(authority: &[u8]) -> Result<Split<'_>, HostError> {
    let end = authority.iter().position(|byte| *byte == b']').ok_or(HostError::Literal)?;
    let (host, rest) = authority.split_at_checked(end + 1).ok_or(HostError::Literal)?;
    let inner = host.get(1..end).unwrap_or_default();
    let text = std::str::from_utf8(inner).map_err(|_| HostError::Literal)?;
    if text.parse::<Ipv6Addr>().is_err() {
        return Err(HostError::Literal);
    }
    match rest {
        [] => Ok((host, None)),
        [b':', port @ ..] => Ok((host, Some(port))),
        _ => Err(HostError::Literal),
    }
}

fn parse_port(digits: &[u8]) -> Result<u16, HostError> {
    if digits.is_empty() || digits.len() > 5 {
        return Err(HostError::Port);
    }
    let mut port = 0u32;
    for byte in digits {
        match byte {
            b'0'..=b'9' => port = port * 10 + u32::from(byte - b'0'),
            _ => return Err(HostError::Port),
        }
    }
    u16::try_from(port).ok().filter(|port| *port != 0).ok_or(HostError::Port)
}

const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

/// Which bytes a name may have: looked up, for every request has one.
static IN_NAMES: [bool; 256] = {
    let (mut all, mut byte) = ([false; 256], 0u8);
    let mut rest: &mut [bool] = &mut all;
    while let [first, tail @ ..] = rest {
        *first = is_name_byte(byte);
        (rest, byte) = (tail, byte.wrapping_add(1));
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compare(authority: &str) -> String {
        let mut scratch = Vec::new();
        comparable(authority.as_bytes(), &mut scratch).escape_ascii().to_string()
    }

    #[test]
    fn hosts_are_compared_without_case_port_and_trailing_dot() {
        for same in ["example.com", "EXAMPLE.com", "example.com.", "Example.Com.:8080"] {
            assert_eq!(compare(same), "example.com");
        }
        assert_eq!(compare("[2001:DB8::1]:443"), "[2001:db8::1]");
        assert_eq!(compare("[::1]"), "[::1]");
        assert_eq!(compare("127.0.0.1:80"), "127.0.0.1");
        assert_eq!(compare(":80"), "");
        assert_eq!(compare(""), "");
    }

    #[test]
    fn authorities_are_taken_apart() {
        let parts = |text: &'static str| {
            parse(text.as_bytes()).map(|parts| (parts.host.escape_ascii().to_string(), parts.port))
        };
        assert_eq!(parts("a.b:80"), Ok(("a.b".into(), Some(80))));
        assert_eq!(parts("a.b."), Ok(("a.b.".into(), None)));
        assert_eq!(parts("[::1]:1"), Ok(("[::1]".into(), Some(1))));
        assert_eq!(parts("a:00080"), Ok(("a".into(), Some(80))));
        assert_eq!(parts("a:000080"), Err(HostError::Port));
    }

    #[test]
    fn no_host_climbs_out_of_a_directory_named_after_it() {
        for bad in [".", "..", "a/..", "..:80", "a..", ".a", "a..b", "%2e%2e", "../x"] {
            assert_eq!(parse(bad.as_bytes()), Err(HostError::Name), "{bad}");
        }
    }

    #[test]
    fn host_names_have_a_longest() {
        assert!(parse("a".repeat(255).as_bytes()).is_ok());
        assert_eq!(parse("a".repeat(256).as_bytes()), Err(HostError::Name));
    }

    proptest! {
        #[test]
        fn a_comparable_host_is_its_own(authority in "[a-zA-Z0-9.:@\\[\\]_-]{0,20}") {
            let mut scratch = Vec::new();
            let mut again = Vec::new();
            if parse(authority.as_bytes()).is_ok() {
                let once = comparable(authority.as_bytes(), &mut scratch);
                let host = parse(authority.as_bytes()).map(|parts| parts.host.to_ascii_lowercase());
                let host = host.unwrap_or_default();
                prop_assert_eq!(once, host.strip_suffix(b".").unwrap_or(&host));
                prop_assert_eq!(comparable(once, &mut again), once);
            }
        }
    }
}
