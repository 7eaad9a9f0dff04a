//! The floor of a router that dials for each request: a packet that is ready goes out, the answer comes back until its end.

use std::io::{self, ErrorKind, Read};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};

use crate::{Turn, write};

/// What a router would say of a plain request, as uwsgi variables.
const VARIABLES: [(&str, &str); 14] = [
    ("REQUEST_METHOD", "GET"),
    ("REQUEST_URI", "/"),
    ("PATH_INFO", "/"),
    ("QUERY_STRING", ""),
    ("SERVER_PROTOCOL", "HTTP/1.1"),
    ("SERVER_NAME", "tidegate"),
    ("SERVER_PORT", "8080"),
    ("SCRIPT_NAME", ""),
    ("REQUEST_SCHEME", "http"),
    ("REMOTE_ADDR", "127.0.0.1"),
    ("REMOTE_PORT", "50000"),
    ("HTTP_HOST", "127.0.0.1:8080"),
    ("HTTP_X_FORWARDED_FOR", "127.0.0.1"),
    ("HTTP_X_FORWARDED_PROTO", "http"),
];

/// The packet that goes to the server for every request, whatever it says.
pub(crate) fn packet() -> Vec<u8> {
    let mut variables = Vec::new();
    for text in VARIABLES.iter().flat_map(|(name, value)| [name, value]) {
        variables.extend_from_slice(&(text.len() as u16).to_le_bytes());
        variables.extend_from_slice(text.as_bytes());
    }
    let [low, high] = (variables.len() as u16).to_le_bytes();
    [&[0, low, high, 0], &variables[..]].concat()
}

/// A client that stays, and the server's connection for the request it has under way.
pub(crate) struct Caller {
    index: usize,
    client: TcpStream,
    server: Option<TcpStream>,
    /// Bytes of the packet that are out.
    sent: usize,
    /// Bytes of the answer that the client did not take.
    waiting: Vec<u8>,
}

impl Caller {
    pub(crate) fn new(mut client: TcpStream, poll: &Poll, index: usize) -> io::Result<Caller> {
        client.set_nodelay(true)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut client, Token(2 * index), both)?;
        Ok(Caller { index, client, server: None, sent: 0, waiting: Vec::new() })
    }

    /// Moves what an event allows; false when the client is gone.
    pub(crate) fn turn(
        &mut self,
        side: usize,
        event: &Event,
        at: &mut Turn<'_>,
    ) -> io::Result<bool> {
        if side == 1 {
            self.answer(event, at)?;
            return Ok(true);
        }
        if event.is_writable() && !self.waiting.is_empty() {
            let n = write(&mut self.client, &self.waiting)?;
            self.waiting.drain(..n);
        }
        // One read is one request: whoever asks waits for the answer.
        if event.is_readable() {
            match self.client.read(at.chunk) {
                Ok(0) => return Ok(false),
                Ok(_) => self.dial(at)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(!event.is_error())
    }

    /// Connects and sends at once, which works before the server has accepted, where it is near.
    fn dial(&mut self, at: &Turn<'_>) -> io::Result<()> {
        let mut server = TcpStream::connect(at.server)?;
        self.sent = write(&mut server, at.packet)?;
        let interest = match self.sent == at.packet.len() {
            true => Interest::READABLE,
            false => Interest::READABLE | Interest::WRITABLE,
        };
        at.poll.registry().register(&mut server, Token(2 * self.index + 1), interest)?;
        self.server = Some(server);
        Ok(())
    }

    /// Sends what is left of the packet, and gives the client what comes until the end.
    fn answer(&mut self, event: &Event, at: &mut Turn<'_>) -> io::Result<()> {
        let Some(server) = &mut self.server else { return Ok(()) };
        if event.is_writable() && self.sent < at.packet.len() {
            self.sent += write(server, &at.packet[self.sent..])?;
        }
        if !event.is_readable() && !event.is_error() {
            return Ok(());
        }
        loop {
            let n = match server.read(at.chunk) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            if n == 0 {
                self.server = None;
                return Ok(());
            }
            let mut taken = 0;
            if self.waiting.is_empty() {
                taken = write(&mut self.client, &at.chunk[..n])?;
            }
            self.waiting.extend_from_slice(&at.chunk[taken..n]);
            if n < at.chunk.len() {
                // The end was there before this read, so nothing is behind it.
                if event.is_read_closed() {
                    self.server = None;
                }
                return Ok(());
            }
        }
    }
}
