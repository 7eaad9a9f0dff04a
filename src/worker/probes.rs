//! Checks of servers: which this worker makes, and when.
//!
//! Each server is checked by one worker, which all others hear from ([`Health`](crate::upstream::Health)).

use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;
use crate::session::{Client, Port};
use crate::upstream::Group;

use super::entry::Session;
use super::turn::Worker;

/// One in so many parts of the time between two checks is left to chance: servers are not all asked at once.
const SPREAD: u64 = 10;

/// The checks of one worker.
#[derive(Debug, Default)]
pub(super) struct Probes {
    all: Vec<Planned>,
    next: Option<Millis>,
}

/// A server, and when it is checked next.
#[derive(Debug)]
struct Planned {
    group: Arc<Group>,
    place: u16,
    every: Duration,
    due: Millis,
}

impl Probes {
    /// When the next is due.
    pub(super) fn due(&self) -> Option<Millis> {
        self.next
    }

    /// Looks which is due next.
    fn settle(&mut self) {
        self.next = self.all.iter().map(|planned| planned.due).min();
    }
}

impl Worker {
    /// Plans the checks of the configuration in force. Servers that were checked before keep their turn.
    pub(super) fn plan_probes(&mut self) {
        let now = self.world.clock.now();
        let before = std::mem::take(&mut self.probes.all);
        let due = |group: &Group, place: usize, every: Duration| {
            let address = group.servers.get(place).map(|server| &server.address);
            let same = |planned: &&Planned| {
                let server = planned.group.servers.get(usize::from(planned.place));
                planned.group.id == group.id && server.map(|server| &server.address) == address
            };
            before.iter().find(same).map_or(now, |planned| planned.due.min(now + every))
        };
        let workers = self.peers.outboxes.len().max(1);
        for group in &self.world.generation.groups.all {
            let Some(check) = &group.check else { continue };
            for (place, server) in group.servers.iter().enumerate() {
                if server.id.index() % workers != self.index {
                    continue;
                }
                let due = due(group, place, check.every);
                let Ok(place) = u16::try_from(place) else { break };
                let planned = Planned { group: Arc::clone(group), place, every: check.every, due };
                self.probes.all.push(planned);
            }
        }
        self.probes.settle();
    }

    /// Begins the checks that are due.
    pub(super) fn begin_probes(&mut self) {
        let now = self.world.clock.now();
        if self.probes.due().is_none_or(|due| now < due) {
            return;
        }
        if self.world.draining {
            self.probes.all.clear();
            return self.probes.settle();
        }
        for at in 0..self.probes.all.len() {
            let Some(planned) = self.probes.all.get_mut(at) else { return };
            if now < planned.due {
                continue;
            }
            let chance = self.world.rng.below(planned.every.as_millis() as u64 / SPREAD + 1);
            planned.due = now + planned.every + Duration::from_millis(chance);
            let machine = Client::probe(Arc::clone(&planned.group), planned.place, now);
            self.probe(machine);
        }
        self.probes.settle();
    }

    /// Begins a session that has no client.
    fn probe(&mut self, machine: Client) {
        let wheel = &mut self.wheel;
        let key = self.sessions.insert_with(|key| Session {
            machine,
            ports: [Port::default(), Port::default()],
            conns: [None, None],
            timer: wheel.add(key),
            armed: Millis::NEVER,
            active: self.world.clock.now(),
            held: 0,
            begun: false,
            queued: false,
        });
        self.world.counters.sessions.add(1);
        self.drive(key);
    }
}
