//! The 101 of hybi-07 to RFC 6455, as a server that terminates the WebSocket.

use std::io::Write as _;

use super::accept::AcceptKey;
use super::deflate::DeflateParams;

/// The head with which a server switches.
#[derive(Clone, Copy, Debug)]
pub struct SwitchAnswer<'a> {
    /// The proof.
    pub accept: &'a AcceptKey,
    /// The subprotocol, one of those offered.
    pub protocol: Option<&'a [u8]>,
    /// permessage-deflate, as it was agreed.
    pub deflate: Option<DeflateParams>,
    /// Further field lines, each with its end.
    pub extra: &'a [u8],
}

impl SwitchAnswer<'_> {
    /// Appends the head (RFC 6455 section 4.2.2).
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: ",
        );
        out.extend_from_slice(self.accept);
        out.extend_from_slice(b"\r\n");
        if let Some(protocol) = self.protocol {
            out.extend_from_slice(b"Sec-WebSocket-Protocol: ");
            out.extend_from_slice(protocol);
            out.extend_from_slice(b"\r\n");
        }
        if let Some(deflate) = self.deflate {
            // Writing to a Vec does not fail.
            let _ = write!(out, "Sec-WebSocket-Extensions: {deflate}\r\n");
        }
        out.extend_from_slice(self.extra);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::ws::DeflatePolicy;

    #[test]
    fn says_what_was_agreed() {
        let offer = b"permessage-deflate".as_slice();
        let policy = DeflatePolicy { takeover: true, bits: 15 };
        let answer = SwitchAnswer {
            accept: b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            protocol: Some(b"chat"),
            deflate: DeflateParams::accept([offer], policy),
            extra: b"Set-Cookie: a=b\r\n",
        };
        let mut out = Vec::new();
        answer.encode(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\
             Sec-WebSocket-Extensions: permessage-deflate\r\nSet-Cookie: a=b\r\n\r\n"
        );
    }
}
