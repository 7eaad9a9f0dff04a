//! The drafts before hybi: hixie-75 and hixie-76, their handshakes for both roles and their frames.
//!
//! ```text
//! client                                   server
//!   |--- head with Key1 and Key2 ----------->|   75: no keys
//!   |<-- 101 head ---------------------------|   sent without waiting for key3
//!   |--- key3: 8 bytes --------------------->|   76 only
//!   |<-- MD5 of both numbers and key3 -------|   76 only: 16 bytes
//!   |<========= 00 text FF ... FF 00 =======>|
//! ```

mod answer;
mod challenge;
mod frames;

pub use answer::{HixieAnswer, check_hixie_answer};
pub use challenge::{Challenge, HixieKey, KEY3_LEN};
pub use frames::{HIXIE_CLOSE, HixieReader, encode_hixie_text};
