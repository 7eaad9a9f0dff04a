//! A bare backend to stand behind proxies: WebSocket echo, two fixed bodies over HTTP or uwsgi, and
//! an echo of anything else.
//!
//! ```text
//! cargo bench --bench wsecho -- 127.0.0.1:9000
//! ```
//!
//! `GET /64k` answers 64 KB, any other path 100 bytes, an upgrade on any path echoes. One thread.
//! Requests in the uwsgi protocol are known by their first byte and answered on the same port; what
//! begins with neither comes back as it is.

mod answers;
mod echo;
mod peer;
mod uwsgi;

use std::io;
use std::net::SocketAddr;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

use peer::{Peer, Room};

const LISTENER: Token = Token(usize::MAX - 1);

fn main() -> io::Result<()> {
    let Some(address) = std::env::args().skip(1).find(|arg| arg != "--bench") else {
        eprintln!("usage: wsecho ADDRESS:PORT");
        return Ok(());
    };
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("ready {address}");

    let mut peers: Vec<Option<Peer>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut room = Room::new();
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut peers, &mut free)?;
                continue;
            }
            let Token(index) = event.token();
            let Some(slot) = peers.get_mut(index) else { continue };
            let Some(peer) = slot else { continue };
            if !peer.turn(event, &mut room) {
                *slot = None;
                free.push(index);
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    peers: &mut Vec<Option<Peer>>,
    free: &mut Vec<usize>,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let index = free.pop().unwrap_or_else(|| {
            peers.push(None);
            peers.len() - 1
        });
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(index), both)?;
        peers[index] = Some(Peer::new(stream));
    }
}
