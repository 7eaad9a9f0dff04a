//! Groups of servers: picking one, and remembering which failed.
//!
//! A [`Group`] is what the configuration says and belongs to a generation. What happened to its servers is in
//! each worker's [`State`], by identities that outlive generations: a reload forgets nothing. Both are plain
//! data; the time is an argument, dialling is the worker's.
//!
//! ```text
//! Good ── Failed ──> Marked ── its time is over, picked ──> Probed ── Connected ──> Good
//!                      '─────────────── Failed: marked for longer ───────────────'
//! ```

mod group;
mod mark;
mod state;
mod tried;

pub use group::{Group, GroupId, Identities, Server, ServerId};
pub use state::{Outcome, State};
pub use tried::Tried;

#[cfg(test)]
mod tests;
