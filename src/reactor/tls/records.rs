//! An open TLS connection: records both ways, no buffer while nothing happens.

use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;
use rustls::{ExtractedSecrets, ProtocolVersion};

use super::Fault;
use super::cipher::{Cipher, EXPANSION, Unusable};
use super::keys::TrafficSecrets;
use super::notices::Wish;
use super::record::{CONTENT_MAX, RECORD_MAX};
use super::sealer::Sealer;
use super::unsealer::Unsealer;
use crate::base::Millis;
use crate::buf::{Pool, RX_BLOCKS, Rx, Tx};
use crate::reactor::{Filled, Flushed, Readiness, Stream};

/// Records sealed for one write: those of a 64 KiB message, its frame's header in one of its own.
const SEALED: usize = (RX_BLOCKS + 1) * (CONTENT_MAX + EXPANSION + 1);
/// Bytes read at once.
const READ: usize = RX_BLOCKS * RECORD_MAX;
/// Renegotiations declined before a client that insists is cut.
const RENEGOTIATIONS: u8 = 3;

/// Where a worker's records lie on their way between sockets and blocks.
#[derive(Debug, Default)]
pub struct Scratch {
    read: Box<[u8]>,
    sealed: Box<[u8]>,
    wishes: Vec<Wish>,
}

impl Scratch {
    /// The memory, made when it is first wanted.
    fn made(&mut self) -> &mut Scratch {
        if self.read.is_empty() {
            self.read = vec![0; READ].into_boxed_slice();
            self.sealed = vec![0; SEALED].into_boxed_slice();
        }
        self
    }
}

/// An open TLS connection.
#[derive(Debug)]
pub struct Records {
    unsealer: Unsealer,
    sealer: Sealer,
    renegotiations: u8,
    /// Takes tickets, where we dialled (TLS 1.3).
    resumption: Option<Box<Resumption>>,
}

/// What rustls keeps of a connection we dialled: it stores the tickets of the server.
pub(super) struct Resumption(pub(super) KernelConnection<ClientConnectionData>);

impl std::fmt::Debug for Resumption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resumption")
    }
}

impl Records {
    pub(super) fn new(
        version: ProtocolVersion,
        keys: &ExtractedSecrets,
        secrets: TrafficSecrets,
        resumption: Option<Resumption>,
        client: bool,
    ) -> Result<Records, Unusable> {
        let TrafficSecrets { client: ours, server: theirs } = secrets;
        let (sending, receiving) = if client { (ours, theirs) } else { (theirs, ours) };
        Ok(Records {
            unsealer: Unsealer::new(Cipher::new(version, &keys.rx, receiving)?, client),
            sealer: Sealer::new(Cipher::new(version, &keys.tx, sending)?),
            renegotiations: 0,
            resumption: resumption.map(Box::new),
        })
    }

    /// Goes on from a handshake: `out` is what it has left to send, `read` what it has not read. A fault in that is
    /// reported by the next read.
    pub(super) fn begin(&mut self, out: &[u8], read: &[u8], rx: &mut Rx, pool: &Pool) {
        let mut wishes = Vec::new();
        self.sealer.begin(out, pool);
        let begun = self.unsealer.begin(read, rx, pool, &mut wishes);
        self.unsealer.broken = begun.and_then(|()| self.fulfil(&mut wishes, pool)).err();
    }

    /// Reads once: as much as the window has room for.
    ///
    /// # Errors
    /// When what arrived must not; the alert that says so waits to be flushed.
    pub fn fill(
        &mut self,
        stream: &Stream,
        ready: &mut Readiness,
        rx: &mut Rx,
        scratch: &mut Scratch,
        pool: &Pool,
    ) -> Result<Filled, Fault> {
        let room = rx.room() * RECORD_MAX;
        if room == 0 {
            return Ok(Filled::Nothing);
        }
        let Scratch { read, wishes, .. } = scratch.made();
        let read = read.get_mut(..room).unwrap_or_default();
        let filled = self.unsealer.fill(stream, ready, rx, read, pool, wishes);
        let result = filled.and_then(|filled| self.fulfil(wishes, pool).map(|()| filled));
        if let Err(fault) = result {
            wishes.clear();
            if let Some(alert) = fault.alert() {
                self.sealer.alert(2, alert, pool);
            }
        }
        result
    }

    /// Does what messages that came after the handshake want.
    fn fulfil(&mut self, wishes: &mut Vec<Wish>, pool: &Pool) -> Result<(), Fault> {
        for wish in wishes.drain(..) {
            match wish {
                Wish::Update(asked) => self.sealer.owes_update |= asked,
                Wish::Ticket(ticket) => {
                    if let Some(Resumption(kernel)) = self.resumption.as_deref_mut() {
                        kernel.handle_new_session_ticket(&ticket).map_err(|_| Fault::Decode)?;
                    }
                }
                Wish::Renegotiate => {
                    self.renegotiations += 1;
                    if self.renegotiations > RENEGOTIATIONS {
                        return Err(Fault::TooMany);
                    }
                    // A warning: `no_renegotiation` (RFC 5246 section 7.2.2).
                    self.sealer.alert(1, 100, pool);
                }
            }
        }
        Ok(())
    }

    /// Writes once.
    pub fn flush(
        &mut self,
        stream: &Stream,
        ready: &mut Readiness,
        tx: &mut Tx,
        scratch: &mut Scratch,
        pool: &Pool,
        now: Millis,
    ) -> Flushed {
        self.sealer.flush(stream, ready, tx, &mut scratch.made().sealed, pool, now)
    }

    /// Whether sealed bytes wait for the socket.
    pub fn is_behind(&self) -> bool {
        self.sealer.is_behind()
    }

    /// Whether nothing is on its way: no part of a record, no message.
    pub fn is_quiet(&self) -> bool {
        self.unsealer.is_quiet() && !self.is_behind()
    }

    /// Says that nothing follows: `close_notify`, once, behind all that was queued.
    pub fn close(&mut self, pool: &Pool) {
        self.sealer.close(pool);
    }

    /// Gives back what need not be kept while nothing happens.
    pub fn settle(&mut self, pool: &Pool) {
        self.unsealer.settle();
        self.sealer.settle(pool);
    }
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
