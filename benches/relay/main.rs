//! A bare relay, near the floor of what any proxy costs: one read and one write per chunk, no parsing.
//!
//! ```text
//! cargo bench --bench relay -- LISTEN:PORT SERVER:PORT
//! cargo bench --bench relay -- --wide LISTEN:PORT SERVER:PORT
//! cargo bench --bench relay -- --dial LISTEN:PORT SERVER:PORT
//! ```
//!
//! One thread, one buffer of 64 KiB, each client connection joined to one of its own to the server; with `--wide` the
//! buffer has 128 KiB, so that a body of 64 KB and its head are one chunk and not two; with `--dial` it is a new
//! connection for each request, which there is a packet of the uwsgi protocol that is always the same.

mod dial;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX - 1);
/// Bytes of a read.
const CHUNK: usize = 64 << 10;
/// The same, `--wide`.
const WIDE: usize = 128 << 10;

/// One end of a pair.
struct End {
    stream: TcpStream,
    readable: bool,
    hung_up: bool,
    /// Its input is over and the other end has been told.
    finished: bool,
    /// What came from the other end and was not taken.
    waiting: Vec<u8>,
}

/// A client's connection and the server's, in this order.
struct Pair([End; 2]);

/// A client and what is joined to it.
enum Joined {
    Pair(Pair),
    Caller(dial::Caller),
}

/// What every turn has at hand.
struct Turn<'a> {
    poll: &'a Poll,
    server: SocketAddr,
    packet: &'a [u8],
    chunk: &'a mut [u8],
}

fn main() -> io::Result<()> {
    let addresses: Vec<SocketAddr> =
        std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let [listen, server] = addresses[..] else {
        eprintln!("usage: relay [--wide|--dial] LISTEN:PORT SERVER:PORT");
        return Ok(());
    };
    let asked = |option: &str| std::env::args().any(|arg| arg == option);
    let (dials, wide) = (asked("--dial"), asked("--wide"));
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(listen)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients: Vec<Option<Joined>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let (packet, mut chunk) = (dial::packet(), vec![0; if wide { WIDE } else { CHUNK }]);
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut turn = Turn { poll: &poll, server, packet: &packet, chunk: &mut chunk };
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((client, _)) = listener.accept() {
                    let index = free.pop().unwrap_or_else(|| {
                        clients.push(None);
                        clients.len() - 1
                    });
                    clients[index] = Some(match dials {
                        true => Joined::Caller(dial::Caller::new(client, &poll, index)?),
                        false => Joined::Pair(Pair::new(client, server, &poll, index)?),
                    });
                }
                continue;
            }
            let Token(token) = event.token();
            let goes_on = match clients.get_mut(token / 2) {
                Some(Some(Joined::Pair(pair))) => pair.turn(token % 2, event, turn.chunk),
                Some(Some(Joined::Caller(caller))) => caller.turn(token % 2, event, &mut turn),
                _ => continue,
            };
            if !goes_on.unwrap_or(false) {
                clients[token / 2] = None;
                free.push(token / 2);
            }
        }
    }
}

impl Pair {
    fn new(client: TcpStream, server: SocketAddr, poll: &Poll, index: usize) -> io::Result<Pair> {
        let end = |mut stream: TcpStream, token| -> io::Result<End> {
            stream.set_nodelay(true)?;
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(token), both)?;
            let waiting = Vec::new();
            Ok(End { stream, readable: false, hung_up: false, finished: false, waiting })
        };
        let server = TcpStream::connect(server)?;
        Ok(Pair([end(client, 2 * index)?, end(server, 2 * index + 1)?]))
    }

    /// Moves what an event allows; false when both directions are over.
    fn turn(&mut self, side: usize, event: &Event, chunk: &mut [u8]) -> io::Result<bool> {
        let end = &mut self.0[side];
        end.hung_up |= event.is_read_closed() || event.is_error();
        end.readable |= event.is_readable() || end.hung_up;
        if event.is_writable() && !end.waiting.is_empty() {
            let waiting = std::mem::take(&mut end.waiting);
            let n = write(&mut end.stream, &waiting)?;
            end.waiting.extend_from_slice(&waiting[n..]);
            if end.waiting.is_empty() {
                self.pump(1 - side, chunk)?;
            }
        }
        self.pump(side, chunk)?;
        Ok(!self.0.iter().all(|end| end.finished))
    }

    fn pump(&mut self, from: usize, chunk: &mut [u8]) -> io::Result<()> {
        let [client, server] = &mut self.0;
        let (from, to) = if from == 0 { (client, server) } else { (server, client) };
        while from.readable && !from.finished && to.waiting.is_empty() {
            let n = match from.stream.read(chunk) {
                Ok(0) => {
                    from.finished = true;
                    return to.stream.shutdown(Shutdown::Write);
                }
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    from.readable = false;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            from.readable = n == chunk.len() || from.hung_up;
            let sent = write(&mut to.stream, &chunk[..n])?;
            to.waiting.extend_from_slice(&chunk[sent..n]);
        }
        Ok(())
    }
}

/// Writes once; 0 when the socket takes nothing now, or is not connected yet.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match stream.write(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) =>
            {
                return Ok(0);
            }
            other => return other,
        }
    }
}
