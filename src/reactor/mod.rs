//! I/O: what touches sockets, threads and the disk, and decides nothing.
//!
//! [`Stream`] is a connected socket and [`Readiness`] what is known about it between edges;
//! [`Listener`] makes streams by accepting, [`dial()`] by connecting. [`Mailbox`] is how threads talk,
//! [`Alarm`] what ends a wait, [`Coarse`] a cheap clock.
//! Whatever would block has a thread of its own: [`Names`] resolves host names, [`Offload`] does the
//! disk's work and looks up tokens. [`give_back`] is for memory, [`never_cancelled()`] for waits. Files that are served are in `files`.

mod alarm;
mod cancel;
mod coarse;
mod dial;
mod files;
mod limits;
mod link;
mod listener;
mod look;
mod mailbox;
mod memory;
mod names;
mod offload;
mod passwords;
mod peer;
mod pipe;
mod queue;
mod readiness;
mod stamp;
mod stream;
#[cfg(test)]
mod testing;
pub mod tls;
mod tokens;
mod transfer;
mod transport;

pub use alarm::Alarm;
pub use cancel::never_cancelled;
pub use coarse::Coarse;
pub use dial::{DialError, connected, dial};
pub use files::{Below, FileFault, Found, OpenFile, Opener, Patience, Piece, Progress, Stamp};
pub use limits::{AcceptFault, descriptors, raise_descriptors};
pub use link::{Secure, SecureTerms, unforeseen};
pub use listener::{BindError, ListenOptions, Listener, Sharing};
pub use look::leads_to;
pub use mailbox::{Mailbox, Outbox, Refused, Sender, Wake};
pub use memory::give_back;
pub use names::{Lookup, NameCell, Names};
pub use offload::{Done, Job, Offload, Reply, Wanted};
pub use passwords::{Puzzle, Standing, UserFile, UserFiles, is_same};
pub use peer::Peer;
pub use pipe::Pipe;
pub use readiness::{Ending, Readiness};
pub use stream::{Kind, Stream};
pub use tokens::TokenAnswer;
pub use transfer::{Bulk, Filled, Flushed, fill, fill_block, fill_some, flush, offer};
pub use transport::{Line, Tls, Transport};

// A token is a key's 64 bits.
const _: () = assert!(size_of::<usize>() == 8);
