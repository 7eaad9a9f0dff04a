//! Limits of how often something may happen: one table of cells that all cores share.
//!
//! Each key has a cell with the time at which its bucket would be full again (GCRA): no timer, no list, one
//! compare-and-swap per request. The table never grows. A key finds its cell by a hash with a salt of this process,
//! among the eight of its set, and there by 16 more bits of the hash; when all eight are taken by others, it gets that
//! of whoever has used least.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::Millis;
use crate::config::{self, Template};

/// Cells of a set: a line of cache.
const SET: usize = 8;
/// How many sets there are, as a power of two: the table takes 1 MiB.
const SETS: u64 = 1 << 14;
/// Bits of a cell that hold a time, in microseconds: almost nine years.
const TIME: u32 = 48;

/// The table.
pub struct Rates {
    salt: RandomState,
    sets: Box<[Set]>,
}

#[derive(Default)]
#[repr(align(64))]
struct Set([AtomicU64; SET]);

/// How often something may happen for each key.
#[derive(Debug)]
pub struct Limit {
    rates: Arc<Rates>,
    /// Whose keys they are.
    id: u64,
    /// Microseconds between two, on average.
    every: u64,
    /// How far ahead of that a key may be.
    ahead: u64,
    /// What is counted by; `None`: the client's address.
    pub key: Option<Template>,
}

impl Rates {
    /// A table in which nothing has happened.
    pub fn new() -> Rates {
        Rates { salt: RandomState::new(), sets: (0..SETS).map(|_| Set::default()).collect() }
    }

    /// One more for the key of this hash; if that is one too many, how long until there may be one.
    fn take(&self, hash: u64, limit: &Limit, now: u64) -> Result<(), u64> {
        let Some(Set(cells)) = self.sets.get((hash % SETS) as usize) else { return Ok(()) };
        let tag = hash >> TIME;
        loop {
            let found = cells.iter().map(|cell| (cell, cell.load(Ordering::Relaxed)));
            let mut best: Option<(&AtomicU64, u64, u64)> = None;
            for (cell, value) in found {
                let full = value & ((1 << TIME) - 1);
                if value >> TIME == tag && full > now {
                    best = Some((cell, value, full));
                    break;
                }
                if best.is_none_or(|(_, other, _)| full < other & ((1 << TIME) - 1)) {
                    best = Some((cell, value, now));
                }
            }
            let Some((cell, value, full)) = best else { return Ok(()) };
            let next = full + limit.every;
            if next - now > limit.ahead {
                return Err(next - now - limit.ahead);
            }
            let next = tag << TIME | next & ((1 << TIME) - 1);
            let order = Ordering::Relaxed;
            if cell.compare_exchange_weak(value, next, order, order).is_ok() {
                return Ok(());
            }
        }
    }
}

impl Default for Rates {
    fn default() -> Rates {
        Rates::new()
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

impl Limit {
    /// A limit as the configuration says it. `whose` is the same for what is counted together, in the next
    /// configuration as well.
    pub fn new(rates: &Arc<Rates>, said: &config::Limit, whose: impl Hash) -> Limit {
        let every = u64::try_from(said.every.as_micros()).unwrap_or(u64::MAX).max(1);
        let id = rates.salt.hash_one((whose, every, said.burst));
        let ahead = every * u64::from(said.burst);
        Limit { rates: Arc::clone(rates), id, every, ahead, key: said.key.clone() }
    }

    /// One more of this key.
    ///
    /// # Errors
    /// It is one too many: how long until there may be one.
    pub fn take(&self, key: &[u8], now: Millis) -> Result<(), Duration> {
        let hash = self.rates.salt.hash_one((self.id, key));
        self.rates.take(hash, self, now.get() * 1000).map_err(Duration::from_micros)
    }

    /// One more of this client. Clients of one IPv6 network of 64 bits are one, and so are those without an
    /// address.
    ///
    /// # Errors
    /// As with [`Limit::take`].
    pub fn take_client(&self, address: Option<IpAddr>, now: Millis) -> Result<(), Duration> {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => self.take(&address.octets(), now),
            Some(IpAddr::V6(address)) => {
                let [network @ .., _, _, _, _, _, _, _, _] = address.octets();
                let network: [u8; 8] = network;
                self.take(&network, now)
            }
            None => self.take(b"", now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(rates: &Arc<Rates>, every: u64, burst: u32, whose: &str) -> Limit {
        let every = Duration::from_millis(every);
        Limit::new(rates, &config::Limit { every, burst, key: None }, whose)
    }

    #[test]
    fn a_burst_at_once_and_then_one_in_each_interval() {
        let rates = Arc::new(Rates::new());
        let limit = limit(&rates, 100, 3, "a");
        let mut passed = Vec::new();
        for now in (5000..6000).step_by(10) {
            if limit.take(b"key", Millis(now)).is_ok() {
                passed.push(now);
            }
        }
        assert_eq!(
            passed,
            [5000, 5010, 5020, 5100, 5200, 5300, 5400, 5500, 5600, 5700, 5800, 5900]
        );
        let wait = limit.take(b"key", Millis(5990)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(10));
        for _ in 0..3 {
            assert_eq!(limit.take(b"key", Millis(9000)), Ok(()));
        }
        assert_eq!(limit.take(b"key", Millis(9000)), Err(Duration::from_millis(100)));
        assert_eq!(limit.take(b"other", Millis(9000)), Ok(()), "keys are counted apart");
    }

    #[test]
    fn limits_are_counted_apart_and_outlive_their_configuration() {
        let rates = Arc::new(Rates::new());
        let take = |whose| limit(&rates, 1000, 1, whose).take(b"key", Millis(1));
        assert!(take("a").is_ok() && take("b").is_ok());
        assert!(take("a").is_err(), "made anew it is the same");
        assert!(
            limit(&rates, 500, 1, "a").take(b"key", Millis(1)).is_ok(),
            "changed it is another"
        );
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let rates = Arc::new(Rates::new());
        let limit = limit(&rates, 1000, 1, "a");
        let take = |text: &str| limit.take_client(text.parse().ok(), Millis(1)).is_ok();
        assert!(
            take("2001:db8:1:2::1") && !take("2001:db8:1:2:ffff::9") && take("2001:db8:1:3::1")
        );
        assert!(take("192.0.2.1") && take("192.0.2.2") && !take("::ffff:192.0.2.1"));
        assert!(take("") && !take(""), "who has no address shares one");
    }

    #[test]
    fn a_flood_of_keys_takes_no_memory_and_forgets_those_who_asked_least() {
        let rates = Arc::new(Rates::new());
        let limit = limit(&rates, 1000, 10, "a");
        for _ in 0..10 {
            assert!(limit.take(b"greedy", Millis(1)).is_ok());
        }
        for n in 0..400_000u32 {
            let _ = limit.take(&n.to_le_bytes(), Millis(1));
        }
        assert!(limit.take(b"greedy", Millis(1)).is_err());
        assert_eq!(size_of_val(&*rates.sets), 1 << 20);
    }

    #[test]
    fn many_cores_let_no_more_through_than_one() {
        let rates = Arc::new(Rates::new());
        let limit = limit(&rates, 3_600_000, 1000, "a");
        let passed: usize = std::thread::scope(|scope| {
            let count = || (0..1000).filter(|_| limit.take(b"key", Millis(1)).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 1000);
    }
}
