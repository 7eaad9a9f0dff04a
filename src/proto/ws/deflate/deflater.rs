//! Deflates the messages of one direction.

use std::fmt;

use flate2::{Compress, FlushCompress};

use super::TAIL;
use super::engines::Engines;
use super::params::Window;

/// Room made before each call, more than the six bytes zlib asks for.
const ROOM: usize = 128;

/// Deflates message after message; between two of them, without takeover, it owns nothing.
pub struct Deflater {
    window: Window,
    engine: Option<Box<Compress>>,
    /// Some of the message that is open went in.
    fed: bool,
}

const _: () = assert!(size_of::<Deflater>() <= 16);

impl Deflater {
    /// For messages deflated as `window` says.
    pub fn new(window: Window) -> Self {
        Self { window, engine: None, fed: false }
    }

    /// What is to be written down of it; `None` while it holds what cannot be.
    pub fn written_down(&self) -> Option<Window> {
        let idle = self.engine.is_none() && !self.fed;
        idle.then_some(self.window)
    }

    /// Appends the next piece of a message, deflated, to `out`; `last` ends the message.
    ///
    /// The message's frames are what was appended, in as many fragments as one likes, the first with
    /// RSV1.
    pub fn deflate(&mut self, piece: &[u8], last: bool, engines: &mut Engines, out: &mut Vec<u8>) {
        if piece.is_empty() && (!self.fed || self.engine.is_none()) {
            if last {
                // An empty block, less the tail (RFC 7692 section 7.2.3.6).
                out.push(0);
                self.fed = false;
            }
            return;
        }
        self.fed = true;
        let window = self.window;
        let engine = self.engine.get_or_insert_with(|| Box::new(engines.deflater(window)));
        let flush = if last { FlushCompress::Sync } else { FlushCompress::None };
        run(engine, piece, flush, out);
        if last {
            debug_assert!(out.ends_with(&TAIL));
            out.truncate(out.len().saturating_sub(TAIL.len()));
            self.fed = false;
            if !window.takeover
                && let Some(engine) = self.engine.take()
            {
                engines.keep_deflater(window, *engine);
            }
        }
    }

    /// Ends a fragment of a message that goes on: what went in was written and, without takeover,
    /// nothing is kept until the next.
    pub fn pause(&mut self, engines: &mut Engines, out: &mut Vec<u8>) {
        if !self.window.takeover
            && let Some(mut engine) = self.engine.take()
        {
            run(&mut engine, b"", FlushCompress::Sync, out);
            engines.keep_deflater(self.window, *engine);
        }
    }
}

/// Lets zlib take all of `piece`, and write all that `flush` demands.
fn run(engine: &mut Compress, piece: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    let mut rest = piece;
    loop {
        out.reserve(ROOM + rest.len() / 2);
        let before = engine.total_in();
        let status = engine.compress_vec(rest, out, flush);
        debug_assert!(status.is_ok(), "a stream nobody else writes to");
        let taken = (engine.total_in() - before) as usize;
        rest = rest.get(taken..).unwrap_or_default();
        if status.is_err() || (rest.is_empty() && out.len() < out.capacity()) {
            return;
        }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").field("window", &self.window).finish_non_exhaustive()
    }
}
