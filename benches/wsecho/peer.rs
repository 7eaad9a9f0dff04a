//! One connection of the backend: bytes in, answers out.

use std::io::{self, ErrorKind, Read, Write};

use mio::event::Event;
use mio::net::TcpStream;

use crate::{answers, echo, uwsgi};

/// What a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// Nothing came yet.
    Unknown,
    Http,
    Uwsgi,
    WebSocket,
    /// Whatever comes goes back.
    Raw,
    /// What has been answered is the last.
    Over,
}

/// Buffers all connections use in turn, so that an idle one owns none.
pub(crate) struct Room {
    input: Vec<u8>,
    reply: Vec<u8>,
}

impl Room {
    /// Room for one read and its answers.
    pub(crate) fn new() -> Room {
        Room { input: vec![0; 256 * 1024], reply: Vec::with_capacity(256 * 1024) }
    }
}

/// A connection.
pub(crate) struct Peer {
    stream: TcpStream,
    speech: Speech,
    /// Input that is not whole yet.
    input: Vec<u8>,
    /// Output the socket did not take.
    output: Vec<u8>,
    /// There may be input that was not read because output was waiting.
    unread: bool,
    hung_up: bool,
}

impl Peer {
    /// A connection that has just been accepted.
    pub(crate) fn new(stream: TcpStream) -> Peer {
        Peer {
            stream,
            speech: Speech::Unknown,
            input: Vec::new(),
            output: Vec::new(),
            unread: false,
            hung_up: false,
        }
    }

    /// Reads, answers and writes as far as it goes; false when the connection is over.
    pub(crate) fn turn(&mut self, event: &Event, room: &mut Room) -> bool {
        self.hung_up |= event.is_read_closed() || event.is_error();
        self.unread |= event.is_readable() || self.hung_up;
        self.advance(room).unwrap_or(false)
    }

    fn advance(&mut self, room: &mut Room) -> io::Result<bool> {
        loop {
            if !self.output.is_empty() {
                let n = write(&mut self.stream, &self.output)?;
                if n < self.output.len() {
                    self.output.drain(..n);
                    return Ok(true);
                }
                self.output = Vec::new();
            }
            if self.speech == Speech::Over {
                return Ok(false);
            }
            if !self.unread {
                return Ok(true);
            }
            let n = match self.stream.read(&mut room.input) {
                Ok(0) => return Ok(false),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.unread = false;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.unread = n == room.input.len() || self.hung_up;
            self.answer(n, room)?;
        }
    }

    /// Answers what the `n` bytes just read make whole.
    fn answer(&mut self, n: usize, room: &mut Room) -> io::Result<()> {
        let Room { input, reply } = room;
        let fresh = &input[..n];
        reply.clear();
        if self.input.is_empty() {
            let used = answer_all(&mut self.speech, fresh, reply)?;
            self.input.extend_from_slice(&fresh[used..]);
        } else {
            self.input.extend_from_slice(fresh);
            let used = answer_all(&mut self.speech, &self.input, reply)?;
            self.input.drain(..used);
        }
        if self.input.is_empty() && self.input.capacity() > 0 {
            self.input = Vec::new();
        }
        if !reply.is_empty() {
            let n = write(&mut self.stream, reply)?;
            self.output.extend_from_slice(&reply[n..]);
        }
        Ok(())
    }
}

/// Answers whole requests or frames at the start of `bytes`; returns how many bytes they took.
fn answer_all(speech: &mut Speech, bytes: &[u8], reply: &mut Vec<u8>) -> io::Result<usize> {
    let mut used = 0;
    while *speech != Speech::Over && used < bytes.len() {
        let rest = &bytes[used..];
        if *speech == Speech::Unknown {
            // A uwsgi packet begins with its modifier, which is 0 for WSGI; a method with a letter.
            *speech = match rest[0] {
                0 => Speech::Uwsgi,
                b'A'..=b'Z' => Speech::Http,
                _ => Speech::Raw,
            };
        }
        let taken = match *speech {
            Speech::Uwsgi => uwsgi::answer(rest, reply, speech)?,
            Speech::WebSocket => echo::answer(rest, reply, speech)?,
            Speech::Raw => {
                reply.extend_from_slice(rest);
                Some(rest.len())
            }
            _ => answers::answer(rest, reply, speech)?,
        };
        let Some(taken) = taken else { break };
        used += taken;
    }
    Ok(used)
}

/// Writes once; 0 when the socket takes nothing now.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match stream.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
