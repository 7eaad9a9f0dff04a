//! A stream of a client's text messages read, unmasked and checked: by the codec that terminated
//! WebSockets use, and by tungstenite.
//!
//! `cargo bench --bench ws_streams`; each figure is for one message, and what was read of payload per
//! second. Both are given the bytes as reads of a socket would bring them; ours puts a message together
//! as a chain of the blocks it was read into, tungstenite as an allocation of its own.

use std::io::{self, Read as _, Write};

use divan::{Bencher, black_box, counter::BytesCount};
use tidegate::buf::{Pool, Rx, Segment, Tx};
use tidegate::proto::ws::{
    self, Draft, FrameHead, HEAD_MAX, Incoming, Opcode, Read, Rules, Sender,
};
use tungstenite::WebSocket;
use tungstenite::protocol::Role;

fn main() {
    divan::main();
}

const SIZES: [usize; 3] = [125, 4 << 10, 64 << 10];
/// Payload bytes of which the stream is made before it begins again.
const STREAM: usize = 4 << 20;

/// The bytes of a client that never stops.
struct Client {
    stream: Vec<u8>,
    at: usize,
}

impl Client {
    fn new(len: usize) -> Client {
        let text = text(len);
        let mut stream = Vec::new();
        for number in 0..STREAM / len {
            let key = (number as u32).wrapping_mul(0x9e37_79b9).to_le_bytes();
            let mut head = [0; HEAD_MAX];
            let end = FrameHead::new(Opcode::Text, len as u64).masked(key).encode(&mut head);
            stream.extend_from_slice(&head[..end]);
            let start = stream.len();
            stream.extend_from_slice(&text);
            ws::mask(&mut stream[start..], key, 0);
        }
        Client { stream, at: 0 }
    }
}

impl io::Read for Client {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let rest = &self.stream[self.at..];
        let n = rest.len().min(room.len());
        room[..n].copy_from_slice(&rest[..n]);
        self.at = (self.at + n) % self.stream.len();
        Ok(n)
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Text with a few characters beyond ASCII, as people write it.
fn text(len: usize) -> Vec<u8> {
    let mut text = "{\"user\": \"Zoë\", \"text\": \"a message, no more\", \"at\": 1700000000}, "
        .repeat(len / 60 + 1);
    while !text.is_char_boundary(len) {
        text.insert(0, ' ');
    }
    text.truncate(len);
    text.into_bytes()
}

#[divan::bench(args = SIZES)]
fn ours(bencher: Bencher<'_, '_>, len: usize) {
    let (mut client, pool) = (Client::new(len), Pool::new(64 << 20));
    let (mut rx, mut incoming) = (Rx::default(), Incoming::new(Draft::Rfc6455));
    let rules = Rules::new(Sender::Client, 1 << 20);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        let mut message = Tx::default();
        loop {
            match incoming.advance(rx.bytes_mut(), &rules).expect("no fault") {
                Read::Data(data) => {
                    rx.consume(data.framing);
                    if let Some(piece) = rx.take(data.payload as u64, &pool) {
                        message.queue(piece);
                    }
                    if data.last {
                        return black_box(message);
                    }
                }
                _ if rx.gather(&pool) => {}
                _ => {
                    let mut block = pool.take().expect("a block");
                    let n = client.read(&mut block.tail()[..16 << 10]).expect("bytes");
                    block.filled(n);
                    rx.push(Segment::Block(block));
                }
            }
        }
    });
}

#[divan::bench(args = SIZES)]
fn tungstenite(bencher: Bencher<'_, '_>, len: usize) {
    let mut socket = WebSocket::from_raw_socket(Client::new(len), Role::Server, None);
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| black_box(socket.read().expect("a message")));
}
