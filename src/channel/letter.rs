//! What the hubs of a process write to each other.

use std::sync::Arc;

use crate::base::Key;

use super::abroad::Lost;
use super::publication::{Origin, Person, Publication, Saying};
use super::recalled::Recalled;

/// A letter from one core to another, or to itself. Those of one core to another arrive in their order.
#[derive(Debug)]
pub enum Letter {
    /// To a channel's home: something is to be published.
    Publish {
        /// What.
        saying: Saying,
        /// Who wants to know what became of it.
        asker: Option<Asker>,
    },
    /// To a channel's home: how many have joined on a core.
    Joined {
        /// Which core.
        core: usize,
        /// Channels, and who has joined each.
        circles: Vec<(Arc<str>, Presence)>,
    },
    /// To a channel's home: one whose name is known has joined, or is gone.
    Moved {
        /// Which channel.
        channel: Arc<str>,
        /// Who.
        person: Arc<Person>,
        /// It has joined.
        came: bool,
    },
    /// To a channel's home: somebody wants to know something of it.
    Ask {
        /// Who.
        asker: Asker,
        /// Which channel.
        channel: Arc<str>,
        /// What was published behind this id, rather than how many have joined.
        since: Option<u64>,
    },
    /// To a channel's home: something was published at another instance; where exactly, if that is known.
    Heard(Saying, Option<Origin>),
    /// To a channel's home: what an engine has kept of it; none: that cannot be had now.
    Recalled(Arc<str>, Option<Vec<Recalled>>),
    /// To a channel's home, or to all: something was published at another instance and is lost.
    Lost(Lost),
    /// From a channel's home: something is lost, for the circle of this number.
    Gap(Arc<str>, u32),
    /// From a channel's home: it was published, for the circle of this number.
    Published(Arc<Publication>, u32),
    /// From a channel's home: what somebody asked for.
    Answer(Key, Answer),
}

/// Those of one core who have joined a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// How many there are.
    pub count: u32,
    /// Another one each time that there were none before: what is on its way to those who were there is not for those who
    /// came after them, and would have missed what lies between.
    pub circle: u32,
}

/// A session somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Its core.
    pub core: usize,
    /// Its key there.
    pub who: Key,
}

/// What a channel's home says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Something was published.
    Published {
        /// Under this id.
        id: u64,
        /// So many had joined.
        reached: u64,
    },
    /// Who is there.
    Present {
        /// So many have joined.
        count: u64,
        /// Names that are known, in their order, each once; the first of them.
        who: Vec<String>,
        /// How many names are known beyond those.
        more: usize,
    },
    /// What was published since.
    Story {
        /// As much of it as is kept.
        kept: Vec<Arc<Publication>>,
        /// There may have been more before it.
        gap: bool,
    },
}
