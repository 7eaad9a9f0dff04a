//! A connection to the bus, whichever engine that is.

use std::sync::Arc;

use super::Target;
use super::inbox::{LONGEST, Slot};
use super::nats::Nats;
use super::redis::Redis;
use crate::channel::{InstanceId, Sheet};
use crate::config::Engine;

/// A connection that is up and listens.
pub(super) enum Link {
    Redis(Box<Redis>),
    Nats(Box<Nats>),
}

/// What a connection is to do next.
#[derive(Debug, Default)]
pub(super) struct Job {
    /// Channels to listen to.
    pub(super) on: Vec<Arc<str>>,
    /// And not any more.
    pub(super) off: Vec<Arc<str>>,
    /// What is to be said.
    pub(super) sheets: Vec<Sheet>,
    /// Channels of which is to be read what the bus has kept.
    pub(super) recalls: Vec<Arc<str>>,
}

/// What the bus has kept of a channel, in its order, with the time when it came there in milliseconds since 1970.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) channel: Arc<str>,
    pub(super) entries: Vec<(u64, Vec<u8>)>,
}

impl Link {
    /// Connects, and listens to what is for all and to these channels.
    pub(super) async fn connect(
        target: &Target,
        me: &InstanceId,
        channels: &[Arc<str>],
        slot: Slot,
    ) -> Result<Link, String> {
        match target.bus.engine {
            Engine::Redis { database, tls } => {
                Redis::connect(target, database, tls, channels, slot)
                    .await
                    .map(|redis| Link::Redis(Box::new(redis)))
            }
            Engine::Nats => Nats::connect(target, me, channels, slot)
                .await
                .map(|nats| Link::Nats(Box::new(nats))),
        }
    }

    /// Does a job; it is done when the bus says so. Of the channels there were to read it returns the first, or all.
    pub(super) async fn perform(&mut self, job: &Job) -> Result<Vec<Story>, String> {
        match self {
            Link::Redis(redis) => {
                redis.perform(job).await?;
                redis.recall(&job.recalls).await
            }
            Link::Nats(nats) => nats.perform(job).await.map(|()| Vec::new()),
        }
    }

    /// The longest packet that the bus takes, in bytes.
    pub(super) fn most(&self) -> usize {
        match self {
            // What Redis takes and no inbox does would be lost at the other end.
            Link::Redis(_) => LONGEST,
            Link::Nats(nats) => nats.most(),
        }
    }
}
