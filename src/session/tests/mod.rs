//! The transitions of the machines, one by one, with both ends as bytes.

mod admin;
mod auth;
mod channels;
mod check;
mod commands;
mod files;
mod grants;
mod greeting;
mod groups;
mod guard;
mod heads;
mod hostile;
mod introduction;
mod keepalive;
mod news;
mod pings;
mod probes;
mod redirect;
mod reset;
mod secure;
mod terminated;
mod token;
mod track;
mod upgrade;
mod upload;
mod vanished;
mod wild;

use std::time::Duration;

use super::testing::*;
use super::*;
use crate::buf::HIGH_WATER;

const GET: &str = "GET /http HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A bench whose client has sent `request`, which has reached a fresh upstream connection.
fn asked(request: impl AsRef<[u8]>) -> Bench {
    let mut bench = Bench::new();
    bench.client_says(request);
    bench.dialled(false);
    bench
}
