//! What a worker does now and then: hand over log lines, drop old idle connections, give memory back.

use std::time::Duration;

use crate::base::Millis;
use crate::reactor;

use super::logbook::LogSink;
use super::turn::Worker;
use super::upkeep::earliest;

/// Log lines wait at most this long.
const LOG_DELAY: Duration = Duration::from_millis(50);
/// Or until there are so many bytes of them.
const LOG_BYTES: usize = 32 << 10;
/// Between looks at idle upstream connections and empty slabs.
const SWEEP: Duration = Duration::from_secs(3);
/// How long free memory is not looked for again: that holds up all threads, and whoever comes and goes could ask for it.
const GIVE_BACK: Duration = Duration::from_secs(60);
/// Before a session that found no block looks again.
const STARVED: Duration = Duration::from_millis(5);

/// After a peak of connections the allocator gives back what it holds free, but not for fewer than these.
const PEAK: usize = 1024;

/// How many connections there were at most since memory was given back.
#[derive(Debug, Default)]
struct Peak {
    most: usize,
}

impl Peak {
    /// Learns how many connections there are; true when at least half have gone, and many.
    fn is_over(&mut self, connections: usize) -> bool {
        self.most = self.most.max(connections);
        let gone = self.most - connections;
        gone >= PEAK && gone >= connections
    }
}

/// When which chore is due.
#[derive(Debug)]
pub(super) struct Chores {
    log: LogSink,
    log_due: Option<Millis>,
    sweep_due: Option<Millis>,
    starved_due: Option<Millis>,
    peak: Peak,
    give_back_after: Millis,
}

impl Chores {
    pub(super) fn new(log: LogSink) -> Chores {
        let peak = Peak::default();
        let give_back_after = Millis::default();
        Chores { log, log_due: None, sweep_due: None, starved_due: None, peak, give_back_after }
    }

    /// Whether the lines that wait have a time to be written.
    pub(super) fn is_log_due(&self) -> bool {
        self.log_due.is_some()
    }

    pub(super) fn write_log(&mut self, lines: &mut Vec<u8>) {
        self.log_due = None;
        self.log.hand_over(lines);
    }
}

impl Worker {
    /// When the next chore is due; `None` when nothing is left to be done.
    pub(super) fn next_chore(&self) -> Option<Millis> {
        let chores = &self.chores;
        earliest(&[chores.log_due, chores.sweep_due, chores.starved_due])
    }

    /// Does what is due.
    pub(super) fn do_chores(&mut self) {
        let now = self.world.clock.now();
        let due = |at: Option<Millis>| at.is_some_and(|at| now >= at);
        if due(self.chores.log_due) || self.world.log.len() >= LOG_BYTES {
            self.chores.write_log(&mut self.world.log);
        }
        if due(self.chores.sweep_due) {
            self.chores.sweep_due = None;
            for conn in self.idle.expire(now, false) {
                self.hang_up(conn, None);
            }
            self.world.pool.trim();
            if self.chores.peak.is_over(self.conns.len()) && now >= self.chores.give_back_after {
                self.chores.peak = Peak::default();
                self.chores.give_back_after = now + GIVE_BACK;
                reactor::give_back();
            }
        }
        if due(self.chores.starved_due) {
            self.chores.starved_due = None;
            for key in std::mem::take(&mut self.starved) {
                self.drive(key);
            }
        }
    }

    /// Notes what will be due. Behind it a turn must not drive any session: what that leaves to be done would have no date.
    pub(super) fn plan_chores(&mut self) {
        let now = self.world.clock.now();
        if !self.world.log.is_empty() {
            self.chores.log_due.get_or_insert(now + LOG_DELAY);
        }
        let over = self.chores.peak.is_over(self.conns.len());
        if over || !self.idle.is_empty() || self.world.pool.has_spare() {
            self.chores.sweep_due.get_or_insert(now + SWEEP);
        }
        if !self.starved.is_empty() {
            self.chores.starved_due.get_or_insert(now + STARVED);
        }
        let (head, payload) = self.world.pool.copied();
        self.world.counters.copied_head.set(head);
        self.world.counters.copied_payload.set(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_over_when_half_have_gone_and_many() {
        let mut peak = Peak::default();
        assert!([0, 500, 0, 1023, 0].iter().all(|connections| !peak.is_over(*connections)));
        assert!(!peak.is_over(8000));
        assert!(!peak.is_over(4001));
        assert!(peak.is_over(4000));
        assert!(!peak.is_over(5000), "they come back");
        assert!(peak.is_over(0));
        peak = Peak::default();
        assert!(!peak.is_over(0));
        assert!(!peak.is_over(PEAK - 1));
        assert!(!peak.is_over(0));
        assert!(!peak.is_over(PEAK));
        assert!(peak.is_over(0));
    }
}
