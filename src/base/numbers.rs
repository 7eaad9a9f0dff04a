//! A hash for maps whose keys are small numbers of our own: nobody else chooses them, so they need no secret.

use std::hash::{BuildHasherDefault, Hasher};

/// Makes the hashes of a map by small numbers.
pub type ByNumber = BuildHasherDefault<NumberHasher>;

/// Spreads numbers over 64 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberHasher(u64);

/// 2^64 divided by the golden ratio, made odd: its bits have no pattern.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(SPREAD);
    }

    /// Maps go by the lowest bits, of which a product has the least.
    #[inline]
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn neighbours_are_far_apart() {
        let hash = |pair: (u32, u32)| ByNumber::default().hash_one(pair);
        let pairs = || (0..64).flat_map(|index| (0..64).map(move |serial| (index, serial)));
        let all: HashSet<u64> = pairs().map(hash).collect();
        assert_eq!(all.len(), 64 * 64);
        // 4,096 balls in 4,096 bins leave a good third of them empty.
        let low: HashSet<u64> = pairs().map(|pair| hash(pair) & 0xfff).collect();
        assert!(low.len() > 2000, "{}", low.len());
        let high: HashSet<u64> = pairs().map(|pair| hash(pair) >> 57).collect();
        assert_eq!(high.len(), 128);
    }
}
