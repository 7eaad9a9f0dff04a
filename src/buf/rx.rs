//! The receive window: what was read from a connection and not yet consumed by its machine.

use super::{BLOCK, Block, Chain, Pool, Segment, Stub};

/// Blocks a window holds at most; one read fills as many at once.
pub const RX_BLOCKS: usize = 4;
/// A last block with less room than this is not read into again.
const WORTH_FILLING: usize = 2048;
/// Residues below this many bytes do not keep their block at the end of a turn.
const SMALL: usize = 1024;

/// Bytes received, oldest first. Empty and idle it owns no memory.
#[derive(Debug, Default)]
pub struct Rx {
    chain: Chain,
}

impl Rx {
    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.chain.is_empty()
    }

    /// Number of bytes waiting.
    #[inline]
    pub fn len(&self) -> usize {
        self.chain.len()
    }

    /// The first contiguous bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.chain.front().map(Segment::bytes).unwrap_or_default()
    }

    /// Whether they lie in more than one piece.
    #[inline]
    pub fn is_split(&self) -> bool {
        self.chain.is_split()
    }

    /// The first contiguous bytes, to be changed in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.chain.front_mut().map(Segment::bytes_mut).unwrap_or_default()
    }

    /// The segments waiting, first to last.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &Segment> + Clone {
        self.chain.iter()
    }

    /// How many further blocks may be read into.
    #[inline]
    pub fn room(&self) -> usize {
        RX_BLOCKS.saturating_sub(self.chain.capacity() / BLOCK)
    }

    /// The last block, where it has enough room to be worth reading into.
    pub fn tail_block(&mut self) -> Option<&mut Block> {
        match self.chain.back_mut() {
            Some(Segment::Block(block)) if block.room() >= WORTH_FILLING => Some(block),
            _ => None,
        }
    }

    /// Puts what was read at the end.
    pub fn push(&mut self, segment: Segment) {
        self.chain.push(segment);
    }

    /// Drops the first `n` bytes, which must be there.
    pub fn consume(&mut self, n: usize) {
        self.chain.consume(n);
    }

    /// Takes at most `max` bytes off the front as one segment, without copying from blocks.
    pub fn take(&mut self, max: u64, pool: &Pool) -> Option<Segment> {
        let front = self.chain.front_mut()?;
        if front.len() as u64 <= max {
            return self.chain.pop();
        }
        let n = usize::try_from(max).ok().filter(|n| *n > 0)?;
        let (segment, copied) = front.split_to(n);
        pool.count_payload(copied);
        Some(segment)
    }

    pub(super) fn chain_mut(&mut self) -> &mut Chain {
        &mut self.chain
    }

    /// Brings more bytes together at the front when they lie in several segments, so that a head can
    /// be parsed in one piece; false when they do already, or the pool has no block. A block is filled
    /// first; what needs more gets an allocation of its own.
    pub fn gather(&mut self, pool: &Pool) -> bool {
        if !self.chain.is_split() {
            return false;
        }
        let Some(mut block) = pool.take() else { return false };
        let front = if self.bytes().len() < block.room() {
            for segment in self.chain.iter() {
                if block.append(segment.bytes()) < segment.len() {
                    break;
                }
            }
            Segment::Block(block)
        } else {
            let mut whole = Vec::with_capacity(self.chain.len());
            self.chain.iter().for_each(|segment| whole.extend_from_slice(segment.bytes()));
            Segment::Stub(Stub::from(whole.into_boxed_slice()))
        };
        pool.count_head(front.len());
        self.chain.consume(front.len());
        let mut gathered = Chain::default();
        gathered.push(front);
        while let Some(segment) = self.chain.pop() {
            gathered.push(segment);
        }
        self.chain = gathered;
        true
    }

    /// Moves a small residue out of its block, which goes back to the pool.
    #[inline]
    pub fn settle(&mut self, pool: &Pool) {
        if !self.chain.is_empty() {
            self.settle_some(pool);
        }
    }

    fn settle_some(&mut self, pool: &Pool) {
        if self.chain.is_split() {
            return;
        }
        if let Some(front @ Segment::Block(_)) = self.chain.front_mut()
            && front.len() < SMALL
        {
            pool.count_payload(front.len());
            *front = Segment::Stub(Stub::new(front.bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(pool: &Pool, bytes: &[u8]) -> Segment {
        let mut block = pool.take().expect("room");
        block.append(bytes);
        Segment::Block(block)
    }

    #[test]
    fn takes_without_copying() {
        let pool = Pool::new(1);
        let mut rx = Rx::default();
        rx.push(block(&pool, b"headbody"));
        assert_eq!(rx.take(4, &pool).map(|s| s.bytes().to_vec()), Some(b"head".to_vec()));
        assert_eq!(rx.take(0, &pool).map(|s| s.len()), None);
        assert_eq!(rx.take(u64::MAX, &pool).map(|s| s.bytes().to_vec()), Some(b"body".to_vec()));
        assert!(rx.is_empty());
        assert_eq!(pool.copied(), (0, 0));
        assert_eq!(pool.taken(), 0);
    }

    #[test]
    fn gathers_a_head_from_pieces() {
        let pool = Pool::new(1);
        let mut rx = Rx::default();
        rx.push(Segment::Stub(Stub::new(b"GET / HT")));
        rx.push(block(&pool, b"TP/1.1\r\n\r\nrest"));
        assert!(rx.gather(&pool));
        assert_eq!(rx.bytes(), b"GET / HTTP/1.1\r\n\r\nrest");
        assert!(!rx.gather(&pool));
        assert_eq!(pool.taken(), 1);
    }

    #[test]
    fn gathers_into_a_block_and_then_into_more() {
        let pool = Pool::new(1);
        let mut rx = Rx::default();
        for fill in [b'x', b'y', b'z'] {
            rx.push(block(&pool, &[fill; 10_000]));
        }
        assert!(rx.gather(&pool));
        assert!(rx.bytes().len() > 16 << 10 && rx.bytes().len() < 20_000);
        assert!(rx.gather(&pool));
        assert_eq!(rx.bytes(), [[b'x'; 10_000], [b'y'; 10_000], [b'z'; 10_000]].concat());
        assert!(!rx.gather(&pool));
        assert!(rx.room() > 0, "there is room for more");
    }

    #[test]
    fn settles_into_a_stub() {
        let pool = Pool::new(1);
        let mut rx = Rx::default();
        rx.push(block(&pool, b"GET"));
        rx.settle(&pool);
        assert_eq!((rx.bytes(), pool.taken(), rx.room()), (&b"GET"[..], 0, RX_BLOCKS));
    }
}
