//! Sending an open file: by sendfile(2), or read into a block; only what is in memory, and only while it is what it was.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::sendfile;
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};

use super::super::{Readiness, Stream};
use super::open::{Found, Patience, Stamp, stamp, state_of};
use crate::buf::Block;

/// Bytes for one call of sendfile(2).
const CHUNK: u64 = 256 << 10;
/// Between two bytes that are looked at to know whether all around them is in memory.
const STRIDE: u64 = 64 << 10;
/// Bytes brought into memory at once.
pub(super) const WARM: u64 = 1 << 20;

/// Some bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where they begin.
    pub offset: u64,
    /// How many.
    pub len: u64,
}

/// What one step came to.
#[derive(Debug)]
pub enum Progress {
    /// So many bytes are on their way.
    Bytes(usize),
    /// The socket is full.
    Full,
    /// These bytes are not in memory: see `warm`.
    Cold(Piece),
    /// The file is not what it was any more.
    Changed,
    /// The disk failed.
    Failed(io::Error),
    /// The connection takes nothing any more.
    Broken,
}

/// A file that is being sent.
#[derive(Debug)]
pub struct OpenFile {
    file: OwnedFd,
    stamp: Stamp,
    /// Bytes that were brought into memory for it just now.
    warm: Piece,
}

impl From<Found> for OpenFile {
    fn from(found: Found) -> OpenFile {
        OpenFile { file: found.file, stamp: found.stamp, warm: Piece { offset: 0, len: 0 } }
    }
}

impl OpenFile {
    /// Sends some of a piece straight to a socket.
    pub fn send(&self, stream: &Stream, ready: &mut Readiness, piece: Piece) -> Progress {
        let len = piece.len.min(CHUNK);
        let piece = Piece { len, ..piece };
        if let Some(not) = self.unfit(piece) {
            return not;
        }
        let mut offset = piece.offset;
        stream.begin_write();
        loop {
            return match sendfile(stream, &self.file, Some(&mut offset), len as usize) {
                // A short one may have met the end of the file, the next one would.
                Ok(0) => Progress::Changed,
                Ok(n) => Progress::Bytes(n),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    ready.write_blocked();
                    Progress::Full
                }
                Err(error @ (Errno::IO | Errno::NOMEM)) => Progress::Failed(error.into()),
                Err(_) => Progress::Broken,
            };
        }
    }

    /// Reads a piece, or as much of it as there is room for, into a block. They are bytes of the file as it was
    /// opened: what was read while it changed is not handed out.
    pub fn read(&self, piece: Piece, block: &mut Block) -> Progress {
        let room = block.tail();
        let len = usize::try_from(piece.len).unwrap_or(usize::MAX).min(room.len());
        let Some(room) = room.get_mut(..len) else { return Progress::Changed };
        let read = match self.is_warm(Piece { len: len as u64, ..piece }) {
            true => pread(&self.file, &mut *room, piece.offset),
            false => read_now(self.file.as_fd(), room, piece.offset),
        };
        match read {
            Ok(0) => Progress::Changed,
            Ok(n) if self.is_unchanged() => {
                block.filled(n);
                Progress::Bytes(n)
            }
            Ok(_) => Progress::Changed,
            Err(Errno::AGAIN | Errno::OPNOTSUPP) => Progress::Cold(self.next_warm(piece)),
            Err(error) => Progress::Failed(error.into()),
        }
    }

    /// Why a piece cannot be sent now.
    fn unfit(&self, piece: Piece) -> Option<Progress> {
        if !self.is_unchanged() {
            return Some(Progress::Changed);
        }
        if self.is_warm(piece) {
            return None;
        }
        let end = piece.offset + piece.len;
        let mut at = piece.offset;
        while at < end {
            match read_now(self.file.as_fd(), &mut [0], at) {
                Ok(0) => return Some(Progress::Changed),
                Ok(_) => {}
                Err(Errno::AGAIN | Errno::OPNOTSUPP) => {
                    return Some(Progress::Cold(self.next_warm(piece)));
                }
                Err(error) => return Some(Progress::Failed(error.into())),
            }
            at = if at + STRIDE < end || at == end - 1 { at + STRIDE } else { end - 1 };
        }
        None
    }

    fn is_warm(&self, piece: Piece) -> bool {
        let Piece { offset, len } = self.warm;
        piece.offset >= offset && piece.offset + piece.len <= offset + len
    }

    /// What is to be brought into memory so that a piece can be sent, and what follows it.
    fn next_warm(&self, piece: Piece) -> Piece {
        Piece { len: WARM.min(self.stamp.size.saturating_sub(piece.offset)).max(1), ..piece }
    }

    /// These bytes are in memory now.
    pub fn warmed(&mut self, piece: Piece) {
        self.warm = piece;
    }

    /// Whether the file is what it was when it was opened.
    fn is_unchanged(&self) -> bool {
        state_of(&self.file, Patience::None).is_ok_and(|state| stamp(&state) == self.stamp)
    }

    /// Another descriptor of it, for `warm`.
    ///
    /// # Errors
    /// There is none left.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.file.try_clone()
    }

    /// Whether closing it may take time: it is large, and has no name any more.
    pub fn is_orphan(&self) -> bool {
        /// What is freed in no time.
        const LARGE: u64 = 16 << 20;
        self.stamp.size > LARGE
            && state_of(&self.file, Patience::None).is_ok_and(|state| state.stx_nlink == 0)
    }

    /// Gives its descriptor away.
    pub fn into_file(self) -> File {
        self.file.into()
    }
}

/// Reads what is in memory.
fn read_now(file: BorrowedFd<'_>, room: &mut [u8], offset: u64) -> rustix::io::Result<usize> {
    preadv2(file, &mut [IoSliceMut::new(room)], offset, ReadWriteFlags::NOWAIT)
}

/// Brings bytes of a file into memory, however long that takes.
///
/// # Errors
/// The disk failed.
pub(in crate::reactor) fn warm(file: BorrowedFd<'_>, piece: Piece) -> io::Result<()> {
    let mut room = vec![0; 64 << 10];
    let end = piece.offset + piece.len;
    let mut at = piece.offset;
    while at < end {
        match pread(file, &mut *room, at) {
            Ok(0) => break,
            Ok(n) => at += n as u64,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
