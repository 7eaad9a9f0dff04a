//! What the two slabs hold: connections and sessions.

use crate::base::{Key, Millis, TimerKey, Wheel};
use crate::reactor::{Bulk, Readiness, Stream, Transport};
use crate::session::{Client, Port};

/// One socket.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) stream: Stream,
    pub(super) transport: Transport,
    pub(super) ready: Readiness,
    /// Whether its reads bring much.
    pub(super) bulk: Bulk,
    /// Our FIN was sent.
    pub(super) finished: bool,
    /// Its TLS handshake waits for its turn.
    pub(super) queued: bool,
    pub(super) role: Role,
    /// The session it belongs to, unless it is idle.
    pub(super) session: Option<Key>,
}

impl Conn {
    /// Whether a read may get something.
    pub(super) fn is_readable(&self) -> bool {
        let waits = matches!(self.role, Role::Dialling(_) | Role::Greeting);
        self.ready.readable && !waits && self.transport.is_open()
    }
}

/// What a connection is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A client's, of a session.
    Client,
    /// A proxy's, of a session: its PROXY header is awaited.
    Greeting,
    /// To a server, of a session.
    Upstream,
    /// To a server, not connected yet; the number of the address that is being tried.
    Dialling(u8),
    /// To a server, without a session.
    Idle,
}

/// A client connection's life: its machine, the two ports it sees, and the connections behind them.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) machine: Client,
    pub(super) ports: [Port; 2],
    pub(super) conns: [Option<Key>; 2],
    pub(super) timer: TimerKey,
    /// When the timer fires; the machine may want to wait longer by then.
    pub(super) armed: Millis,
    /// When bytes last moved.
    pub(super) active: Millis,
    /// Memory that holds parts of its messages, as it was counted last.
    pub(super) held: u32,
    /// It is in the middle of a pass, together with others.
    pub(super) begun: bool,
    /// It stands on the `again` list.
    pub(super) queued: bool,
}

impl Session {
    /// Sets the timer to no later than `deadline`.
    pub(super) fn arm(&mut self, deadline: Millis, wheel: &mut Wheel) {
        if deadline < self.armed {
            self.armed = deadline;
            wheel.rearm(self.timer, deadline.get());
        }
    }

    /// Memory that holds parts of its messages now, in bytes.
    pub(super) fn holds(&self) -> u32 {
        u32::try_from(self.machine.held()).unwrap_or(u32::MAX)
    }

    /// Whether that is more than was counted.
    pub(super) fn has_grown(&self) -> bool {
        self.holds() > self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_small() {
        assert!(size_of::<Conn>() <= 32, "{}", size_of::<Conn>());
        assert!(size_of::<Session>() <= 312, "{}", size_of::<Session>());
    }
}
