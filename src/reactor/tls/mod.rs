//! TLS on both sides of the router: rustls makes the handshake, then records are opened and sealed here.
//!
//! An [`Acceptor`] is what a listener presents: certificates by server name, rules for client
//! certificates, tickets. [`build()`] makes them of files. The [`hello`] of a client is read before one of its
//! configurations is chosen. A connection begins as a [`Handshake`], driven by rustls, and becomes
//! [`Records`] once both ends agree: keys and counters, without a buffer while nothing happens. Records are
//! opened from a worker's [`Scratch`] into blocks, and sealed from blocks into it.

mod acceptor;
mod build;
mod cipher;
mod connector;
mod credentials;
mod engine;
mod fault;
mod files;
mod handshake;
pub mod hello;
mod keys;
mod message;
mod notices;
mod record;
mod records;
mod rule;
mod sealer;
mod subject;
mod suites;
#[cfg(test)]
mod testing;
mod tickets;
mod trusted;
mod unsealer;
mod wire;

pub use acceptor::{Acceptor, Profile, TICKET_LIFETIME};
pub use build::{Built, Certificate, Named, Presented, Terms, build};
pub use connector::{Connector, Connectors, Trust, server_name};
pub use credentials::Facts;
pub use fault::{Fault, HandshakeFault};
pub use files::Files;
pub use handshake::{Agreed, Handshake, Progress};
pub use hello::{Alpn, Hello, HelloError, parse_hello};
pub use keys::TrafficLog;
pub use message::HELLO_MAX;
pub use records::{Records, Scratch};
pub use suites::Agreement;
pub use tickets::{Tickets, Used};
