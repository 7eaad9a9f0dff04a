//! The time as the system noted it when it last looked: some milliseconds late, for a third of what asking costs.

use std::mem::MaybeUninit;

use crate::base::{Clock, Millis};

/// Shows `CLOCK_MONOTONIC_COARSE` (clock_gettime(2)) on the scale of all clocks of this process.
#[derive(Debug)]
pub struct Coarse {
    /// Milliseconds that the system's clock is ahead of the process's, rounded up.
    lead: u64,
}

impl Coarse {
    /// One that is never ahead of this clock.
    pub fn beside(clock: &mut Clock) -> Coarse {
        clock.tick();
        let now = clock.now();
        Coarse { lead: (monotonic(libc::CLOCK_MONOTONIC) + 1).saturating_sub(now.get()) }
    }

    /// The time when the system last looked: normally less than 10 ms ago.
    #[inline]
    pub fn now(&self) -> Millis {
        Millis(monotonic(libc::CLOCK_MONOTONIC_COARSE).saturating_sub(self.lead))
    }
}

/// Milliseconds since the system started.
// rustix has a way of its own to the kernel's code for this, under which callgrind fails.
#[inline]
#[allow(unsafe_code)]
fn monotonic(clock: libc::clockid_t) -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: it writes one `timespec`, and every Linux has both clocks: it cannot fail.
    let time = unsafe {
        libc::clock_gettime(clock, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_never_ahead_and_goes_on() {
        let (mut clock, mut other) = (Clock::new(), Clock::new());
        std::thread::sleep(std::time::Duration::from_millis(3));
        let coarse = Coarse::beside(&mut clock);
        let first = coarse.now();
        loop {
            let now = coarse.now();
            other.tick();
            assert!(first <= now && now <= other.now());
            if now.since(first).as_millis() >= 20 {
                return;
            }
        }
    }
}
