//! Which places of a chunked storage are taken: 64 places to a chunk, the lowest free one first.

/// Places in a chunk.
pub(super) const CHUNK: usize = 64;

/// The chunk a place is in, and where in it.
#[inline]
pub(super) const fn split(index: u32) -> (usize, usize) {
    (index as usize / CHUNK, index as usize % CHUNK)
}

/// Occupancy of all chunks. Memory of the chunks themselves is the owner's.
///
/// Low places are given out first so that high chunks run empty. One empty chunk is kept, so that
/// an owner going back and forth over a chunk's edge does not allocate each time.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// One bit per place: taken.
    taken: Vec<u64>,
    /// One bit per chunk: has a free place.
    room: Vec<u64>,
    /// No chunk below this word of `room` has a free place.
    lowest: usize,
    /// The empty chunk whose memory is kept.
    spare: Option<usize>,
    len: usize,
}

impl Rooms {
    /// How many places are taken.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes the lowest free place. Its chunk may be without memory, or one past the last.
    ///
    /// # Panics
    /// When 2^32 places are taken.
    pub(super) fn take(&mut self) -> u32 {
        let chunk = self.chunk_with_room();
        let slot = (!self.taken[chunk]).trailing_zeros() as usize;
        self.taken[chunk] |= 1 << slot;
        if self.taken[chunk] == u64::MAX {
            self.room[chunk / 64] &= !(1 << (chunk % 64));
        }
        if self.spare == Some(chunk) {
            self.spare = None;
        }
        self.len += 1;
        u32::try_from(chunk * CHUNK + slot).expect("fewer than 2^32 entries")
    }

    fn chunk_with_room(&mut self) -> usize {
        while let Some(&word) = self.room.get(self.lowest) {
            if word != 0 {
                return self.lowest * 64 + word.trailing_zeros() as usize;
            }
            self.lowest += 1;
        }
        let chunk = self.taken.len();
        self.taken.push(0);
        if chunk / 64 == self.room.len() {
            self.room.push(0);
        }
        self.room[chunk / 64] |= 1 << (chunk % 64);
        self.lowest = chunk / 64;
        chunk
    }

    /// Frees a place that is taken; returns a chunk that is empty now and whose memory is to be freed.
    pub(super) fn release(&mut self, index: u32) -> Option<usize> {
        let (chunk, slot) = split(index);
        debug_assert!(self.is_taken(index));
        self.taken[chunk] &= !(1 << slot);
        self.room[chunk / 64] |= 1 << (chunk % 64);
        self.lowest = self.lowest.min(chunk / 64);
        self.len -= 1;
        if self.taken[chunk] != 0 {
            return None;
        }
        match self.spare {
            Some(spare) => {
                self.spare = Some(spare.min(chunk));
                Some(spare.max(chunk))
            }
            None => {
                self.spare = Some(chunk);
                None
            }
        }
    }

    /// Whether a place is taken.
    pub(super) fn is_taken(&self, index: u32) -> bool {
        let (chunk, slot) = split(index);
        self.taken.get(chunk).is_some_and(|bits| bits >> slot & 1 == 1)
    }

    /// The first taken place at or after `index`.
    pub(super) fn next_taken(&self, index: u32) -> Option<u32> {
        let (mut chunk, slot) = split(index);
        let mut bits = self.taken.get(chunk)? & (u64::MAX << slot);
        while bits == 0 {
            chunk += 1;
            bits = *self.taken.get(chunk)?;
        }
        Some((chunk * CHUNK) as u32 + bits.trailing_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowest_first_and_one_spare() {
        let mut rooms = Rooms::default();
        let all: Vec<u32> = (0..5000).map(|_| rooms.take()).collect();
        assert_eq!(all, (0..5000).collect::<Vec<_>>());
        assert_eq!(rooms.release(4), None);
        assert_eq!(rooms.release(4500), None);
        assert_eq!((rooms.take(), rooms.take(), rooms.take()), (4, 4500, 5000));
        let freed: Vec<usize> = (0..=5000).filter_map(|index| rooms.release(index)).collect();
        assert_eq!(freed, (1..=78).collect::<Vec<_>>());
        assert_eq!(rooms.len(), 0);
        assert_eq!(rooms.next_taken(0), None);
    }
}
