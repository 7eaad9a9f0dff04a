//! What the configuration says of a group.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Address, Millis};
use crate::config::{Balance, HealthCheck, Protocol, ProxyVersion, Retries, Upstream};
use crate::reactor::NameCell;
use crate::reactor::tls::Connector;

use super::choice::hash;
use super::health::{Health, Verdict};
use super::identities::{GroupId, Identities, ServerId};
use super::line::{Hall, Line};
use super::seats::Seats;

/// A configured group of servers; immutable.
#[derive(Clone, Debug)]
pub struct Group {
    /// Which group, across generations.
    pub id: GroupId,
    /// Its name in the configuration; what else is used as a target is named by its address.
    pub name: String,
    /// What its servers speak.
    pub protocol: Protocol,
    /// How one of them is chosen.
    pub balance: Balance,
    /// How much is tried again.
    pub retries: Retries,
    /// Most requests that wait for a seat, in all workers together.
    pub queue: u32,
    /// How long one of them waits.
    pub queue_timeout: Duration,
    /// Where they wait, if they may.
    pub line: Option<Arc<Line>>,
    /// Its identity is its own for as long as this is held.
    pub(super) held: Arc<Line>,
    /// How long a dial may take, where the group has its own bound.
    pub connect_timeout: Option<Duration>,
    /// How its servers are told who a connection is for.
    pub send_proxy: Option<ProxyVersion>,
    /// What its servers are asked now and then.
    pub check: Option<HealthCheck>,
    /// How long one that has come back gets less than its share.
    pub slow_start: Option<Duration>,
    /// Its servers, in the order they were written.
    pub servers: Vec<Server>,
}

/// The groups of a generation that have names, and where requests wait for their servers.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// In the order in which rules name them.
    pub all: Vec<Arc<Group>>,
    /// Whether anybody waits.
    pub hall: Arc<Hall>,
}

/// One server of a group.
#[derive(Clone, Debug)]
pub struct Server {
    /// Which server, across groups and generations.
    pub id: ServerId,
    /// Where to dial. A name may stand for several addresses, which the dial tries in turn.
    pub address: Address,
    /// Its share of the group's requests, at least 1.
    pub weight: u16,
    /// Most sessions at once.
    pub max: u32,
    /// Only for when no other is usable.
    pub backup: bool,
    /// How many sessions it has.
    pub seats: Arc<Seats>,
    /// How it is.
    pub health: Arc<Health>,
    /// What its address comes to where what is asked for decides: the same in every process.
    pub(super) hash: u64,
    /// How it is met, where it is dialled with TLS.
    pub connector: Option<Arc<Connector>>,
    /// The addresses of its name at present, where it has one.
    pub cell: Option<Arc<NameCell>>,
}

impl Server {
    /// The address to dial at the attempt of this number; `None` when there are no more.
    pub fn candidate(&self, attempt: u8) -> Option<Address> {
        match (&self.address, &self.cell) {
            (Address::Name { .. }, Some(cell)) => {
                cell.addresses().get(usize::from(attempt)).map(|ip| Address::Ip(*ip))
            }
            (Address::Name { .. }, None) => None,
            (address, _) => (attempt == 0).then(|| address.clone()),
        }
    }

    /// Whether something speaks against a failure at that time: a check has found it well since, or its name has other
    /// addresses.
    pub(super) fn has_news_since(&self, then: Millis) -> bool {
        self.health.has_passed_since(then)
            || self.cell.as_ref().is_some_and(|cell| cell.has_changed_since(then))
    }

    /// Whether it has as many sessions as it may.
    pub(super) fn is_full(&self) -> bool {
        self.max != u32::MAX && self.seats.taken() >= self.max
    }
}

impl Group {
    /// The group an `[upstream:NAME]` section describes.
    pub fn of(upstream: &Upstream, identities: &mut Identities) -> Group {
        let addresses = upstream.servers.iter().map(|server| &server.address.value);
        let mut group = Group::new(&upstream.name, upstream.protocol, addresses, identities);
        for (server, said) in group.servers.iter_mut().zip(&upstream.servers) {
            server.weight = said.weight;
            server.max = said.max.unwrap_or(u32::MAX);
            server.backup = said.backup;
        }
        group.balance = upstream.balance.clone();
        group.retries = upstream.retries;
        (group.queue, group.queue_timeout) = (upstream.queue, upstream.queue_timeout);
        group.line = (group.queue > 0).then(|| Arc::clone(&group.held));
        group.check = upstream.health.as_ref().map(|check| check.value.clone());
        group.slow_start = upstream.slow_start;
        group.connect_timeout = upstream.connect_timeout;
        group.send_proxy = upstream.send_proxy.as_ref().map(|version| version.value);
        group.count();
        group
    }

    /// Has its servers dialled with TLS, in their order: `trust` tells apart how.
    pub fn secure(
        &mut self,
        trust: &str,
        connectors: Vec<Arc<Connector>>,
        identities: &mut Identities,
    ) {
        for (server, connector) in self.servers.iter_mut().zip(connectors) {
            (server.id, server.seats) = identities.trusted(self.protocol, &server.address, trust);
            server.connector = Some(connector);
        }
        self.count();
    }

    /// A group of servers of equal weight.
    pub fn new<'a>(
        name: &str,
        protocol: Protocol,
        addresses: impl IntoIterator<Item = &'a Address>,
        identities: &mut Identities,
    ) -> Group {
        let (id, held) = identities.group(name);
        let addresses: Vec<&Address> = addresses.into_iter().collect();
        let healths = identities.healths(id, addresses.iter().copied());
        let servers = addresses.into_iter().zip(healths).map(|(address, health)| {
            let (id, seats) = identities.server(protocol, address);
            Server {
                id,
                address: address.clone(),
                weight: 1,
                max: u32::MAX,
                backup: false,
                seats,
                health,
                hash: hash(address.to_string().as_bytes()),
                connector: None,
                cell: identities.cell(address),
            }
        });
        let servers = servers.collect();
        Group {
            id,
            name: name.to_owned(),
            protocol,
            balance: Balance::RoundRobin,
            retries: Retries::default(),
            queue: 0,
            queue_timeout: Duration::ZERO,
            line: None,
            held,
            connect_timeout: None,
            send_proxy: None,
            check: None,
            slow_start: None,
            servers,
        }
    }

    /// Whether checks have found a server of it wanting: it gets no requests.
    pub fn is_down(&self, server: &Server) -> bool {
        self.check.is_some() && server.health.verdict() == Verdict::Down
    }

    /// What a server of it weighs now.
    pub(super) fn weight(&self, server: &Server, now: Millis) -> u32 {
        let weight = u32::from(server.weight);
        match self.slow_start {
            None => weight,
            Some(slow) => weight * server.health.share(slow, now),
        }
    }

    /// Has the requests of its servers counted where a choice depends on it.
    fn count(&self) {
        let compares = matches!(self.balance, Balance::Least | Balance::RandomTwo);
        for server in self.servers.iter().filter(|server| compares || server.max != u32::MAX) {
            server.seats.count();
        }
    }
}
