//! Answers to HTTP requests: a fixed body, or the switch to WebSocket.

use std::io;

use tidegate::proto::ws::accept_key;

use crate::peer::Speech;

const SMALL: usize = 100;
const LARGE: usize = 64 * 1024;

/// Answers the request at the start of `bytes`; returns its length, `None` while it is not whole.
pub(crate) fn answer(
    bytes: &[u8],
    reply: &mut Vec<u8>,
    speech: &mut Speech,
) -> io::Result<Option<usize>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let head = match request.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let field = |name: &str| {
        let found = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        found.map(|field| field.value)
    };
    if let Some(key) = field("sec-websocket-key") {
        switch(key, reply);
        *speech = Speech::WebSocket;
        return Ok(Some(head));
    }
    let close = field("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"))
        || request.version == Some(0);
    body(request.path.unwrap_or("/").as_bytes(), close, reply);
    if close {
        *speech = Speech::Over;
    }
    Ok(Some(head))
}

/// The answer that ends in a fixed body: 64 KB for `/64k`, 100 bytes for any other path.
pub(crate) fn body(path: &[u8], close: bool, reply: &mut Vec<u8>) {
    let connection = if close { "Connection: close\r\n" } else { "" };
    let length = if path == b"/64k" { LARGE } else { SMALL };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{connection}\r\n"
    );
    reply.extend_from_slice(head.as_bytes());
    reply.resize(reply.len() + length, b'x');
}

/// The 101 for a key.
pub(crate) fn switch(key: &[u8], reply: &mut Vec<u8>) {
    reply.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: ",
    );
    reply.extend_from_slice(&accept_key(key));
    reply.extend_from_slice(b"\r\n\r\n");
}
