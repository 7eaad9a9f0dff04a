//! Another instance: what it wants to hear, what waits for it or has not arrived there for certain, and what came from it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::base::Millis;
use crate::proto::instances::{FRAME_MAX, Frame, put_frame, put_said};

use super::abroad::{Losses, Lost};
use super::publication::{Keep, Publication};

/// Bytes that may wait for one instance.
const QUEUE: usize = 16 << 20;
/// What one message takes besides what it says.
const OVERHEAD: usize = 160;
/// Names in one frame.
const NAMES: usize = 500;
/// Channels that one instance can be interested in by name; with more it is told of all.
const INTERESTS: usize = 1 << 20;
/// Messages that have come before we say so, and bytes of them.
const GOT: u64 = 64;
const GOT_BYTES: usize = 256 << 10;

/// A link, by its number.
pub type Link = u64;

/// Another instance.
#[derive(Debug)]
pub(super) struct Instance {
    /// Links to it that are up, oldest first. We speak on the newest: it is the likeliest to be one.
    links: Vec<Link>,
    /// Since when there is none.
    pub(super) away: Option<Millis>,
    /// It has said that it ends.
    pub(super) left: bool,
    /// What it wants to hear of; `None`: of everything, as far as we know.
    wants: Option<HashSet<Arc<str>>>,
    /// The link on which it says so, and what it has said there as long as that is not all.
    begun: Option<Link>,
    coming: Option<HashSet<Arc<str>>>,
    /// What was sent and has not arrived for certain, and what waits.
    queue: VecDeque<Item>,
    /// The number of the first.
    front: u64,
    /// How many of them were sent on the link we speak on.
    sent: usize,
    /// Bytes of all.
    bytes: usize,
    losses: Losses,
    /// It was told on the link we speak on what we want to hear.
    greeted: bool,
    /// What has changed of that since.
    news: HashMap<Arc<str>, bool>,
    /// The number of the last that came from it.
    got: Option<u64>,
    /// The last that it was told of, and the bytes that came since.
    told: u64,
    untold: usize,
    pub(super) figures: Traffic,
}

/// What went to and fro.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages that it was to get.
    pub sent: u64,
    /// Of these, those that are lost.
    pub lost: u64,
    /// Messages that came from it.
    pub received: u64,
    /// Those that came once more, and went no further.
    pub repeated: u64,
    /// Times that something was missing.
    pub gaps: u64,
}

#[derive(Debug)]
enum Item {
    Said(Arc<Publication>, Keep),
    Lost(Lost),
}

impl Item {
    fn size(&self) -> usize {
        OVERHEAD
            + match self {
                Item::Said(publication, _) => publication.payload.len(),
                Item::Lost(Lost::In(names)) => names.iter().map(|name| name.len() + 16).sum(),
                Item::Lost(Lost::Anywhere) => 0,
            }
    }
}

impl Instance {
    /// One that is met first now. Numbers begin at `number`, which is greater than any it may have heard of us before.
    pub(super) fn new(number: u64) -> Instance {
        Instance {
            links: Vec::new(),
            away: None,
            left: false,
            wants: None,
            begun: None,
            coming: None,
            queue: VecDeque::new(),
            front: number,
            sent: 0,
            bytes: 0,
            losses: Losses::default(),
            greeted: false,
            news: HashMap::new(),
            got: None,
            told: 0,
            untold: 0,
            figures: Traffic::default(),
        }
    }

    /// A link to it is up.
    pub(super) fn attach(&mut self, link: Link) {
        (self.away, self.wants) = (None, None);
        self.links.push(link);
        self.turn();
    }

    /// We speak on another link from now on: whatever has not arrived for certain goes once more, and so does what we got.
    fn turn(&mut self) {
        (self.sent, self.greeted, self.told) = (0, false, 0);
    }

    /// One is not any more.
    pub(super) fn detach(&mut self, link: Link, now: Millis) {
        if self.link() == Some(link) {
            self.turn();
        }
        self.links.retain(|one| *one != link);
        if self.links.is_empty() {
            self.away = Some(now);
        }
    }

    /// The link we speak on.
    pub(super) fn link(&self) -> Option<Link> {
        self.links.last().copied()
    }

    /// How many links there are.
    pub(super) fn links(&self) -> usize {
        self.links.len()
    }

    /// Bytes and messages that wait for it.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.bytes, self.queue.len())
    }

    /// Something was published here. One that is away may want anything by now.
    pub(super) fn say(&mut self, publication: &Arc<Publication>, keep: Keep) {
        let wants = self.wants.as_ref().filter(|_| self.away.is_none());
        if keep.messages == 0 && wants.is_some_and(|names| !names.contains(&publication.channel)) {
            return;
        }
        self.figures.sent += 1;
        let item = Item::Said(Arc::clone(publication), keep);
        let size = item.size();
        self.own_up();
        let fits = self.queue.is_empty() || self.bytes + size <= QUEUE;
        // Nothing overtakes what is to be told.
        if !fits || size > FRAME_MAX || !self.losses.is_empty() {
            self.figures.lost += 1;
            return self.losses.add(&publication.channel);
        }
        self.push(item);
    }

    /// Something was published here that is lost.
    pub(super) fn lose(&mut self, lost: &Lost) {
        self.losses.extend(lost);
        self.figures.lost += 1;
        self.own_up();
    }

    /// It is told what is lost, as soon as there is room for that.
    fn own_up(&mut self) {
        if !self.losses.is_empty()
            && (self.queue.is_empty() || self.bytes < QUEUE / 2)
            && let Some(lost) = self.losses.take()
        {
            self.push(Item::Lost(lost));
        }
    }

    fn push(&mut self, item: Item) {
        self.bytes += item.size();
        self.queue.push_back(item);
    }

    /// A channel has begun to be of interest here, or is no more.
    pub(super) fn tell(&mut self, name: &Arc<str>, on: bool) {
        if self.greeted {
            self.news.insert(Arc::clone(name), on);
        }
    }

    /// It says on this link that it wants to hear of these, or no more, and perhaps that this is all.
    pub(super) fn want(&mut self, link: Link, all: bool, on: bool, names: Vec<Arc<str>>) {
        if self.begun != Some(link) {
            return;
        }
        let Some(wants) = self.coming.as_mut().or(self.wants.as_mut()) else { return };
        for name in names {
            match on {
                true => wants.insert(name),
                false => wants.remove(&name),
            };
        }
        if wants.len() > INTERESTS {
            (self.wants, self.coming) = (None, None);
        } else if all {
            self.wants = self.coming.take();
        }
    }

    /// It goes on with this number on this link; true where something is missing.
    pub(super) fn begin(&mut self, link: Link, number: u64) -> bool {
        (self.begun, self.coming, self.wants) = (Some(link), Some(HashSet::new()), None);
        let missing = self.got.is_some_and(|got| number > got.saturating_add(1));
        if missing || self.got.is_none() {
            self.got = Some(number.saturating_sub(1));
        }
        self.figures.gaps += u64::from(missing);
        missing
    }

    /// Something of this number and so many bytes has come. `None`: it had come before; else whether something is missing
    /// before it.
    pub(super) fn receive(&mut self, number: u64, bytes: usize) -> Option<bool> {
        let got = self.got.unwrap_or(0);
        if number <= got {
            self.figures.repeated += 1;
            // It does not seem to know.
            self.told = 0;
            return None;
        }
        let missing = number - got > 1;
        self.figures.gaps += u64::from(missing);
        self.got = Some(number);
        self.untold += bytes;
        Some(missing)
    }

    /// Everything has arrived there up to this number.
    pub(super) fn arrived(&mut self, number: u64) {
        while self.front <= number
            && let Some(item) = self.queue.pop_front()
        {
            self.bytes -= item.size();
            self.sent = self.sent.saturating_sub(1);
            self.front += 1;
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        self.own_up();
    }

    /// Whether there is anything to be said. `calm`: also what can wait a little.
    pub(super) fn has_to_say(&self, calm: bool) -> bool {
        let waits = self.sent < self.queue.len() || !self.news.is_empty();
        !self.greeted || waits || self.owed(calm).is_some()
    }

    /// The number up to which everything has come, where it is time to say so.
    fn owed(&self, calm: bool) -> Option<u64> {
        let got = self.got.filter(|got| *got > self.told)?;
        (calm || got - self.told >= GOT || self.untold >= GOT_BYTES).then_some(got)
    }

    /// Writes what is to be said on the link we speak on, about `room` bytes of it. `interests`: what we want to hear.
    pub(super) fn speak<'a>(
        &mut self,
        interests: impl Iterator<Item = &'a Arc<str>>,
        calm: bool,
        room: usize,
        out: &mut Vec<u8>,
    ) {
        if !self.greeted {
            self.greeted = true;
            self.news.clear();
            put_frame(&Frame::Begin { number: self.front }, out);
            let names: Vec<Arc<str>> = interests.cloned().collect();
            put_names(true, names, out);
            put_frame(&Frame::Interest { all: true, on: true, names: Vec::new() }, out);
        }
        let (on, off): (Vec<_>, Vec<_>) = self.news.drain().partition(|(_, on)| *on);
        put_names(true, on.into_iter().map(|(name, _)| name).collect(), out);
        put_names(false, off.into_iter().map(|(name, _)| name).collect(), out);
        if let Some(number) = self.owed(calm) {
            (self.told, self.untold) = (number, 0);
            put_frame(&Frame::Got { number }, out);
        }
        while out.len() < room
            && let Some(item) = self.queue.get(self.sent)
        {
            let number = self.front + self.sent as u64;
            self.sent += 1;
            match item {
                Item::Said(publication, keep) => {
                    let Publication { channel, kind, payload, .. } = &**publication;
                    let keep = (keep.messages, keep.age);
                    put_said(number, *kind, keep, channel, payload, out);
                }
                Item::Lost(lost) => {
                    let names = match lost {
                        Lost::In(names) => Some(names.clone()),
                        Lost::Anywhere => None,
                    };
                    put_frame(&Frame::Missed { number, names }, out);
                }
            }
        }
    }
}

fn put_names(on: bool, names: Vec<Arc<str>>, out: &mut Vec<u8>) {
    for some in names.chunks(NAMES) {
        put_frame(&Frame::Interest { all: false, on, names: some.to_vec() }, out);
    }
}
