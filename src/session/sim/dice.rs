//! Chance that can be had again: splitmix64.

/// All chance of one run comes from one of these.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Chance for somebody else: how often he draws does not show in this.
    pub(super) fn fork(&mut self) -> Dice {
        Dice(self.roll())
    }

    /// A number below `n`; 0 when that is 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    /// True so often in a hundred.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A size: mostly small, sometimes around what a block or a queue holds.
    pub(super) fn size(&mut self) -> usize {
        match self.below(20) {
            0..=3 => self.below(3),
            4..=12 => self.below(300),
            13..=16 => self.below(5_000),
            17..=18 => self.below(40_000),
            _ => self.below(300_000),
        }
    }
}
