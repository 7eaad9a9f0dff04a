//! A block: a view of pooled memory that is read into, split, and handed on without copying.

use std::ptr::NonNull;

use super::pool;

/// Bytes of a block in all: headroom, 16 KiB of payload, and room for a TLS record's expansion.
pub const BLOCK: usize = 18_688;
/// Bytes kept free in front of what is read, for a chunk size line, a frame header, or what a head grows by.
pub const HEADROOM: usize = 64;

/// A view of a pooled block: the bytes `start..end`, within the region `floor..limit` that belongs to
/// this view alone. Views of one block never overlap, so each may change its own bytes.
#[derive(Debug)]
pub struct Block {
    base: NonNull<u8>,
    floor: u16,
    start: u16,
    end: u16,
    limit: u16,
}

const _: () = assert!(size_of::<Option<Block>>() == 16);

impl Block {
    /// A fresh block with one view of all of it.
    pub(super) fn whole(base: NonNull<u8>) -> Block {
        let start = HEADROOM as u16;
        Block { base, floor: 0, start, end: start, limit: BLOCK as u16 }
    }

    /// The bytes in view.
    #[allow(unsafe_code)]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `floor..limit` lies in the block, is initialised (the mapping was zeroed) and is
        // this view's alone.
        unsafe {
            let at = self.base.add(usize::from(self.start));
            std::slice::from_raw_parts(at.as_ptr(), self.len())
        }
    }

    /// The bytes in view, to be changed in place.
    #[allow(unsafe_code)]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `self` is borrowed mutably.
        unsafe {
            let at = self.base.add(usize::from(self.start));
            std::slice::from_raw_parts_mut(at.as_ptr(), self.len())
        }
    }

    /// Number of bytes in view.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.end - self.start)
    }

    /// Whether no byte is in view.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The room behind the bytes in view, to be read into; say with [`Block::filled`] how much was.
    #[allow(unsafe_code)]
    pub fn tail(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes_mut`; `end..limit` is this view's alone.
        unsafe {
            let at = self.base.add(usize::from(self.end));
            std::slice::from_raw_parts_mut(at.as_ptr(), self.room())
        }
    }

    /// Bytes of room behind those in view.
    #[inline]
    pub fn room(&self) -> usize {
        usize::from(self.limit - self.end)
    }

    /// Takes the first `n` bytes of the room into view.
    pub fn filled(&mut self, n: usize) {
        assert!(n <= self.room());
        self.end += n as u16;
    }

    /// Copies as much of `bytes` behind those in view as fits; returns how much did.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        self.tail()[..n].copy_from_slice(&bytes[..n]);
        self.filled(n);
        n
    }

    /// Copies `bytes` in front of those in view; false, and nothing done, when there is no room.
    pub fn prepend(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > usize::from(self.start - self.floor) {
            return false;
        }
        self.start -= bytes.len() as u16;
        self.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        true
    }

    /// Drops the first `n` bytes from view.
    pub fn consume(&mut self, n: usize) {
        assert!(n <= self.len());
        self.start += n as u16;
    }

    /// Drops all but the first `n` bytes from view; their place is room again.
    pub fn truncate(&mut self, n: usize) {
        assert!(n <= self.len());
        self.end = self.start + n as u16;
    }

    /// Splits the first `n` bytes off as a view of their own, without copying.
    pub fn split_to(&mut self, n: usize) -> Block {
        assert!(n <= self.len());
        pool::share(self.base);
        let cut = self.start + n as u16;
        let front =
            Block { base: self.base, floor: self.floor, start: self.start, end: cut, limit: cut };
        self.floor = cut;
        self.start = cut;
        front
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        pool::release(self.base);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pool;
    use super::*;

    #[test]
    fn views_do_not_overlap() {
        let pool = Pool::new(1);
        let mut back = pool.take().expect("room");
        back.append(b"headbody");
        let mut front = back.split_to(4);
        assert_eq!((front.bytes(), back.bytes()), (&b"head"[..], &b"body"[..]));
        assert_eq!(front.room(), 0);
        assert!(!back.prepend(b"x"), "what lies in front belongs to the other view");
        front.bytes_mut()[0] = b'H';
        assert!(front.prepend(b"a "));
        assert_eq!(front.bytes(), b"a Head");
        assert_eq!(back.bytes(), b"body");
        drop(front);
        assert_eq!(pool.taken(), 1);
        drop(back);
        assert_eq!(pool.taken(), 0);
    }

    #[test]
    fn consumed_bytes_are_room_in_front() {
        let pool = Pool::new(1);
        let mut block = pool.take().expect("room");
        block.append(b"12345678");
        block.consume(6);
        assert!(block.prepend(&[b'x'; HEADROOM + 6]));
        assert!(!block.prepend(b"x"));
    }

    #[test]
    fn append_stops_at_the_end() {
        let pool = Pool::new(1);
        let mut block = pool.take().expect("room");
        assert_eq!(block.append(&[7; BLOCK]), BLOCK - HEADROOM);
        assert_eq!(block.room(), 0);
    }
}
