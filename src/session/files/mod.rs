//! Files that are served: which file a request means, what it is answered, and which bytes go out in what order.
//!
//! ```text
//! Opening --opened--> Sending --all handed over--> Done
//!    |                   '-- changed, disk failed --> cut
//!    '-- no such file, not modified, ... --> our answer
//! ```
//!
//! The machine never sees a byte of the file. It says which [`Piece`] comes next behind what is queued, the worker
//! sends that in whatever way the transport allows, and says how much went.

mod begin;
mod end;
mod locate;
mod reply;
mod transfer;

pub(super) use begin::{Asking, begin, screen};
pub use transfer::{FileFault, FileState, Piece, Sought};
pub(super) use transfer::{Progress, Transfer};
