//! A pipe of the kernel's, through which bytes go from one socket to another without being copied.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::stream::uninterrupted;
use super::transfer::{not_read, not_written};
use super::{Filled, Flushed, Readiness, Stream};
use crate::buf::{Pool, Segment};

/// Bytes of pages that it may hold, which is how its number of pieces is said. What came in a packet is a piece, however
/// short: with fewer a burst of packets would not fit.
const SIZE: usize = 1 << 20;
/// Neither end waits (splice(2)).
const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

/// What bytes go through on their way from a socket to another one. It holds references to the memory they arrived in, which
/// the sender may share where it is on this machine: what was looked at before is not what comes out.
#[derive(Debug)]
pub struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    /// Bytes that are in it.
    held: usize,
    /// The system does not do it for these sockets.
    refused: bool,
}

impl Pipe {
    /// An empty one.
    ///
    /// # Errors
    /// When descriptors have run out, or what a user may have of pipes.
    pub fn new() -> io::Result<Pipe> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Where it must not be as large it works as well, in smaller steps.
        let _ = fcntl_setpipe_size(&into, SIZE);
        Ok(Pipe { out, into, held: 0, refused: false })
    }

    /// Whether nothing is in it: only then it may go to another session.
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Whether the system does not do it: a filter of system calls, another kernel, no memory.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Takes a copy of `bytes`; false where it does not take all.
    pub fn put(&mut self, bytes: &[u8]) -> bool {
        let n = uninterrupted(|| rustix::io::write(&self.into, bytes)).unwrap_or(0);
        self.held += n;
        n == bytes.len()
    }

    /// Takes at most `most` bytes of what a socket has received. Fewer may be all that is there, or all that it has room
    /// for, and nothing may mean that they have to be read: only a read says.
    pub fn fill(&mut self, from: &Stream, ready: &mut Readiness, most: usize) -> Filled {
        match uninterrupted(|| splice(from, None, &self.into, None, most, FLAGS)) {
            Ok(n) if n > 0 => {
                self.held += n;
                Filled::Bytes(n)
            }
            Ok(_) => Filled::Nothing,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Filled::Nothing,
            Err(error) if self.refuses(&error) => Filled::Nothing,
            Err(error) => not_read(&error, ready),
        }
    }

    /// Gives a socket as much as it takes of what is in it. Where that is not all only a write says why.
    pub fn flush(&mut self, to: &Stream, ready: &mut Readiness) -> Flushed {
        to.begin_write();
        // Nothing says here that no signal is wanted; the standard library has it ignored in all programs.
        match uninterrupted(|| splice(&self.out, None, to, None, self.held, FLAGS)) {
            Ok(n) => {
                self.held -= n;
                Flushed::Bytes(n)
            }
            Err(error) if self.refuses(&error) => Flushed::Nothing,
            Err(error) => not_written(&error, ready),
        }
    }

    /// Whether it is not the connection that is to blame.
    fn refuses(&mut self, error: &io::Error) -> bool {
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        let refused = [
            Errno::INVAL,
            Errno::NOSYS,
            Errno::PERM,
            Errno::ACCESS,
            Errno::OPNOTSUPP,
            Errno::NOMEM,
        ];
        self.refused |= errno.is_some_and(|errno| refused.contains(&errno));
        self.refused
    }

    /// Empties it into blocks.
    ///
    /// # Errors
    /// When the pool has none left.
    pub fn take_back(&mut self, pool: &Pool, mut keep: impl FnMut(Segment)) -> io::Result<()> {
        while self.held > 0 {
            let mut block = pool.take().ok_or(io::ErrorKind::OutOfMemory)?;
            let n = uninterrupted(|| rustix::io::read(&self.out, block.tail()))?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.held -= n;
            block.filled(n);
            keep(Segment::Block(block));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
