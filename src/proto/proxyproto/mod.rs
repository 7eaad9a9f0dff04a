//! The PROXY protocol: who a connection is for, said in front of its first byte.
//!
//! Version 1 is a line of text, version 2 a binary block; both are of HAProxy's specification
//! (doc/proxy-protocol.txt). We say it to servers; nobody says it to us yet.

mod encode;

pub use encode::{Ends, Version, encode};
