//! What this instance says and hears on a bus that many share, without I/O.
//!
//! What is published here is numbered, says which number went before it in its channel, and waits in a bounded queue until the
//! bus has it. What may have got lost with a connection is said once more on the next; whoever hears a number again
//! drops it, and whoever does not hear the one before knows that something is missing. What does not fit is lost, and
//! that is told in its place.
//!
//! Where the bus keeps what is published, that is read of each channel when it begins to be of interest here. Hubs are told what
//! it was, or soon that they need not wait for it.

mod recalls;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;
use crate::proto::instances::{FRAME_MAX, Frame, begin_packet, put_frame, put_said, read_packet};

use super::abroad::{Bulletin, Losses, Lost};
use super::heard::{Ear, Whether};
use super::instances::{Incoming, InstanceId};
use super::name::is_name;
use super::publication::{Keep, Origin, Publication, Saying};

/// How often a bus may end at a message before that one is given up.
const TRIES: u32 = 4;
/// Bytes that may wait for the bus.
const QUEUE: usize = 16 << 20;
/// What one message takes besides what it says.
const OVERHEAD: usize = 160;
/// How long anything waits for a bus that is away.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing comes from an instance that is there.
const SILENCE: Duration = Duration::from_secs(15);
/// Other instances that are remembered.
const OTHERS: usize = 1024;
/// Topics whose last number is remembered.
const TOPICS: usize = 1 << 16;

/// What all who are on the bus can listen to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What is for everybody.
    All,
    /// What is published in a channel, for those who have somebody there.
    Of(Arc<str>),
    /// What is published in a channel and kept by everybody.
    Kept(Arc<str>),
}

/// Something to be said on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Where.
    pub topic: Topic,
    /// What.
    pub bytes: Vec<u8>,
    /// The bus keeps it too, if it can.
    pub keep: Option<Keep>,
}

/// What went to and fro.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusTraffic {
    /// Messages that the bus has.
    pub sent: u64,
    /// Those it was to have and that are lost.
    pub lost: u64,
    /// Messages that came from others.
    pub received: u64,
    /// Those that came once more, and went no further.
    pub repeated: u64,
    /// Times that something was missing.
    pub gaps: u64,
    /// What came and is not of any instance.
    pub strange: u64,
}

/// The bus, as an instance sees it.
#[derive(Debug)]
pub struct Bus {
    me: InstanceId,
    /// Channels of interest here, and what has changed since that was asked.
    interests: HashSet<Arc<str>>,
    changes: HashMap<Arc<str>, bool>,
    /// What the bus has kept is told to hubs.
    recalls: bool,
    /// Channels of which it is to be read, and is being read.
    unread: BTreeSet<Arc<str>>,
    reading: BTreeSet<Arc<str>>,
    /// Hubs that wait for it, since when.
    expected: HashMap<Arc<str>, Millis>,
    queue: VecDeque<Waiting>,
    /// How many of them, from the front, the bus was given and may have.
    given: usize,
    /// How many of them go one by one, for the bus ended when it was given them together.
    singly: usize,
    /// How often it ended when it was given nothing but the first.
    refused: u32,
    bytes: usize,
    losses: Losses,
    /// The last number, and the last of each topic.
    number: u64,
    said: HashMap<Topic, u64>,
    ear: Ear,
    /// When something came last from each other.
    others: HashMap<InstanceId, Millis>,
    /// What went to and fro.
    pub traffic: BusTraffic,
}

#[derive(Debug)]
struct Waiting {
    item: Item,
    since: Millis,
}

#[derive(Debug)]
enum Item {
    Said { number: u64, before: u64, publication: Arc<Publication>, keep: Keep },
    Lost(Lost),
}

impl Item {
    fn size(&self) -> usize {
        OVERHEAD
            + match self {
                Item::Said { publication, .. } => publication.payload.len(),
                Item::Lost(Lost::In(names)) => names.iter().map(|name| name.len() + 16).sum(),
                Item::Lost(Lost::Anywhere) => 0,
            }
    }
}

impl Bus {
    /// As instance `me` sees it, before anything was said; `recalls`: hubs are told what the bus has kept.
    pub fn new(me: InstanceId, recalls: bool) -> Bus {
        Bus {
            me,
            interests: HashSet::new(),
            changes: HashMap::new(),
            recalls,
            unread: BTreeSet::new(),
            reading: BTreeSet::new(),
            expected: HashMap::new(),
            queue: VecDeque::new(),
            given: 0,
            singly: 0,
            refused: 0,
            bytes: 0,
            losses: Losses::default(),
            number: 0,
            said: HashMap::new(),
            ear: Ear::default(),
            others: HashMap::new(),
            traffic: BusTraffic::default(),
        }
    }

    /// A hub has something to tell.
    pub fn tell(&mut self, bulletin: Bulletin, now: Millis) {
        match bulletin {
            Bulletin::Said(publication, keep) => self.say(publication, keep, now),
            Bulletin::Interest(changes) => {
                for (name, on) in changes {
                    self.expect(&name, on, now);
                    let changed = match on {
                        true => self.interests.insert(Arc::clone(&name)),
                        false => self.interests.remove(&name),
                    };
                    if changed {
                        self.ear.forget(&name);
                        self.changes.insert(name, on);
                    }
                }
            }
            Bulletin::Lost(lost) => self.lose(&lost, now),
            Bulletin::End => {}
        }
    }

    fn say(&mut self, publication: Arc<Publication>, keep: Keep, now: Millis) {
        let size = OVERHEAD + publication.payload.len();
        self.own_up(now);
        let fits = self.queue.is_empty() || self.bytes + size <= QUEUE;
        // Nothing overtakes what is to be told.
        if !fits || size > FRAME_MAX || !self.losses.is_empty() {
            return self.miss(&publication.channel);
        }
        let channel = Arc::clone(&publication.channel);
        let topic = if keep.messages > 0 { Topic::Kept(channel) } else { Topic::Of(channel) };
        self.number += 1;
        if self.said.len() >= TOPICS && !self.said.contains_key(&topic) {
            self.said.clear();
        }
        let number = self.number;
        let before = self.said.insert(topic, number).unwrap_or(0);
        self.push(Item::Said { number, before, publication, keep }, now);
    }

    /// Something that was published here does not reach the others.
    fn miss(&mut self, channel: &Arc<str>) {
        self.traffic.lost += 1;
        self.losses.add(channel);
        // They are told so: what comes next need not tell it again.
        self.said.remove(&Topic::Of(Arc::clone(channel)));
        self.said.remove(&Topic::Kept(Arc::clone(channel)));
    }

    fn lose(&mut self, lost: &Lost, now: Millis) {
        self.traffic.lost += 1;
        self.losses.extend(lost);
        self.own_up(now);
    }

    /// What is lost is told as soon as there is room for that.
    fn own_up(&mut self, now: Millis) {
        if !self.losses.is_empty()
            && (self.queue.is_empty() || self.bytes < QUEUE / 2)
            && let Some(lost) = self.losses.take()
        {
            self.push(Item::Lost(lost), now);
        }
    }

    fn push(&mut self, item: Item, since: Millis) {
        self.bytes += item.size();
        self.queue.push_back(Waiting { item, since });
    }

    /// What is to be said next, about `room` bytes of it; nothing longer than `most` is for this bus. After that it is to be
    /// told whether the bus [has it](Bus::confirm) or [may not](Bus::retract).
    pub fn speak(&mut self, room: usize, most: usize, now: Millis) -> Vec<Sheet> {
        let mut sheets = Vec::new();
        let mut size = 0;
        let mut long = Vec::new();
        let room = if self.singly > 0 { 1 } else { room };
        while size < room
            && let Some(waiting) = self.queue.get(self.given)
        {
            let sheet = sheet(&self.me, &waiting.item);
            if sheet.bytes.len() > most
                && let Some(Waiting { item, .. }) = self.queue.remove(self.given)
            {
                self.bytes -= item.size();
                if let Item::Said { publication, .. } = item {
                    long.push(Arc::clone(&publication.channel));
                }
                continue;
            }
            self.given += 1;
            size += sheet.bytes.len();
            sheets.push(sheet);
        }
        long.iter().for_each(|channel| self.miss(channel));
        self.own_up(now);
        sheets
    }

    /// The bus has what it was given.
    pub fn confirm(&mut self, now: Millis) {
        self.singly = self.singly.saturating_sub(self.given);
        self.refused = 0;
        for Waiting { item, .. } in self.queue.drain(..std::mem::take(&mut self.given)) {
            self.bytes -= item.size();
            self.traffic.sent += u64::from(matches!(item, Item::Said { .. }));
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        self.put_back();
        self.own_up(now);
    }

    /// Nobody knows whether it has: all of it is to be said again, and one by one, for it may be one of them that the bus
    /// does not want. That one must not keep back the others for ever.
    pub fn retract(&mut self) {
        match std::mem::take(&mut self.given) {
            0 => {}
            1 => self.refused += 1,
            many => (self.singly, self.refused) = (many, 0),
        }
        if self.refused >= TRIES
            && let Some(Waiting { item, .. }) = self.queue.pop_front()
        {
            self.refused = 0;
            self.bytes -= item.size();
            match item {
                Item::Said { publication, .. } => self.miss(&publication.channel),
                Item::Lost(lost) => self.losses.extend(&lost),
            }
        }
        self.put_back();
    }

    /// What has waited too long for a bus that is away is lost: how many messages that were.
    pub fn expire(&mut self, now: Millis) -> usize {
        let mut count = 0;
        let late = |waiting: &Waiting| now >= waiting.since + PATIENCE;
        while self.given == 0
            && self.queue.front().is_some_and(late)
            && let Some(Waiting { item, .. }) = self.queue.pop_front()
        {
            self.bytes -= item.size();
            match item {
                Item::Said { publication, .. } => {
                    self.miss(&publication.channel);
                    count += 1;
                }
                Item::Lost(lost) => self.losses.extend(&lost),
            }
        }
        self.own_up(now);
        count
    }

    /// What shows the others, and ourselves, that we are there.
    pub fn beat(&self) -> Sheet {
        self.to_all(&Frame::Ping)
    }

    /// What tells the others that they need not wait for more.
    pub fn goodbye(&self) -> Sheet {
        self.to_all(&Frame::Bye)
    }

    fn to_all(&self, frame: &Frame) -> Sheet {
        let mut bytes = Vec::new();
        begin_packet(&self.me, 0, 0, &mut bytes);
        put_frame(frame, &mut bytes);
        Sheet { topic: Topic::All, bytes, keep: None }
    }

    /// All channels of interest here; a new connection knows of none.
    pub fn interests(&mut self) -> Vec<Arc<str>> {
        self.changes.clear();
        self.interests.iter().cloned().collect()
    }

    /// Those that are of interest since that was asked last, and those that are no more.
    pub fn changes(&mut self) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let (on, off): (Vec<_>, Vec<_>) = self.changes.drain().partition(|(_, on)| *on);
        let names = |some: Vec<(Arc<str>, bool)>| some.into_iter().map(|(name, _)| name).collect();
        (names(on), names(off))
    }

    /// Whether there is something to be said, or to be listened to.
    pub fn has_work(&self) -> bool {
        self.given < self.queue.len() || !self.changes.is_empty() || !self.unread.is_empty()
    }

    /// The bus is back after it was away: everybody who listens has been told, and nobody who is silent has been heard.
    pub fn back(&mut self, now: Millis) {
        self.ear.begin();
        self.others.values_mut().for_each(|heard| *heard = now);
    }

    /// This has come from the bus. What it says to those here goes into `out`; true where it was said here.
    pub fn take(&mut self, bytes: &[u8], now: Millis, out: &mut Vec<Incoming>) -> bool {
        let Ok(packet) = read_packet(bytes) else {
            self.traffic.strange += 1;
            return false;
        };
        if packet.instance == self.me {
            return true;
        }
        if self.others.len() < OTHERS || self.others.contains_key(&packet.instance) {
            self.others.insert(packet.instance, now);
        }
        match packet.frame {
            Frame::Said { number, kind, messages, age, name: channel, payload } => {
                let wanted = messages > 0 || self.interests.contains(&channel);
                if !is_name(channel.as_bytes()) || !wanted {
                    return false;
                }
                let (from, is_kept) = (packet.instance, messages > 0);
                match self.ear.hear(from, &channel, is_kept, number, packet.before) {
                    Whether::Known => {
                        self.traffic.repeated += 1;
                        return false;
                    }
                    Whether::Gap => {
                        self.traffic.gaps += 1;
                        out.push(Incoming::Lost(Lost::In(vec![Arc::clone(&channel)])));
                    }
                    Whether::Next => {}
                }
                self.traffic.received += 1;
                let keep = Keep { messages, age };
                let saying = Saying { channel, kind, payload, keep };
                out.push(Incoming::Said(saying, Some(Origin { instance: from, id: packet.id })));
            }
            Frame::Missed { names, .. } => {
                self.traffic.gaps += 1;
                out.push(Incoming::Lost(names.map_or(Lost::Anywhere, Lost::In)));
            }
            Frame::Bye => drop(self.others.remove(&packet.instance)),
            Frame::Hello { .. }
            | Frame::Begin { .. }
            | Frame::Interest { .. }
            | Frame::Got { .. }
            | Frame::Ping => {}
        }
        false
    }

    /// Those that are silent without having said that they end are forgotten: how many that were.
    pub fn forget(&mut self, now: Millis) -> usize {
        let before = self.others.len();
        self.others.retain(|_, heard| now < *heard + SILENCE);
        before - self.others.len()
    }

    /// Other instances on the bus.
    pub fn others(&self) -> Vec<InstanceId> {
        let mut all: Vec<InstanceId> = self.others.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// Bytes and messages that wait, and channels of interest.
    pub fn waiting(&self) -> (usize, usize, usize) {
        (self.bytes, self.queue.len(), self.interests.len())
    }
}

fn sheet(me: &InstanceId, item: &Item) -> Sheet {
    let mut bytes = Vec::new();
    let mut kept = None;
    let topic = match item {
        Item::Said { number, before, publication, keep } => {
            let Publication { channel, id, kind, payload, .. } = &**publication;
            begin_packet(me, *before, *id, &mut bytes);
            put_said(*number, *kind, (keep.messages, keep.age), channel, payload, &mut bytes);
            kept = Some(*keep).filter(|keep| keep.messages > 0);
            let channel = Arc::clone(channel);
            if kept.is_some() { Topic::Kept(channel) } else { Topic::Of(channel) }
        }
        Item::Lost(lost) => {
            let names = match lost {
                Lost::In(names) => Some(names.clone()),
                Lost::Anywhere => None,
            };
            begin_packet(me, 0, 0, &mut bytes);
            put_frame(&Frame::Missed { number: 0, names }, &mut bytes);
            Topic::All
        }
    };
    Sheet { topic, bytes, keep: kept }
}

#[cfg(test)]
#[path = "bus_tests.rs"]
mod tests;
