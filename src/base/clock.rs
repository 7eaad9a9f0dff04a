//! The one clock of a worker: read for a turn, and not for each thing that happens in it.

use std::ops::{Add, AddAssign, Sub};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Dates, IsoDate};

/// Milliseconds since the process started; the same scale on every thread. All arithmetic saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// Later than any other time.
    pub const NEVER: Millis = Millis(u64::MAX);

    /// The time from `earlier` to here; zero when it is not earlier.
    #[inline]
    pub fn since(self, earlier: Millis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The number itself.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Millis {
    type Output = Millis;

    #[inline]
    fn add(self, after: Duration) -> Millis {
        let millis = u64::from(after.subsec_millis());
        Millis(self.0.saturating_add(after.as_secs().saturating_mul(1000).saturating_add(millis)))
    }
}

impl AddAssign<Duration> for Millis {
    #[inline]
    fn add_assign(&mut self, after: Duration) {
        *self = *self + after;
    }
}

impl Sub for Millis {
    type Output = Duration;

    #[inline]
    fn sub(self, earlier: Millis) -> Duration {
        self.since(earlier)
    }
}

/// Monotonic and wall time as of the last [`tick`](Clock::tick) or [`glance`](Clock::glance), and the texts of dates as of the last tick.
#[derive(Debug, Clone)]
pub struct Clock {
    /// `None`: time moves by [`advance`](Clock::advance) only.
    start: Option<Instant>,
    now: Millis,
    /// Wall time in milliseconds since 1970 when `now` was 0.
    wall_start: u64,
    /// When `wall_start` was last compared with the system's wall clock.
    compared: Millis,
    /// The second that `dates` is for.
    second: u64,
    dates: Dates,
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}

impl Clock {
    /// A clock that shows the system's time.
    pub fn new() -> Clock {
        let mut clock = Clock::manual(UNIX_EPOCH);
        clock.start = Some(process_start());
        clock.now = Millis(elapsed(process_start()));
        clock.compare();
        clock.refresh();
        clock
    }

    /// A clock for tests: 0 ms and `wall` until it is advanced by hand.
    pub fn manual(wall: SystemTime) -> Clock {
        let wall_start = unix_millis(wall);
        Clock {
            start: None,
            now: Millis(0),
            wall_start,
            compared: Millis(0),
            second: wall_start / 1000,
            dates: Dates::of(wall_start / 1000),
        }
    }

    /// Reads the system's time. Nothing else moves the clock but a glance.
    pub fn tick(&mut self) {
        let Some(start) = self.start else { return };
        self.now = Millis(elapsed(start));
        if self.now.since(self.compared) >= Duration::from_secs(1) {
            self.compare();
        }
        self.refresh();
    }

    /// Takes a time that was noted elsewhere, perhaps a little late; never goes back. The dates stay as they are.
    #[inline]
    pub fn glance(&mut self, noted: Millis) {
        self.now = self.now.max(noted);
    }

    /// Moves a manual clock.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
        self.refresh();
    }

    /// The present, monotonic.
    #[inline]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The present in milliseconds since 1970.
    #[inline]
    pub fn wall_millis(&self) -> u64 {
        self.wall_start + self.now.0
    }

    /// The present as the world counts it.
    pub fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.wall_millis())
    }

    /// `Sat, 21 Nov 2026 02:30:00 GMT` (RFC 9110 section 5.6.7).
    #[inline]
    pub fn http_date(&self) -> &str {
        self.dates.http()
    }

    /// `21/Nov/2026:02:30:00 +0000`, as in a common log.
    #[inline]
    pub fn log_date(&self) -> &str {
        self.dates.log()
    }

    /// `2026-11-21T02:30:00.123Z`.
    pub fn iso_date(&self) -> IsoDate {
        self.dates.iso((self.wall_millis() % 1000) as u16)
    }

    /// The wall clock may be set while we run: follow it, once a second.
    fn compare(&mut self) {
        self.compared = self.now;
        self.wall_start = unix_millis(SystemTime::now()).saturating_sub(self.now.0);
    }

    #[inline]
    fn refresh(&mut self) {
        let second = self.wall_millis() / 1000;
        if second != self.second {
            self.second = second;
            self.dates = Dates::of(second);
        }
    }
}

fn process_start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

fn elapsed(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn unix_millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clocks_share_one_scale() {
        let mut first = Clock::new();
        let second = Clock::new();
        first.tick();
        assert!(first.now() >= second.now());
        assert!(first.now().since(second.now()) < Duration::from_secs(5));
        let wall = SystemTime::now().duration_since(first.wall()).unwrap_or_default();
        assert!(wall < Duration::from_secs(5));
    }

    #[test]
    fn stands_still_between_ticks() {
        let mut clock = Clock::new();
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(clock.now(), before);
        clock.tick();
        assert!(clock.now() - before >= Duration::from_millis(2));
    }

    #[test]
    fn a_glance_never_goes_back() {
        let mut clock = Clock::manual(UNIX_EPOCH);
        clock.glance(Millis(20));
        clock.glance(Millis(12));
        assert_eq!(clock.now(), Millis(20));
        assert_eq!(clock.wall_millis(), 20);
    }

    #[test]
    fn a_manual_clock_and_its_texts() {
        let mut clock = Clock::manual(UNIX_EPOCH + Duration::from_millis(1_795_228_200_123));
        clock.tick();
        assert_eq!(clock.now(), Millis(0));
        assert_eq!(clock.http_date(), "Sat, 21 Nov 2026 02:30:00 GMT");
        assert_eq!(clock.log_date(), "21/Nov/2026:02:30:00 +0000");
        assert_eq!(clock.iso_date().as_str(), "2026-11-21T02:30:00.123Z");
        clock.advance(Duration::from_millis(59_900));
        assert_eq!(clock.now(), Millis(59_900));
        assert_eq!(clock.http_date(), "Sat, 21 Nov 2026 02:31:00 GMT");
        assert_eq!(clock.iso_date().as_str(), "2026-11-21T02:31:00.023Z");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Millis(5) + Duration::MAX, Millis::NEVER);
        assert_eq!(Millis(5) - Millis(9), Duration::ZERO);
        assert_eq!(Millis(9) - Millis(5), Duration::from_millis(4));
    }
}
