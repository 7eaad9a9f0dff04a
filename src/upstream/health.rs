//! How a server of a group is, as all workers see it: what checks found out, and since when it is back.
//!
//! One worker checks and writes, all read. It outlives generations, so that a reload forgets nothing.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::base::Millis;
use crate::config::HealthCheck;

/// What is wrong with a server that was checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ill {
    /// It took no connection.
    Unreachable,
    /// It did not answer in time.
    Silent,
    /// It closed the connection instead of an answer.
    Closed,
    /// What it said is no answer.
    Nonsense,
    /// It answered with another status than it should.
    Status(u16),
    /// It opened no WebSocket, or did not prove that it did.
    NoWebSocket,
}

impl fmt::Display for Ill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ill::Unreachable => f.write_str("unreachable"),
            Ill::Silent => f.write_str("no answer in time"),
            Ill::Closed => f.write_str("closed without an answer"),
            Ill::Nonsense => f.write_str("the answer is not understood"),
            Ill::Status(status) => write!(f, "status {status}"),
            Ill::NoWebSocket => f.write_str("no WebSocket"),
        }
    }
}

impl Ill {
    fn to_number(self) -> u32 {
        match self {
            Ill::Unreachable => 1,
            Ill::Silent => 2,
            Ill::Closed => 3,
            Ill::Nonsense => 4,
            Ill::NoWebSocket => 5,
            Ill::Status(status) => 1 << 16 | u32::from(status),
        }
    }

    fn from_number(number: u32) -> Option<Ill> {
        match number {
            0 => None,
            1 => Some(Ill::Unreachable),
            2 => Some(Ill::Silent),
            3 => Some(Ill::Closed),
            4 => Some(Ill::Nonsense),
            5 => Some(Ill::NoWebSocket),
            status => Some(Ill::Status(status as u16)),
        }
    }
}

/// What checks come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// None has ended yet. The server is used.
    Unknown,
    /// The server is used.
    Up,
    /// It is not.
    Down,
}

/// The state of one server of a group.
#[derive(Debug, Default)]
pub struct Health {
    /// 0 unknown, 1 up, 2 down.
    verdict: AtomicU8,
    /// Checks in a row that said otherwise.
    otherwise: AtomicU8,
    /// What the last check found wrong.
    ill: AtomicU32,
    /// When a check last found it well.
    passed: AtomicU64,
    /// When it came back, after checks or requests had found it wanting; 0: it was never away.
    risen: AtomicU64,
    /// Until when some worker's requests stay away.
    marked: AtomicU64,
}

/// The share that a server has at first when it comes back.
const FIRST_TENTHS: u64 = 1;

impl Health {
    /// That of a server which joins a group at work.
    pub(super) fn newcomer(now: Millis) -> Health {
        Health { risen: AtomicU64::new(now.get().max(1)), ..Health::default() }
    }

    /// What checks come to.
    pub fn verdict(&self) -> Verdict {
        match self.verdict.load(Relaxed) {
            0 => Verdict::Unknown,
            1 => Verdict::Up,
            _ => Verdict::Down,
        }
    }

    /// What the last check found wrong.
    pub fn ill(&self) -> Option<Ill> {
        Ill::from_number(self.ill.load(Relaxed))
    }

    /// Notes what a check has found; the new verdict, where it changes. The first check decides at once.
    pub fn note(
        &self,
        found: Result<(), Ill>,
        check: &HealthCheck,
        now: Millis,
    ) -> Option<Verdict> {
        self.ill.store(found.err().map_or(0, Ill::to_number), Relaxed);
        if found.is_ok() {
            self.passed.store(now.get(), Relaxed);
        }
        let before = self.verdict();
        let (verdict, enough) = match found {
            Ok(()) => (Verdict::Up, check.rise),
            Err(_) => (Verdict::Down, check.fall),
        };
        let times = match before {
            _ if before == verdict => 0,
            _ => self.otherwise.load(Relaxed).saturating_add(1),
        };
        self.otherwise.store(times, Relaxed);
        if before == verdict || before != Verdict::Unknown && times < enough {
            return None;
        }
        self.otherwise.store(0, Relaxed);
        self.verdict.store(if verdict == Verdict::Up { 1 } else { 2 }, Relaxed);
        if before == Verdict::Down {
            self.rise(now);
        }
        Some(verdict)
    }

    /// It is back.
    pub(super) fn rise(&self, now: Millis) {
        self.risen.store(now.get().max(1), Relaxed);
        self.marked.store(0, Relaxed);
    }

    /// Some worker's requests stay away until then.
    pub(super) fn mark(&self, until: Millis) {
        self.marked.fetch_max(until.get(), Relaxed);
    }

    /// Whether some worker's requests stay away.
    pub fn is_marked(&self, now: Millis) -> bool {
        now.get() < self.marked.load(Relaxed)
    }

    /// Whether a check has found it well since then.
    pub(super) fn has_passed_since(&self, then: Millis) -> bool {
        self.passed.load(Relaxed) > then.get()
    }

    /// Hundredths of its weight that it has, where it gets back the whole within `slow`.
    pub fn share(&self, slow: Duration, now: Millis) -> u32 {
        let risen = self.risen.load(Relaxed);
        let slow = slow.as_millis() as u64;
        let passed = now.get().saturating_sub(risen);
        if risen == 0 || passed >= slow {
            return 100;
        }
        (passed * 100 / slow).max(FIRST_TENTHS * 10) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Question;

    const SECOND: Duration = Duration::from_secs(1);

    fn check(fall: u8, rise: u8) -> HealthCheck {
        HealthCheck {
            question: Question::Connect,
            host: None,
            every: SECOND,
            timeout: SECOND,
            fall,
            rise,
        }
    }

    #[test]
    fn the_first_check_decides_and_then_some_in_a_row() {
        let (health, check) = (Health::default(), check(3, 2));
        let note = |found| health.note(found, &check, Millis(1));
        let ill = Err(Ill::Silent);
        assert_eq!(note(Ok(())), Some(Verdict::Up));
        for found in [ill, ill, Ok(()), ill, ill] {
            assert_eq!(note(found), None);
        }
        assert_eq!(note(ill), Some(Verdict::Down));
        for found in [ill, Ok(()), ill, Ok(())] {
            assert_eq!(note(found), None);
        }
        assert_eq!(note(Ok(())), Some(Verdict::Up));
        assert_eq!(health.ill(), None);
        let health = Health::default();
        assert_eq!(health.verdict(), Verdict::Unknown);
        assert_eq!(health.note(Err(Ill::Status(500)), &check, Millis(1)), Some(Verdict::Down));
        assert_eq!((health.verdict(), health.ill()), (Verdict::Down, Some(Ill::Status(500))));
    }

    #[test]
    fn what_was_wrong_is_remembered_as_it_was() {
        let all = [Ill::Unreachable, Ill::Silent, Ill::Closed, Ill::Nonsense, Ill::NoWebSocket];
        for ill in all.into_iter().chain([Ill::Status(100), Ill::Status(599)]) {
            assert_eq!(Ill::from_number(ill.to_number()), Some(ill));
        }
    }

    #[test]
    fn one_that_comes_back_gets_its_share_by_and_by() {
        let (health, check) = (Health::default(), check(1, 1));
        let slow = SECOND * 10;
        assert_eq!(health.share(slow, Millis(5)), 100, "it was never away");
        health.note(Err(Ill::Closed), &check, Millis(5));
        health.note(Ok(()), &check, Millis(1000));
        let shares = [1000, 1500, 3500, 10_900, 11_000].map(|at| health.share(slow, Millis(at)));
        assert_eq!(shares, [10, 10, 25, 99, 100]);
        assert_eq!(Health::newcomer(Millis(7)).share(slow, Millis(7)), 10);
    }
}
