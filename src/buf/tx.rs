//! The send queue: what a machine wants sent and the connection has not taken yet.

use std::io::IoSlice;

use super::{BLOCK, Chain, Pool, Rx, Segment, Stub};

/// Memory a queue may hold before its sender is no longer read, in bytes of capacity.
pub const HIGH_WATER: usize = 8 * BLOCK;
/// Pushes up to this size are copied behind an unsent tail with room, instead of keeping a block.
const COALESCE: usize = 512;
/// Pieces below this many bytes do not keep a block of their own while they wait for others.
const GATHERED: usize = 2048;
/// Residues below this many bytes do not keep their block at the end of a turn.
const SMALL: usize = 1024;

/// Which count copied bytes go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// Heads we serialise.
    Head,
    /// Payload that passes.
    Payload,
}

/// Bytes to send, oldest first. Empty it owns no memory.
#[derive(Debug, Default)]
pub struct Tx {
    chain: Chain,
}

impl Tx {
    /// Whether all is sent.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.chain.is_empty()
    }

    /// Number of bytes not sent yet.
    pub fn len(&self) -> usize {
        self.chain.len()
    }

    /// Bytes of capacity left below the high-water mark; with none, the sender is not read.
    #[inline]
    pub fn room(&self) -> usize {
        HIGH_WATER.saturating_sub(self.chain.capacity())
    }

    /// Memory the queue holds, in bytes of capacity.
    pub fn capacity(&self) -> usize {
        self.chain.capacity()
    }

    /// Queues a segment; a small one is copied behind an unsent tail where that has room.
    pub fn push(&mut self, segment: Segment, pool: &Pool) {
        if segment.len() <= COALESCE
            && let Some(Segment::Block(tail)) = self.chain.back_mut()
            && tail.room() >= segment.len()
        {
            tail.append(segment.bytes());
            pool.count_payload(segment.len());
            return;
        }
        self.chain.push(segment);
    }

    /// Queues a segment that may wait for long: what fills little of its block is copied, so that
    /// many small ones do not keep a block each.
    pub fn gather(&mut self, segment: Segment, pool: &Pool) {
        if segment.len() < GATHERED {
            self.put(segment.bytes(), Copied::Payload, pool);
        } else {
            self.chain.push(segment);
        }
    }

    /// Queues all that was received elsewhere, which then is empty; in one move where nothing waits.
    #[inline]
    pub fn take_over(&mut self, rx: &mut Rx) {
        self.chain.take_over(rx.chain_mut());
    }

    /// Queues a segment as it is.
    pub fn queue(&mut self, segment: Segment) {
        self.chain.push(segment);
    }

    /// The queued segments, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &Segment> + Clone {
        self.chain.iter()
    }

    /// Queues a copy of `bytes`: into the tail's room, then into fresh blocks, or where the pool has
    /// none into a stub.
    pub fn put(&mut self, bytes: &[u8], copied: Copied, pool: &Pool) {
        match copied {
            Copied::Head => pool.count_head(bytes.len()),
            Copied::Payload => pool.count_payload(bytes.len()),
        }
        let mut rest = bytes;
        if let Some(Segment::Block(tail)) = self.chain.back_mut() {
            rest = &rest[tail.append(rest)..];
        }
        while !rest.is_empty() {
            let Some(mut block) = pool.take() else {
                self.chain.push(Segment::Stub(Stub::new(rest)));
                return;
            };
            rest = &rest[block.append(rest)..];
            self.chain.push(Segment::Block(block));
        }
    }

    /// Queues a copy of `bytes` that were made of `segment`: in the room behind that, where it has a block with enough and
    /// nothing waits, so that the two are in one.
    pub fn put_behind(&mut self, segment: &mut Segment, bytes: &[u8], pool: &Pool) {
        match segment {
            _ if bytes.is_empty() => {}
            Segment::Block(block) if self.is_empty() && block.room() >= bytes.len() => {
                let n = block.len();
                block.append(bytes);
                let front = block.split_to(n);
                self.chain.push(Segment::Block(std::mem::replace(block, front)));
                pool.count_head(bytes.len());
            }
            _ => self.put(bytes, Copied::Head, pool),
        }
    }

    /// Queues `prefix` and then `segment`, the prefix in the room in front of the segment where
    /// nothing else is queued or it does not fit behind the tail.
    pub fn push_with_prefix(&mut self, prefix: &[u8], mut segment: Segment, pool: &Pool) {
        let tail_has_room = match self.chain.back_mut() {
            Some(Segment::Block(tail)) => tail.room() >= prefix.len(),
            _ => false,
        };
        if !tail_has_room
            && let Segment::Block(block) = &mut segment
            && block.prepend(prefix)
        {
            pool.count_head(prefix.len());
        } else {
            self.put(prefix, Copied::Head, pool);
        }
        self.push(segment, pool);
    }

    /// The queued bytes as slices for one vectored write; returns how many of `slices` were set.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut n = 0;
        for (slice, segment) in slices.iter_mut().zip(self.chain.iter()) {
            *slice = IoSlice::new(segment.bytes());
            n += 1;
        }
        n
    }

    /// The first contiguous bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.chain.front().map(Segment::bytes).unwrap_or_default()
    }

    /// Whether the bytes lie in more than one piece.
    #[inline]
    pub fn is_split(&self) -> bool {
        self.chain.is_split()
    }

    /// Drops the first `n` bytes: they were sent.
    pub fn sent(&mut self, n: usize) {
        self.chain.consume(n);
    }

    /// Takes the first segment off, to queue it elsewhere.
    pub fn pop(&mut self) -> Option<Segment> {
        self.chain.pop()
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.chain = Chain::default();
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

    fn all(tx: &Tx) -> Vec<u8> {
        tx.chain.iter().flat_map(|s| s.bytes().to_vec()).collect()
    }

    #[test]
    fn puts_across_blocks_and_beyond_the_pool() {
        let pool = Pool::new(1);
        let mut tx = Tx::default();
        let bytes: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        tx.put(&bytes, Copied::Head, &pool);
        assert_eq!(all(&tx), bytes);
        let taken: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        tx.put(&bytes, Copied::Head, &pool);
        assert_eq!(tx.len(), 200_000);
        assert!(!taken.is_empty());
    }

    #[test]
    fn small_pushes_share_a_block() {
        let pool = Pool::new(1);
        let mut tx = Tx::default();
        for _ in 0..100 {
            let mut block = pool.take().expect("room");
            block.append(b"tick");
            tx.push(Segment::Block(block), &pool);
        }
        assert_eq!((tx.len(), pool.taken()), (400, 1));
    }

    #[test]
    fn gathered_pieces_share_blocks() {
        let pool = Pool::new(1);
        let mut tx = Tx::default();
        for _ in 0..100 {
            let mut block = pool.take().expect("room");
            block.append(&[7; 600]);
            tx.gather(Segment::Block(block), &pool);
        }
        assert_eq!((tx.len(), tx.capacity()), (60_000, 4 * BLOCK));
    }

    #[test]
    fn a_prefix_goes_in_front_without_a_segment_of_its_own() {
        let pool = Pool::new(1);
        let mut tx = Tx::default();
        for (prefix, body) in [("5\r\n", "hello"), ("\r\n6\r\n", " world")] {
            let mut block = pool.take().expect("room");
            block.append(body.as_bytes());
            tx.push_with_prefix(prefix.as_bytes(), Segment::Block(block), &pool);
        }
        assert_eq!(all(&tx), b"5\r\nhello\r\n6\r\n world");
        assert!(!tx.is_split());
    }

    #[test]
    fn what_is_made_of_a_segment_lies_behind_it() {
        let pool = Pool::new(1);
        let (mut tx, mut next) = (Tx::default(), Tx::default());
        let mut block = pool.take().expect("room");
        block.append(b"GET / HTTP/1.0");
        let mut segment = Segment::Block(block);
        tx.put_behind(&mut segment, b"GET / HTTP/1.1", &pool);
        assert_eq!((segment.bytes(), &*all(&tx)), (&b"GET / HTTP/1.0"[..], &b"GET / HTTP/1.1"[..]));
        assert_eq!(pool.taken(), 1);
        // It has no room any more, and what is queued already comes first.
        next.put_behind(&mut segment, b"once", &pool);
        next.put_behind(&mut segment, b" more", &pool);
        assert_eq!((&*all(&next), pool.taken()), (&b"once more"[..], 2));
        drop(segment);
        tx.put(b", and more", Copied::Head, &pool);
        assert_eq!((&*all(&tx), pool.taken()), (&b"GET / HTTP/1.1, and more"[..], 2));
        drop((tx, next));
        assert_eq!(pool.taken(), 0);
    }

    #[test]
    fn room_counts_capacity_not_payload() {
        let pool = Pool::new(1);
        let mut tx = Tx::default();
        let mut block = pool.take().expect("room");
        block.append(&[0; 600]);
        tx.push(Segment::Block(block), &pool);
        assert_eq!(tx.room(), HIGH_WATER - BLOCK);
        tx.settle(&pool);
        assert_eq!((tx.room(), pool.taken()), (HIGH_WATER - 600, 0));
        tx.sent(600);
        assert!(tx.is_empty());
    }
}
