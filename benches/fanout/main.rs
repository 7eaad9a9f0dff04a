//! A bare fan-out, the floor of what any broadcast costs: whatever one client says goes to all, one `send` each.
//!
//! ```text
//! cargo bench --bench fanout -- LISTEN:PORT SIZE
//! ```
//!
//! One thread. A message is SIZE bytes; no framing, no parsing, no queues: who does not read makes everybody wait.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX - 1);

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let usage = || io::Error::new(ErrorKind::InvalidInput, "usage: fanout LISTEN:PORT SIZE");
    let address = arguments.next().and_then(|text| text.parse().ok()).ok_or_else(usage)?;
    let size: usize = arguments.next().and_then(|text| text.parse().ok()).ok_or_else(usage)?;
    let mut listener = TcpListener::bind(address)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients: Vec<Option<TcpStream>> = Vec::new();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let token = Token(clients.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    clients.push(Some(stream));
                }
                continue;
            }
            let place = event.token().0;
            while let Some(read) = clients[place].as_mut().map(|stream| stream.read(&mut buffer)) {
                match read {
                    Ok(0) => clients[place] = None,
                    Ok(len) => buffer[..len].chunks(size).for_each(|one| say(&mut clients, one)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => clients[place] = None,
                }
            }
        }
    }
}

/// Sends a message to all, each by itself.
fn say(clients: &mut [Option<TcpStream>], message: &[u8]) {
    for client in clients.iter_mut().flatten() {
        let mut rest = message;
        while !rest.is_empty() {
            match client.write(rest) {
                Ok(sent) => rest = &rest[sent..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(_) => break,
            }
        }
    }
}
