//! A new configuration for a worker that runs: what is there goes on as it began, what comes follows the new one.

use std::io;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use arc_swap::ArcSwap;

use crate::base::Address;
use crate::reactor::tls::Acceptor;
use crate::session::Generation;

use super::accept::Door;
use super::turn::Worker;

/// How a listener meets clients.
#[derive(Clone, Debug)]
pub enum Welcome {
    /// They speak HTTP.
    Plain,
    /// The same over TLS; this is presented.
    Tls(Arc<ArcSwap<Acceptor>>),
    /// They speak HTTP, and are sent on to https at this port.
    ToHttps(NonZeroU16),
}

/// What changes.
#[derive(Debug)]
pub struct Renewal {
    /// The configuration of every request to come.
    pub generation: Arc<Generation>,
    /// Listeners that were not there before.
    pub opened: Vec<Door>,
    /// Addresses that are not listened on any more.
    pub closed: Arc<[Address]>,
    /// How clients are met at those that stay.
    pub welcomes: Arc<[(Address, Welcome)]>,
    /// `spool-dir`.
    pub spool_dir: Option<Arc<Path>>,
    /// Most client connections of all workers together.
    pub most: u32,
    /// Told by which worker it is done.
    pub done: Sender<usize>,
}

impl Worker {
    /// Goes over to a new configuration.
    pub(super) fn renew(&mut self, renewal: Renewal) {
        let Renewal { generation, opened, closed, welcomes, spool_dir, most, done } = renewal;
        self.channels.hub.keep_at_most(generation.channel_memory);
        self.world.generation = generation;
        self.plan_probes();
        self.spool_dir = spool_dir;
        self.peers.most = most;
        for gone in closed.iter() {
            self.close_door(gone);
        }
        for (address, welcome) in welcomes.iter() {
            for door in self.doors.iter_mut().filter(|door| door.listener.address() == address) {
                door.welcome.clone_from(welcome);
            }
        }
        // A stopping router listens nowhere.
        if !self.world.draining {
            for door in opened {
                if let Err(error) = self.open_door(door) {
                    tracing::error!(%error, worker = self.index, "a listener cannot be watched");
                }
            }
        }
        // Whoever does not wait any more need not know.
        let _ = done.send(self.index);
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// When the socket cannot be watched.
    pub(super) fn open_door(&mut self, mut door: Door) -> io::Result<()> {
        door.token = self.next_door;
        self.next_door += 1;
        door.listener.register(self.poll.registry(), door.token)?;
        self.doors.push(door);
        Ok(())
    }

    /// Stops listening at an address. Whoever waits there is let in first: closing would reset them.
    fn close_door(&mut self, address: &Address) {
        let is_it = |door: &Door| door.listener.address() == address;
        let Some(at) = self.doors.iter().position(is_it) else { return };
        self.let_in_all(at);
        self.doors.remove(at).listener.unlink();
    }
}
