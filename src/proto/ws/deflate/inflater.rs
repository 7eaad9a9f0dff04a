//! Inflates the messages of one direction, under a limit while they inflate.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use super::super::frame::FrameError;
use super::TAIL;
use super::engines::Engines;
use super::params::Window;

/// What a decompressor takes, whatever its window: zlib-rs always has room for the largest one.
const ENGINE: usize = (8 << 10) + (1 << 15);

/// Inflates message after message; between two of them, without takeover, it owns nothing.
pub struct Inflater {
    window: Window,
    engine: Option<Box<Decompress>>,
    /// What the open message has come to.
    size: u64,
    /// Bytes of the tail that went in after the message's last piece.
    tail: u8,
}

const _: () = assert!(size_of::<Inflater>() <= 32);

/// What came of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inflated {
    /// Bytes of the piece that were used up.
    pub read: usize,
    /// Bytes written to the start of the room.
    pub written: usize,
    /// The piece is used up and all of it was written, and with a last piece the whole message.
    /// Until then: call again with the rest of the piece and more room.
    pub done: bool,
}

/// Why a message was refused; an inflater is spent after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// It is not a DEFLATE stream (RFC 7692 section 7.2.2).
    #[error("a message that cannot be inflated")]
    Corrupt,
    /// It inflates to more than the limit (RFC 6455 section 7.4.1, code 1009).
    #[error("a message above the size limit when inflated")]
    TooLarge,
}

impl From<InflateError> for FrameError {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::Corrupt => Self::NotDeflate,
            InflateError::TooLarge => Self::TooLarge,
        }
    }
}

impl Inflater {
    /// For messages deflated as `window` says.
    pub fn new(window: Window) -> Self {
        Self { window, engine: None, size: 0, tail: 0 }
    }

    /// What is to be written down of it; `None` while it holds what cannot be.
    pub fn written_down(&self) -> Option<Window> {
        let idle = self.engine.is_none() && self.size == 0 && self.tail == 0;
        idle.then_some(self.window)
    }

    /// Memory it keeps for the message that is open, in bytes; what takeover keeps between messages
    /// does not count.
    pub fn held(&self) -> usize {
        match &self.engine {
            Some(_) if !self.window.takeover => ENGINE,
            _ => 0,
        }
    }

    /// Drops what the message that is open needs; the rest of it cannot be inflated.
    pub fn forget(&mut self) {
        self.engine = None;
    }

    /// Inflates of the next `piece` of a message what `room` holds; `last` ends the message.
    ///
    /// `limit` is the longest message, in bytes inflated: no more than one byte beyond it is ever
    /// inflated.
    pub fn inflate(
        &mut self,
        piece: &[u8],
        last: bool,
        limit: u64,
        engines: &mut Engines,
        room: &mut [u8],
    ) -> Result<Inflated, InflateError> {
        let window = self.window;
        let engine = self.engine.get_or_insert_with(|| Box::new(engines.inflater(window)));
        let most = usize::try_from(limit.saturating_sub(self.size)).unwrap_or(usize::MAX);
        let most = most.saturating_add(1).min(room.len());
        let room = room.get_mut(..most).unwrap_or_default();
        let mut run = Run { engine, room, read: 0, written: 0 };
        let mut done = run.take(piece)?;
        let read = run.read;
        if done && last {
            let tail = TAIL.get(usize::from(self.tail)..).unwrap_or_default();
            done = run.take(tail)?;
            self.tail += (run.read - read) as u8;
        }
        let written = run.written;
        self.size += written as u64;
        if self.size > limit {
            return Err(InflateError::TooLarge);
        }
        if done && last {
            (self.size, self.tail) = (0, 0);
            if !window.takeover
                && let Some(engine) = self.engine.take()
            {
                engines.keep_inflater(window, *engine);
            }
        }
        Ok(Inflated { read, written, done })
    }
}

/// One call's work.
struct Run<'e, 'r> {
    engine: &'e mut Decompress,
    room: &'r mut [u8],
    read: usize,
    written: usize,
}

impl Run<'_, '_> {
    /// Inflates `input` into the room that is left; true when nothing of it is left to be written.
    fn take(&mut self, input: &[u8]) -> Result<bool, InflateError> {
        let mut rest = input;
        loop {
            let room = self.room.get_mut(self.written..).unwrap_or_default();
            if room.is_empty() {
                return Ok(false);
            }
            let (read, written) = (self.engine.total_in(), self.engine.total_out());
            let status = self
                .engine
                .decompress(rest, room, FlushDecompress::None)
                .map_err(|_| InflateError::Corrupt)?;
            let read = (self.engine.total_in() - read) as usize;
            let written = (self.engine.total_out() - written) as usize;
            rest = rest.get(read..).unwrap_or_default();
            self.read += read;
            self.written += written;
            if status == Status::StreamEnd {
                // A final block may be followed by others (RFC 7692 section 7.2.3.5).
                self.engine.reset(false);
            } else if read == 0 && written == 0 && !rest.is_empty() {
                return Err(InflateError::Corrupt);
            }
            if rest.is_empty() && self.written < self.room.len() {
                return Ok(true);
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("window", &self.window).finish_non_exhaustive()
    }
}
