//! What all machines of a worker share, and the view of it they are advanced with.

use std::sync::Arc;

use crate::base::{Clock, Counter, Counters, Millis, Rng};
use crate::buf::Pool;
use crate::reactor::tls;
use crate::session::{Action, Cx, Generation, Scratch, Side};
use crate::upstream;

use super::splice::Pipes;

/// The shared part of a worker that machines may see.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) pool: Pool,
    /// Where TLS records lie between sockets and blocks.
    pub(super) records: tls::Scratch,
    /// What long payloads go through.
    pub(super) pipes: Pipes,
    pub(super) counters: Arc<Counters>,
    pub(super) generation: Arc<Generation>,
    pub(super) upstreams: upstream::State,
    pub(super) actions: Vec<Action>,
    pub(super) rng: Rng,
    pub(super) scratch: Scratch,
    pub(super) log: Vec<u8>,
    pub(super) crowded: bool,
    pub(super) draining: bool,
}

impl World {
    /// Bytes that came of all connections on this side.
    #[inline]
    pub(super) fn received(&self, side: Side) -> &Counter {
        match side {
            Side::Client => &self.counters.client_in,
            Side::Upstream => &self.counters.upstream_in,
        }
    }

    /// Bytes that went to them.
    #[inline]
    pub(super) fn sent(&self, side: Side) -> &Counter {
        match side {
            Side::Client => &self.counters.client_out,
            Side::Upstream => &self.counters.upstream_out,
        }
    }

    /// The view for a session whose bytes last moved at `active`.
    pub(super) fn cx(&mut self, active: Millis) -> Cx<'_> {
        Cx {
            now: self.clock.now(),
            active,
            clock: &self.clock,
            pool: &self.pool,
            counters: &self.counters,
            generation: &self.generation,
            upstreams: &mut self.upstreams,
            actions: &mut self.actions,
            rng: &mut self.rng,
            scratch: &mut self.scratch,
            log: &mut self.log,
            crowded: self.crowded,
            draining: self.draining,
        }
    }
}
