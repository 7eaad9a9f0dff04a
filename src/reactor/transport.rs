//! What lies between a stream and the bytes a machine sees: nothing, or TLS.

use super::tls::{Handshake, Records, Scratch};
use super::{Bulk, Filled, Flushed, Readiness, Stream, fill, flush};
use crate::base::Millis;
use crate::buf::{Pool, Rx, Tx};

/// The transport of a connection.
#[derive(Debug)]
pub enum Transport {
    /// Bytes as they are.
    Plain,
    /// TLS.
    Tls(Box<Tls>),
}

/// How far a TLS connection is.
#[derive(Debug)]
pub enum Tls {
    /// Its handshake is under way; nothing passes yet.
    Handshake(Handshake),
    /// Both ends have agreed.
    Open(Records),
}

const _: () = assert!(size_of::<Transport>() == 8);

/// What a transport works with: the socket's side of a connection, and its worker's memory.
#[derive(Debug)]
pub struct Line<'a> {
    /// The socket.
    pub stream: &'a Stream,
    /// What it is ready for.
    pub ready: &'a mut Readiness,
    /// Blocks.
    pub pool: &'a Pool,
    /// Room for records.
    pub scratch: &'a mut Scratch,
}

impl Transport {
    /// TLS, at the beginning of its handshake.
    pub fn handshake(handshake: Handshake) -> Transport {
        Transport::Tls(Box::new(Tls::Handshake(handshake)))
    }

    /// The handshake, while it is under way.
    #[inline]
    pub fn handshake_mut(&mut self) -> Option<&mut Handshake> {
        match self {
            Transport::Tls(tls) => match &mut **tls {
                Tls::Handshake(handshake) => Some(handshake),
                Tls::Open(_) => None,
            },
            Transport::Plain => None,
        }
    }

    fn records(&self) -> Option<&Records> {
        match self {
            Transport::Tls(tls) => match &**tls {
                Tls::Open(records) => Some(records),
                Tls::Handshake(_) => None,
            },
            Transport::Plain => None,
        }
    }

    fn records_mut(&mut self) -> Option<&mut Records> {
        match self {
            Transport::Tls(tls) => match &mut **tls {
                Tls::Open(records) => Some(records),
                Tls::Handshake(_) => None,
            },
            Transport::Plain => None,
        }
    }

    /// Whether bytes pass.
    #[inline]
    pub fn is_open(&self) -> bool {
        matches!(self, Transport::Plain) || self.records().is_some()
    }

    /// Reads once; see [`fill()`].
    #[inline]
    pub fn fill(&mut self, line: Line<'_>, bulk: &mut Bulk, rx: &mut Rx) -> Filled {
        let Line { stream, ready, pool, scratch } = line;
        if matches!(self, Transport::Plain) {
            return fill(stream, ready, bulk, rx, pool);
        }
        let Some(records) = self.records_mut() else { return Filled::Nothing };
        match records.fill(stream, ready, rx, scratch, pool) {
            Ok(filled) => filled,
            Err(fault) => {
                tracing::debug!(%fault, "a TLS connection is broken");
                // The alert that says so, if the socket takes it.
                let nothing = &mut Tx::default();
                records.flush(stream, ready, nothing, scratch, pool, Millis::default());
                Filled::Reset
            }
        }
    }

    /// Writes once; see [`flush()`].
    #[inline]
    pub fn flush(&mut self, line: Line<'_>, tx: &mut Tx, now: Millis) -> Flushed {
        let Line { stream, ready, pool, scratch } = line;
        if matches!(self, Transport::Plain) {
            return flush(stream, ready, tx);
        }
        let Some(records) = self.records_mut() else { return Flushed::Nothing };
        records.flush(stream, ready, tx, scratch, pool, now)
    }

    /// Whether bytes wait for the socket that are not in the queue, or not only there.
    #[inline]
    pub fn is_behind(&self) -> bool {
        match self {
            Transport::Plain => false,
            Transport::Tls(tls) => match &**tls {
                Tls::Handshake(handshake) => handshake.is_behind(),
                Tls::Open(records) => records.is_behind(),
            },
        }
    }

    /// Whether nothing is on its way: no part of a record, no message.
    pub fn is_quiet(&self) -> bool {
        match self {
            Transport::Plain => true,
            Transport::Tls(_) => self.records().is_some_and(Records::is_quiet),
        }
    }

    /// Says behind all that was queued that nothing follows, where that is said in so many words.
    pub fn close(&mut self, pool: &Pool) {
        if let Some(records) = self.records_mut() {
            records.close(pool);
        }
    }

    /// Gives back what need not be kept while nothing happens.
    #[inline]
    pub fn settle(&mut self, pool: &Pool) {
        if let Some(records) = self.records_mut() {
            records.settle(pool);
        }
    }
}
