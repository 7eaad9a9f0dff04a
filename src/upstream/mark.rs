//! What is remembered of one server: whether it failed, and when it may be asked again.

use std::time::Duration;

use crate::base::Millis;

/// How long the first failure marks a server.
const FIRST: Duration = Duration::from_secs(1);

/// How long further failures mark it at most.
const LONGEST: Duration = Duration::from_secs(10);

/// The state of one server as one worker has seen it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Mark {
    /// Nothing is known against it.
    #[default]
    Good,
    /// It failed `times` in a row and is left alone until then.
    Marked { times: u8, until: Millis },
    /// Its time was over and one request was sent to see; the others wait for the result until then.
    Probed { times: u8, until: Millis },
}

impl Mark {
    /// Since when requests with another choice stay away, and until when.
    pub(super) fn period(self) -> Option<(Millis, Millis)> {
        match self {
            Mark::Good => None,
            Mark::Marked { times, until } | Mark::Probed { times, until } => {
                Some((Millis(until.get().saturating_sub(period(times).as_millis() as u64)), until))
            }
        }
    }

    /// Whether requests with another choice stay away.
    pub(super) fn is_avoided(self, now: Millis) -> bool {
        match self {
            Mark::Good => false,
            Mark::Marked { until, .. } | Mark::Probed { until, .. } => now < until,
        }
    }

    /// A request goes there.
    pub(super) fn picked(&mut self, now: Millis) {
        match *self {
            Mark::Marked { times, until } | Mark::Probed { times, until } if now >= until => {
                *self = Mark::Probed { times, until: now + period(times) };
            }
            _ => {}
        }
    }

    /// It took a connection.
    pub(super) fn connected(&mut self) {
        *self = Mark::Good;
    }

    /// It did not. Of many dials that fail together only the first counts.
    pub(super) fn failed(&mut self, now: Millis) {
        let times = match *self {
            Mark::Good => 1,
            Mark::Marked { until, .. } if now < until => return,
            Mark::Marked { times, .. } | Mark::Probed { times, .. } => times.saturating_add(1),
        };
        *self = Mark::Marked { times, until: now + period(times) };
    }
}

/// How long a server is left alone that failed `times` in a row: 1, 2, 4, 8, 10 seconds.
fn period(times: u8) -> Duration {
    FIRST.saturating_mul(1 << times.saturating_sub(1).min(8)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_grow_to_ten_seconds_and_one_connection_lifts_them() {
        let mut mark = Mark::default();
        let mut now = Millis(5);
        for seconds in [1, 2, 4, 8, 10, 10] {
            mark.failed(now);
            assert!(
                mark.is_avoided(now) && mark.is_avoided(Millis(now.get() + seconds * 1000 - 1))
            );
            now = Millis(now.get() + seconds * 1000);
            assert!(!mark.is_avoided(now));
            mark.picked(now);
            assert!(mark.is_avoided(now), "the others wait for the probe");
        }
        mark.connected();
        assert!(!mark.is_avoided(now));
        mark.failed(now);
        assert!(!mark.is_avoided(now + FIRST));
    }

    #[test]
    fn dials_that_fail_together_count_once() {
        let mut mark = Mark::default();
        for after in 0..50 {
            mark.failed(Millis(after));
        }
        assert!(!mark.is_avoided(Millis(1000)));
    }

    #[test]
    fn a_probe_without_a_result_is_followed_by_another() {
        let mut mark = Mark::default();
        mark.failed(Millis(0));
        mark.picked(Millis(1000));
        assert!(mark.is_avoided(Millis(1999)));
        assert!(!mark.is_avoided(Millis(2000)));
    }
}
