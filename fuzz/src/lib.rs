//! What each fuzz target asserts about its input, one function each.
//!
//! The targets in `fuzz_targets/` call these, and so does `tests/fuzz_seeds.rs`, which replays the
//! named inputs in `seeds/<target>/` on every `cargo test`. A new target needs a function in the
//! module of its floor, a line in [`TARGETS`], a file in `fuzz_targets/`, its `[[bin]]` in
//! `Cargo.toml`, and at least one seed: the test says what is missing.

pub mod config;
pub mod deflate;
pub mod h1;
pub mod handshake;
pub mod path;
pub mod proxy;
pub mod records;
pub mod tls;
pub mod uwsgi;
pub mod ws;

/// What a target does with one input: it panics when something is wrong.
pub type Check = fn(&[u8]);

/// Every target by name.
pub const TARGETS: &[(&str, Check)] = &[
    ("request_head", h1::request_head),
    ("response_head", h1::response_head),
    ("chunked_body", h1::chunked_body),
    ("canonical_path", path::canonical_path),
    ("uwsgi_response", uwsgi::uwsgi_response),
    ("ini", config::ini),
    ("proxy_header", proxy::proxy_header),
    ("tls_hello", tls::tls_hello),
    ("tls_records", records::tls_records),
    ("ws_frame", ws::ws_frame),
    ("ws_tracker", ws::ws_tracker),
    ("ws_message", ws::ws_message),
    ("ws_hixie", ws::ws_hixie),
    ("ws_handshake", handshake::ws_handshake),
    ("ws_answer", handshake::ws_answer),
    ("ws_opening", handshake::ws_opening),
    ("ws_offer", deflate::ws_offer),
    ("ws_deflate", deflate::ws_deflate),
];
