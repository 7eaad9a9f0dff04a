//! The access log: one line at the end of each exchange, and two for a tunnel.
//!
//! A file has each format; the kinds of lines are the same in all.

mod combined;
mod escape;
mod hidden;
mod json;
mod own;
mod record;
mod tunnel;

use crate::base::Clock;
use crate::config::LogFormat;

use super::peer::Peer;

pub(super) use record::{Line, Record};
pub(super) use tunnel::tunnel_ended;

/// Writes a line that a rule asked for, besides that of its request.
pub(super) fn note(
    text: &[u8],
    peer: &Peer,
    format: Option<&LogFormat>,
    clock: &Clock,
    out: &mut Vec<u8>,
) {
    match format {
        Some(LogFormat::Combined | LogFormat::Own(_)) => combined::note(text, peer, clock, out),
        Some(LogFormat::Json) => json::note(text, peer, clock, out),
        None => {}
    }
}
