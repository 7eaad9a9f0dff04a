//! Sans-IO codecs: bytes to values and values to bytes, without sockets, clock or allocation per call.
#![deny(clippy::indexing_slicing)]

pub mod h1;
pub mod http;
pub mod instances;
pub mod proxyproto;
pub mod uwsgi;
pub mod ws;
