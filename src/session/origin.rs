//! Which pages may open a WebSocket: the `Origin` of a handshake against `origin` of its route.
//!
//! Browsers let any page open a WebSocket to any host, cookies included, and say whose page it is in a field
//! that no script can change. A client that says nothing is no browser, could say anything, and passes: RFC 6455
//! section 10.2 leaves it to authentication.

use crate::config::Origin;
use crate::proto::http::{Fields, host};
use crate::proto::ws::Draft;

/// Whether a handshake in this draft with these fields may go on to `asked`, its `host[:port]`. Each origin it
/// names must be allowed.
pub(super) fn is_allowed(
    allowed: &[Origin],
    draft: Draft,
    fields: Fields<'_, '_>,
    asked: &[u8],
) -> bool {
    if allowed.contains(&Origin::Any) {
        return true;
    }
    let names = draft.origin_fields();
    let is_origin = |name: &str| names.iter().any(|origin| origin.eq_ignore_ascii_case(name));
    let mut origins = fields.iter().filter(|field| is_origin(field.name));
    origins.all(|field| is_listed(allowed, field.value, asked))
}

/// Whether one origin is in the list.
fn is_listed(allowed: &[Origin], origin: &[u8], asked: &[u8]) -> bool {
    if origin == b"null" {
        return allowed.contains(&Origin::Null);
    }
    let Some(page) = Page::parse(origin) else { return false };
    allowed.iter().any(|origin| match origin {
        Origin::Any => true,
        Origin::Null => false,
        Origin::Same => page.is_at(asked),
        Origin::Exact { scheme, host, port } => {
            page.scheme.eq_ignore_ascii_case(scheme.as_bytes())
                && same_host(page.host, host.as_bytes())
                && page.port == *port
        }
    })
}

/// Where a page came from.
struct Page<'a> {
    scheme: &'a [u8],
    host: &'a [u8],
    /// The one written, else the scheme's.
    port: Option<u16>,
}

impl<'a> Page<'a> {
    /// Reads RFC 6454's `serialized-origin`; no path, no user, no second origin.
    fn parse(origin: &'a [u8]) -> Option<Page<'a>> {
        let colon = origin.iter().position(|byte| *byte == b':')?;
        let (scheme, rest) = origin.split_at_checked(colon)?;
        let authority = rest.strip_prefix(b"://")?;
        if authority.is_empty() {
            return scheme.eq_ignore_ascii_case(b"file").then_some(Page {
                scheme,
                host: authority,
                port: None,
            });
        }
        let parts = host::parse(authority).ok()?;
        let port = parts.port.or_else(|| Origin::default_port(scheme));
        Some(Page { scheme, host: parts.host, port })
    }

    /// Whether it came from host and port of a request, which has no scheme: without a port the two must agree
    /// that there is none, or that it is the default of the page's scheme.
    fn is_at(&self, asked: &[u8]) -> bool {
        let Ok(asked) = host::parse(asked) else { return false };
        let port = asked.port.or_else(|| Origin::default_port(self.scheme));
        same_host(self.host, asked.host) && self.port == port
    }
}

fn same_host(a: &[u8], b: &[u8]) -> bool {
    let bare = |host: &'_ [u8]| host.len() - usize::from(host.ends_with(b"."));
    let (a, b) = (a.get(..bare(a)), b.get(..bare(b)));
    a.zip(b).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::h1::{Limits, parse_request};
    use crate::proto::http::FieldStore;

    fn exact(scheme: &str, host: &str, port: Option<u16>) -> Origin {
        Origin::Exact { scheme: scheme.into(), host: host.into(), port }
    }

    fn listed(allowed: &[Origin], origin: &str, asked: &str) -> bool {
        is_listed(allowed, origin.as_bytes(), asked.as_bytes())
    }

    #[test]
    fn the_same_host_and_port() {
        for (origin, asked) in [
            ("http://a", "a"),
            ("https://a", "a"),
            ("https://a", "a:443"),
            ("http://a:80", "a"),
            ("http://a:8080", "A:8080"),
            ("https://A.example", "a.example."),
            ("http://[::1]:81", "[::1]:81"),
            ("app://a", "a"),
        ] {
            assert!(listed(&[Origin::Same], origin, asked), "{origin} {asked}");
        }
        for (origin, asked) in [
            ("http://a", "b"),
            ("http://a", "a:443"),
            ("http://a", "a:8080"),
            ("http://a:8080", "a"),
            ("http://a.b", "a"),
            ("http://xa", "a"),
            ("app://a", "a:80"),
            ("null", "null"),
            ("file://", ""),
            ("a", "a"),
            ("", "a"),
            ("http://a", ""),
        ] {
            assert!(!listed(&[Origin::Same], origin, asked), "{origin} {asked}");
        }
    }

    #[test]
    fn exact_ones() {
        let allowed = [exact("https", "chat.example", Some(443)), exact("app", "x", None)];
        for origin in
            ["https://chat.example", "HTTPS://Chat.Example:443", "https://chat.example.", "app://x"]
        {
            assert!(listed(&allowed, origin, "chat.example"), "{origin}");
        }
        for origin in [
            "http://chat.example",
            "https://chat.example:444",
            "https://chat.example.evil.example",
            "https://evil.example/https://chat.example",
            "https://chat.example/",
            "https://chat.example https://evil.example",
            "https://user@chat.example",
            "https://chat.example\u{e9}",
            "https:chat.example",
            "null",
            "app://x:80",
        ] {
            assert!(!listed(&allowed, origin, "chat.example"), "{origin}");
        }
        assert!(listed(&[Origin::Null], "null", "a") && !listed(&[Origin::Null], "http://a", "a"));
        assert!(listed(&[exact("file", "", None)], "file://", "a"));
        assert!(!listed(&[exact("file", "", None)], "file:///etc/passwd", "a"));
    }

    #[test]
    fn every_field_of_the_draft_counts_and_none_is_fine() {
        let allowed = [exact("http", "good", Some(80))];
        let ask = |draft, lines: &str| {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
            let mut store = FieldStore::new();
            let head = parse_request(head.as_bytes(), &mut store, &Limits::default());
            let head = head.unwrap().unwrap();
            is_allowed(&allowed, draft, head.fields, head.host)
        };
        let (good, bad) = ("Origin: http://good\r\n", "origin: http://bad\r\n");
        for draft in Draft::ALL {
            assert!(ask(draft, ""), "{draft}");
            assert!(ask(draft, good), "{draft}");
            assert!(!ask(draft, bad), "{draft}");
            assert!(!ask(draft, &format!("{good}{bad}")), "{draft}");
            let old = matches!(draft, Draft::Hybi07 | Draft::Hybi08);
            let older = format!("{good}Sec-WebSocket-Origin: http://bad\r\n");
            assert_eq!(ask(draft, &older), !old, "{draft}");
        }
    }
}
