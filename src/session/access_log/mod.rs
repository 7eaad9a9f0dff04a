//! The access log: one line at the end of each exchange, and two for a tunnel.

mod escape;
mod note;
mod record;
mod tunnel;

pub(super) use escape::write_json;
pub(super) use note::note;
pub(super) use record::{Line, Record};
pub(super) use tunnel::tunnel_ended;

/// How access lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Apache's combined format with fields of ours behind it.
    Combined,
    /// One JSON object per line.
    Json,
}
