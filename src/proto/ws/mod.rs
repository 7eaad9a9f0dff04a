//! WebSocket codecs of every draft: the opening handshake, frames, messages, close codes, deflate.
//!
//! ```text
//! client                         router                          upstream
//!   |--- GET, Upgrade, Key ------->| check_request: draft, accept key  |
//!   |                              |--- the same, serialised anew ---->|
//!   |                              |<--------- 101, Accept ------------|
//!   |                              | check_response: the proof         |
//!   |<------------ 101 ------------|                                   |
//!   |<========== frames ==========>|<============ frames =============>|
//! ```
//!
//! All of it is sans-IO, and but for deflate allocates nothing. A frame is read as its header
//! ([`FrameHead::parse`]) and then that many bytes of payload, unmasked in place with [`mask()`] in
//! pieces of any size; whether frames may follow each other is [`Sequence`]'s question.
//! [`Tracker`] follows the frames of a direction whose payload passes unseen, [`Incoming`] reads
//! the messages of one that ends here, whatever its draft.

mod accept;
mod close;
mod control;
mod deflate;
mod dialect;
mod draft;
mod frame;
mod hixie;
mod incoming;
mod list;
mod mask;
mod message;
mod opening;
mod request;
mod sequence;
mod switch;
mod text;
mod tracker;
mod utf8;

pub use accept::{
    AcceptError, AcceptKey, Accepted, accept_key, check_response, choose_protocol,
    offered_protocols,
};
pub use close::{CLOSE_MAX, Close, CloseCode, CloseError, REASON_MAX, encode_close, parse_close};
pub use control::{CONTROL_FRAME_MAX, Control, ControlFrame};
pub use deflate::{
    DeflateParams, DeflatePolicy, Deflater, Engines, InflateError, Inflated, Inflater, ParamsError,
    Window,
};
pub use draft::{Draft, Drafts, UnknownDraft};
pub use frame::{CONTROL_MAX, FrameError, FrameHead, HEAD_MAX, LONE_MAX, Opcode, Rules, Sender};
pub use hixie::{
    Challenge, HIXIE_CLOSE, HixieAnswer, HixieKey, HixieReader, KEY3_LEN, check_hixie_answer,
    encode_hixie_text,
};
pub use incoming::{INCOMING_SAVED, Incoming};
pub use mask::{mask, rotate};
pub use message::{Data, Kind, Read, Reader};
pub use opening::{Opening, Wish};
pub use request::{Handshake, HandshakeError, Key, apparent_draft, check_request};
pub use sequence::Sequence;
pub use switch::SwitchAnswer;
pub use text::{decode_base64, encode_base64};
pub use tracker::{Step, Tally, Tracker, Until};
pub use utf8::{NotUtf8, Utf8};
