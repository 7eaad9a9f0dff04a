//! The request that is to be explained: from a URL and header lines to bytes and a peer.

use std::net::{IpAddr, SocketAddr};

use crate::session::Peer;

/// A request as the command line says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// `GET https://host/path`.
    pub request: String,
    /// `Name: value`.
    pub headers: Vec<String>,
    /// The client's address.
    pub from: Option<String>,
}

/// The same as the machines see it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: Vec<u8>,
    pub(super) peer: Peer,
}

const REQUEST: &str = "expected a method and a URL, as in --explain 'GET https://example.com/path'";
const FROM: &str = "expected an address, as in --from 192.0.2.7";
/// Where a request comes from unless something else is said.
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

impl Question {
    /// Puts the request together.
    ///
    /// # Errors
    /// What was expected, where it cannot be read.
    pub(super) fn read(&self) -> Result<Asked, String> {
        let words: Vec<&str> = self.request.split_whitespace().collect();
        let (method, url) = match words.as_slice() {
            [url] => ("GET", *url),
            [method, url] => (*method, *url),
            _ => return Err(REQUEST.into()),
        };
        let (scheme, rest) = url.split_once("://").ok_or(REQUEST)?;
        let (secure, mut opens) = match scheme {
            "http" => (false, false),
            "https" => (true, false),
            "ws" => (false, true),
            "wss" => (true, true),
            _ => return Err(REQUEST.into()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).ok_or(REQUEST)?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        let mut head = format!("{method} {slash}{target} HTTP/1.1\r\n");
        let headers =
            self.headers.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
        let has = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !has("host") {
            head.push_str(&format!("Host: {authority}\r\n"));
        }
        for (name, value) in &headers {
            head.push_str(&format!("{name}: {value}\r\n"));
            opens |=
                name.eq_ignore_ascii_case("upgrade") && value.eq_ignore_ascii_case("websocket");
        }
        // Whoever asks about a WebSocket need not write a whole handshake.
        let handshake = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let old = has("sec-websocket-key1") || has("websocket-protocol");
        for (name, value) in handshake.iter().filter(|(name, _)| opens && !old && !has(name)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let usual = if secure { 443 } else { 80 };
        let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let (ip, from_port) = self.from.as_deref().map_or(Ok((HERE, 0)), address)?;
        let server_port = port.unwrap_or(usual);
        let peer = Peer { ip: Some(ip), port: from_port, server_port, listener: u16::MAX, secure };
        Ok(Asked { head: head.into_bytes(), peer })
    }
}

fn header(line: &str) -> Result<(&str, &str), String> {
    let (name, value) = line
        .split_once(':')
        .filter(|_| !line.contains(['\r', '\n']))
        .ok_or_else(|| format!("expected 'Name: value' instead of {line:?}"))?;
    Ok((name, value.trim()))
}

fn address(text: &str) -> Result<(IpAddr, u16), String> {
    match (text.parse::<IpAddr>(), text.parse::<SocketAddr>()) {
        (Ok(ip), _) => Ok((ip, 0)),
        (_, Ok(address)) => Ok((address.ip(), address.port())),
        _ => Err(FROM.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &str, headers: &[&str], from: Option<&str>) -> Result<Asked, String> {
        let headers = headers.iter().map(|line| (*line).into()).collect();
        Question { request: request.into(), headers, from: from.map(Into::into) }.read()
    }

    #[test]
    fn a_url_is_a_request() {
        for (request, head, secure, port) in [
            ("GET http://a.b/c?d", "GET /c?d HTTP/1.1\r\nHost: a.b\r\n\r\n", false, 80),
            ("https://a.b", "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n", true, 443),
            ("POST https://a:8443?x", "POST /?x HTTP/1.1\r\nHost: a:8443\r\n\r\n", true, 8443),
        ] {
            let asked = read(request, &[], None).unwrap();
            assert_eq!(String::from_utf8(asked.head).unwrap(), head);
            assert_eq!((asked.peer.secure, asked.peer.server_port), (secure, port));
            assert_eq!(asked.peer.ip, Some(HERE));
        }
        let asked = read("http://a/", &["host: b", "X-A:1"], Some("[::1]:7")).unwrap();
        assert_eq!(asked.head, b"GET / HTTP/1.1\r\nhost: b\r\nX-A: 1\r\n\r\n");
        assert_eq!((asked.peer.ip.unwrap().to_string(), asked.peer.port), ("::1".into(), 7));
    }

    #[test]
    fn a_handshake_need_not_be_written_out() {
        for (request, headers) in
            [("wss://a/", &[][..]), ("GET https://a/", &["Upgrade: WebSocket"][..])]
        {
            let head = String::from_utf8(read(request, headers, None).unwrap().head).unwrap();
            for field in ["Upgrade: ", "Connection: Upgrade", "Sec-WebSocket-Key: "] {
                assert_eq!(head.matches(field).count(), 1, "{head}");
            }
        }
    }

    #[test]
    fn what_is_no_request() {
        for (request, headers, from, said) in [
            ("", &[][..], None, "--explain"),
            ("GET /path", &[], None, "--explain"),
            ("GET ftp://a/", &[], None, "--explain"),
            ("GET http://a/ b", &[], None, "--explain"),
            ("http://a/", &["X"], None, "Name: value"),
            ("http://a/", &["X: a\r\nY: b"], None, "Name: value"),
            ("http://a/", &[], Some("here"), "--from"),
        ] {
            let error = read(request, headers, from).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
