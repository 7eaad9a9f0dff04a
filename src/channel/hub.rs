//! The channels of one core: its members, the channels at home here, and the letters to the others.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::base::Key;

use super::abroad::{Bulletin, Lost};
use super::homes::Homes;
use super::letter::{Answer, Asker, Letter};
use super::members::{Full, Members};
use super::publication::{Person, Publication, Saying};

/// The hub of one core.
#[derive(Debug)]
pub struct Hub {
    me: usize,
    cores: usize,
    members: Members,
    /// Those whose names are known, and where they are.
    people: HashMap<Key, (Arc<str>, Arc<Person>)>,
    homes: Homes,
    /// Letters to be sent, some of them to ourselves.
    out: VecDeque<(usize, Letter)>,
    /// What other instances are to be told.
    bulletins: VecDeque<Bulletin>,
}

/// What a letter comes to.
#[derive(Debug)]
pub enum Effect {
    /// It goes to all of a circle here ([`Hub::circle`]).
    Deliver(Arc<Publication>, u32),
    /// A session gets its answer.
    Tell(Key, Answer),
    /// These sessions have missed something.
    Miss(Vec<Key>),
}

impl Hub {
    /// The hub of core `me` of `cores`, at `now` in milliseconds since 1970; at most so many bytes are kept here for those who
    /// come later.
    pub fn new(me: usize, cores: usize, kept: usize, now: u64) -> Hub {
        let homes = Homes::new(cores, kept, now);
        let (members, people, bulletins) = Default::default();
        Hub { me, cores, members, people, homes, out: VecDeque::new(), bulletins }
    }

    /// At most so many bytes are kept here from now on.
    pub fn keep_at_most(&mut self, bytes: usize) {
        self.homes.keep_at_most(bytes);
    }

    /// A session joins a channel, of which there may be `most`; again does nothing. Returns the channel's name, kept once for
    /// all who have joined.
    ///
    /// # Errors
    /// When it is a channel too many.
    pub fn join(&mut self, name: &Arc<str>, who: Key, most: usize) -> Result<Arc<str>, Full> {
        self.members.join(name, who, most)
    }

    /// A session that has joined a channel has a name, in one.
    pub fn introduce(&mut self, channel: &Arc<str>, who: Key, person: Arc<Person>) {
        if let Entry::Vacant(place) = self.people.entry(who) {
            place.insert((Arc::clone(channel), Arc::clone(&person)));
            self.moved(Arc::clone(channel), person, true);
        }
    }

    /// A session is gone, or leaves all it has joined.
    pub fn leave(&mut self, who: Key) {
        self.members.leave(who);
        if !self.people.is_empty()
            && let Some((channel, person)) = self.people.remove(&who)
        {
            self.moved(channel, person, false);
        }
    }

    /// A session leaves one channel; it is in none there under a name.
    pub fn leave_one(&mut self, channel: &str, who: Key) {
        self.members.leave_one(channel, who);
    }

    fn moved(&mut self, channel: Arc<str>, person: Arc<Person>, came: bool) {
        self.tell_homes();
        self.out.push_back((self.home(&channel), Letter::Moved { channel, person, came }));
    }

    /// The sessions here in a circle of a channel; none where it is over.
    pub fn circle(&self, channel: &str, circle: u32) -> &[Key] {
        if self.members.is(channel, circle) { self.members.of(channel) } else { &[] }
    }

    /// The sessions here that have joined.
    #[cfg(test)]
    fn here(&self, channel: &str) -> &[Key] {
        self.members.of(channel)
    }

    /// A session publishes; where `asker` wants it, there will be an [`Answer::Published`].
    pub fn publish(&mut self, saying: Saying, asker: Option<Key>) {
        self.tell_homes();
        let asker = asker.map(|who| Asker { core: self.me, who });
        let home = self.home(&saying.channel);
        self.out.push_back((home, Letter::Publish { saying, asker }));
    }

    /// A session wants to know how many have joined, or what was published since; there will be an answer.
    pub fn ask(&mut self, channel: Arc<str>, who: Key, since: Option<u64>) {
        self.tell_homes();
        let asker = Asker { core: self.me, who };
        self.out.push_back((self.home(&channel), Letter::Ask { asker, channel, since }));
    }

    /// Tells homes how many have joined here, where that has changed.
    #[inline]
    pub fn tell_homes(&mut self) {
        if self.members.has_news() {
            self.tell_news();
        }
    }

    fn tell_news(&mut self) {
        let core = self.me;
        let mut sorted: Vec<Vec<_>> = vec![Vec::new(); self.cores];
        for (name, presence) in self.members.news() {
            if let Some(circles) = sorted.get_mut(self.home(&name)) {
                circles.push((name, presence));
            }
        }
        for (home, circles) in sorted.into_iter().enumerate().filter(|(_, all)| !all.is_empty()) {
            self.out.push_back((home, Letter::Joined { core, circles }));
        }
    }

    /// The next letter to be sent, and to which core. Our own come back to us.
    pub fn next_letter(&mut self) -> Option<(usize, Letter)> {
        self.out.pop_front()
    }

    /// Sends what was published to all cores where anybody has joined.
    fn spread(&mut self, publication: &Arc<Publication>) {
        for (core, circle) in self.homes.cores(&publication.channel) {
            self.out.push_back((core, Letter::Published(Arc::clone(publication), circle)));
        }
    }

    /// Reads a letter at `now`, in milliseconds since 1970.
    pub fn take(&mut self, letter: Letter, now: u64) -> Option<Effect> {
        if self.homes.is_linked() {
            self.homes.pass(now);
        }
        match letter {
            Letter::Publish { saying, asker } => {
                let keep = saying.keep;
                let (publication, reached) = self.homes.publish(saying, now);
                self.spread(&publication);
                if self.homes.is_linked() {
                    self.bulletins.push_back(Bulletin::Said(Arc::clone(&publication), keep));
                }
                if let Some(Asker { core, who }) = asker {
                    let answer = Answer::Published { id: publication.id, reached };
                    self.out.push_back((core, Letter::Answer(who, answer)));
                }
                None
            }
            Letter::Joined { core, circles } => {
                for (name, presence) in circles {
                    self.homes.joined(core, &name, presence);
                }
                None
            }
            Letter::Moved { channel, person, came } => {
                if let Some(notice) = self.homes.moved(channel, &person, came, now) {
                    self.spread(&notice);
                }
                None
            }
            Letter::Ask { asker: Asker { core, who }, channel, since } => {
                let answer = match since {
                    Some(since) => self.homes.tell(&channel, Asker { core, who }, since, now),
                    None => Some(self.homes.present(&channel)),
                };
                self.out.extend(answer.map(|answer| (core, Letter::Answer(who, answer))));
                None
            }
            Letter::Published(publication, circle) => {
                let is_theirs = self.members.is(&publication.channel, circle);
                is_theirs.then_some(Effect::Deliver(publication, circle))
            }
            Letter::Answer(who, answer) => Some(Effect::Tell(who, answer)),
            Letter::Heard(saying, origin) => {
                let publication = self.homes.hear(saying, origin, now);
                self.spread(&publication);
                None
            }
            Letter::Recalled(channel, story) => {
                for (Asker { core, who }, answer) in self.homes.recall(&channel, story, now) {
                    self.out.push_back((core, Letter::Answer(who, answer)));
                }
                None
            }
            Letter::Lost(lost) => self.lose(&lost),
            Letter::Gap(name, circle) => {
                let here = self.circle(&name, circle);
                (!here.is_empty()).then(|| Effect::Miss(here.to_vec()))
            }
        }
    }

    /// Something from other instances is lost.
    fn lose(&mut self, lost: &Lost) -> Option<Effect> {
        let Lost::In(names) = lost else {
            self.homes.miss(None);
            return Some(Effect::Miss(self.members.everybody()));
        };
        for name in names {
            self.homes.miss(Some(name));
            for (core, circle) in self.homes.cores(name) {
                self.out.push_back((core, Letter::Gap(Arc::clone(name), circle)));
            }
        }
        None
    }

    /// From now on there are other instances, who are told what happens here; what is kept of a channel elsewhere will be
    /// told as soon as it is of interest here, or that it cannot be had.
    pub fn link(&mut self, recalls: bool) {
        self.homes.link(recalls);
    }

    /// What other instances are to be told next; what is of interest here only where there is `room` for that too.
    pub fn next_bulletin(&mut self, room: bool) -> Option<Bulletin> {
        self.bulletins.pop_front().or_else(|| {
            let news = if room { self.homes.news() } else { Vec::new() };
            (!news.is_empty()).then_some(Bulletin::Interest(news))
        })
    }

    fn home(&self, name: &str) -> usize {
        home(name, self.cores)
    }
}

/// The core of so many that gives a channel's messages their order (FNV-1a of its name).
pub fn home(name: &str, cores: usize) -> usize {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash >> 32) % cores.max(1) as u64) as usize
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
