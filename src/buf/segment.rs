//! One piece of a window or queue: a block, a right-sized stub, bytes that many queues share, or bytes that live for ever.

use std::sync::Arc;

use super::{BLOCK, Block};

/// A few bytes in an allocation of their own size: what is left when a block was given back.
#[derive(Debug)]
pub struct Stub(Box<StubBytes>);

#[derive(Debug)]
struct StubBytes {
    start: u32,
    bytes: Box<[u8]>,
}

impl Stub {
    /// A stub with a copy of `bytes`.
    pub fn new(bytes: &[u8]) -> Stub {
        Stub::from(Box::<[u8]>::from(bytes))
    }

    /// The bytes left.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes.get(self.0.start as usize..).unwrap_or_default()
    }
}

impl From<Box<[u8]>> for Stub {
    fn from(bytes: Box<[u8]>) -> Stub {
        Stub(Box::new(StubBytes { start: 0, bytes }))
    }
}

/// Bytes that stand in many queues at once.
#[derive(Clone, Debug)]
pub struct Shared {
    // One allocation behind a thin pointer: a segment is small.
    bytes: Arc<Box<[u8]>>,
    start: u32,
}

impl Shared {
    /// All of `bytes`, at most 4 GiB of them.
    pub fn new(bytes: Box<[u8]>) -> Shared {
        Shared { bytes: Arc::new(bytes), start: 0 }
    }

    /// The bytes left in this queue.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start as usize..).unwrap_or_default()
    }
}

/// One contiguous piece of bytes in a [`super::Chain`].
#[derive(Debug)]
pub enum Segment {
    /// A view of a pooled block.
    Block(Block),
    /// An allocation of its own.
    Stub(Stub),
    /// Bytes of many queues.
    Shared(Shared),
    /// Constant text.
    Fixed(&'static [u8]),
}

const _: () = assert!(size_of::<Option<Segment>>() == 24);

impl Segment {
    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Segment::Block(block) => block.bytes(),
            Segment::Stub(stub) => stub.bytes(),
            Segment::Shared(shared) => shared.bytes(),
            Segment::Fixed(bytes) => bytes,
        }
    }

    /// The bytes, to be changed in place; constant text, and what others share, is copied first.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        if let Segment::Fixed(_) | Segment::Shared(_) = self {
            *self = Segment::Stub(Stub::new(self.bytes()));
        }
        match self {
            Segment::Block(block) => block.bytes_mut(),
            Segment::Stub(stub) => {
                let StubBytes { start, bytes } = &mut *stub.0;
                bytes.get_mut(*start as usize..).unwrap_or_default()
            }
            Segment::Fixed(_) | Segment::Shared(_) => &mut [],
        }
    }

    /// Number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Memory this segment keeps from others, in bytes: a whole block counts, however little is in it. What is shared
    /// counts in each queue.
    #[inline]
    pub fn capacity(&self) -> usize {
        match self {
            Segment::Block(_) => BLOCK,
            Segment::Stub(stub) => stub.0.bytes.len(),
            Segment::Shared(shared) => shared.bytes.len(),
            Segment::Fixed(_) => 0,
        }
    }

    /// Drops the first `n` bytes.
    pub fn consume(&mut self, n: usize) {
        match self {
            Segment::Block(block) => block.consume(n),
            Segment::Stub(stub) => {
                assert!(n <= stub.bytes().len());
                stub.0.start += n as u32;
            }
            Segment::Shared(shared) => {
                assert!(n <= shared.bytes().len());
                shared.start += n as u32;
            }
            Segment::Fixed(bytes) => *bytes = &bytes[n..],
        }
    }

    /// Splits the first `n` bytes off. A block is split without copying; of the other kinds they
    /// are copied, but for constant text, and the number of bytes copied is returned beside.
    pub fn split_to(&mut self, n: usize) -> (Segment, usize) {
        match self {
            Segment::Block(block) => (Segment::Block(block.split_to(n)), 0),
            Segment::Stub(stub) => {
                let front = Stub::new(&stub.bytes()[..n]);
                self.consume(n);
                (Segment::Stub(front), n)
            }
            Segment::Shared(shared) => {
                let front = Stub::new(&shared.bytes()[..n]);
                self.consume(n);
                (Segment::Stub(front), n)
            }
            Segment::Fixed(bytes) => {
                let (front, back) = bytes.split_at(n);
                *bytes = back;
                (Segment::Fixed(front), 0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_splits_and_consumes_alike() {
        let pool = super::super::Pool::new(1);
        let mut block = pool.take().expect("room");
        block.append(b"abcdef");
        for mut segment in [
            Segment::Block(block),
            Segment::Stub(Stub::new(b"abcdef")),
            Segment::Shared(Shared::new(Box::from(*b"abcdef"))),
            Segment::Fixed(b"abcdef"),
        ] {
            let (front, _) = segment.split_to(2);
            assert_eq!((front.bytes(), segment.bytes()), (&b"ab"[..], &b"cdef"[..]));
            segment.consume(3);
            assert_eq!(segment.bytes(), b"f");
            segment.bytes_mut()[0] = b'F';
            assert_eq!(segment.bytes(), b"F");
            segment.consume(1);
            assert!(segment.is_empty());
        }
    }
}
