//! When messages are due in an open-loop run, and the timer that wakes the loop for them.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// A timer of the kernel's, since epoll alone waits in whole milliseconds.
pub(crate) struct Pacer {
    timer: OwnedFd,
    rate: u64,
    begun: u64,
    given: u64,
}

impl Pacer {
    /// Message number n is due n / `rate` seconds after `now` (nanoseconds).
    pub(crate) fn new(rate: u64, now: u64, registry: &Registry, token: Token) -> io::Result<Pacer> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Pacer { timer, rate, begun: now, given: 0 })
    }

    /// The next message if its time has come: its number and when it was due.
    pub(crate) fn due(&mut self, now: u64) -> Option<(u64, u64)> {
        let (number, due) = (self.given, self.next());
        (due <= now).then(|| {
            self.given += 1;
            (number, due)
        })
    }

    /// Has the loop woken when the next message is due.
    pub(crate) fn wait(&mut self, now: u64) -> io::Result<()> {
        let nanos = self.next().saturating_sub(now).max(1) as i64;
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let then = Timespec { tv_sec: nanos / 1_000_000_000, tv_nsec: nanos % 1_000_000_000 };
        let once = Itimerspec { it_interval: never, it_value: then };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    fn next(&self) -> u64 {
        self.begun + (u128::from(self.given) * 1_000_000_000 / u128::from(self.rate)) as u64
    }
}
