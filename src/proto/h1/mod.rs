//! HTTP/1.0 and HTTP/1.1 on the wire (RFC 9112), strict at the door.
//!
//! ```text
//! bytes -- parse_request  --> RequestHead  -- encode_request  --> bytes for an upstream
//! bytes -- parse_response --> ResponseHead -- encode_response --> bytes for a client
//!                                Answer, Own -- encode_answer, encode_own --> bytes for a client
//! body  -- ChunkedDecoder --> spans of payload -- encode_chunk_prefix --> body
//! ```
//!
//! Parsers answer `Ok(None)` while the head is not complete and give the same result however the
//! bytes were split. Whatever could be read in two ways is an error, never repaired; whatever is
//! forwarded is written anew from what was parsed.

mod answer;
mod chunked;
mod connection;
mod file;
mod framing;
mod head;
mod limits;
mod own;
mod reply;
mod request;
mod request_error;
mod response;
mod target;
mod write;

mod forward;

pub use answer::{Answer, encode_answer};
pub use chunked::{Chunk, ChunkError, ChunkedDecoder, encode_chunk_prefix, last_chunk};
pub use file::{Boundary, FileHead, Share, encode_file, encode_last_part, encode_part};
pub use forward::{Forward, Identity, Switch, encode_request};
pub use framing::FramingError;
pub use limits::{Limits, METHOD_MAX};
pub use own::{Own, encode_own};
pub use reply::{Reply, encode_end_to_end, encode_extra, encode_interim, encode_response};
pub use request::{RequestHead, Upgrade, parse_request};
pub use request_error::RequestError;
pub use response::{ResponseError, ResponseHead, parse_response};

#[cfg(test)]
mod tests;
