//! Channels: named topics. Whoever has joined one gets what is published to it, on whichever core either is.
//!
//! Each worker has a [`Hub`] of its own. A channel has its home on one core, which its name decides: that core knows how many
//! have joined on each, gives what is published its id and its place in the channel's order, and keeps it for a while where that was
//! asked for. Hubs write [`Letter`]s to each other; nothing is shared or locked.
//!
//! ```text
//!  a session's core          the channel's home              cores where anybody has joined
//!  publish --Letter::Publish--> id, history --Letter::Published--> Effect::Deliver to the sessions there
//!  ask ------Letter::Ask------> count, story --Letter::Answer----> Effect::Tell to the session that asked
//! ```
//!
//! **What is promised**: all subscribers of a channel get what is published in one and the same order, each message at most
//! once, from the moment that the home has heard of them; one that publishes after it has joined gets its own.

mod abroad;
mod bus;
mod encoded;
mod heard;
mod homes;
mod hub;
mod instance;
mod instances;
mod letter;
mod members;
mod name;
mod publication;
mod recalled;
mod token;

pub use abroad::{Bulletin, Losses, Lost};
pub use bus::{Bus, BusTraffic, Sheet, Topic};
pub use encoded::{Batch, Encoded, Speech, Together};
pub use hub::{Effect, Hub, home};
pub use instance::{Link, Traffic};
pub use instances::{Incoming, InstanceId, InstanceStatus, Instances, LinkFault};
pub use letter::{Answer, Asker, Letter, Presence};
pub use members::Full;
pub use name::is_name;
pub use publication::{Keep, Origin, Person, Publication, Saying};
pub use recalled::Recalled;
pub use token::{Grant, Refusal, Verifier};
