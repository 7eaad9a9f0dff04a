//! Session tickets: keys shared by all cores, rotated, and never shared between client-certificate rules.
//!
//! A ticket that resumes skips the client's certificate. So whoever may open a ticket is decided by an
//! [`Identity`]: listener, name and rule. What changes one of them gets new keys, and what leaves all as they
//! are (a reload, a renewed certificate) keeps the keys it has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;
use zeroize::Zeroizing;

use super::rule::Digest;
use crate::base::RuleId;

const NAME: usize = 16;
const NONCE: usize = 12;

/// Ticket keys and rules, which outlive generations.
#[derive(Debug, Default)]
pub struct Tickets {
    keys: Mutex<HashMap<Identity, Arc<Ticketer>>>,
    rules: Mutex<HashMap<Digest, RuleId>>,
}

/// What a ticket is good for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// The listener's address, as it is configured.
    pub(super) listener: String,
    /// The name it was asked for by; `None`: the listener's own certificate.
    pub(super) name: Option<String>,
    /// Whom of the clients it asks for what.
    pub(super) rule: RuleId,
    /// How long tickets live.
    pub(super) lifetime: Duration,
}

impl Tickets {
    /// The rule that `digest` stands for: the same for as long as the process runs.
    pub(super) fn rule(&self, digest: Digest) -> RuleId {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let next = RuleId::nth(rules.len());
        *rules.entry(digest).or_insert(next)
    }

    /// The keys of `identity`.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn of(&self, identity: &Identity) -> Result<Arc<Ticketer>, Unspecified> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = keys.get(identity) {
            return Ok(Arc::clone(known));
        }
        let fresh = Arc::new(Ticketer::new(identity.lifetime, Instant::now())?);
        keys.insert(identity.clone(), Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Forgets the keys of all but these: what comes back later starts with new ones.
    pub fn keep(&self, used: &Used) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|identity, _| used.0.contains(identity));
    }

    /// Replaces keys whose time is over, though no client comes.
    pub fn rotate(&self) {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.values().for_each(|ticketer| _ = ticketer.keys(Instant::now()));
    }
}

/// Whose tickets somebody still needs.
#[derive(Debug, Default)]
pub struct Used(pub(super) Vec<Identity>);

/// Seals tickets with its newest key and opens those of the one before (RFC 8446 section 4.6.1, RFC 5077 section 4).
pub(super) struct Ticketer {
    lifetime: Duration,
    keys: ArcSwap<Keys>,
    rotating: Mutex<()>,
}

struct Keys {
    newest: Arc<Key>,
    before: Option<Arc<Key>>,
    /// From then on neither seals.
    until: Instant,
}

struct Key {
    name: [u8; NAME],
    key: LessSafeKey,
}

impl Ticketer {
    /// Keys for tickets that are good for at most `lifetime`.
    fn new(lifetime: Duration, now: Instant) -> Result<Ticketer, Unspecified> {
        let keys =
            Keys { newest: Arc::new(Key::random()?), before: None, until: now + lifetime / 2 };
        Ok(Ticketer { lifetime, keys: ArcSwap::from_pointee(keys), rotating: Mutex::new(()) })
    }

    /// The keys that hold at `now`. Without random numbers the old ones open no more than they would have.
    fn keys(&self, now: Instant) -> Option<Arc<Keys>> {
        let keys = self.keys.load_full();
        if now < keys.until {
            return Some(keys);
        }
        let _rotating = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = self.keys.load_full();
        if now < keys.until {
            return Some(keys);
        }
        // After a long silence the tickets of the newest key are too old as well.
        let before = (now < keys.until + self.lifetime / 2).then(|| Arc::clone(&keys.newest));
        let newest = Arc::new(Key::random().ok()?);
        self.keys.store(Arc::new(Keys { newest, before, until: now + self.lifetime / 2 }));
        Some(self.keys.load_full())
    }

    fn seal(&self, plain: &[u8], now: Instant) -> Option<Vec<u8>> {
        self.keys(now)?.newest.seal(plain).ok()
    }

    fn open(&self, ticket: &[u8], now: Instant) -> Option<Vec<u8>> {
        let keys = self.keys(now)?;
        let (name, sealed) = ticket.split_first_chunk::<NAME>()?;
        let mut known = std::iter::once(&keys.newest).chain(&keys.before);
        known.find(|key| key.name == *name)?.open(sealed).ok()
    }
}

impl Key {
    fn random() -> Result<Key, Unspecified> {
        let mut name = [0; NAME];
        rand::fill(&mut name)?;
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(&mut *bytes)?;
        Ok(Key { name, key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &*bytes)?) })
    }

    /// The key's name, a nonce and what it makes of `plain`. A nonce met twice tells only that two tickets are
    /// the same (RFC 8452 section 1).
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce)?;
        let mut sealed = plain.to_vec();
        let (aad, unique) = (Aad::from(self.name), Nonce::assume_unique_for_key(nonce));
        self.key.seal_in_place_append_tag(unique, aad, &mut sealed)?;
        Ok([&self.name[..], &nonce, &sealed].concat())
    }

    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Unspecified)?;
        let mut plain = sealed.to_vec();
        let (aad, nonce) = (Aad::from(self.name), Nonce::assume_unique_for_key(*nonce));
        let len = self.key.open_in_place(nonce, aad, &mut plain)?.len();
        plain.truncate(len);
        Ok(plain)
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(plain, Instant::now())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.open(ticket, Instant::now())
    }
}

/// Keys are shown to nobody.
impl std::fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticketer").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn identity(listener: &str, rule: RuleId) -> Identity {
        Identity { listener: listener.into(), name: None, rule, lifetime: 2 * HOUR }
    }

    #[test]
    fn a_ticket_is_opened_by_its_own_keys_for_its_lifetime() {
        let start = Instant::now();
        let ticketer = Ticketer::new(2 * HOUR, start).unwrap();
        let ticket = ticketer.seal(b"session", start).unwrap();
        assert!(!ticket.windows(7).any(|part| part == b"session"));
        let open = |at: Duration| ticketer.open(&ticket, start + at);
        assert_eq!(open(Duration::ZERO).unwrap(), b"session");
        assert_eq!(open(HOUR).unwrap(), b"session", "the keys have changed once");
        assert_eq!(open(2 * HOUR), None, "and twice");
        let other = Ticketer::new(2 * HOUR, start).unwrap();
        assert_eq!(other.open(&ticket, start), None);
    }

    #[test]
    fn a_long_silence_does_not_prolong_a_ticket() {
        let start = Instant::now();
        let ticketer = Ticketer::new(2 * HOUR, start).unwrap();
        let ticket = ticketer.seal(b"session", start).unwrap();
        assert_eq!(ticketer.open(&ticket, start + 2 * HOUR), None);
    }

    #[test]
    fn what_was_touched_is_no_ticket() {
        let start = Instant::now();
        let ticketer = Ticketer::new(HOUR, start).unwrap();
        let ticket = ticketer.seal(b"session", start).unwrap();
        for at in 0..ticket.len() {
            let mut touched = ticket.clone();
            touched[at] ^= 1;
            assert_eq!(ticketer.open(&touched, start), None, "byte {at}");
            assert_eq!(ticketer.open(&ticket[..at], start), None, "cut at {at}");
        }
    }

    #[test]
    fn keys_stay_while_nothing_changes_and_come_back_as_others() {
        let tickets = Tickets::default();
        let [open, guarded] = [1, 2].map(|n| tickets.rule([n; 32]));
        assert_ne!(open, guarded);
        assert_eq!(tickets.rule([2; 32]), guarded);
        let kept = tickets.of(&identity(":443", open)).unwrap();
        let gone = tickets.of(&identity(":443", guarded)).unwrap();
        assert!(!Arc::ptr_eq(&kept, &gone));
        tickets.keep(&Used(vec![identity(":443", open)]));
        assert!(Arc::ptr_eq(&kept, &tickets.of(&identity(":443", open)).unwrap()));
        assert!(!Arc::ptr_eq(&gone, &tickets.of(&identity(":443", guarded)).unwrap()));
        assert!(!Arc::ptr_eq(&kept, &tickets.of(&identity(":444", open)).unwrap()));
    }
}
