//! Which names with which passwords were found right a while ago: digests under a key of this process.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{hmac, rand};

/// How long one is remembered.
const LIFE: Duration = Duration::from_secs(300);
/// How many are remembered at once.
const MOST: usize = 8192;

/// Whether two secrets are the same; how long it takes says nothing about either, neither a letter nor the length.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    let [one, other] = [one, other].map(|text| digest(&SHA256, text));
    verify_slices_are_equal(one.as_ref(), other.as_ref()).is_ok()
}

/// A name, its hash and a password, as nobody without the key can tell it.
pub(super) type Mark = [u8; 32];

/// What was found right.
#[derive(Debug)]
pub(super) struct Verified {
    key: hmac::Key,
    known: RwLock<HashMap<Mark, Instant>>,
}

impl Verified {
    /// Nothing yet, with a key of its own.
    ///
    /// # Errors
    /// When there are no random numbers.
    pub(super) fn new() -> Result<Verified, aws_lc_rs::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?;
        Ok(Verified { key, known: RwLock::default() })
    }

    /// The mark of a password for a name that has this hash: another hash, another mark.
    pub(super) fn mark(&self, user: &[u8], hash: &str, password: &[u8]) -> Mark {
        let mut sum = hmac::Context::with_key(&self.key);
        for part in [user, hash.as_bytes()] {
            sum.update(&(part.len() as u64).to_le_bytes());
            sum.update(part);
        }
        sum.update(password);
        let mut mark = [0; 32];
        mark.copy_from_slice(sum.sign().as_ref());
        mark
    }

    /// Whether this was found right.
    pub(super) fn has(&self, mark: &Mark, now: Instant) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(mark).is_some_and(|until| now < *until)
    }

    /// It was found right.
    pub(super) fn put(&self, mark: Mark, now: Instant) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, until| now < *until);
        }
        if known.len() >= MOST {
            // Any of them: it costs its owner one hash.
            let some: Vec<Mark> = known.keys().take(MOST / 8).copied().collect();
            some.iter().for_each(|mark| _ = known.remove(mark));
        }
        known.insert(mark, now + LIFE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_remembered_for_a_while_and_only_as_it_was() {
        let (verified, other) = (Verified::new().unwrap(), Verified::new().unwrap());
        let now = Instant::now();
        let mark = verified.mark(b"joe", "hash", b"secret");
        verified.put(mark, now);
        assert!(verified.has(&mark, now) && !verified.has(&mark, now + LIFE));
        for (user, hash, password) in
            [("joe", "hash", "Secret"), ("joe", "hash2", "secret"), ("joeh", "ash", "secret")]
        {
            let mark = verified.mark(user.as_bytes(), hash, password.as_bytes());
            assert!(!verified.has(&mark, now));
        }
        assert_ne!(other.mark(b"joe", "hash", b"secret"), mark, "keys differ");
    }

    #[test]
    fn memory_is_bounded() {
        let (verified, now) = (Verified::new().unwrap(), Instant::now());
        for n in 0..2 * MOST {
            verified.put(verified.mark(&n.to_le_bytes(), "", b""), now);
        }
        assert!(verified.known.read().unwrap().len() <= MOST);
        let last = verified.mark(&(2 * MOST - 1).to_le_bytes(), "", b"");
        assert!(verified.has(&last, now));
    }
}
