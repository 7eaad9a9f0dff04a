//! The end of a client connection: our last bytes get through before it is closed.
//!
//! Closing a socket with unread bytes in it makes the kernel send a reset, which can destroy an answer
//! the client has not read. So after the last byte we finish our direction, and read and drop what the
//! client still sends, within bounds.

use std::time::Duration;

use crate::base::Millis;

use super::cx::Cx;
use super::port::{Port, TxEnd};
use super::reason::CloseReason;

/// How long the client may go on sending after our last byte.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many bytes are dropped before we give up.
const DISCARD: usize = 1 << 20;
/// How long our last bytes may wait for a client that takes nothing.
pub(super) const FLUSH: Duration = Duration::from_secs(30);

/// A connection that will serve nothing more.
#[derive(Debug)]
pub(super) struct Linger {
    /// Why it ends.
    reason: CloseReason,
    /// Bytes dropped so far.
    dropped: usize,
    /// The client owes us nothing: close as soon as all is sent.
    clean: bool,
    /// When it began; the answer may be there because nothing had moved for long.
    began: Millis,
    /// When all was sent.
    sent: Option<Millis>,
}

impl Linger {
    /// `clean`: the client sends nothing more, so nothing but our own bytes is on its way.
    pub(super) fn new(reason: CloseReason, clean: bool, now: Millis) -> Linger {
        Linger { reason, dropped: 0, clean, began: now, sent: None }
    }

    /// `Some` when the connection can be closed.
    pub(super) fn advance(&mut self, client: &mut Port, cx: &mut Cx<'_>) -> Option<CloseReason> {
        client.tx_end.get_or_insert(if self.clean { TxEnd::Close } else { TxEnd::Finish });
        self.dropped += client.rx.len();
        client.rx.consume(client.rx.len());
        if client.tx.is_empty() {
            self.sent.get_or_insert(cx.now);
            if self.clean || client.rx_end.is_some() {
                return Some(self.reason);
            }
        }
        let over = client.tx_broken || self.dropped > DISCARD || self.deadline(cx.active) <= cx.now;
        if over && !client.tx.is_empty() {
            client.tx_end = Some(TxEnd::Abort);
        }
        over.then_some(self.reason)
    }

    pub(super) fn deadline(&self, active: Millis) -> Millis {
        match self.sent {
            Some(sent) => sent + PATIENCE,
            None => active.max(self.began) + FLUSH,
        }
    }
}
