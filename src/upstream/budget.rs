//! How many requests may be tried again: a share of those of the last seconds.
//!
//! A dead group is not hammered: what each request tries in vain it would try several times, and more load is the
//! last thing that servers need which do not keep up.

use std::time::Duration;

use crate::base::Millis;
use crate::config::Retries;

/// So many may be tried again whatever the share: all that were under way when a server died.
const FLOOR: u64 = 100;
/// Every second an eighth of what was counted is forgotten.
const FORGET: u64 = 8;
/// After so many nothing worth counting is left.
const LONG: u64 = 60;

/// What one group has been asked lately, as one worker has seen it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    asked: u64,
    again: u64,
    /// The second of the last look.
    second: u64,
}

impl Budget {
    /// A request comes.
    pub(super) fn asked(&mut self, now: Millis) {
        self.forget(now);
        self.asked += 1;
    }

    /// Whether one more may be tried again; it is counted then.
    pub(super) fn try_again(&mut self, retries: Retries, now: Millis) -> bool {
        self.forget(now);
        let most = FLOOR + self.asked * u64::from(retries.share) / 100;
        let may = self.again < most;
        self.again += u64::from(may);
        may
    }

    fn forget(&mut self, now: Millis) {
        let second = now.get() / Duration::from_secs(1).as_millis() as u64;
        if second == self.second {
            return;
        }
        let passed = second.saturating_sub(self.second);
        self.second = second;
        if passed > LONG {
            (self.asked, self.again) = (0, 0);
        }
        for _ in 0..passed.min(LONG) {
            self.asked -= self.asked.div_ceil(FORGET);
            self.again -= self.again.div_ceil(FORGET);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(budget: &mut Budget, share: u8, now: Millis) -> u64 {
        let retries = Retries { most: 1, share };
        (0..10_000).filter(|_| budget.try_again(retries, now)).count() as u64
    }

    #[test]
    fn a_share_of_what_was_asked_is_tried_again() {
        let mut budget = Budget::default();
        assert_eq!(granted(&mut budget, 20, Millis(0)), FLOOR);
        let mut budget = Budget::default();
        (0..1000).for_each(|_| budget.asked(Millis(5)));
        assert_eq!(granted(&mut budget, 20, Millis(6)), FLOOR + 200);
        assert_eq!(granted(&mut budget, 20, Millis(900)), 0, "used up");
        assert!(granted(&mut budget, 20, Millis(3000)) > 0, "as time passes there is more");
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let mut budget = Budget::default();
        (0..100_000).for_each(|_| budget.asked(Millis(0)));
        granted(&mut budget, 50, Millis(0));
        for later in [100_000, 1_000_000] {
            assert_eq!(granted(&mut budget, 50, Millis(later)), FLOOR);
        }
    }
}
