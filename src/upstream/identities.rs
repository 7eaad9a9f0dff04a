//! Numbers and memory for groups and servers that outlive generations.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::{Address, Clock};
use crate::config::Protocol;
use crate::reactor::{NameCell, Names};

use super::health::Health;
use super::line::{Hall, Line};
use super::seats::Seats;

/// The identity of a server: one address that speaks one protocol.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId(u32);

/// The identity of a group: its name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupId(u32);

impl ServerId {
    /// The number, from 0 without gaps.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl GroupId {
    /// The number, from 0 without gaps.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Gives out identities, and resolves names: whoever builds generations keeps one for all of them.
#[derive(Debug, Default)]
pub struct Identities {
    /// By protocol, address and, over TLS, whom is trusted there.
    servers: HashMap<(Protocol, Address, String), (u32, Arc<Seats>)>,
    groups: HashMap<String, (u32, Arc<Line>)>,
    healths: HashMap<(GroupId, Address), Arc<Health>>,
    hall: Arc<Hall>,
    names: Option<Names>,
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
        let next = next(self.servers.len());
        let key = (protocol, address.clone(), trust.to_owned());
        let hall = &self.hall;
        let fresh = || (next, Arc::new(Seats::new(hall)));
        let (id, seats) = self.servers.entry(key).or_insert_with(fresh);
        (ServerId(*id), Arc::clone(seats))
    }

    /// The identity of the group `name`, and its line; the same each time it is asked for.
    pub fn group(&mut self, name: &str) -> (GroupId, Arc<Line>) {
        let next = next(self.groups.len());
        let hall = &self.hall;
        let fresh = || (next, Arc::new(Line::new(hall)));
        let (id, line) = self.groups.entry(name.to_owned()).or_insert_with(fresh);
        (GroupId(*id), Arc::clone(line))
    }

    /// How the servers of a group are, in their order; the same each time. Those that join a group at work are new there.
    pub(super) fn healths<'a>(
        &mut self,
        group: GroupId,
        addresses: impl IntoIterator<Item = &'a Address>,
    ) -> Vec<Arc<Health>> {
        let works = self.healths.keys().any(|(other, _)| *other == group);
        let fresh = || match works {
            true => Arc::new(Health::newcomer(Clock::new().now())),
            false => Arc::default(),
        };
        let healths = addresses.into_iter().map(|address| {
            let key = (group, address.clone());
            Arc::clone(self.healths.entry(key).or_insert_with(fresh))
        });
        healths.collect()
    }

    /// Where all those are noted who wait for a seat.
    pub fn hall(&self) -> Arc<Hall> {
        Arc::clone(&self.hall)
    }
}

/// Numbers run out after more names than memory holds.
fn next(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
