//! The channels whose home is one core: how many have joined on each core, and what is kept.

mod recall;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::instances::InstanceId;
use super::letter::{Answer, Asker, Presence};
use super::publication::{Keep, Origin, Person, Publication, Saying};
use crate::base::write_json;
use crate::proto::ws::Kind;

/// Names that an answer has, at most.
const NAMES: usize = 1000;
/// Bytes that a kept message takes besides what it says.
const OVERHEAD: usize = 200;
/// Ids of others that are so far ahead, in microseconds, are none: a day.
const AHEAD: u64 = 86_400_000_000;

/// The channels at home on one core.
#[derive(Debug)]
pub(super) struct Homes {
    cores: usize,
    channels: HashMap<Arc<str>, Home>,
    /// The last id given to anything.
    last: u64,
    /// Everything kept in the order it came, and some of what has been dropped since.
    order: VecDeque<(Arc<str>, u64)>,
    /// Messages kept in all.
    messages: usize,
    /// Bytes kept in all.
    kept: usize,
    /// Most of them.
    most: usize,
    /// The time up to which nothing is known of what was published elsewhere, as an id.
    passed: u64,
    /// What is kept elsewhere of a new channel will be told.
    recalls: bool,
    /// Which channels have begun to be, or are no more, where other instances want to know.
    stirred: Option<HashMap<Arc<str>, bool>>,
}

#[derive(Debug)]
struct Home {
    /// Who has joined, by core.
    joined: Box<[Presence]>,
    /// Those whose names are known, and how often each has joined.
    people: BTreeMap<String, u32>,
    kept: VecDeque<Kept>,
    /// Nothing is known of what was published up to this id; whatever is kept has a greater one.
    unknown: u64,
    /// Nor up to this one, but for what is kept.
    begun: u64,
    /// The last id given to anything here.
    last: u64,
    /// Something is missing before this id.
    missing: u64,
    /// A message older than that is not kept.
    age: Option<u64>,
    /// What is kept elsewhere will be told, and whoever waits for it: since which id.
    waits: bool,
    asking: Vec<(Asker, u64)>,
}

#[derive(Debug)]
struct Kept {
    publication: Arc<Publication>,
    /// Where it was published, unless here, and under which id there.
    from: Option<InstanceId>,
    said: u64,
    /// Who has heard it has missed nothing of what is kept before it, and has heard nothing behind it.
    sure: bool,
    /// When it was published, in milliseconds since 1970.
    at: u64,
}

impl Kept {
    fn size(&self) -> usize {
        OVERHEAD + self.publication.payload.len()
    }
}

impl Home {
    fn is_over(&self) -> bool {
        self.kept.is_empty()
            && self.people.is_empty()
            && self.joined.iter().all(|there| there.count == 0)
    }

    /// Drops the oldest; returns how many bytes that frees.
    fn drop_oldest(&mut self) -> usize {
        let Some(oldest) = self.kept.pop_front() else { return 0 };
        self.unknown = oldest.publication.id;
        oldest.size()
    }

    /// Whether the oldest is too old.
    fn is_late(&self, now: u64) -> bool {
        let oldest = self.kept.front();
        self.age.is_some_and(|age| oldest.is_some_and(|kept| kept.at + age < now))
    }
}

impl Homes {
    /// Of a process with so many cores that begins at `now`, in milliseconds since 1970: of what was before nothing is
    /// known. At most so many bytes are kept here.
    pub(super) fn new(cores: usize, most: usize, now: u64) -> Homes {
        let channels = HashMap::new();
        let order = VecDeque::new();
        let (last, passed) = (now * 1000, 0);
        let (messages, kept, recalls, stirred) = (0, 0, false, None);
        Homes { cores, channels, last, order, messages, kept, most, passed, recalls, stirred }
    }

    /// At most so many bytes are kept from now on.
    pub(super) fn keep_at_most(&mut self, bytes: usize) {
        self.most = bytes;
        self.make_room();
    }

    fn home(&mut self, name: &Arc<str>) -> &mut Home {
        let (cores, waits, begun) = (self.cores, self.recalls, self.last.max(self.passed));
        // What will be told may be older than this.
        let unknown = if waits { self.last } else { begun };
        let stirred = &mut self.stirred;
        self.channels.entry(Arc::clone(name)).or_insert_with(|| {
            stir(stirred, name, true);
            Home {
                joined: vec![Presence::default(); cores].into(),
                people: BTreeMap::new(),
                kept: VecDeque::new(),
                unknown,
                begun,
                last: unknown,
                missing: 0,
                age: None,
                waits,
                asking: Vec::new(),
            }
        })
    }

    /// Something is published at `now`, in milliseconds since 1970: how many have joined.
    pub(super) fn publish(&mut self, saying: Saying, now: u64) -> (Arc<Publication>, u64) {
        self.issue(saying, false, None, now)
    }

    /// Something was published at another instance: it has the same id here, where that is possible.
    pub(super) fn hear(
        &mut self,
        saying: Saying,
        origin: Option<Origin>,
        now: u64,
    ) -> Arc<Publication> {
        let origin = origin.filter(|origin| origin.id <= now * 1000 + AHEAD);
        self.issue(saying, false, origin, now).0
    }

    fn issue(
        &mut self,
        saying: Saying,
        notice: bool,
        origin: Option<Origin>,
        now: u64,
    ) -> (Arc<Publication>, u64) {
        let Saying { channel, kind, payload, keep } = saying;
        let last = self.channels.get(&channel).map_or(self.last, |home| home.last);
        let id = match origin {
            Some(origin) => (last + 1).max(origin.id),
            None => (last.max(self.last) + 1).max(now * 1000),
        };
        let publication = Arc::new(Publication { channel, id, kind, payload, notice });
        let channel = &publication.channel;
        let reached = self.count(channel);
        if keep.messages > 0 {
            let (from, said) =
                origin.map_or((None, id), |origin| (Some(origin.instance), origin.id));
            let publication = Arc::clone(&publication);
            let kept = Kept { publication, from, said, sure: true, at: now };
            self.kept += kept.size();
            self.messages += 1;
            self.order.push_back((Arc::clone(channel), id));
            let home = self.home(channel);
            home.age = keep.age;
            home.kept.push_back(kept);
            self.drop_while(channel, |home| home.kept.len() > keep.messages as usize);
            self.make_room();
        }
        if let Some(home) = self.channels.get_mut(channel) {
            home.last = id;
            // Whoever waits for what is kept hears nothing else before.
            if keep.messages == 0 && !notice && !home.asking.is_empty() {
                home.missing = id;
            }
        }
        self.last = self.last.max(id);
        self.tidy(now);
        (publication, reached)
    }

    /// Drops the oldest of a channel as long as `must` says so.
    fn drop_while(&mut self, name: &str, must: impl Fn(&Home) -> bool) {
        let Some(home) = self.channels.get_mut(name) else { return };
        while !home.kept.is_empty() && must(home) {
            self.kept -= home.drop_oldest();
            self.messages -= 1;
        }
    }

    /// Drops the oldest of all until there is room.
    fn make_room(&mut self) {
        while self.kept > self.most
            && let Some((name, id)) = self.order.pop_front()
        {
            self.drop_while(&name, |home| home.unknown < id);
            self.forget_if_over(&name);
        }
    }

    /// Drops what is too old, as far as it stands before what is not, and forgets the order of what is not kept.
    fn tidy(&mut self, now: u64) {
        while let Some((name, id)) = self.order.front() {
            let (name, id) = (Arc::clone(name), *id);
            self.drop_while(&name, |home| home.is_late(now));
            if self.channels.get(&name).is_some_and(|home| home.unknown < id) {
                break;
            }
            self.order.pop_front();
            self.forget_if_over(&name);
        }
        if self.order.len() > 2 * self.messages + 64 {
            let channels = &self.channels;
            self.order
                .retain(|(name, id)| channels.get(name).is_some_and(|home| home.unknown < *id));
        }
    }

    /// These have joined on a core.
    pub(super) fn joined(&mut self, core: usize, name: &Arc<str>, there: Presence) {
        if there.count == 0 && !self.channels.contains_key(name) {
            return;
        }
        if let Some(place) = self.home(name).joined.get_mut(core) {
            *place = there;
        }
        self.forget_if_over(name);
    }

    /// One whose name is known came or went: what others are told of it, if anything.
    pub(super) fn moved(
        &mut self,
        channel: Arc<str>,
        person: &Person,
        came: bool,
        now: u64,
    ) -> Option<Arc<Publication>> {
        let home = self.home(&channel);
        let place = home.people.entry(person.name.clone());
        // Whoever has joined twice is here until both are gone.
        let is_news = match (came, place) {
            (true, place) => {
                let times = place.or_insert(0);
                *times += 1;
                *times == 1
            }
            (false, Entry::Occupied(mut place)) if *place.get() > 1 => {
                *place.get_mut() -= 1;
                false
            }
            (false, Entry::Occupied(place)) => place.remove() > 0,
            (false, Entry::Vacant(_)) => false,
        };
        self.forget_if_over(&channel);
        if !is_news || !person.announced {
            return None;
        }
        let mut said = match came {
            true => b"{\"joined\":".to_vec(),
            false => b"{\"left\":".to_vec(),
        };
        write_json(person.name.as_bytes(), &mut said);
        said.push(b'}');
        let keep = Keep::default();
        let saying = Saying { channel, kind: Kind::Text, payload: said.into(), keep };
        Some(self.issue(saying, true, None, now).0)
    }

    /// Who is there.
    pub(super) fn present(&self, name: &str) -> Answer {
        let people = self.channels.get(name).map(|home| &home.people);
        let names = people.into_iter().flat_map(BTreeMap::keys).cloned();
        let who: Vec<String> = names.take(NAMES).collect();
        let more = people.map_or(0, BTreeMap::len) - who.len();
        Answer::Present { count: self.count(name), who, more }
    }

    /// How many have joined in all.
    fn count(&self, name: &str) -> u64 {
        self.channels
            .get(name)
            .map_or(0, |home| home.joined.iter().map(|there| u64::from(there.count)).sum())
    }

    /// The cores where anybody has joined, and in which circle.
    pub(super) fn cores(&self, name: &str) -> impl Iterator<Item = (usize, u32)> {
        let joined = self.channels.get(name).map_or(&[][..], |home| &home.joined);
        let cores = joined.iter().enumerate().filter(|(_, there)| there.count > 0);
        cores.map(|(core, there)| (core, there.circle))
    }

    /// What was published behind an id.
    pub(super) fn story(&mut self, name: &str, since: u64, now: u64) -> Answer {
        self.drop_while(name, |home| home.is_late(now));
        let Some(home) = self.channels.get(name) else {
            return Answer::Story { kept: Vec::new(), gap: since < self.last.max(self.passed) };
        };
        let mut kept = home.kept.iter();
        let is_sure = kept.any(|kept| kept.sure && kept.publication.id == since);
        let gap = since < home.unknown.max(home.missing) || since < home.begun && !is_sure;
        let behind = home.kept.iter().filter(|kept| kept.publication.id > since);
        let kept = behind.map(|kept| Arc::clone(&kept.publication)).collect();
        Answer::Story { kept, gap }
    }

    fn forget_if_over(&mut self, name: &Arc<str>) {
        if self.channels.get(name).is_some_and(Home::is_over) {
            self.channels.remove(name);
            stir(&mut self.stirred, name, false);
        }
    }

    /// From now on other instances publish too: what is not known here may have been published there. What is kept elsewhere
    /// is told of each channel that begins to be, where `recalls` says so.
    pub(super) fn link(&mut self, recalls: bool) {
        self.recalls = recalls;
        self.stirred = Some(HashMap::new());
    }

    /// Whether they do.
    pub(super) fn is_linked(&self) -> bool {
        self.stirred.is_some()
    }

    /// It is `now`, in milliseconds since 1970: of what was published elsewhere up to now nothing is known.
    pub(super) fn pass(&mut self, now: u64) {
        self.passed = self.passed.max(now * 1000);
    }

    /// Channels that have begun to be since this was asked last, or are no more.
    pub(super) fn news(&mut self) -> Vec<(Arc<str>, bool)> {
        self.stirred.as_mut().map(|stirred| stirred.drain().collect()).unwrap_or_default()
    }

    /// Something is missing up to now in a channel, or in all.
    pub(super) fn miss(&mut self, name: Option<&str>) {
        let missing = self.last.max(self.passed);
        match name {
            Some(name) => {
                self.channels.get_mut(name).into_iter().for_each(|home| home.missing = missing);
            }
            None => self.channels.values_mut().for_each(|home| home.missing = missing),
        }
    }

    /// Whether nothing is known of any channel.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.kept == 0
    }
}

fn stir(stirred: &mut Option<HashMap<Arc<str>, bool>>, name: &Arc<str>, on: bool) {
    if let Some(stirred) = stirred {
        stirred.insert(Arc::clone(name), on);
    }
}

#[cfg(test)]
#[path = "homes_tests.rs"]
mod tests;
