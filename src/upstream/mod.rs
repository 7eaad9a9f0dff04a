//! Groups of servers: picking one, and remembering which failed.
//!
//! A [`Group`] is what the configuration says and belongs to a generation. What happened to its servers is in
//! each worker's [`State`], and what all workers must agree on in cells they share ([`Seats`], [`Line`]), by
//! identities that outlive generations: a reload forgets nothing. All of it is plain data; the time is an argument,
//! dialling is the worker's. What checks find out of servers is in their [`Health`], which all share.
//!
//! ```text
//! Good ── Failed ──> Marked ── its time is over, picked ──> Probed ── Connected ──> Good
//!                      '─────────────── Failed: marked for longer ───────────────'
//! ```

mod budget;
mod choice;
mod group;
mod health;
mod identities;
mod line;
mod mark;
mod rotation;
mod seats;
mod state;
mod tried;

pub use choice::hash;
pub use group::{Group, Groups, Server};
pub use health::{Health, Ill, Verdict};
pub use identities::{GroupId, Identities, ServerId};
pub use line::{Hall, Line, Queued};
pub use seats::{Seat, Seats};
pub use state::{Outcome, Pick, Seeker, State};
pub use tried::Tried;

#[cfg(test)]
mod tests;
