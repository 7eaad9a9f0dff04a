//! Ends the wait of a poll at a time, without setting a timer for each wait.
//!
//! `epoll_wait` with a timeout sets a timer and takes it back when an event comes first: with a few messages in a wake-up
//! that is a tenth of what it costs. An alarm stays set (timerfd(2)), and times mostly move later: until it has gone off,
//! a wait sets nothing, and one that it ends too early is begun again.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::base::Millis;

/// Wakes one poll.
#[derive(Debug)]
pub struct Alarm {
    timer: OwnedFd,
    /// When it goes off next, or went off.
    at: Millis,
}

impl Alarm {
    /// One that is not set; its events have `token` and ask for nothing.
    ///
    /// # Errors
    /// When there is no descriptor or memory for it, or a filter of system calls refuses it.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Alarm> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // It is told of once each time it goes off, and need not be read: setting it anew takes back what it counted.
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Alarm { timer, at: Millis::default() })
    }

    /// What to poll with so that it ends `wait` after `now`, or before: nothing where the alarm sees to it.
    pub fn arm(&mut self, now: Millis, wait: Option<Duration>) -> Option<Duration> {
        let wait = wait.filter(|wait| !self.ends(now, *wait))?;
        if wait.is_zero() || self.set(wait).is_err() {
            return Some(wait);
        }
        self.at = now + wait;
        None
    }

    /// Its event has come: it is not set any more.
    pub fn rang(&mut self) {
        self.at = Millis::default();
    }

    /// Whether it goes off by then, or has gone off and nobody has seen it yet.
    pub fn is_set_for(&self, at: Millis) -> bool {
        self.at != Millis::default() && self.at <= at
    }

    /// Whether it is set to go off in time.
    fn ends(&self, now: Millis, wait: Duration) -> bool {
        now < self.at && self.at <= now + wait
    }

    fn set(&self, wait: Duration) -> rustix::io::Result<()> {
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let it_value = Timespec::try_from(wait).map_err(|_| rustix::io::Errno::INVAL)?;
        let once = Itimerspec { it_interval, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once).map(drop)
    }
}

#[cfg(test)]
#[path = "alarm_tests.rs"]
mod tests;
