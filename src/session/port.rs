//! One side of a session as a machine sees it.

use crate::base::Millis;
use crate::buf::{Rx, Tx};

use super::reason::CloseReason;
use super::snapshot::{Cursor, SnapshotError};

/// Which of a session's two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one a client opened to us.
    Client = 0,
    /// The one we opened to a server.
    Upstream = 1,
}

impl Side {
    /// It in logs.
    pub fn word(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::Upstream => "upstream",
        }
    }

    /// The other side.
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Upstream,
            Side::Upstream => Side::Client,
        }
    }
}

impl Side {
    /// It in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut upstream = *self == Side::Upstream;
        at.flag(&mut upstream)?;
        *self = if upstream { Side::Upstream } else { Side::Client };
        Ok(())
    }
}

/// How receiving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RxEnd {
    /// The peer finished: FIN, or close_notify.
    Finished,
    /// A reset or another error.
    Reset,
}

/// How sending shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxEnd {
    /// Send what is queued, then FIN; receiving goes on.
    Finish,
    /// Send what is queued; the machine closes then, which says the same and saves a call.
    Close,
    /// Reset at once; what is queued is lost.
    Abort,
}

/// Whether a peer has acknowledged all that it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Nobody wants to know.
    #[default]
    Unasked,
    /// The machine waits for it: set by it.
    Asked,
    /// It has: set by the worker.
    Done,
}

/// A connection as a machine sees it: no socket.
#[derive(Debug, Default)]
pub struct Port {
    /// Received and not yet consumed.
    pub rx: Rx,
    /// Receiving is over; what is in `rx` is the rest.
    pub rx_end: Option<RxEnd>,
    /// Set by the worker when it knows that the peer has finished: what is there to read is the last.
    pub closing: bool,
    /// To be sent.
    pub tx: Tx,
    /// Set by the machine when nothing more will be put into `tx`.
    pub tx_end: Option<TxEnd>,
    /// Set by the worker when the peer takes nothing more; `tx` was dropped.
    pub tx_broken: bool,
    /// Set by the worker when the connection broke because its peer answered nothing any more.
    pub lost: bool,
    /// Whether the peer has acknowledged what was sent, where that matters.
    pub delivery: Delivery,
    /// When bytes last arrived.
    pub received: Millis,
    /// When bytes last left.
    pub sent: Millis,
    /// Whether any byte of this connection's `tx` has reached the kernel.
    pub tx_begun: bool,
}

impl Port {
    /// Its connection is broken: it takes nothing, and nothing more will come.
    pub fn is_gone(&self) -> bool {
        self.tx_broken || self.rx_end == Some(RxEnd::Reset)
    }

    /// No end of it is in sight, in either direction.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.rx_end.is_none() && self.tx_end.is_none() && !self.tx_broken
    }

    /// It is open, and nothing waits in it.
    #[inline]
    pub fn is_clear(&self) -> bool {
        self.rx.is_empty() && self.tx.is_empty() && self.is_open()
    }

    /// Nothing will arrive any more, and all that did was consumed.
    pub fn is_drained(&self) -> bool {
        self.rx_end.is_some() && self.rx.is_empty()
    }

    /// Nothing that arrived waits, and both directions go on.
    pub(super) fn is_still(&self) -> bool {
        self.rx.is_empty() && self.is_open()
    }

    /// Whether all that was queued has reached the peer's host, or never will; asked before a reset, which would
    /// overtake it.
    pub(super) fn is_delivered(&mut self) -> bool {
        if self.delivery == Delivery::Unasked {
            self.delivery = Delivery::Asked;
        }
        self.delivery == Delivery::Done || self.is_gone()
    }

    /// What a broken connection, that of `side`, means to the other one of a tunnel; `None`: it is whole.
    pub(super) fn broken(&self, side: Side) -> Option<CloseReason> {
        match side {
            _ if !self.is_gone() => None,
            _ if !self.lost => Some(CloseReason::TunnelReset),
            Side::Client => Some(CloseReason::DeadClient),
            Side::Upstream => Some(CloseReason::DeadUpstream),
        }
    }
}
