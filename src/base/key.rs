//! The generational key: a place in a slab and whose turn it is there.

use std::fmt;
use std::num::NonZeroU32;

/// Names one entry of a [`Slab`](super::Slab) for as long as that entry lives; afterwards it finds nothing.
///
/// The generation is never 0, so an `Option<Key>` takes 8 bytes, and every number below 2^32 is free
/// for tokens that are not keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    index: u32,
    generation: NonZeroU32,
}

impl Key {
    #[inline]
    pub(super) const fn new(index: u32, generation: NonZeroU32) -> Key {
        Key { index, generation }
    }

    /// The place in the slab.
    #[inline]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Whose turn it is at that place; never 0.
    #[inline]
    pub const fn generation(self) -> u32 {
        self.generation.get()
    }

    #[inline]
    pub(super) const fn turn(self) -> NonZeroU32 {
        self.generation
    }

    /// One number, 2^32 or more, for tokens and mail.
    #[inline]
    pub const fn to_u64(self) -> u64 {
        (self.generation.get() as u64) << 32 | self.index as u64
    }

    /// The key whose [`to_u64`](Key::to_u64) is `number`; `None` when no key has it.
    #[inline]
    pub const fn from_u64(number: u64) -> Option<Key> {
        match NonZeroU32::new((number >> 32) as u32) {
            Some(generation) => Some(Key { index: number as u32, generation }),
            None => None,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_even_when_optional() {
        assert_eq!(size_of::<Key>(), 8);
        assert_eq!(size_of::<Option<Key>>(), 8);
    }

    #[test]
    fn numbers_round_trip() {
        let last = Key::new(u32::MAX, NonZeroU32::MAX);
        let first = Key::new(0, NonZeroU32::MIN);
        for key in [first, last] {
            assert_eq!(Key::from_u64(key.to_u64()), Some(key));
        }
        assert_eq!(first.to_u64(), 1 << 32);
        assert_eq!(Key::from_u64(u64::from(u32::MAX)), None);
    }
}
