//! The PROXY protocol: who a connection is for, said in front of its first byte.
//!
//! Version 1 is a line of text, version 2 a binary block; both are of HAProxy's specification
//! (doc/proxy-protocol.txt). We say it to servers, and listen to it from proxies we were told of.

mod encode;
mod parse;

pub use encode::{Ends, Version, encode};
pub use parse::{BLOCK_MAX, Header, HeaderError, LINE_MAX, parse};
