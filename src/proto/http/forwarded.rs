//! For whom proxies say they ask: elements of `Forwarded` (RFC 7239) and of `X-Forwarded-For`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::list::{is_token_byte, trim};

/// An address as a proxy wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The address.
    pub ip: IpAddr,
    /// The port; 0 where none was said.
    pub port: u16,
}

/// What one proxy says of who asked it (RFC 7239 section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// `for`, without its quotes.
    pub client: Option<&'a [u8]>,
    /// `proto`, without its quotes.
    pub proto: Option<&'a [u8]>,
}

/// It is no `Forwarded` (RFC 7239 section 4): who is meant cannot be told for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed Forwarded (RFC 7239 section 4)")]
pub struct Malformed;

/// Reads a node (RFC 7239 section 6), also without the brackets that `X-Forwarded-For` leaves out; `None`: somebody
/// whose address is not told.
pub fn parse_node(text: &[u8]) -> Option<Node> {
    let text = str::from_utf8(text).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, rest) = rest.split_once(']')?;
        let ip = IpAddr::from(ip.parse::<Ipv6Addr>().ok()?).to_canonical();
        return match rest {
            "" => Some(Node { ip, port: 0 }),
            rest => Some(Node { ip, port: parse_port(rest.strip_prefix(':')?)? }),
        };
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Node { ip: ip.to_canonical(), port: 0 });
    }
    let (ip, port) = text.rsplit_once(':')?;
    Some(Node { ip: ip.parse::<Ipv4Addr>().ok()?.into(), port: parse_port(port)? })
}

/// Digits, or a name that hides them.
fn parse_port(text: &str) -> Option<u16> {
    if text.starts_with('_') {
        return Some(0);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The elements of one `Forwarded`, one after the other. The first fault is the last item.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Those of a field's value.
    pub fn of(value: &'a [u8]) -> Elements<'a> {
        Elements { rest: value }
    }

    /// `[pair] *( ";" [pair] )`, with the white space that is seen in nature.
    fn element(&mut self) -> Result<Option<Element<'a>>, Malformed> {
        let mut element = Element::default();
        let mut said = false;
        loop {
            self.rest = trim(self.rest);
            let Some((first, rest)) = self.rest.split_first() else {
                return Ok(said.then_some(element));
            };
            match first {
                b',' if said => {
                    self.rest = rest;
                    return Ok(Some(element));
                }
                b',' | b';' => self.rest = rest,
                _ => {
                    self.pair(&mut element)?;
                    said = true;
                }
            }
        }
    }

    fn pair(&mut self, element: &mut Element<'a>) -> Result<(), Malformed> {
        let (name, rest) = cut(self.rest, |byte| !is_token_byte(byte));
        let rest = rest.strip_prefix(b"=").filter(|_| !name.is_empty()).ok_or(Malformed)?;
        let (value, rest) = match rest.strip_prefix(b"\"") {
            Some(quoted) => quoted_string(quoted).ok_or(Malformed)?,
            None => cut(rest, |byte| matches!(byte, b',' | b';' | b'"' | b' ' | b'\t')),
        };
        self.rest = trim(rest);
        if !matches!(self.rest.first(), None | Some(b',' | b';')) {
            return Err(Malformed);
        }
        let known = match name.to_ascii_lowercase().as_slice() {
            b"for" => &mut element.client,
            b"proto" => &mut element.proto,
            _ => return Ok(()),
        };
        // Each at most once (section 4).
        known.replace(value).map_or(Ok(()), |_| Err(Malformed))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.element();
        if found.is_err() {
            self.rest = b"";
        }
        found.transpose()
    }
}

/// Up to the first byte that ends it, and from there on.
fn cut(bytes: &[u8], ends: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|byte| ends(*byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(at).unwrap_or((bytes, b""))
}

/// What is quoted, as it is written, and what follows the quote.
fn quoted_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = bytes.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair<'a> = (Option<&'a str>, Option<&'a str>);

    fn all(value: &str) -> Result<Vec<Pair<'_>>, Malformed> {
        let text = |bytes| str::from_utf8(bytes).unwrap();
        let pairs = Elements::of(value.as_bytes())
            .map(|element| element.map(|found| (found.client.map(text), found.proto.map(text))));
        pairs.collect()
    }

    /// The examples of RFC 7239 section 4, and what is seen in nature.
    #[test]
    fn elements() {
        for (value, want) in [
            ("for=\"_gazonk\"", &[(Some("_gazonk"), None)][..]),
            ("For=\"[2001:db8:cafe::17]:4711\"", &[(Some("[2001:db8:cafe::17]:4711"), None)]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", &[(Some("192.0.2.60"), Some("http"))]),
            ("for=192.0.2.60; proto=http; by=203.0.113.43", &[(Some("192.0.2.60"), Some("http"))]),
            (
                "for=192.0.2.43, for=198.51.100.17",
                &[(Some("192.0.2.43"), None), (Some("198.51.100.17"), None)],
            ),
            ("by=a;for=b ,, proto=https,", &[(Some("b"), None), (None, Some("https"))]),
            (
                "for=\"a, for=b\";host=\"x;\\\"y\", for=c",
                &[(Some("a, for=b"), None), (Some("c"), None)],
            ),
            ("for=[::1]:80;", &[(Some("[::1]:80"), None)]),
            ("", &[]),
            (" ;, ", &[]),
        ] {
            assert_eq!(all(value).as_deref(), Ok(want), "{value}");
        }
    }

    /// What one client wrote must not swallow what the next proxy added.
    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for value in [
            "for=\"a, for=192.0.2.1",
            "for=\"a\\\", for=192.0.2.1",
            "for=\"a\"b, for=192.0.2.1",
            "for=a b, for=192.0.2.1",
            "for, for=192.0.2.1",
            "=a",
            "for=a;for=b",
            "for =a",
            "fo\"r=a",
            "\"for=a\"",
        ] {
            assert_eq!(all(value), Err(Malformed), "{value}");
        }
    }

    #[test]
    fn nodes() {
        for (text, want) in [
            ("192.0.2.1", Some(("192.0.2.1", 0))),
            ("192.0.2.1:80", Some(("192.0.2.1", 80))),
            ("192.0.2.1:_hidden", Some(("192.0.2.1", 0))),
            ("2001:db8::1", Some(("2001:db8::1", 0))),
            ("[2001:db8::1]", Some(("2001:db8::1", 0))),
            ("[2001:db8::1]:443", Some(("2001:db8::1", 443))),
            ("::ffff:192.0.2.1", Some(("192.0.2.1", 0))),
            ("[::ffff:192.0.2.1]:7", Some(("192.0.2.1", 7))),
            ("", None),
            ("unknown", None),
            ("_gazonk", None),
            ("010.0.0.1", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:+80", None),
            ("192.0.2.1:65536", None),
            ("192.0.2.1 ", None),
            ("[192.0.2.1]", None),
            ("[::1", None),
            ("[::1]80", None),
            ("fe80::1%eth0", None),
            ("example.com:80", None),
        ] {
            let want = want.map(|(ip, port)| Node { ip: ip.parse().unwrap(), port });
            assert_eq!(parse_node(text.as_bytes()), want, "{text}");
        }
        assert_eq!(parse_node(b"\xff"), None);
    }
}
