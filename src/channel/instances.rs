//! The instances that this one talks to, without I/O: links come and go, frames go in and out, and what is published here
//! reaches each of the others once.
//!
//! What is sent to an instance is numbered, and kept until it says that it got it. Where a link ends, what may not have arrived
//! goes once more on the next; numbers that have come already go no further. What does not fit into the bounded queue is lost,
//! and which channels that was in is told in its place. One that stays away is forgotten: then both tell those who
//! listen that something may be missing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;
use crate::proto::instances::{BadFrame, Frame, put_frame};

use super::abroad::{Bulletin, Lost};
use super::instance::{Instance, Link, Traffic};
use super::name::is_name;
use super::publication::{Keep, Origin, Saying};
use super::recalled::Recalled;

/// How long one that has no link is remembered.
const AWAY: Duration = Duration::from_secs(60);
/// Other instances, at most.
const MOST: usize = 256;

/// Who an instance is: another one for each process.
pub type InstanceId = [u8; 16];

/// All instances as one of them sees them.
#[derive(Debug)]
pub struct Instances {
    me: InstanceId,
    /// What is of interest here.
    interests: HashSet<Arc<str>>,
    others: HashMap<InstanceId, Instance>,
    /// Whose links these are.
    links: HashMap<Link, InstanceId>,
    /// Messages published here so far.
    published: u64,
}

/// What came from another instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Something was published there; where exactly, if that is known.
    Said(Saying, Option<Origin>),
    /// Something was published there and is lost.
    Lost(Lost),
    /// What an engine has kept of a channel; none: that cannot be had now.
    Recalled(Arc<str>, Option<Vec<Recalled>>),
}

/// Why a link is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Its bytes are no frames.
    #[error(transparent)]
    Frame(#[from] BadFrame),
    /// It leads back here.
    #[error("it is this instance itself")]
    Myself,
    /// There are as many as there may be.
    #[error("there are too many instances")]
    TooMany,
    /// A frame came that cannot come here.
    #[error("a frame out of place")]
    Misplaced,
}

/// Another instance, for whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceStatus {
    /// Who it is.
    pub id: InstanceId,
    /// The link we speak on.
    pub link: Option<Link>,
    /// How many links there are.
    pub links: usize,
    /// Bytes that wait for it, or for its word that they came.
    pub bytes: usize,
    /// Messages of these.
    pub waiting: usize,
    /// What went to and fro.
    pub traffic: Traffic,
}

impl Instances {
    /// Those that instance `me` sees: none.
    pub fn new(me: InstanceId) -> Instances {
        Instances {
            me,
            interests: HashSet::new(),
            others: HashMap::new(),
            links: HashMap::new(),
            published: 0,
        }
    }

    /// What a link begins with.
    pub fn greet(&self, out: &mut Vec<u8>) {
        put_frame(&Frame::Hello { instance: self.me, published: self.published }, out);
    }

    /// A hub has something to tell.
    pub fn tell(&mut self, bulletin: &Bulletin) {
        match bulletin {
            Bulletin::Said(publication, keep) => {
                self.published += 1;
                self.others.values_mut().for_each(|other| other.say(publication, *keep));
            }
            Bulletin::Interest(changes) => {
                for (name, on) in changes {
                    let changed = match on {
                        true => self.interests.insert(Arc::clone(name)),
                        false => self.interests.remove(name),
                    };
                    if changed {
                        self.others.values_mut().for_each(|other| other.tell(name, *on));
                    }
                }
            }
            Bulletin::Lost(lost) => {
                self.published += 1;
                self.others.values_mut().for_each(|other| other.lose(lost));
            }
            Bulletin::End => {}
        }
    }

    /// A frame has come on a link, `micros` microseconds after 1970; what it says to those here goes into `out`.
    ///
    /// # Errors
    /// When the link is to be closed.
    pub fn take(
        &mut self,
        link: Link,
        frame: Frame,
        micros: u64,
        out: &mut Vec<Incoming>,
    ) -> Result<(), LinkFault> {
        if let Frame::Hello { instance, published } = frame {
            return self.meet(link, instance, published, micros, out);
        }
        let other = self.links.get(&link).and_then(|id| self.others.get_mut(id));
        let other = other.ok_or(LinkFault::Misplaced)?;
        match frame {
            Frame::Hello { .. } | Frame::Ping => {}
            Frame::Begin { number } => {
                if other.begin(link, number) {
                    out.push(Incoming::Lost(Lost::Anywhere));
                }
            }
            Frame::Interest { all, on, names } => {
                check(&names)?;
                other.want(link, all, on, names);
            }
            Frame::Said { number, kind, messages, age, name: channel, payload } => {
                check(std::slice::from_ref(&channel))?;
                let Some(missing) = other.receive(number, payload.len()) else { return Ok(()) };
                other.figures.received += 1;
                out.extend(missing.then_some(Incoming::Lost(Lost::Anywhere)));
                let keep = Keep { messages, age };
                let saying = Saying { channel, kind, payload, keep };
                out.push(Incoming::Said(saying, None));
            }
            Frame::Missed { number, names } => {
                check(names.as_deref().unwrap_or_default())?;
                let Some(missing) = other.receive(number, 0) else { return Ok(()) };
                other.figures.gaps += 1;
                let names = names.filter(|_| !missing);
                out.push(Incoming::Lost(names.map_or(Lost::Anywhere, Lost::In)));
            }
            Frame::Got { number } => other.arrived(number),
            Frame::Bye => other.left = true,
        }
        Ok(())
    }

    fn meet(
        &mut self,
        link: Link,
        id: InstanceId,
        published: u64,
        micros: u64,
        out: &mut Vec<Incoming>,
    ) -> Result<(), LinkFault> {
        if id == self.me {
            return Err(LinkFault::Myself);
        }
        if self.links.contains_key(&link) {
            return Err(LinkFault::Misplaced);
        }
        let is_new = !self.others.contains_key(&id);
        if is_new && self.others.len() >= MOST {
            return Err(LinkFault::TooMany);
        }
        let other = self.others.entry(id).or_insert_with(|| Instance::new(micros));
        other.attach(link);
        self.links.insert(link, id);
        let missing = is_new && published > 0;
        other.figures.gaps += u64::from(missing);
        out.extend(missing.then_some(Incoming::Lost(Lost::Anywhere)));
        Ok(())
    }

    /// A link has ended. True where the other end may come back.
    pub fn unlink(&mut self, link: Link, now: Millis) -> bool {
        let Some(id) = self.links.remove(&link) else { return true };
        let Some(other) = self.others.get_mut(&id) else { return true };
        other.detach(link, now);
        let left = other.left && other.links() == 0;
        if left {
            self.others.remove(&id);
        }
        !left
    }

    /// Those that have been away for long are forgotten: how many that were.
    pub fn forget(&mut self, now: Millis) -> usize {
        let before = self.others.len();
        self.others.retain(|_, other| other.away.is_none_or(|since| now < since + AWAY));
        before - self.others.len()
    }

    /// Links on which something is to be said. `calm`: also what can wait a little.
    pub fn talkative(&self, calm: bool) -> impl Iterator<Item = Link> {
        let others = self.others.values().filter(move |other| other.has_to_say(calm));
        others.filter_map(Instance::link)
    }

    /// Writes what is to be said on a link, about `room` bytes of it.
    pub fn speak(&mut self, link: Link, calm: bool, room: usize, out: &mut Vec<u8>) {
        let Some(other) = self.links.get(&link).and_then(|id| self.others.get_mut(id)) else {
            return;
        };
        if other.link() == Some(link) && other.has_to_say(calm) {
            other.speak(self.interests.iter(), calm, room, out);
        }
    }

    /// Who is at the other end of a link, once it has said so.
    pub fn at(&self, link: Link) -> Option<InstanceId> {
        self.links.get(&link).copied()
    }

    /// Whether nobody is there.
    pub fn is_alone(&self) -> bool {
        self.links.is_empty()
    }

    /// All others.
    pub fn status(&self) -> Vec<InstanceStatus> {
        let of = |(id, other): (&InstanceId, &Instance)| {
            let (bytes, waiting) = other.waiting();
            let (link, links) = (other.link(), other.links());
            InstanceStatus { id: *id, link, links, bytes, waiting, traffic: other.figures }
        };
        let mut all: Vec<InstanceStatus> = self.others.iter().map(of).collect();
        all.sort_by_key(|one| one.id);
        all
    }
}

fn check(names: &[Arc<str>]) -> Result<(), LinkFault> {
    match names.iter().all(|name| is_name(name.as_bytes())) {
        true => Ok(()),
        false => Err(BadFrame::Malformed.into()),
    }
}

#[cfg(test)]
#[path = "instances_tests.rs"]
mod tests;
