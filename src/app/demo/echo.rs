//! The sample worker's WebSocket: each message comes back as it was.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::proto::h1::RequestHead;
use crate::proto::ws::{
    CLOSE_MAX, CloseCode, Draft, Drafts, FrameHead, HEAD_MAX, Opcode, Rules, Sender, Sequence,
    check_request, encode_close, mask, parse_close,
};

use super::pages;

/// Bytes read at once, and about how many are written at once.
const READ: usize = 64 << 10;
/// The longest message taken. Payload is echoed as it comes, so it bounds patience, not memory.
const RULES: Rules = Rules::new(Sender::Client, 64 << 20);

/// Appends the 101, or the refusal of a handshake that is none.
pub(super) fn accept(head: &RequestHead<'_, '_>, out: &mut Vec<u8>) -> Result<(), ()> {
    match check_request(head, Drafts::NONE.with(Draft::Rfc6455)) {
        Ok(handshake) => {
            out.extend_from_slice(
                b"HTTP/1.1 101 Switching Protocols\r\nServer: tidegate-demo-worker\r\n\
                  Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
            );
            out.extend_from_slice(handshake.accept().as_ref().map_or(b"", |accept| accept));
            out.extend_from_slice(b"\r\n\r\n");
            Ok(())
        }
        Err(error) => {
            pages::refuse(error.status(), out);
            Err(())
        }
    }
}

/// Echoes until either end closes. `bytes` were read behind the handshake.
pub(super) fn run(
    stream: &mut TcpStream,
    mut bytes: Vec<u8>,
    messages: &AtomicU64,
) -> io::Result<()> {
    let mut filled = bytes.len();
    // What is left over between reads is less than a control frame.
    bytes.resize(filled.max(READ) + 256, 0);
    let mut echo = Echo { sequence: Sequence::default(), inside: None, messages };
    let mut out = Vec::with_capacity(bytes.len() + HEAD_MAX);
    loop {
        let taken = echo.advance(bytes.get_mut(..filled).unwrap_or_default(), &mut out);
        stream.write_all(&out)?;
        out.clear();
        let Ok(taken) = taken else { return Ok(()) };
        bytes.copy_within(taken..filled, 0);
        filled -= taken;
        let read = stream.read(bytes.get_mut(filled..).unwrap_or_default())?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
    }
}

/// The last byte of the answer is written: the connection ends.
#[derive(Debug, PartialEq, Eq)]
struct Closed;

/// Turns a client's frames into a server's.
struct Echo<'c> {
    sequence: Sequence,
    inside: Option<Inside>,
    messages: &'c AtomicU64,
}

/// The data frame whose payload is on its way.
struct Inside {
    key: [u8; 4],
    offset: u64,
    left: u64,
    fin: bool,
}

impl Echo<'_> {
    /// Echoes as much of `bytes` as is there, unmasking it in place, and says how much that was.
    fn advance(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) -> Result<usize, Closed> {
        let mut taken = 0;
        loop {
            let rest = bytes.get_mut(taken..).unwrap_or_default();
            taken += match self.inside.take() {
                Some(inside) => {
                    let payload = self.payload(inside, rest, out);
                    if self.inside.is_some() {
                        return Ok(taken + payload);
                    }
                    payload
                }
                None => match self.frame(rest, out)? {
                    Some(frame) => frame,
                    None => return Ok(taken),
                },
            };
        }
    }

    /// Takes the next header, and the payload too when it is a control frame.
    fn frame(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) -> Result<Option<usize>, Closed> {
        let parsed = FrameHead::parse(bytes, &RULES).and_then(|parsed| {
            parsed
                .map(|(head, len)| self.sequence.accept(&head, &RULES).map(|()| (head, len)))
                .transpose()
        });
        let (head, len) = match parsed {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            Err(error) => return Err(close(error.close_code(), out)),
        };
        let key = head.mask.unwrap_or_default();
        if !head.opcode.is_control() {
            push_head(FrameHead { mask: None, ..head }, out);
            self.inside = Some(Inside { key, offset: 0, left: head.payload, fin: head.fin });
            return Ok(Some(len));
        }
        let end = len + head.payload as usize;
        let Some(payload) = bytes.get_mut(len..end) else { return Ok(None) };
        mask(payload, key, 0);
        match head.opcode {
            Opcode::Ping => {
                push_head(FrameHead::new(Opcode::Pong, head.payload), out);
                out.extend_from_slice(payload);
            }
            Opcode::Close => {
                return Err(match parse_close(payload, Draft::Rfc6455) {
                    Ok(said) => close(said.map_or(CloseCode::NONE, |said| said.code), out),
                    Err(error) => close(error.close_code(), out),
                });
            }
            _ => {}
        }
        Ok(Some(end))
    }

    /// Echoes what is there of a payload.
    fn payload(&mut self, mut inside: Inside, bytes: &mut [u8], out: &mut Vec<u8>) -> usize {
        let here = inside.left.min(bytes.len() as u64);
        let piece = bytes.get_mut(..here as usize).unwrap_or_default();
        mask(piece, inside.key, inside.offset);
        out.extend_from_slice(piece);
        inside.offset += here;
        inside.left -= here;
        if inside.left > 0 {
            self.inside = Some(inside);
        } else if inside.fin {
            self.messages.fetch_add(1, Relaxed);
        }
        here as usize
    }
}

fn push_head(head: FrameHead, out: &mut Vec<u8>) {
    let mut bytes = [0; HEAD_MAX];
    let len = head.encode(&mut bytes);
    out.extend(bytes.into_iter().take(len));
}

/// Appends a close frame.
fn close(code: CloseCode, out: &mut Vec<u8>) -> Closed {
    let mut payload = [0; CLOSE_MAX];
    let len = encode_close(code, "", &mut payload);
    push_head(FrameHead::new(Opcode::Close, len as u64), out);
    out.extend(payload.into_iter().take(len));
    Closed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(head: FrameHead, payload: &[u8]) -> Vec<u8> {
        let key = [1, 2, 3, 4];
        let mut bytes = Vec::new();
        push_head(FrameHead { payload: payload.len() as u64, ..head }.masked(key), &mut bytes);
        let mut payload = payload.to_vec();
        mask(&mut payload, key, 0);
        [bytes, payload].concat()
    }

    /// Feeds the bytes in pieces of a size, and gives what came back and how many messages that was.
    fn echoed(bytes: &[u8], piece: usize) -> (Vec<u8>, u64, bool) {
        let messages = AtomicU64::new(0);
        let mut echo = Echo { sequence: Sequence::default(), inside: None, messages: &messages };
        let (mut held, mut out) = (Vec::new(), Vec::new());
        let mut closed = false;
        for piece in bytes.chunks(piece) {
            held.extend_from_slice(piece);
            match echo.advance(&mut held, &mut out) {
                Ok(taken) => drop(held.drain(..taken)),
                Err(Closed) => {
                    closed = true;
                    break;
                }
            }
        }
        (out, messages.load(Relaxed), closed)
    }

    #[test]
    fn any_split_of_the_frames_is_echoed_the_same() {
        let open = FrameHead { fin: false, ..FrameHead::new(Opcode::Text, 0) };
        let bytes = [
            frame(FrameHead::new(Opcode::Text, 0), b"hello"),
            frame(open, b"frag"),
            frame(FrameHead::new(Opcode::Ping, 0), b"?"),
            frame(FrameHead::new(Opcode::Continuation, 0), b"ment"),
            frame(FrameHead::new(Opcode::Binary, 0), b""),
            frame(FrameHead::new(Opcode::Pong, 0), b"unasked"),
            frame(FrameHead::new(Opcode::Binary, 0), &[7; 300]),
            frame(FrameHead::new(Opcode::Close, 0), b"\x0f\xa0bye"),
        ]
        .concat();
        let mut expected = b"\x81\x05hello\x01\x04frag\x8a\x01?\x80\x04ment\x82\x00".to_vec();
        expected.extend_from_slice(b"\x82\x7e\x01\x2c");
        expected.extend_from_slice(&[7; 300]);
        expected.extend_from_slice(b"\x88\x02\x0f\xa0");
        for piece in 1..=bytes.len() {
            assert_eq!(echoed(&bytes, piece), (expected.clone(), 4, true), "pieces of {piece}");
        }
    }

    #[test]
    fn faults_are_answered_with_their_code() {
        for (bytes, answer) in [
            (&b"\x81\x05hello"[..], &b"\x88\x02\x03\xea"[..]),
            (b"\x80\x80\0\0\0\0", b"\x88\x02\x03\xea"),
            (b"\x82\xff\0\0\0\0\x10\0\0\0\0\0\0\0", b"\x88\x02\x03\xf1"),
            (b"\x88\x80\0\0\0\0", b"\x88\x00"),
            (b"\x88\x81\0\0\0\0x", b"\x88\x02\x03\xea"),
        ] {
            assert_eq!(echoed(bytes, bytes.len()), (answer.to_vec(), 0, true), "{bytes:02x?}");
        }
    }
}
