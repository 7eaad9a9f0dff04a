//! A stream of bytes to the server: TCP, or TLS over it.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;
use rustls::{ClientConnection, HandshakeKind};

/// Never blocks.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

/// TLS under way on a socket.
pub(crate) struct Tls {
    socket: TcpStream,
    session: ClientConnection,
    /// The other side has said that it ends.
    ended: bool,
}

/// What one read brought; no bytes: the other side has ended.
pub(crate) struct Came {
    pub(crate) bytes: usize,
    /// The socket had no more to give.
    pub(crate) last: bool,
}

impl Stream {
    /// Over a socket that is being connected.
    pub(crate) fn new(socket: TcpStream, session: Option<ClientConnection>) -> Stream {
        match session {
            None => Stream::Plain(socket),
            Some(session) => Stream::Tls(Box::new(Tls { socket, session, ended: false })),
        }
    }

    /// Whether the TLS handshake resumed a session; `None` without TLS or before its end.
    pub(crate) fn is_resumed(&self) -> Option<bool> {
        match self {
            Stream::Plain(_) => None,
            Stream::Tls(tls) => {
                tls.session.handshake_kind().map(|kind| kind == HandshakeKind::Resumed)
            }
        }
    }

    /// Writes once; `None` when the socket takes nothing now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Stream::Plain(socket) => once(|| socket.write(bytes)),
            Stream::Tls(tls) => {
                if !tls.push()? {
                    return Ok(None);
                }
                let taken = tls.session.writer().write(bytes)?;
                tls.push()?;
                Ok(Some(taken))
            }
        }
    }

    /// Has what was sealed but not written go out; false while some of it stays.
    pub(crate) fn push(&mut self) -> io::Result<bool> {
        match self {
            Stream::Plain(_) => Ok(true),
            Stream::Tls(tls) => tls.push(),
        }
    }

    /// Reads into `bytes`, by way of `wire`, shorter by a record, where it has to be opened first; `None` when
    /// there is nothing now.
    pub(crate) fn read(&mut self, bytes: &mut [u8], wire: &mut [u8]) -> io::Result<Option<Came>> {
        match self {
            Stream::Plain(socket) => {
                let came = once(|| socket.read(bytes))?;
                Ok(came.map(|n| Came { bytes: n, last: n < bytes.len() }))
            }
            Stream::Tls(tls) => tls.read(bytes, wire),
        }
    }
}

impl Tls {
    fn push(&mut self) -> io::Result<bool> {
        while self.session.wants_write() {
            if once(|| self.session.write_tls(&mut self.socket))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read(&mut self, bytes: &mut [u8], wire: &mut [u8]) -> io::Result<Option<Came>> {
        loop {
            if self.ended {
                return Ok(Some(Came { bytes: 0, last: true }));
            }
            let Some(n) = once(|| self.socket.read(wire))? else { return Ok(None) };
            // A server that ends without a word has ended as well: who checks that is a test.
            self.ended = n == 0;
            let opened = self.open(&wire[..n], bytes)?;
            self.push()?;
            if opened > 0 {
                return Ok(Some(Came { bytes: opened, last: n < wire.len() && !self.ended }));
            }
        }
    }

    /// Opens the records that `wire` completes; returns how many bytes were in them.
    fn open(&mut self, mut wire: &[u8], bytes: &mut [u8]) -> io::Result<usize> {
        let mut opened = 0;
        while !wire.is_empty() && !self.ended {
            self.session.read_tls(&mut wire)?;
            let state = self.session.process_new_packets().map_err(io::Error::other)?;
            self.ended = state.peer_has_closed();
            if state.plaintext_bytes_to_read() > 0 {
                opened += self.session.reader().read(&mut bytes[opened..])?;
            }
        }
        Ok(opened)
    }
}

/// Calls until it was not interrupted; `None` when it would block, or the connection is not made yet.
fn once(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match call() {
            Ok(n) => return Ok(Some(n)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::NotConnected => return Ok(None),
                ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
}
