//! Blocks and their pool, the receive window (`Rx`) and the send queue (`Tx`).
//!
//! Payload moves from one connection to another by handing over the block it was read into:
//!
//! ```text
//! socket --fill--> Rx [Block] --take--> machine --push--> Tx [Block] --flush--> socket
//!                      ^                                        |
//!                      '------------- Pool (one per worker) <---'
//! ```
//!
//! A [`Block`] is a view of pooled memory; splitting one gives two views and copies nothing. What is
//! left unsent in a block at the end of a turn and is small moves into a [`Stub`] of its own size, so
//! that a slow reader never pins a whole block ([`Tx::settle`], [`Rx::settle`]).

mod block;
mod chain;
mod pool;
mod rx;
mod segment;
mod tx;

pub use block::{BLOCK, Block, HEADROOM};
pub use chain::Chain;
pub use pool::Pool;
pub use rx::{RX_BLOCKS, Rx};
pub use segment::{Segment, Shared, Stub};
pub use tx::{Copied, HIGH_WATER, Tx};
