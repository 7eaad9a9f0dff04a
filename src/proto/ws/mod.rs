//! WebSocket codecs: frame headers, masking, close codes and the opening handshake.
//!
//! All of it is sans-IO and allocates nothing. A frame is read as its header
//! ([`FrameHead::parse`]) and then that many bytes of payload, unmasked in place with [`mask`] in
//! pieces of any size; whether frames may follow each other is [`Sequence`]'s question.

mod close;
mod frame;
mod mask;

pub use close::{CLOSE_MAX, Close, CloseCode, CloseError, REASON_MAX, encode_close, parse_close};
pub use frame::{CONTROL_MAX, FrameError, FrameHead, HEAD_MAX, Opcode, Rules, Sender, Sequence};
pub use mask::{mask, rotate};
