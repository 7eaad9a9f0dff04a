//! What is known of an open WebSocket: for the access log, and for whoever asks.

use std::time::Duration;

use crate::proto::ws::{Draft, Tally};

use super::port::Side;

/// Who said Close first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closer {
    /// One of the two ends.
    End(Side),
    /// We.
    Router,
}

impl Closer {
    /// It in logs.
    pub fn word(self) -> &'static str {
        match self {
            Closer::End(side) => side.word(),
            Closer::Router => "router",
        }
    }
}

/// What is known of an open WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// What the client speaks.
    pub draft: Draft,
    /// What went by, by the side that sent it.
    pub tallies: [Tally; 2],
    /// Who said Close first, and with which code (1005: with none).
    pub first_close: Option<(Closer, u16)>,
    /// How long the client's last answer to a ping took.
    pub round_trip: Option<Duration>,
    /// Its end has begun.
    pub closing: bool,
}
