//! A chunked request body towards uwsgi: decoded and kept until its length is known, first in memory,
//! then in a temporary file, because a uwsgi worker must be told `CONTENT_LENGTH` beforehand.

use crate::buf::{Copied, Pool, Segment, Stub, Tx};
use crate::proto::http::Body;

use super::body::{BodyFault, BodyPipe, Framing};
use super::cx::{Action, Cx, SpoolOrder};
use super::port::Port;
use super::reason::CloseReason;
use super::settings::Bodies;

/// Pieces shorter than this are put together.
const COMPACT: usize = 8 << 10;
/// Bytes read back from the file at once.
const READ: usize = 64 << 10;

/// A body being collected.
#[derive(Debug)]
pub(super) struct Spool {
    pipe: BodyPipe,
    held: Tx,
    on_disk: u64,
    /// Bytes on their way to the disk; nothing more is taken meanwhile.
    writing: usize,
}

/// A collected body being passed on: what is on disk first, then what was held in memory.
#[derive(Debug)]
pub(super) struct Replay {
    held: Tx,
    on_disk: u64,
    read: u64,
    reading: bool,
}

impl Spool {
    pub(super) fn new() -> Spool {
        let pipe = BodyPipe::new(Body::Chunked, Framing::Plain);
        Spool { pipe, held: Tx::default(), on_disk: 0, writing: 0 }
    }

    /// Takes what has arrived; `Some` when the body is complete.
    pub(super) fn advance(
        &mut self,
        client: &mut Port,
        bodies: &Bodies,
        max: u64,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Replay>, CloseReason> {
        if self.writing > 0 {
            return Ok(None);
        }
        loop {
            let before = self.pipe.moved;
            let done = self.take(client, cx.pool);
            if self.pipe.moved > max.min(bodies.spool) {
                return Err(CloseReason::BodyTooLarge);
            }
            if done? {
                let held = std::mem::take(&mut self.held);
                return Ok(Some(Replay { held, on_disk: self.on_disk, read: 0, reading: false }));
            }
            if self.held.len() as u64 > bodies.memory {
                self.spill(cx);
                return Ok(None);
            }
            if self.pipe.moved == before {
                return Ok(None);
            }
        }
    }

    /// Takes a queue's room of what has arrived: what is held may be more than one has room for.
    fn take(&mut self, client: &mut Port, pool: &Pool) -> Result<bool, CloseReason> {
        let mut arrived = Tx::default();
        let done = self.pipe.pump(client, &mut arrived, pool);
        while let Some(segment) = arrived.pop() {
            match segment.len() {
                // What waits for long must not keep a block each.
                ..COMPACT => self.held.put(segment.bytes(), Copied::Payload, pool),
                _ => self.held.queue(segment),
            }
        }
        done.map_err(BodyFault::of_request)
    }

    /// Bytes of the body that have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.pipe.moved
    }

    /// Sends what is held to the disk.
    fn spill(&mut self, cx: &mut Cx<'_>) {
        let len = self.held.len();
        let mut bytes = Vec::with_capacity(len);
        while !self.held.is_empty() {
            bytes.extend_from_slice(self.held.bytes());
            self.held.sent(self.held.bytes().len());
        }
        cx.pool.count_payload(len);
        self.writing = len;
        cx.actions.push(Action::Spool(SpoolOrder::Append(bytes)));
    }

    /// The disk took `n` bytes.
    pub(super) fn written(&mut self, n: usize) {
        self.on_disk += n as u64;
        self.writing = 0;
    }
}

impl Replay {
    /// Bytes of the body.
    pub(super) fn len(&self) -> u64 {
        self.on_disk + self.held.len() as u64
    }

    /// Whether an answer of the disk is on its way.
    pub(super) fn is_reading(&self) -> bool {
        self.reading
    }

    /// Passes on what the upstream has room for; true when all of it is.
    pub(super) fn advance(&mut self, to: &mut Tx, cx: &mut Cx<'_>) -> bool {
        if self.read < self.on_disk {
            if !self.reading && to.room() > READ {
                self.reading = true;
                let len = (self.on_disk - self.read).min(READ as u64) as usize;
                cx.actions.push(Action::Spool(SpoolOrder::Read { offset: self.read, len }));
            }
            return false;
        }
        if self.on_disk > 0 {
            self.on_disk = 0;
            cx.actions.push(Action::Spool(SpoolOrder::Drop));
        }
        while to.room() > 0
            && let Some(segment) = self.held.pop()
        {
            to.push(segment, cx.pool);
        }
        self.held.is_empty()
    }

    /// Bytes came back from the disk.
    pub(super) fn read(&mut self, bytes: Vec<u8>, to: &mut Tx, pool: &Pool) {
        self.reading = false;
        self.read += bytes.len() as u64;
        to.push(Segment::Stub(Stub::from(bytes.into_boxed_slice())), pool);
    }
}
