//! What somebody wants of the router: one request, read within bounds and understood.

use std::io::{ErrorKind, Read as _};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::proto::h1::{Limits, RequestHead, parse_request};
use crate::proto::http::{FieldStore, Method, Version, host};
use crate::session::admin::{BadQuery, Filter};

use super::super::line::Line;

/// Bounds of a request; it has no body.
const LIMITS: Limits = Limits { max_uri: 8 << 10, max_head: 16 << 10, max_fields: 64 };
/// How long a whole request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

const THERE_IS: &str = "there is GET /status, /sessions and /check, POST /kill, /reload and /drain";

/// Makes a wish of a query.
type Read = fn(Option<&[u8]>) -> Result<Wish, BadQuery>;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Figures of the whole.
    Status,
    /// A row for each of these tunnels.
    Sessions(Filter),
    /// These tunnels are to be closed; and how that was written.
    Kill(Filter, String),
    /// Whether the configuration could be read as it is now.
    Check,
    /// Use the configuration as it is now.
    Reload,
    /// Stop as at a TERM.
    Drain,
}

/// A wish, and in which version it is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) wish: Wish,
    pub(super) version: Version,
}

/// What is said instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) sentence: String,
    /// The method that would have done.
    pub(super) allow: Option<&'static str>,
    /// It was a HEAD: the answer has no body.
    pub(super) is_head: bool,
}

impl Refusal {
    fn new(status: u16, sentence: impl ToString) -> Refusal {
        Refusal { status, sentence: sentence.to_string(), allow: None, is_head: false }
    }
}

/// Reads a request; `Ok(None)` when the connection ends without one.
pub(super) fn read_request(line: &mut Line, is_tcp: bool) -> Result<Option<Request>, Refusal> {
    line.allow(PATIENCE);
    let mut bytes = Vec::new();
    let mut room = [0; 4096];
    loop {
        match line.read(&mut room) {
            Ok(n) if n > 0 => bytes.extend_from_slice(room.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                line.allow(PATIENCE);
                return Err(Refusal::new(408, "the request did not come within 5 seconds"));
            }
            Ok(_) | Err(_) => return Ok(None),
        }
        let mut store = FieldStore::new();
        let head = parse_request(&bytes, &mut store, &LIMITS)
            .map_err(|error| Refusal::new(error.status(), error))?;
        if let Some(head) = head {
            return understand(&head, is_tcp).map(Some);
        }
    }
}

fn understand(head: &RequestHead<'_, '_>, is_tcp: bool) -> Result<Request, Refusal> {
    if is_tcp {
        keep_out_pages(head)?;
    }
    if !head.body.is_empty() {
        return Err(Refusal::new(413, "expected no body: what is wanted is said in the query"));
    }
    let (method, read): (Method, Read) = match head.path {
        b"/status" => (Method::Get, |_| Ok(Wish::Status)),
        b"/sessions" => (Method::Get, |query| Filter::listed(query).map(Wish::Sessions)),
        b"/kill" => (Method::Post, kill),
        b"/check" => (Method::Get, |_| Ok(Wish::Check)),
        b"/reload" => (Method::Post, |_| Ok(Wish::Reload)),
        b"/drain" => (Method::Post, |_| Ok(Wish::Drain)),
        _ => return Err(Refusal::new(404, THERE_IS)),
    };
    if head.method != method {
        let allow = if method == Method::Get { "GET" } else { "POST" };
        return Err(Refusal {
            allow: Some(allow),
            is_head: head.method == Method::Head,
            ..Refusal::new(405, format_args!("expected {allow}"))
        });
    }
    let wish = read(head.query).map_err(|error| Refusal::new(400, error))?;
    Ok(Request { wish, version: head.version })
}

fn kill(query: Option<&[u8]>) -> Result<Wish, BadQuery> {
    let written = query.unwrap_or_default().escape_ascii().to_string();
    Filter::closed(query).map(|filter| Wish::Kill(filter, written))
}

/// A web page can make its browser talk to any port. It cannot choose what the browser says of it: a name
/// of its own as `Host`, though that leads here, or an `Origin`.
fn keep_out_pages(head: &RequestHead<'_, '_>) -> Result<(), Refusal> {
    let mut scratch = Vec::new();
    let name = host::comparable(head.host, &mut scratch);
    let is_ours = name == b"localhost"
        || name.first() == Some(&b'[')
        || std::str::from_utf8(name).is_ok_and(|name| name.parse::<Ipv4Addr>().is_ok());
    if !is_ours {
        return Err(Refusal::new(403, "expected an IP address or localhost as Host"));
    }
    if head.fields.find("Origin").is_some() {
        return Err(Refusal::new(403, "web pages may not ask: there is an Origin"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(head: &str, is_tcp: bool) -> Result<Wish, u16> {
        let bytes = format!("{}\r\n\r\n", head.replace('\n', "\r\n"));
        let mut store = FieldStore::new();
        let head = parse_request(bytes.as_bytes(), &mut store, &LIMITS);
        let head = head.expect("a sound head").expect("a whole head");
        understand(&head, is_tcp).map(|request| request.wish).map_err(|refusal| refusal.status)
    }

    #[test]
    fn what_can_be_wanted() {
        for (line, wish) in [
            ("GET /status", Ok(Wish::Status)),
            ("GET /status?x=1", Ok(Wish::Status)),
            ("GET /sessions", Ok(Wish::Sessions(Filter::default()))),
            ("GET /sessions?x=1", Err(400)),
            ("POST /kill?all=1", Ok(Wish::Kill(Filter::default(), "all=1".into()))),
            ("POST /kill", Err(400)),
            ("GET /kill?all=1", Err(405)),
            ("POST /status", Err(405)),
            ("HEAD /status", Err(405)),
            ("GET /check", Ok(Wish::Check)),
            ("POST /reload", Ok(Wish::Reload)),
            ("GET /reload", Err(405)),
            ("POST /drain", Ok(Wish::Drain)),
            ("GET /drain", Err(405)),
            ("GET /", Err(404)),
            ("GET /status/", Err(404)),
        ] {
            assert_eq!(ask(&format!("{line} HTTP/1.1\nHost: x"), false), wish, "{line}");
        }
        let body = "POST /kill?all=1 HTTP/1.1\nHost: x\nContent-Length: 1";
        assert_eq!(ask(body, false), Err(413));
        let none = "POST /kill?id=1 HTTP/1.1\nHost: x\nContent-Length: 0";
        assert!(ask(none, false).is_ok());
    }

    #[test]
    fn over_tcp_host_is_an_address_or_localhost_and_there_is_no_origin() {
        let with = |fields: &str| ask(&format!("GET /status HTTP/1.1\n{fields}"), true);
        for host in ["127.0.0.1", "127.0.0.1:9900", "[::1]:9900", "localhost:1", "LocalHost."] {
            assert_eq!(with(&format!("Host: {host}")), Ok(Wish::Status), "{host}");
        }
        for host in ["evil.example:9900", "127.0.0.1.evil.example", "localhost.evil.example", "1"] {
            assert_eq!(with(&format!("Host: {host}")), Err(403), "{host}");
        }
        for origin in ["null", "http://127.0.0.1:9900", "https://evil.example"] {
            assert_eq!(with(&format!("Host: localhost\nOrigin: {origin}")), Err(403), "{origin}");
        }
        assert_eq!(ask("GET http://evil.example/status HTTP/1.1\nHost: [::1]", true), Err(403));
        assert_eq!(ask("GET /status HTTP/1.0", true), Err(403));
        let origin = "GET /status HTTP/1.1\nHost: anything\nOrigin: null";
        assert_eq!(ask(origin, false), Ok(Wish::Status));
    }
}
