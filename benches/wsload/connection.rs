//! One WebSocket of the load: it opens, writes its messages and checks what comes back.

use std::collections::VecDeque;
use std::io;

use tidegate::proto::ws::{FrameError, Opcode};

use crate::handshake::Handshake;
use crate::incoming::{Arrived, Incoming};
use crate::inflating::{Inflating, Room};
use crate::message::{Message, client_frame};
use crate::stream::Stream;

/// What went wrong with a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the handshake was answered with: {0}")]
    Handshake(String),
    #[error("an answer is not what was asked for: {0}")]
    Answer(String),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("an echo is not what was sent")]
    Mismatch,
    #[error("an echo cannot be inflated")]
    Inflate,
    #[error("the other side ended the connection")]
    Ended,
}

/// What a turn of a connection brought.
#[derive(Default)]
pub(crate) struct Progress {
    /// The handshake was completed in this turn.
    pub(crate) opened: bool,
    /// Echoes that are whole and right.
    pub(crate) echoes: u64,
    /// Pings, which were answered.
    pub(crate) pings: u64,
    /// Bytes of frames.
    pub(crate) bytes: u64,
    /// The other side has ended the connection, as it should after a close.
    pub(crate) ended: bool,
}

/// A connection and its place in both streams.
pub(crate) struct Connection {
    stream: Stream,
    handshake: Option<Handshake>,
    incoming: Incoming,
    /// Control frames to write at the next boundary.
    control: Vec<u8>,
    /// Messages that may be written, have been written whole, have come back.
    allowed: u64,
    written: u64,
    echoed: u64,
    /// Bytes of message `written` that are out already.
    offset: usize,
    closing: bool,
    /// When each message under way was to be sent, in nanoseconds of the run.
    pub(crate) sent_at: VecDeque<u64>,
    /// When the connection was begun.
    pub(crate) begun: u64,
}

impl Connection {
    /// A connection that is being made; `handshake` is written when it is there.
    pub(crate) fn new(stream: Stream, handshake: Handshake, begun: u64) -> Connection {
        Connection {
            stream,
            handshake: Some(handshake),
            incoming: Incoming::new(None),
            control: Vec::new(),
            allowed: 0,
            written: 0,
            echoed: 0,
            offset: 0,
            closing: false,
            sent_at: VecDeque::new(),
            begun,
        }
    }

    /// Whether TLS resumed a session.
    pub(crate) fn is_resumed(&self) -> Option<bool> {
        self.stream.is_resumed()
    }

    /// Messages under way.
    pub(crate) fn pending(&self) -> u64 {
        self.allowed - self.echoed
    }

    /// Lets one more message go, due at `due`; the caller flushes.
    pub(crate) fn allow(&mut self, due: u64) {
        self.allowed += 1;
        self.sent_at.push_back(due);
    }

    /// Sends a close frame; what follows is the other side's close and end.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.control.extend(client_frame(Opcode::Close, &1000_u16.to_be_bytes(), [1, 2, 3, 4]));
    }

    /// Writes what may be written.
    pub(crate) fn flush(&mut self, message: &mut Message) -> Result<(), Fault> {
        if !self.stream.push()? {
            return Ok(());
        }
        if let Some(handshake) = &mut self.handshake {
            return Ok(handshake.flush(&mut self.stream)?);
        }
        loop {
            if self.offset == 0 && !self.control.is_empty() {
                let Some(n) = self.stream.write(&self.control)? else { return Ok(()) };
                self.control.drain(..n);
                continue;
            }
            if self.written == self.allowed {
                return Ok(());
            }
            let wire = message.wire(self.written..self.allowed, self.offset);
            let (len, written) = (wire.len(), self.stream.write(wire)?);
            let Some(n) = written else { return Ok(()) };
            self.offset += n;
            while self.offset > 0 && self.offset >= message.frame_len(self.written) {
                self.offset -= message.frame_len(self.written);
                self.written += 1;
            }
            if n < len {
                return Ok(());
            }
        }
    }

    /// Reads what has come, checks it, and writes what it allows (the handshake, pongs).
    ///
    /// With `hung_up` the stream is read to its end; without, a short read is the last.
    pub(crate) fn read(
        &mut self,
        message: &Message,
        room: &mut Room,
        hung_up: bool,
    ) -> Result<Progress, Fault> {
        let mut progress = Progress::default();
        loop {
            let Room { bytes, wire, inflating } = room;
            let Some(came) = self.stream.read(bytes, wire)? else { return Ok(progress) };
            if came.bytes == 0 {
                progress.ended = true;
                return if self.closing { Ok(progress) } else { Err(Fault::Ended) };
            }
            let mut fresh = &bytes[..came.bytes];
            if let Some(handshake) = &mut self.handshake {
                let Some((used, deflate)) = handshake.take(fresh)? else { continue };
                self.handshake = None;
                self.incoming = Incoming::new(deflate);
                progress.opened = true;
                fresh = &fresh[used..];
            }
            self.receive(fresh, message, inflating, &mut progress)?;
            if came.last && !hung_up {
                return Ok(progress);
            }
        }
    }

    fn receive(
        &mut self,
        mut bytes: &[u8],
        message: &Message,
        inflating: &mut Inflating,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        progress.bytes += bytes.len() as u64;
        while let Some(frame) = self.incoming.take(&mut bytes, message, self.echoed, inflating)? {
            match frame {
                Arrived::Message if self.echoed == self.allowed => return Err(Fault::Mismatch),
                Arrived::Message => {
                    self.echoed += 1;
                    progress.echoes += 1;
                }
                Arrived::Close if !self.closing => return Err(Fault::Ended),
                Arrived::Ping(payload) => {
                    progress.pings += 1;
                    self.control.extend(client_frame(Opcode::Pong, &payload, [1, 2, 3, 4]));
                }
                Arrived::Close | Arrived::Other => {}
            }
        }
        Ok(())
    }
}
