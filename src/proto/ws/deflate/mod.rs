//! permessage-deflate (RFC 7692): what is agreed, and messages in and out.
//!
//! ```text
//! Sec-WebSocket-Extensions --DeflateParams::accept--> DeflateParams --direction--> Window
//!                                                                                   |
//!           a message to send --> Deflater --+-- takes an engine per message, ------+
//!        a message that comes --> Inflater --+   or keeps one for context takeover
//!                                            |
//!                                         Engines (one per worker)
//! ```
//!
//! Without context takeover a connection between two messages has no window and no engine.

mod deflater;
mod engines;
mod inflater;
mod params;

pub use deflater::Deflater;
pub use engines::Engines;
pub use inflater::{InflateError, Inflated, Inflater};
pub use params::{DeflateParams, DeflatePolicy, ParamsError, Window};

/// What ends every flushed DEFLATE stream and is left out of a message (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

#[cfg(test)]
mod tests;
