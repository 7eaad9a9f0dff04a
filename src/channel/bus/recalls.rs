//! What the bus has kept of channels: of which it is to be read, and which hubs wait for it.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;

use super::super::instances::Incoming;
use super::super::recalled::recalled;
use super::Bus;

/// How long hubs wait for what the bus has kept.
const RECALL: Duration = Duration::from_secs(2);

impl Bus {
    /// A channel has begun to be of interest here, or is no more.
    pub(super) fn expect(&mut self, name: &Arc<str>, on: bool, now: Millis) {
        if on && self.recalls {
            self.unread.insert(Arc::clone(name));
            self.expected.insert(Arc::clone(name), now);
        } else {
            self.unread.remove(name);
            self.expected.remove(name);
        }
    }

    /// Some channels of which is to be read what the bus has kept.
    /// Those are to be [told](Bus::recall), before the bus [has](Bus::confirm) what it was given.
    pub fn to_recall(&mut self, most: usize) -> Vec<Arc<str>> {
        let names: Vec<_> = std::iter::from_fn(|| self.unread.pop_first()).take(most).collect();
        self.reading.extend(names.iter().cloned());
        names
    }

    /// The bus has kept this of a channel, in its order, each with the time when it came there in milliseconds since 1970.
    /// Everything that came from the bus before has to be [taken](Bus::take) first.
    pub fn recall(
        &mut self,
        name: Arc<str>,
        entries: Vec<(u64, Vec<u8>)>,
        out: &mut Vec<Incoming>,
    ) {
        let (story, strange) = recalled(self.me, &name, entries);
        self.traffic.strange += strange;
        self.reading.remove(&name);
        self.expected.remove(&name);
        out.push(Incoming::Recalled(name, Some(story)));
    }

    /// Hubs that have waited too long, or all of them while the bus is away, need not wait. It is read all the same when it can be.
    pub fn excuse(&mut self, is_away: bool, now: Millis, out: &mut Vec<Incoming>) {
        self.expected.retain(|name, since| {
            let waits = !is_away && now < *since + RECALL;
            if !waits {
                out.push(Incoming::Recalled(Arc::clone(name), None));
            }
            waits
        });
    }

    /// What was not read is read another time.
    pub(super) fn put_back(&mut self) {
        let names = std::mem::take(&mut self.reading);
        self.unread.extend(names.into_iter().filter(|name| self.interests.contains(name)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::abroad::Bulletin;
    use super::*;

    #[test]
    fn what_the_bus_has_kept_is_read_when_it_is_of_interest_and_nobody_waits_in_vain() {
        let mut bus = Bus::new([1; 16], true);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let now = Millis(1000);
        let on = |names: &[&Arc<str>]| {
            Bulletin::Interest(names.iter().map(|name| (Arc::clone(name), true)).collect())
        };
        let none = |name: &Arc<str>| Incoming::Recalled(Arc::clone(name), None);
        bus.tell(on(&[&a, &b]), now);
        assert!(bus.has_work());
        assert_eq!(bus.to_recall(1), [Arc::clone(&a)]);
        bus.retract();
        assert_eq!(bus.to_recall(9), [Arc::clone(&a), Arc::clone(&b)], "it was not read");
        let mut out = Vec::new();
        bus.recall(Arc::clone(&a), vec![(1, b"strange".to_vec())], &mut out);
        assert_eq!(out, [Incoming::Recalled(Arc::clone(&a), Some(Vec::new()))]);
        assert_eq!(bus.traffic.strange, 1);
        bus.confirm(now);
        out.clear();
        bus.excuse(false, now + RECALL / 2, &mut out);
        assert!(out.is_empty());
        bus.excuse(false, now + RECALL, &mut out);
        assert_eq!(out, [none(&b)]);
        assert_eq!(bus.to_recall(9), [Arc::clone(&b)], "it is read all the same");
        bus.tell(on(&[&a]), now);
        out.clear();
        bus.excuse(true, now, &mut out);
        assert_eq!(out, [none(&a)]);
        bus.tell(Bulletin::Interest(vec![(a, false), (b, false)]), now);
        bus.retract();
        assert!(bus.to_recall(9).is_empty(), "nobody is interested any more");
    }
}
