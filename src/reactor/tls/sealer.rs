//! Sending on an open TLS connection: a send queue's bytes become records on the wire.

use std::io::IoSlice;

use super::Fault;
use super::cipher::{Cipher, EXPANSION};
use super::record::{CONTENT_MAX, Content};
use crate::base::Millis;
use crate::buf::{Copied, Pool, Segment, Tx};
use crate::reactor::transfer::written;
use crate::reactor::{Flushed, Readiness, Stream};

/// Pieces from this many bytes on are sealed where they lie; smaller ones are brought together first.
const SOLO: usize = 1024;
/// What small pieces are brought together to, at most.
const TOGETHER: usize = 4096;
/// The first record of a flight: it fits one TCP segment, so what is in it can be read when that arrives.
const FIRST: usize = 1300;
/// Records at the beginning of a flight: what arrives in its first round trip can be read then.
const EARLY: usize = 4096;
/// What belongs to the beginning of a flight: TCP's first window (RFC 6928).
const BEGINNING: u32 = 14_600;
/// A pause in milliseconds after which TCP may begin anew with a small window.
const PAUSE: u64 = 1000;
/// Slices handed to one vectored write.
const SLICES: usize = 16;
/// `KeyUpdate`, not asking for one back (RFC 8446 section 4.6.3).
const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 0];

/// The sending half.
#[derive(Debug)]
pub(super) struct Sealer {
    cipher: Cipher,
    /// Sealed, and not taken by the socket yet.
    out: Tx,
    /// Bytes at the front of the queue that are sealed in `out`: they stay there until the socket has them.
    covered: usize,
    /// Bytes sealed since the last pause.
    flight: u32,
    /// When something was sealed last.
    active: Millis,
    /// The other end asked for our next keys.
    pub(super) owes_update: bool,
    /// We said that nothing follows.
    said_close: bool,
}

impl Sealer {
    pub(super) fn new(cipher: Cipher) -> Sealer {
        Sealer {
            cipher,
            out: Tx::default(),
            covered: 0,
            flight: 0,
            active: Millis::default(),
            owes_update: false,
            said_close: false,
        }
    }

    /// Queues what the handshake has left to send.
    pub(super) fn begin(&mut self, bytes: &[u8], pool: &Pool) {
        self.out.put(bytes, Copied::Head, pool);
    }

    /// Whether sealed bytes wait for the socket.
    pub(super) fn is_behind(&self) -> bool {
        !self.out.is_empty()
    }

    /// Writes once: what is left of earlier records, else fresh ones.
    pub(super) fn flush(
        &mut self,
        stream: &Stream,
        ready: &mut Readiness,
        tx: &mut Tx,
        scratch: &mut [u8],
        pool: &Pool,
        now: Millis,
    ) -> Flushed {
        if self.is_behind() {
            return self.flush_out(stream, ready, tx);
        }
        let Ok((sealed, plain)) = self.seal(tx, scratch, now) else { return Flushed::Broken };
        let records = scratch.get(..sealed).unwrap_or_default();
        let taken = match written(stream.write(records), sealed, ready) {
            Flushed::Bytes(n) => n,
            Flushed::Nothing => 0,
            broken => return broken,
        };
        if taken == sealed {
            tx.sent(plain);
        } else {
            self.covered = plain;
            self.out.put(records.get(taken..).unwrap_or_default(), Copied::Payload, pool);
        }
        if taken > 0 { Flushed::Bytes(taken) } else { Flushed::Nothing }
    }

    fn flush_out(&mut self, stream: &Stream, ready: &mut Readiness, tx: &mut Tx) -> Flushed {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let used = self.out.slices(&mut slices);
        let slices = slices.get(..used).unwrap_or_default();
        let wanted = slices.iter().map(|slice| slice.len()).sum();
        let flushed = written(stream.writev(slices), wanted, ready);
        if let Flushed::Bytes(n) = flushed {
            self.out.sent(n);
            if self.out.is_empty() {
                tx.sent(self.covered.min(tx.len()));
                self.covered = 0;
            }
        }
        flushed
    }

    /// Seals as much of the queue as `scratch` has room for; the bytes of the records, and those of the queue
    /// that are in them.
    pub(super) fn seal(
        &mut self,
        tx: &Tx,
        scratch: &mut [u8],
        now: Millis,
    ) -> Result<(usize, usize), Fault> {
        if now.get().saturating_sub(self.active.get()) > PAUSE {
            self.flight = 0;
        }
        self.active = now;
        let mut at = 0;
        let mut plain = 0;
        let mut left = tx.len();
        let mut segments =
            tx.iter().map(Segment::bytes).filter(|bytes| !bytes.is_empty()).peekable();
        let mut piece: &[u8] = &[];
        while left > 0 {
            at += self.refresh(scratch.get_mut(at..).unwrap_or_default())?;
            let most = self.record_len(left);
            let Some(room) = scratch.get_mut(at..).filter(|room| room.len() >= most + EXPANSION)
            else {
                break;
            };
            if piece.is_empty() {
                piece = segments.next().unwrap_or_default();
            }
            let len;
            if piece.len() >= SOLO || segments.peek().is_none() {
                let (now, later) = piece.split_at(piece.len().min(most));
                at += self.cipher.seal(Content::Data, now, room);
                (len, piece) = (now.len(), later);
            } else {
                // Heads, and what is as small, share a record.
                let start = self.cipher.content_starts();
                let mut end = start;
                while !piece.is_empty() && end + piece.len() <= start + most.min(TOGETHER) {
                    room[end..end + piece.len()].copy_from_slice(piece);
                    end += piece.len();
                    piece = &[];
                    let fits = |next: &&[u8]| end + next.len() <= start + most.min(TOGETHER);
                    piece = segments.next_if(fits).unwrap_or(piece);
                }
                len = end - start;
                at += self.cipher.seal_in_place(Content::Data, len, room);
            }
            plain += len;
            left -= len;
            self.flight = self.flight.saturating_add(len as u32);
        }
        Ok((at, plain))
    }

    /// How long the next record is at most.
    fn record_len(&self, left: usize) -> usize {
        match self.flight {
            0 if left > EARLY => FIRST,
            0..BEGINNING => EARLY,
            _ => CONTENT_MAX,
        }
    }

    /// Goes on to the next keys where that is owed or due; how many bytes that took.
    fn refresh(&mut self, room: &mut [u8]) -> Result<usize, Fault> {
        if !self.owes_update && !self.cipher.is_used_up() {
            return Ok(0);
        }
        if !self.cipher.is_tls13() {
            return Err(Fault::Exhausted);
        }
        if room.len() < KEY_UPDATE.len() + EXPANSION {
            return Ok(0);
        }
        self.owes_update = false;
        let n = self.cipher.seal(Content::Handshake, &KEY_UPDATE, room);
        self.cipher.update()?;
        Ok(n)
    }

    /// Says that nothing follows (RFC 8446 section 6.1); once.
    pub(super) fn close(&mut self, pool: &Pool) {
        if !self.said_close {
            self.said_close = true;
            self.alert(1, 0, pool);
        }
    }

    /// Queues an alert.
    pub(super) fn alert(&mut self, level: u8, description: u8, pool: &Pool) {
        let mut record = [0; 2 + EXPANSION + 1];
        let n = self.cipher.seal(Content::Alert, &[level, description], &mut record);
        self.out.put(record.get(..n).unwrap_or_default(), Copied::Head, pool);
    }

    /// Gives back a block with little in it.
    pub(super) fn settle(&mut self, pool: &Pool) {
        self.out.settle(pool);
    }
}
