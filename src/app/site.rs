//! From a source of configuration to what can run, as often as it is wanted.

use std::sync::Arc;

use super::account::Accounts;
use super::certificates::{self, Certificates};
use super::cli::Source;
use super::{bus, instances};
use crate::base::Problem;
use crate::config::{Config, Surroundings, load};
use crate::proto::instances::Secret;
use crate::reactor::Names;
use crate::reactor::tls::{Connectors, Tickets, TrafficLog};
use crate::session::Generation;
use crate::upstream::Identities;
use crate::worker::{self, Guards};

/// Compiles a configuration, again and again. What outlives each of them is here: identities of servers, names
/// that are resolved, keys of tickets.
pub(super) struct Maker {
    source: Source,
    identities: Identities,
    tickets: Arc<Tickets>,
    /// Every address that was ever listened on, in the order in which they came: connections know theirs by number.
    listeners: Vec<String>,
    guards: Guards,
}

/// What came of a configuration. It can run when no problem is an error.
pub(super) struct Compiled {
    pub(super) config: Config,
    pub(super) accounts: Accounts,
    pub(super) generation: Option<Arc<Generation>>,
    pub(super) certificates: Option<Arc<Certificates>>,
    /// The bus, with its password.
    pub(super) bus: Option<bus::Target>,
    /// What other instances know too.
    pub(super) secret: Option<Secret>,
    pub(super) problems: Vec<Problem>,
}

impl Maker {
    /// With `names` it can run; without, names are not looked up.
    pub(super) fn new(source: Source, names: Option<Names>) -> Maker {
        Maker {
            source,
            identities: Identities::resolving(names),
            tickets: Arc::default(),
            listeners: Vec::new(),
            guards: Guards::default(),
        }
    }

    /// Where the configuration comes from.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Who looks names up.
    pub(super) fn names(&self) -> Option<&Names> {
        self.identities.names()
    }

    /// Has files of users looked at while it runs, where there are any.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn watch(&self) -> std::io::Result<()> {
        self.guards.files.watch()
    }

    /// What was compiled last is followed from now on, or was dropped: what nobody names any more is forgotten.
    pub(super) fn settle(&mut self, followed: bool) {
        self.identities.settle(followed);
    }

    /// Reads and compiles it as it is now.
    pub(super) fn compile(&mut self) -> Compiled {
        let Source { file, options } = &self.source;
        let (config, mut problems) = load(file.as_deref(), options, &Surroundings::real());
        let host = super::boot::host_name();
        let mut connectors = Connectors::new(Arc::new(TrafficLog));
        let identities = &mut self.identities;
        identities.begin();
        let generation =
            worker::build(&config, identities, &mut connectors, &self.guards, &host, &mut problems);
        let tickets = Arc::clone(&self.tickets);
        let certificates = certificates::load(&config, connectors, tickets, &mut problems);
        let generation = generation.map(|mut generation| {
            for address in std::mem::take(&mut generation.listeners) {
                if !self.listeners.contains(&address) {
                    self.listeners.push(address);
                }
            }
            generation.listeners.clone_from(&self.listeners);
            Arc::new(generation)
        });
        let secret = instances::load_secret(&config, &mut problems);
        let bus = bus::load(&config, &mut problems);
        let accounts = Accounts::find(&config, &mut problems);
        Compiled {
            config,
            accounts,
            generation,
            certificates: certificates.map(Arc::new),
            secret,
            bus,
            problems,
        }
    }
}
