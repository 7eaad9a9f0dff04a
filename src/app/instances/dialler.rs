//! Which addresses there are to connect to, and when the next try is due.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Address, Millis, Rng};
use crate::channel::Link;
use crate::reactor::{NameCell, Names};

/// Before the second try, and at most.
const FIRST: Duration = Duration::from_millis(200);
const MOST: Duration = Duration::from_secs(10);
/// Before an address that leads back here is tried again: it may come to be somebody else's.
const MYSELF: Duration = Duration::from_secs(60);

/// Where other instances are.
#[derive(Debug)]
pub(super) struct Dialler {
    fixed: Vec<SocketAddr>,
    names: Vec<Arc<NameCell>>,
    tries: HashMap<SocketAddr, Try>,
    rng: Rng,
}

/// What is known of an address.
#[derive(Debug, Default)]
struct Try {
    link: Option<Link>,
    due: Millis,
    pause: Duration,
    /// Why it failed last, if that was the last that happened.
    failing: Option<String>,
}

impl Dialler {
    /// For these addresses; names are looked up by `names`.
    pub(super) fn new(peers: &[Address], names: Option<&Names>, rng: Rng) -> Dialler {
        let mut dialler =
            Dialler { fixed: Vec::new(), names: Vec::new(), tries: HashMap::new(), rng };
        for peer in peers {
            match peer {
                Address::Ip(address) => dialler.fixed.push(*address),
                Address::Name { host, port } => {
                    dialler.names.extend(names.map(|names| names.add(host, *port)));
                }
                Address::Unix(_) | Address::Abstract(_) => {}
            }
        }
        dialler
    }

    /// Addresses to connect to now.
    pub(super) fn due(&mut self, now: Millis) -> Vec<SocketAddr> {
        let mut all = self.fixed.clone();
        for name in &self.names {
            all.extend(name.addresses().iter());
        }
        self.tries.retain(|address, one| one.link.is_some() || all.contains(address));
        for address in &all {
            self.tries.entry(*address).or_default();
        }
        let due = self.tries.iter().filter(|(_, one)| one.link.is_none() && now >= one.due);
        due.map(|(address, _)| *address).collect()
    }

    /// When the next try is due.
    pub(super) fn next(&self) -> Option<Millis> {
        self.tries.values().filter(|one| one.link.is_none()).map(|one| one.due).min()
    }

    /// A try has begun.
    pub(super) fn began(&mut self, address: SocketAddr, link: Link) {
        self.tries.entry(address).or_default().link = Some(link);
    }

    /// Somebody was reached.
    pub(super) fn reached(&mut self, address: SocketAddr) {
        let one = self.tries.entry(address).or_default();
        (one.pause, one.failing) = (Duration::ZERO, None);
    }

    /// It came to nothing, or is over. True when that is said for the first time.
    pub(super) fn failed(&mut self, address: SocketAddr, why: &str, now: Millis) -> bool {
        let jitter = self.rng.below(1000) as u32;
        let Some(one) = self.tries.get_mut(&address) else { return true };
        one.pause = (one.pause * 2).clamp(FIRST, MOST);
        // Between a half and the whole of it, so that many do not come at once.
        one.due = now + one.pause / 2 + one.pause / 2 * jitter / 1000;
        one.link = None;
        one.failing.replace(why.to_owned()).as_deref() != Some(why)
    }

    /// It leads back here.
    pub(super) fn is_myself(&mut self, address: SocketAddr, now: Millis) {
        if let Some(one) = self.tries.get_mut(&address) {
            (one.link, one.due, one.failing) = (None, now + MYSELF, None);
        }
    }

    /// Addresses where nobody is reached, and why.
    pub(super) fn failing(&self) -> Vec<(String, String)> {
        let failing = self.tries.iter().filter(|(_, one)| one.failing.is_some());
        let shown = |(address, one): (&SocketAddr, &Try)| {
            (address.to_string(), one.failing.clone().unwrap_or_default())
        };
        let mut all: Vec<_> = failing.map(shown).collect();
        all.extend(
            self.names
                .iter()
                .filter(|name| name.addresses().is_empty())
                .map(|name| (format!("{}:{}", name.host(), name.port()), "no address".to_owned())),
        );
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tries_again_later_and_later_and_not_all_at_once() {
        let address: SocketAddr = "127.0.0.1:1".parse().expect("one");
        let mut dialler = Dialler::new(&[Address::Ip(address)], None, Rng::new(1));
        let mut now = Millis(1000);
        assert_eq!(dialler.due(now), [address]);
        dialler.began(address, 7);
        assert_eq!(dialler.due(now), []);
        assert_eq!(dialler.next(), None);
        let mut pauses = Vec::new();
        for round in 0..12 {
            assert_eq!(dialler.failed(address, "refused", now), round == 0, "it is said once");
            let due = dialler.next().expect("another try");
            pauses.push((due - now).as_millis());
            now = due;
            assert_eq!(dialler.due(now), [address]);
            dialler.began(address, 8 + round);
        }
        assert!((100..=200).contains(&pauses[0]) && (200..=400).contains(&pauses[1]), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= 10_000) && pauses[11] >= 5000, "{pauses:?}");
        dialler.reached(address);
        assert!(dialler.failing().is_empty());
        dialler.failed(address, "gone", now);
        assert!((dialler.next().expect("another") - now).as_millis() <= 200);
        assert_eq!(dialler.failing(), [("127.0.0.1:1".to_owned(), "gone".to_owned())]);
        dialler.is_myself(address, now);
        assert!(dialler.due(now + MOST).is_empty());
    }
}
