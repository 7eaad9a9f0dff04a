//! TLS on both sides of the router: rustls makes the handshake, records are opened and sealed in place.
//!
//! An [`Acceptor`] is what a listener presents: certificates by server name, rules for client
//! certificates, tickets. [`build()`] makes them of files. The [`hello`] of a client is read before one of its
//! configurations is chosen.

mod acceptor;
mod build;
mod credentials;
mod files;
pub mod hello;
mod message;
mod rule;
mod suites;
mod tickets;
mod wire;

pub use acceptor::{Acceptor, Profile, TICKET_LIFETIME};
pub use build::{Built, Certificate, Named, Presented, Terms, build};
pub use credentials::Facts;
pub use files::Files;
pub use hello::{Alpn, Hello, HelloError, parse_hello};
pub use message::HELLO_MAX;
pub use rule::{NameRules, RuleId};
pub use suites::Agreement;
pub use tickets::Tickets;

pub use rustls::NoKeyLog;
