//! How many messages a client may send: so many per second, and so many at once.

use crate::base::Millis;
use crate::config::Rate;

use super::super::snapshot::{Cursor, SnapshotError};

/// What is left of a client's rate. Plain data.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    /// Messages it may still send, in thousandths.
    left: u64,
    /// Since when that is so.
    since: Millis,
}

impl Allowance {
    pub(super) fn new(rate: Option<Rate>, now: Millis) -> Allowance {
        Allowance { left: rate.map_or(0, |rate| u64::from(rate.burst) * 1000), since: now }
    }

    /// Whether there is any for one more message.
    pub(super) fn lasts(&self, rate: Rate, now: Millis) -> bool {
        self.at(rate, now) >= 1000
    }

    /// Takes what `new` messages cost off; false when it is used up.
    pub(super) fn spend(&mut self, new: u64, rate: Rate, now: Millis) -> bool {
        self.left = self.at(rate, now);
        self.since = now;
        let left = self.left.checked_sub(new * 1000);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// What is left with what was earned since.
    fn at(&self, rate: Rate, now: Millis) -> u64 {
        let earned = (now - self.since).as_millis() as u64 * u64::from(rate.per_second);
        self.left.saturating_add(earned).min(u64::from(rate.burst) * 1000)
    }

    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.number(&mut self.left)?;
        at.time(&mut self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_per_second() {
        let rate = Rate { per_second: 2, burst: 3 };
        let mut allowance = Allowance::new(Some(rate), Millis(0));
        assert!(allowance.lasts(rate, Millis(0)));
        assert!(allowance.spend(3, rate, Millis(0)));
        assert!(!allowance.lasts(rate, Millis(499)) && allowance.lasts(rate, Millis(500)));
        let mut spend = |new, at| allowance.spend(new, rate, Millis(at));
        assert!(!spend(1, 499) && spend(1, 500) && !spend(1, 500));
        assert!(spend(3, 100_000) && !spend(1, 100_000), "no more than a burst is saved up");
    }
}
