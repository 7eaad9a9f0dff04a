//! Origins that pages may have (RFC 6454): `*`, `same`, `null`, `https://chat.example.com`.

use std::net::Ipv6Addr;

use super::value::{Fault, Value};

/// Pages that may open WebSockets, by where they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Any, or none.
    Any,
    /// Host and port that the request asks for.
    Same,
    /// A page without an origin of its own: a sandboxed frame, a `data:` URL.
    Null,
    /// This one.
    Exact {
        /// In lower case.
        scheme: String,
        /// In lower case, without a trailing dot; empty for `file://` only.
        host: String,
        /// The one written, else the scheme's, if it has one.
        port: Option<u16>,
    },
}

impl Origin {
    /// The port that a URL of this scheme has when it names none.
    pub fn default_port(scheme: &[u8]) -> Option<u16> {
        let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if is("http") || is("ws") => Some(80),
            () if is("https") || is("wss") => Some(443),
            () => None,
        }
    }
}

/// Reads a list of them.
pub(super) fn parse(value: &Value) -> Result<Vec<Origin>, Fault> {
    const SAID: &str = "expected *, same, null or origins such as https://chat.example.com";
    let mut origins = Vec::new();
    for word in value.words() {
        origins.push(match word.text() {
            "*" => Origin::Any,
            "same" => Origin::Same,
            "null" => Origin::Null,
            text => {
                let (scheme, authority) =
                    text.split_once("://").ok_or_else(|| value.fault_of(&word, SAID))?;
                exact(scheme, authority).map_err(|said| value.fault_of(&word, said))?
            }
        });
    }
    match origins.as_slice() {
        [] => Err(Fault::new(SAID)),
        [Origin::Any] => Ok(origins),
        _ if origins.contains(&Origin::Any) => {
            Err(Fault::new("* allows any origin: write it alone, or leave it out"))
        }
        _ => Ok(origins),
    }
}

fn exact(scheme: &str, authority: &str) -> Result<Origin, &'static str> {
    let first = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    if !first || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
        return Err("expected a scheme before ://, as in https://chat.example.com");
    }
    let scheme = scheme.to_ascii_lowercase();
    if authority.is_empty() && scheme == "file" {
        return Ok(Origin::Exact { scheme, host: String::new(), port: None });
    }
    if authority.contains(['/', '?', '#', '@']) {
        return Err("an origin is scheme, host and port: expected nothing behind them");
    }
    if authority.contains('*') {
        return Err("patterns of origins are not in this version: list each of them");
    }
    let colon = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let (host, port) = match colon.and_then(|at| authority.split_at_checked(at)) {
        Some((host, port)) => (host, Some(&port[1..])),
        None => (authority, None),
    };
    let port = match port.map(|digits| digits.parse::<u16>().ok().filter(|port| *port > 0)) {
        Some(None) => return Err("a port is a number from 1 to 65535"),
        Some(port) => port,
        None => Origin::default_port(scheme.as_bytes()),
    };
    Ok(Origin::Exact { scheme, host: host_of(host)?, port })
}

fn host_of(text: &str) -> Result<String, &'static str> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        return address.map(|a| format!("[{a}]")).ok_or("expected an IPv6 address in brackets");
    }
    if !text.is_ascii() {
        return Err("browsers send names in ASCII: write the xn-- form");
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_~.".contains(c);
    if !name.chars().all(plain) || name.split('.').any(str::is_empty) {
        return Err("expected a host name, as in https://chat.example.com");
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Place;

    fn read(text: &str) -> Result<Vec<Origin>, String> {
        let place = Place { file: "a.ini".into(), line: 1, column: 1 };
        let value = Value::new("origin =", text, text, place, false);
        parse(&value).map_err(|fault| format!("{}: {}", fault.at, fault.expected))
    }

    fn exact(scheme: &str, host: &str, port: Option<u16>) -> Origin {
        Origin::Exact { scheme: scheme.into(), host: host.into(), port }
    }

    #[test]
    fn lists() {
        assert_eq!(read("*"), Ok(vec![Origin::Any]));
        assert_eq!(
            read("same, null HTTPS://Chat.Example.com."),
            Ok(vec![Origin::Same, Origin::Null, exact("https", "chat.example.com", Some(443))])
        );
        assert_eq!(
            read("http://a:8080 http://[2001:DB8::1]:81 http://[::1] app://x file://"),
            Ok(vec![
                exact("http", "a", Some(8080)),
                exact("http", "[2001:db8::1]", Some(81)),
                exact("http", "[::1]", Some(80)),
                exact("app", "x", None),
                exact("file", "", None),
            ])
        );
    }

    #[test]
    fn refusals() {
        for (text, said) in [
            ("", "0: expected *, same, null or"),
            ("same chat.example.com", "5: expected *, same, null or"),
            ("* same", "0: * allows any origin"),
            ("https://a/", "0: an origin is scheme, host and port"),
            ("same https://u@a", "5: an origin is scheme, host and port"),
            ("https://*.a", "0: patterns of origins are not in this version"),
            ("https://", "0: expected a host name"),
            ("https://a..b", "0: expected a host name"),
            ("https://a:0", "0: a port is a number"),
            ("https://a:", "0: a port is a number"),
            ("https://[::g]", "0: expected an IPv6 address"),
            ("https://bücher.example", "0: browsers send names in ASCII"),
            ("://a", "0: expected a scheme"),
            ("h_t://a", "0: expected a scheme"),
        ] {
            let found = read(text).expect_err(text);
            assert!(found.starts_with(said), "{text}: {found}");
        }
    }
}
