//! A pipe of the kernel's, through which bytes go from one socket to another without being copied.

use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::stream::uninterrupted;
use super::transfer::{not_read, not_written};
use super::{Filled, Flushed, Readiness, Stream};
use crate::buf::{Pool, Segment, Stub};

/// Bytes of pages that it may hold, which is how its number of pieces is said. What came in a packet is a piece, however
/// short: with fewer a burst of packets would not fit.
const SIZE: usize = 1 << 20;
/// Neither end waits (splice(2)).
const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

/// What bytes go through on their way from a socket to another one. It holds references to the memory they arrived in.
#[derive(Debug)]
pub struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    /// Bytes that are in it.
    held: usize,
}

impl Pipe {
    /// An empty one.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new() -> io::Result<Pipe> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Users without privileges may have had their share: with its sixteen pieces it works as well.
        let _ = fcntl_setpipe_size(&into, SIZE);
        Ok(Pipe { out, into, held: 0 })
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes at most `most` bytes of what a socket has received. Fewer may be all that is there, or all that it has room
    /// for: only another call says.
    pub fn fill(&mut self, from: &Stream, ready: &mut Readiness, most: usize) -> Filled {
        match uninterrupted(|| splice(from, None, &self.into, None, most, FLAGS)) {
            Ok(0) => Filled::Finished,
            Ok(n) => {
                self.held += n;
                Filled::Bytes(n)
            }
            Err(error) => not_read(&error, ready),
        }
    }

    /// Gives a socket as much as it takes of what is in it. Where that is not all only another call says whether the
    /// socket is full.
    pub fn flush(&mut self, to: &Stream, ready: &mut Readiness) -> Flushed {
        to.begin_write();
        match uninterrupted(|| splice(&self.out, None, to, None, self.held, FLAGS)) {
            Ok(n) => {
                self.held -= n;
                Flushed::Bytes(n)
            }
            Err(error) => not_written(&error, ready),
        }
    }

    /// Empties it into memory, piece by piece.
    ///
    /// # Errors
    /// Those of the system; there is none known.
    pub fn take_back(&mut self, pool: &Pool, mut keep: impl FnMut(Segment)) -> io::Result<()> {
        while self.held > 0 {
            match pool.take() {
                Some(mut block) => {
                    let n = self.read(block.tail())?;
                    block.filled(n);
                    keep(Segment::Block(block));
                }
                None => {
                    let mut bytes = vec![0; self.held];
                    let n = self.read(&mut bytes)?;
                    keep(Segment::Stub(Stub::new(bytes.get(..n).unwrap_or_default())));
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let n = uninterrupted(|| rustix::io::read(&self.out, &mut *room))?;
        self.held -= n;
        if n == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(n) }
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
