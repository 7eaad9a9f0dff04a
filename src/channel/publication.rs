//! What is published, and how long it is kept for those who come later.

use std::sync::Arc;

use crate::proto::ws::Kind;

use super::instances::InstanceId;

/// A message on its way to all who have joined a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where it was published.
    pub channel: Arc<str>,
    /// Greater than that of everything published to this channel before, also by a process that ran earlier: at least the
    /// microseconds since 1970.
    pub id: u64,
    /// Text or binary.
    pub kind: Kind,
    /// What it says.
    pub payload: Arc<[u8]>,
    /// Nobody published it: it is an object in JSON that says who has come or gone.
    pub notice: bool,
}

/// How much of a channel is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The last so many messages; none: nothing is kept.
    pub messages: u32,
    /// None that is older, in milliseconds.
    pub age: Option<u64>,
}

/// Who a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What a route says of it.
    pub name: String,
    /// The others are told when it comes and when it goes.
    pub announced: bool,
}

/// Where something was published, and under which id there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// At which instance.
    pub instance: InstanceId,
    /// Its id there.
    pub id: u64,
}

/// What a session wishes to say in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// In which.
    pub channel: Arc<str>,
    /// Text or binary.
    pub kind: Kind,
    /// What.
    pub payload: Arc<[u8]>,
    /// How long it is kept.
    pub keep: Keep,
}
