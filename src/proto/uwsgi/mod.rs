//! The uwsgi protocol towards app workers: a packet of variables, then the request body as it is.
//!
//! ```text
//! u8 modifier1 | u16le size | u8 modifier2 | (u16le len, key, u16le len, value)*
//! ```
//!
//! The worker's answer is HTTP/1 until it closes the connection, and is read with `h1`.

mod packet;
mod vars;

pub use packet::{Packet, encode_request};
pub use vars::{PACKET_MAX, PacketError};
