//! What the configuration says of a group, and numbers for groups and servers that outlive it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Address;
use crate::config::{Protocol, ProxyVersion, Upstream};
use crate::reactor::tls::Connector;
use crate::reactor::{NameCell, Names};

/// A configured group of servers; immutable.
#[derive(Clone, Debug)]
pub struct Group {
    /// Which group, across generations.
    pub id: GroupId,
    /// Its name in the configuration; what else is used as a target is named by its address.
    pub name: String,
    /// What its servers speak.
    pub protocol: Protocol,
    /// How long a dial may take, where the group has its own bound.
    pub connect_timeout: Option<Duration>,
    /// How its servers are told who a connection is for.
    pub send_proxy: Option<ProxyVersion>,
    /// Its servers, in the order they were written.
    pub servers: Vec<Server>,
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
}

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
    servers: HashMap<(Protocol, Address, String), u32>,
    groups: HashMap<String, u32>,
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
    fn cell(&self, address: &Address) -> Option<Arc<NameCell>> {
        match (address, &self.names) {
            (Address::Name { host, port }, Some(names)) => Some(names.add(host, *port)),
            _ => None,
        }
    }

    /// The identity of the server at `address`; the same each time it is asked for.
    pub fn server(&mut self, protocol: Protocol, address: &Address) -> ServerId {
        self.trusted(protocol, address, "")
    }

    /// The same of a server met as `trust` says: what was agreed on with one is not for who trusts another.
    fn trusted(&mut self, protocol: Protocol, address: &Address, trust: &str) -> ServerId {
        let next = next(self.servers.len());
        let key = (protocol, address.clone(), trust.to_owned());
        ServerId(*self.servers.entry(key).or_insert(next))
    }

    /// The identity of the group `name`; the same each time it is asked for.
    pub fn group(&mut self, name: &str) -> GroupId {
        let next = next(self.groups.len());
        GroupId(*self.groups.entry(name.to_owned()).or_insert(next))
    }
}

/// Numbers run out after more names than memory holds.
fn next(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Group {
    /// The group an `[upstream:NAME]` section describes.
    pub fn of(upstream: &Upstream, identities: &mut Identities) -> Group {
        let addresses = upstream.servers.iter().map(|server| &server.value);
        let mut group = Group::new(&upstream.name, upstream.protocol, addresses, identities);
        group.connect_timeout = upstream.connect_timeout;
        group.send_proxy = upstream.send_proxy.as_ref().map(|version| version.value);
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
            server.id = identities.trusted(self.protocol, &server.address, trust);
            server.connector = Some(connector);
        }
    }

    /// A group of servers of equal weight.
    pub fn new<'a>(
        name: &str,
        protocol: Protocol,
        addresses: impl IntoIterator<Item = &'a Address>,
        identities: &mut Identities,
    ) -> Group {
        let servers = addresses.into_iter().map(|address| Server {
            id: identities.server(protocol, address),
            address: address.clone(),
            weight: 1,
            connector: None,
            cell: identities.cell(address),
        });
        let servers = servers.collect();
        let id = identities.group(name);
        Group {
            id,
            name: name.to_owned(),
            protocol,
            connect_timeout: None,
            send_proxy: None,
            servers,
        }
    }
}
