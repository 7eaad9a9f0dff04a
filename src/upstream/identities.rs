//! Numbers and memory for groups and servers that outlive generations.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::base::{Address, Clock};
use crate::config::Protocol;
use crate::reactor::{NameCell, Names};

use super::health::Health;
use super::line::{Hall, Line};
use super::seats::Seats;

/// The identity of a server: one address that speaks one protocol.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId(Number);

/// The identity of a group: its name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupId(Number);

/// A small number, which is given out again after whoever had it is gone; the serial tells the two apart.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Number {
    pub(super) index: u32,
    pub(super) serial: u32,
}

impl ServerId {
    /// The number, below how many servers there ever were at once.
    pub fn index(self) -> usize {
        self.0.index as usize
    }

    pub(super) fn number(self) -> Number {
        self.0
    }
}

impl GroupId {
    pub(super) fn number(self) -> Number {
        self.0
    }
}

/// Gives out identities, and resolves names: whoever builds generations keeps one for all of them.
#[derive(Debug, Default)]
pub struct Identities {
    /// By protocol, address and, over TLS, whom is trusted there.
    servers: HashMap<(Protocol, Address, String), (Number, Arc<Seats>)>,
    groups: HashMap<String, (Number, Arc<Line>)>,
    /// And which generation named it last.
    healths: HashMap<(GroupId, Address), (Arc<Health>, u64)>,
    /// Numbers of those that are gone.
    free: Free,
    serial: u32,
    /// The generation that is being built.
    building: u64,
    /// The groups that there were before it.
    working: HashSet<GroupId>,
    hall: Arc<Hall>,
    names: Option<Names>,
}

/// Indices to be given out again.
#[derive(Debug, Default)]
struct Free {
    servers: Vec<u32>,
    groups: Vec<u32>,
}

impl Identities {
    /// The same, and names are looked up by `names`.
    pub fn resolving(names: Option<Names>) -> Identities {
        Identities { names, ..Identities::default() }
    }

    /// Who looks names up.
    pub fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }

    /// Where the addresses of a name are, from now on.
    pub(super) fn cell(&self, address: &Address) -> Option<Arc<NameCell>> {
        match (address, &self.names) {
            (Address::Name { host, port }, Some(names)) => Some(names.add(host, *port)),
            _ => None,
        }
    }

    /// The identity of the server at `address`, and its seats; the same each time it is asked for.
    pub fn server(&mut self, protocol: Protocol, address: &Address) -> (ServerId, Arc<Seats>) {
        self.trusted(protocol, address, "")
    }

    /// The same of a server met as `trust` says: what was agreed on with one is not for who trusts another.
    pub(super) fn trusted(
        &mut self,
        protocol: Protocol,
        address: &Address,
        trust: &str,
    ) -> (ServerId, Arc<Seats>) {
        let key = (protocol, address.clone(), trust.to_owned());
        let (hall, len) = (&self.hall, self.servers.len());
        let fresh = || {
            let number = number(&mut self.free.servers, len, &mut self.serial);
            (number, Arc::new(Seats::new(hall)))
        };
        let (number, seats) = self.servers.entry(key).or_insert_with(fresh);
        (ServerId(*number), Arc::clone(seats))
    }

    /// The identity of the group `name`, and its line; the same each time it is asked for.
    pub fn group(&mut self, name: &str) -> (GroupId, Arc<Line>) {
        let (hall, len) = (&self.hall, self.groups.len());
        let fresh = || {
            let number = number(&mut self.free.groups, len, &mut self.serial);
            (number, Arc::new(Line::new(hall)))
        };
        let (number, line) = self.groups.entry(name.to_owned()).or_insert_with(fresh);
        (GroupId(*number), Arc::clone(line))
    }

    /// How the servers of a group are, in their order; the same each time. Those that join a group at work are new there.
    pub(super) fn healths<'a>(
        &mut self,
        group: GroupId,
        addresses: impl IntoIterator<Item = &'a Address>,
    ) -> Vec<Arc<Health>> {
        let works = self.working.contains(&group);
        let fresh = || match works {
            true => Arc::new(Health::newcomer(Clock::new().now())),
            false => Arc::default(),
        };
        let healths = addresses.into_iter().map(|address| {
            let key = (group, address.clone());
            let (health, named) = self.healths.entry(key).or_insert_with(|| (fresh(), 0));
            *named = self.building;
            Arc::clone(health)
        });
        healths.collect()
    }

    /// A generation is built from here on.
    pub fn begin(&mut self) {
        self.building += 1;
        self.working = self.healths.keys().map(|(group, _)| *group).collect();
    }

    /// The generation that was built is followed from now on, or nobody has it any more. What no group has is forgotten,
    /// and how servers are in groups that are without them now: if they come back, they are new there.
    pub fn settle(&mut self, followed: bool) {
        let building = self.building;
        self.healths.retain(|_, (health, named)| {
            Arc::strong_count(health) > 1 && (!followed || *named == building)
        });
        let Free { servers, groups } = &mut self.free;
        self.servers.retain(|_, (number, seats)| is_had(seats, *number, servers));
        self.groups.retain(|_, (number, line)| is_had(line, *number, groups));
    }

    /// Where all those are noted who wait for a seat.
    pub fn hall(&self) -> Arc<Hall> {
        Arc::clone(&self.hall)
    }
}

/// A number that nobody has. `len` have one. They run out after more names than memory holds.
fn number(free: &mut Vec<u32>, len: usize, serial: &mut u32) -> Number {
    *serial = serial.wrapping_add(1);
    let next = || u32::try_from(len).unwrap_or(u32::MAX);
    Number { index: free.pop().unwrap_or_else(next), serial: *serial }
}

/// Whether anybody else has what goes with a number; else the number is free.
fn is_had<T>(shared: &Arc<T>, number: Number, free: &mut Vec<u32>) -> bool {
    let had = Arc::strong_count(shared) > 1;
    if !had {
        free.push(number.index);
    }
    had
}
