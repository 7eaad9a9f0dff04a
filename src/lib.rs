//! tidegate: a front-line HTTP and WebSocket router.
//!
//! The crate is a library so that tests, benches and fuzz targets reach every floor; the binary in
//! `main.rs` is a thin shell around [`app`]. Floors, from the top; each imports only floors below it:
//!
//! ```text
//! app        command line, boot, signals, demo
//! worker     one thread per core: where machines meet sockets
//! session    what the proxy decides: pure, no sockets, no clock
//! route      upstream                     siblings; they do not see each other
//! proto      config       reactor         siblings; they do not see each other
//! buf        blocks, receive window, send queue
//! base       generational slab, timer wheel, clock, counters, addresses, problems
//! ```

pub mod base;
pub mod buf;
pub mod channel;
pub mod config;
pub mod proto;
pub mod reactor;
pub mod route;
pub mod session;
pub mod upstream;
pub mod worker;

pub mod app;
