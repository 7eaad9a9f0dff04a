//! What becomes of a WebSocket once it is open.
//!
//! ```text
//!                    .-- Track: frame headers are followed, payload passes unseen
//! Switched --Tunnel--|
//!                    '-- Terminated: messages end here, and go on as new ones
//!
//! Open --fault, dead end, age, drain, or (Terminated) a Close--> Ending --both told and heard--> Over
//! ```
//!
//! [`Life`] is what holds for both: whether the two sides live (`pulse`, `keepalive`), what a route asks besides
//! (`terms`, `allowance`), and how it ends (`closing`, `ending`).

mod allowance;
mod bridge;
mod closing;
mod commands;
mod end;
mod ending;
mod held;
mod keepalive;
mod life;
mod message;
mod news;
mod pulse;
mod relay;
mod stream;
mod terminated;
mod terms;
mod track;
mod utter;
mod written;

pub(super) use life::Life;
pub(super) use terminated::{Opened, Terminated};
pub(super) use track::Track;
pub(super) use written::Written;
