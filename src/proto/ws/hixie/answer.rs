//! The 101 of hixie-75 and hixie-76: written as a server, checked as a client.

use super::super::accept::AcceptError;
use super::super::draft::Draft;
use super::super::list::elements;
use crate::proto::h1::ResponseHead;

/// The first 85 bytes of hixie-75's answer: browsers compare them (hixie-75 section 3.1).
const START_75: &[u8] =
    b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n";
/// That of hixie-76, in exactly this case.
const START_76: &[u8] =
    b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n";

const _: () = assert!(START_75.len() == 85);

/// The head with which a server switches to a hixie draft.
#[derive(Clone, Copy, Debug)]
pub struct HixieAnswer<'a> {
    /// [`Draft::Hixie75`], or else hixie-76.
    pub draft: Draft,
    /// The request's `Origin`, as it came.
    pub origin: Option<&'a [u8]>,
    /// The client came over TLS.
    pub secure: bool,
    /// The request's `Host`, as it came.
    pub host: &'a [u8],
    /// The request's target, path and query, as it came.
    pub target: &'a [u8],
    /// The subprotocol, whole as it was asked for: WebKit compares the string. Only if asked for.
    pub protocol: Option<&'a [u8]>,
    /// Further field lines, each with its end; they come last.
    pub extra: &'a [u8],
}

impl HixieAnswer<'_> {
    /// Appends the head. Of hixie-76, 16 bytes follow it, once key3 is there.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let old = self.draft == Draft::Hixie75;
        out.extend_from_slice(if old { START_75 } else { START_76 });
        let prefix: &[u8] = if old { b"" } else { b"Sec-" };
        let scheme: &[u8] = if self.secure { b"wss://" } else { b"ws://" };
        let mut field = |name: &[u8], value: &[&[u8]]| {
            for part in [&[prefix, name], value].concat() {
                out.extend_from_slice(part);
            }
            out.extend_from_slice(b"\r\n");
        };
        if let Some(origin) = self.origin {
            field(b"WebSocket-Origin: ", &[origin]);
        }
        field(b"WebSocket-Location: ", &[scheme, self.host, self.target]);
        if let Some(protocol) = self.protocol {
            field(b"WebSocket-Protocol: ", &[protocol]);
        }
        out.extend_from_slice(self.extra);
        out.extend_from_slice(b"\r\n");
    }
}

/// Checks a server's head, of which `bytes` are the raw ones; gives the subprotocol in force.
///
/// In hixie-75 the exact start of the head is the proof that a server meant to switch. In hixie-76
/// the proof are the 16 bytes behind the head ([`Challenge::answer`]), and this alone is none.
/// Origin and location are not compared: we are no browser, and servers behind others get them wrong.
///
/// [`Challenge::answer`]: super::Challenge::answer
pub fn check_hixie_answer<'a>(
    draft: Draft,
    bytes: &[u8],
    head: &ResponseHead<'_, 'a>,
    protocol: Option<&[u8]>,
) -> Result<Option<&'a [u8]>, AcceptError> {
    if head.status != 101 {
        return Err(AcceptError::NotSwitching);
    }
    let field = match draft {
        Draft::Hixie75 if !bytes.starts_with(START_75) => return Err(AcceptError::Accept),
        Draft::Hixie75 => "WebSocket-Protocol",
        _ if !head.upgrade_websocket => return Err(AcceptError::Upgrade),
        _ => "Sec-WebSocket-Protocol",
    };
    // Unasked, eventlet names one all the same; browsers of the time did not look at it then.
    let Some(asked) = protocol else { return Ok(None) };
    let chosen = head.fields.find(field);
    // One of the list where a server chooses, the whole string where it repeats what was asked.
    let known =
        chosen.is_none_or(|chosen| asked == chosen || elements(asked).any(|one| one == chosen));
    if known { Ok(chosen) } else { Err(AcceptError::Protocol) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::h1::{Limits, parse_response};
    use crate::proto::http::{FieldStore, Method};

    fn written(draft: Draft, protocol: Option<&[u8]>) -> String {
        let answer = HixieAnswer {
            draft,
            origin: Some(b"http://example.com"),
            secure: false,
            host: b"example.com:8080",
            target: b"/demo?x=1",
            protocol,
            extra: b"",
        };
        let mut out = Vec::new();
        answer.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn check(draft: Draft, head: &str, asked: Option<&str>) -> Result<Option<String>, AcceptError> {
        let mut store = FieldStore::new();
        let limits = Limits::default();
        let parsed = parse_response(head.as_bytes(), &mut store, Method::Get, &limits);
        let parsed = parsed.unwrap().expect("a whole head");
        check_hixie_answer(draft, head.as_bytes(), &parsed, asked.map(str::as_bytes))
            .map(|protocol| protocol.map(|p| String::from_utf8(p.to_vec()).unwrap()))
    }

    #[test]
    fn hixie_75_is_answered_byte_for_byte() {
        assert_eq!(
            written(Draft::Hixie75, Some(b"sample")),
            "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
             Connection: Upgrade\r\nWebSocket-Origin: http://example.com\r\n\
             WebSocket-Location: ws://example.com:8080/demo?x=1\r\nWebSocket-Protocol: sample\r\n\r\n"
        );
    }

    #[test]
    fn hixie_76_is_answered_byte_for_byte() {
        assert_eq!(
            written(Draft::Hixie76, None),
            "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Origin: http://example.com\r\n\
             Sec-WebSocket-Location: ws://example.com:8080/demo?x=1\r\n\r\n"
        );
    }

    #[test]
    fn what_is_written_is_accepted() {
        for draft in [Draft::Hixie75, Draft::Hixie76] {
            for protocol in [None, Some("sample")] {
                let head = written(draft, protocol.map(str::as_bytes));
                assert_eq!(check(draft, &head, protocol), Ok(protocol.map(str::to_owned)));
            }
            let head = written(draft, Some(b"a, b"));
            assert_eq!(check(draft, &head, Some("a, b")), Ok(Some("a, b".to_owned())));
            let head = written(draft, Some(b"b"));
            assert_eq!(check(draft, &head, Some("a, b")), Ok(Some("b".to_owned())));
            assert_eq!(check(draft, &head, Some("a")), Err(AcceptError::Protocol));
            assert_eq!(check(draft, &head, None), Ok(None), "not in force");
        }
    }

    #[test]
    fn hixie_75_proves_itself_by_its_exact_head() {
        let good = written(Draft::Hixie75, None);
        for bad in [
            good.replace("Web Socket", "WebSocket"),
            good.replace("Upgrade: WebSocket", "Upgrade: websocket"),
            good.replace("Connection", "connection"),
            good.replace("Upgrade: WebSocket\r\n", "Server: x\r\nUpgrade: WebSocket\r\n"),
        ] {
            assert_eq!(check(Draft::Hixie75, &bad, None), Err(AcceptError::Accept), "{bad}");
        }
        let refusal = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        for draft in [Draft::Hixie75, Draft::Hixie76] {
            assert_eq!(check(draft, refusal, None), Err(AcceptError::NotSwitching));
        }
        let other = "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
        assert_eq!(check(Draft::Hixie76, other, None), Err(AcceptError::Upgrade));
    }
}
