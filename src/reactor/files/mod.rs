//! Files that are served: opened below their directory and nowhere else, and sent.
//!
//! ```text
//! Opener::open --EAGAIN: not in the caches--> the same on an offload thread
//!      |                                               |
//!      '------------> Found { file, stamp } <----------'
//!                             |
//! OpenFile: read into a block, or sendfile(2) --not in memory--> Job::Warm --> again
//! ```
//!
//! The kernel is asked for what it has in memory first (`RESOLVE_CACHED`, `RWF_NOWAIT`), which never waits for a
//! disk; only what it has not goes to a thread that may wait.

mod open;
mod send;
#[cfg(test)]
mod tests;

pub use open::{Below, FileFault, Found, Opener, Patience, Stamp};
pub(super) use send::warm;
pub use send::{OpenFile, Piece, Progress};
