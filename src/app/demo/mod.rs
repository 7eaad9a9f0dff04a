//! What `tidegate demo` shows: a sample worker inside the process, and the page it serves.
//!
//! The worker knows nothing of the router: it listens on a loopback port of its own and is routed to
//! as any upstream would be. It serves a page that measures round trips, a JSON endpoint that tells
//! which request arrived, and a WebSocket echo. Channels need no worker: tabs talk to each other through
//! the router alone, and a ticker publishes as an app would.
//!
//! ```text
//! browser <-- HTTP, WebSocket --> tidegate <-- HTTP, WebSocket --> Worker
//! browser <-- WebSocket, events --> channels of tidegate <-- POST --- Ticker
//! ```

mod certificate;
mod echo;
mod pages;
mod setup;
mod ticker;
mod worker;

pub use certificate::Certificate;
pub use setup::{AT, options};
pub use ticker::Ticker;
pub use worker::Worker;

#[cfg(test)]
mod tests;
