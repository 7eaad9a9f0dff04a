//! What one worker knows of servers, and its choice among them.

use std::cell::Cell;

use crate::base::{Millis, Rng};
use crate::config::Balance;

use super::budget::Budget;
use super::choice::{by_key, least, random_two};
use super::group::{Group, Server};
use super::identities::{Number, ServerId};
use super::mark::Mark;
use super::rotation::Rotation;
use super::seats::Seat;
use super::tried::Tried;

/// How a dial ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The server took the connection, or answered on one that was idle.
    Connected,
    /// It refused, could not be reached in time, or its name stands for nothing.
    Failed,
}

/// What a request brings to the choice of its server.
#[derive(Clone, Copy, Debug)]
pub struct Seeker<'a> {
    /// Where it has been.
    pub tried: &'a Tried,
    /// Where it rather would not go again: the server has just closed a connection on it.
    pub avoid: Option<u16>,
    /// The [`hash`](super::hash) of what it asks for, where that decides.
    pub key: Option<u64>,
    /// It stands first in the line; others go there where anybody waits.
    pub waited: bool,
}

/// Where a request goes.
#[derive(Debug)]
pub enum Pick {
    /// To the server at this place of the group, where it has a seat.
    Server(u16, Seat),
    /// Nowhere at present: servers that could take it have as many sessions as they may.
    Full,
    /// Nowhere: it has been everywhere.
    Nowhere,
}

/// A worker's memory of servers. It outlives generations.
#[derive(Debug)]
pub struct State {
    marks: Kept<Mark>,
    groups: Kept<Turns>,
    offset: usize,
}

/// What is remembered of one group.
#[derive(Clone, Debug, Default)]
struct Turns {
    rotation: Rotation,
    budget: Budget,
}

/// Who is asked, one after the other: those that are there for it, then backups; and when none of them is good, all the
/// same again.
const TIERS: [Tier; 4] = [
    Tier { backup: false, marked: false },
    Tier { backup: true, marked: false },
    Tier { backup: false, marked: true },
    Tier { backup: true, marked: true },
];

#[derive(Clone, Copy)]
struct Tier {
    backup: bool,
    marked: bool,
}

impl State {
    /// Nothing known yet. Workers with different offsets begin with different servers.
    pub fn new(offset: usize) -> State {
        State { marks: Kept::default(), groups: Kept::default(), offset }
    }

    /// Where in `group` a request goes: to one of the servers that are neither marked nor full and where it has not
    /// been. When all others are out, marks do not count: a single server is always tried.
    pub fn pick(&mut self, group: &Group, seeker: &Seeker<'_>, rng: &mut Rng, now: Millis) -> Pick {
        let Seeker { tried, waited, .. } = *seeker;
        if tried.is_full() || tried.len() > usize::from(group.retries.most) {
            return Pick::Nowhere;
        }
        if !waited && group.line.as_ref().is_some_and(|line| line.waiting() > 0) {
            return Pick::Full;
        }
        if let [server] = group.servers.as_slice() {
            return match server.seats.try_take(server.max) {
                _ if !tried.is_empty() || group.is_down(server) => Pick::Nowhere,
                None => Pick::Full,
                Some(seat) => {
                    self.mark(server.id).picked(now);
                    Pick::Server(0, seat)
                }
            };
        }
        self.groups.at(group.id.number()).rotation.fit(group, self.offset);
        let full = Cell::new(false);
        for tier in TIERS {
            // Rather than try one that is marked, wait for a good one.
            if tier.marked && full.get() && group.line.is_some() {
                break;
            }
            while let Some(place) = self.choose(group, tier, &full, seeker, rng, now) {
                let Some(server) = group.servers.get(usize::from(place)) else { break };
                // Where another worker has just taken the last seat, the next choice is without it.
                if let Some(seat) = server.seats.try_take(server.max) {
                    self.mark(server.id).picked(now);
                    return Pick::Server(place, seat);
                }
            }
        }
        if full.get() { Pick::Full } else { Pick::Nowhere }
    }

    /// One server of a tier; `full` says whether one was passed over for want of seats.
    fn choose(
        &mut self,
        group: &Group,
        tier: Tier,
        full: &Cell<bool>,
        seeker: &Seeker<'_>,
        rng: &mut Rng,
        now: Millis,
    ) -> Option<u16> {
        let marks = &self.marks;
        let weight = |place, server: &Server| {
            let good = tier.marked || !avoids(marks, server, now) && seeker.avoid != Some(place);
            let out = seeker.tried.contains(place) || group.is_down(server);
            if server.backup != tier.backup || out || !good {
                return 0;
            }
            if server.is_full() {
                full.set(true);
                return 0;
            }
            group.weight(server, now)
        };
        let rotation = &mut self.groups.at(group.id.number()).rotation;
        match (&group.balance, seeker.key) {
            (Balance::Least, _) => rotation.turn(group, least(group, weight)),
            (Balance::RandomTwo, _) => random_two(group, rng, weight),
            (Balance::Hash(_), Some(key)) => by_key(group, key, weight),
            // A request that says nothing of what decides may go anywhere.
            (Balance::RoundRobin, _) | (Balance::Hash(_), None) => rotation.turn(group, weight),
        }
    }

    /// A request comes, which may have to be tried again.
    pub fn asked(&mut self, group: &Group, now: Millis) {
        self.groups.at(group.id.number()).budget.asked(now);
    }

    /// Whether a request may be tried again, as far as others have left of what may.
    pub fn try_again(&mut self, group: &Group, now: Millis) -> bool {
        group.retries.most > 0
            && self.groups.at(group.id.number()).budget.try_again(group.retries, now)
    }

    /// Remembers how a dial ended.
    pub fn report(&mut self, server: &Server, outcome: Outcome, now: Millis) {
        let mark = self.mark(server.id);
        match (outcome, mark.period()) {
            (Outcome::Connected, None) => {}
            (Outcome::Connected, Some(_)) => {
                mark.connected();
                server.health.rise(now);
            }
            (Outcome::Failed, before) => {
                if before.is_some_and(|(since, _)| server.has_news_since(since)) {
                    mark.connected();
                }
                mark.failed(now);
                server.cell.iter().for_each(|cell| cell.doubt());
                mark.period().into_iter().for_each(|(_, until)| server.health.mark(until));
            }
        }
    }

    /// Whether requests that have another choice stay away from `server`.
    pub fn is_marked(&self, server: &Server, now: Millis) -> bool {
        avoids(&self.marks, server, now)
    }

    fn mark(&mut self, server: ServerId) -> &mut Mark {
        self.marks.at(server.number())
    }
}

/// Whether requests that have another choice stay away from `server`: it is marked, and nothing has spoken for it since.
fn avoids(marks: &Kept<Mark>, server: &Server, now: Millis) -> bool {
    let mark = marks.get(server.id.number()).copied().unwrap_or_default();
    let passed = |(since, _)| server.has_news_since(since);
    mark.is_avoided(now) && !mark.period().is_some_and(passed)
}

/// What is remembered of each number. Nothing goes over from those that had it before.
#[derive(Debug)]
struct Kept<T>(Vec<(u32, T)>);

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept(Vec::new())
    }
}

impl<T: Clone + Default> Kept<T> {
    fn get(&self, number: Number) -> Option<&T> {
        let (serial, kept) = self.0.get(number.index as usize)?;
        (*serial == number.serial).then_some(kept)
    }

    /// What is remembered of it, which is made where there is nothing yet.
    fn at(&mut self, number: Number) -> &mut T {
        let index = number.index as usize;
        if self.0.len() <= index {
            self.0.resize(index + 1, (number.serial, T::default()));
        }
        let (serial, kept) = &mut self.0[index];
        if *serial != number.serial {
            (*serial, *kept) = (number.serial, T::default());
        }
        kept
    }
}
