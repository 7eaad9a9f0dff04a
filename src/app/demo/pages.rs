//! What the sample worker answers to plain requests: the page, its parts, and one JSON document.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use crate::proto::h1::RequestHead;
use crate::proto::http::{Method, reason};

use super::worker::Shared;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str =
    concat!(include_str!("chart.js"), include_str!("page.js"), include_str!("channels.js"));

/// The most padding `/api/hello?pad=N` adds.
const PAD_MAX: usize = 1 << 20;

/// What every page may load: its own parts. The two isolation policies give its script the finer
/// clock.
const POLICIES: &str = "Content-Security-Policy: default-src 'self'; img-src 'self' data:; \
                        connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'\r\n\
                        Cross-Origin-Opener-Policy: same-origin\r\n\
                        Cross-Origin-Embedder-Policy: require-corp\r\n\
                        X-Content-Type-Options: nosniff\r\n";

/// Appends the answer to a request.
pub(super) fn answer(
    head: &RequestHead<'_, '_>,
    peer: SocketAddr,
    shared: &Shared,
    keep: bool,
    out: &mut Vec<u8>,
) {
    let hello;
    let (status, kind, body) = match head.path {
        _ if !matches!(head.method, Method::Get | Method::Head) => {
            (405, "text/plain", "Only GET and HEAD are answered here.\n")
        }
        b"/" => (200, "text/html; charset=utf-8", PAGE),
        b"/demo.css" => (200, "text/css; charset=utf-8", STYLE),
        b"/demo.js" => (200, "text/javascript; charset=utf-8", SCRIPT),
        b"/api/hello" => {
            hello = tell(head, peer, shared);
            (200, "application/json", hello.as_str())
        }
        b"/ws/echo" => (426, "text/plain", "This is a WebSocket: open it with an upgrade.\n"),
        _ => (404, "text/plain", "Nothing here. The page is at /.\n"),
    };
    write_head(status, kind, body.len(), keep, out);
    if head.method != Method::Head {
        out.extend_from_slice(body.as_bytes());
    }
}

/// Appends the answer to a request that could not be understood.
pub(super) fn refuse(status: u16, out: &mut Vec<u8>) {
    write_head(status, "text/plain", 0, false, out);
}

fn write_head(status: u16, kind: &str, length: usize, keep: bool, out: &mut Vec<u8>) {
    let reason = reason(status);
    // Writing to a Vec does not fail.
    let _ = write!(
        out,
        "HTTP/1.1 {status} {reason}\r\nServer: tidegate-demo-worker\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\nCache-Control: no-store\r\n"
    );
    match status {
        200 if kind.starts_with("text/html") => out.extend_from_slice(POLICIES.as_bytes()),
        405 => out.extend_from_slice(b"Allow: GET, HEAD\r\n"),
        426 => out.extend_from_slice(b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
        _ => {}
    }
    out.extend_from_slice(match (keep, status) {
        (true, 426) => b"Connection: Upgrade\r\n\r\n",
        (false, 426) => b"Connection: Upgrade, close\r\n\r\n",
        (true, _) => b"\r\n",
        (false, _) => b"Connection: close\r\n\r\n",
    });
}

/// The document of `/api/hello`: who answers, and which request it was.
fn tell(head: &RequestHead<'_, '_>, peer: SocketAddr, shared: &Shared) -> String {
    let mut json = String::with_capacity(1024);
    json.push_str(
        "{\n  \"hello\": \"from the worker behind the gate\",\n  \"worker\": {\"address\": ",
    );
    push_text(&mut json, &shared.listening.to_string());
    json.push_str(", \"peer\": ");
    push_text(&mut json, &peer.to_string());
    for (name, figure) in [
        ("requests", shared.requests.load(Relaxed)),
        ("messages", shared.messages.load(Relaxed)),
        ("uptime_ms", shared.started.elapsed().as_millis() as u64),
    ] {
        json.push_str(&format!(", \"{name}\": {figure}"));
    }
    json.push_str("},\n  \"request\": {\"line\": ");
    let target = String::from_utf8_lossy(head.target);
    push_text(&mut json, &format!("{} {target} {}", head.method_name, head.version));
    json.push_str(", \"fields\": [");
    for (index, field) in head.fields.iter().enumerate() {
        json.push_str(if index == 0 { "\n    [" } else { ",\n    [" });
        push_text(&mut json, field.name);
        json.push_str(", ");
        push_text(&mut json, &String::from_utf8_lossy(field.value));
        json.push(']');
    }
    json.push_str("\n  ]}");
    let pad = padding(head.query);
    if pad > 0 {
        json.push_str(",\n  \"pad\": \"");
        json.extend(std::iter::repeat_n('~', pad));
        json.push('"');
    }
    json.push_str("\n}\n");
    json
}

/// How much padding `?pad=N` asks for.
fn padding(query: Option<&[u8]>) -> usize {
    let digits = query.and_then(|query| query.strip_prefix(b"pad=")).unwrap_or_default();
    let asked = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    asked.unwrap_or(0).min(PAD_MAX)
}

/// Appends a JSON string.
fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c.is_control() => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
}
