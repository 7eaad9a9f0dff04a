//! Tests of the HTTP/1 codecs, together: what a client sends, what an upstream sees, and back.
#![allow(clippy::indexing_slicing)]

mod smoke;
