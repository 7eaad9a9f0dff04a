//! Filling a receive window from a stream and flushing a send queue into it: one call, one read or
//! write, straight into and out of pooled blocks.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};

use crate::buf::{BLOCK, Block, HEADROOM, Pool, RX_BLOCKS, Rx, Segment, Tx};

use super::{Readiness, Stream};

/// Segments handed to one vectored write.
const SLICES: usize = 16;

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now: the stream, the window or the pool has none to give.
    Nothing,
    /// The peer finished.
    Finished,
    /// The connection ended before the peer had said that nothing follows (TLS only).
    Truncated,
    /// The connection is broken.
    Reset,
    /// It is, because the peer answered nothing any more.
    Lost,
}

/// What one write took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// So many bytes.
    Bytes(usize),
    /// The stream takes none for now.
    Nothing,
    /// The connection takes nothing any more.
    Broken,
    /// The same, because the peer answered nothing any more.
    Lost,
}

/// Whether the reads of a connection bring much, and in what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bulk(u8);

impl Bulk {
    /// Reads that may bring little before it is over: the end of something long is short.
    const SHORT: u8 = 3;
    /// The bit that says what it comes in.
    const FRAMED: u8 = 0x80;

    /// Whether more than a block may be there.
    #[inline]
    pub fn is_set(self) -> bool {
        self.0 & !Bulk::FRAMED > 0
    }

    /// Whether what comes next may well be a long frame; never where it is not set.
    #[inline]
    pub fn is_framed(self) -> bool {
        self.0 > Bulk::FRAMED
    }

    /// Notes that the last frame was long, or was not.
    pub fn set_framed(&mut self, framed: bool) {
        self.0 = self.0 & !Bulk::FRAMED | if framed { Bulk::FRAMED } else { 0 };
    }

    /// Takes in what a read has brought: much is a block full.
    #[inline]
    pub fn note(&mut self, much: bool) {
        let left = self.0 & !Bulk::FRAMED;
        self.0 &= Bulk::FRAMED;
        self.0 |= if much { Bulk::SHORT } else { left.saturating_sub(1) };
    }
}

/// Reads once: several blocks at a time where `bulk` says so.
pub fn fill(
    stream: &Stream,
    ready: &mut Readiness,
    bulk: &mut Bulk,
    rx: &mut Rx,
    pool: &Pool,
) -> Filled {
    let result = if let Some(block) = rx.tail_block() {
        let wanted = block.room();
        let result = stream.read(block.tail());
        if let Ok(n) = result {
            block.filled(n);
        }
        result.map(|n| (n, wanted))
    } else if bulk.is_set() && rx.room() > 1 {
        fill_many(stream, rx, pool)
    } else if rx.room() > 0 {
        return match fill_block(stream, ready, bulk, pool) {
            Ok(block) => {
                let n = block.len();
                rx.push(Segment::Block(block));
                Filled::Bytes(n)
            }
            Err(filled) => filled,
        };
    } else {
        return Filled::Nothing;
    };
    match result {
        Ok((0, 0)) => Filled::Nothing,
        Ok((0, wanted)) => {
            ready.read_result(wanted, 0);
            Filled::Finished
        }
        Ok((n, wanted)) => {
            bulk.note(n == wanted || n >= BLOCK - HEADROOM);
            ready.read_result(wanted, n);
            Filled::Bytes(n)
        }
        Err(error) => not_read(&error, ready),
    }
}

/// What a read that failed says of the connection.
pub(super) fn not_read(error: &io::Error, ready: &mut Readiness) -> Filled {
    ready.read_blocked();
    match error.kind() {
        ErrorKind::WouldBlock => Filled::Nothing,
        _ if is_silence(error) => Filled::Lost,
        _ => Filled::Reset,
    }
}

/// Reads once into a block of its own; `bulk` as in [`fill`].
///
/// # Errors
/// What else the read brought, where it brought no bytes.
#[inline]
pub fn fill_block(
    stream: &Stream,
    ready: &mut Readiness,
    bulk: &mut Bulk,
    pool: &Pool,
) -> Result<Block, Filled> {
    let Some(mut block) = pool.take() else { return Err(Filled::Nothing) };
    let wanted = block.room();
    match stream.read(block.tail()) {
        Ok(n) => {
            block.filled(n);
            ready.read_result(wanted, n);
            bulk.note(n == wanted || n >= BLOCK - HEADROOM);
            if n > 0 { Ok(block) } else { Err(Filled::Finished) }
        }
        Err(error) => Err(not_read(&error, ready)),
    }
}

/// Reads once, at most `most` bytes, into a block of its own.
///
/// # Errors
/// As [`fill_block`].
pub fn fill_some(
    stream: &Stream,
    ready: &mut Readiness,
    most: usize,
    pool: &Pool,
) -> Result<Block, Filled> {
    let Some(mut block) = pool.take() else { return Err(Filled::Nothing) };
    let room = block.tail().get_mut(..most).unwrap_or_default();
    match stream.read(room) {
        Ok(n) => {
            block.filled(n);
            ready.read_result(most, n);
            if n > 0 { Ok(block) } else { Err(Filled::Finished) }
        }
        Err(error) => Err(not_read(&error, ready)),
    }
}

/// Bytes read and bytes there was room for; both 0 when the pool is exhausted.
fn fill_many(stream: &Stream, rx: &mut Rx, pool: &Pool) -> io::Result<(usize, usize)> {
    let mut blocks: [Option<Block>; RX_BLOCKS] = [const { None }; RX_BLOCKS];
    for slot in blocks.iter_mut().take(rx.room()) {
        *slot = pool.take();
    }
    let mut wanted = 0;
    let mut slices: [IoSliceMut<'_>; RX_BLOCKS] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
    let mut used = 0;
    for (slice, block) in slices.iter_mut().zip(blocks.iter_mut().flatten()) {
        let tail = block.tail();
        wanted += tail.len();
        *slice = IoSliceMut::new(tail);
        used += 1;
    }
    if used == 0 {
        return Ok((0, 0));
    }
    let n = stream.readv(&mut slices[..used])?;
    let mut left = n;
    for mut block in blocks.into_iter().flatten() {
        let here = left.min(block.room());
        block.filled(here);
        left -= here;
        rx.push(Segment::Block(block));
    }
    Ok((n, wanted))
}

/// Writes once, of bytes that are in no queue.
#[inline]
pub fn offer(stream: &Stream, ready: &mut Readiness, bytes: &[u8]) -> Flushed {
    written(stream.write(bytes), bytes.len(), ready)
}

/// Writes once.
pub fn flush(stream: &Stream, ready: &mut Readiness, tx: &mut Tx) -> Flushed {
    let (result, wanted) = if tx.is_split() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let used = tx.slices(&mut slices);
        let slices = &slices[..used];
        (stream.writev(slices), slices.iter().map(|slice| slice.len()).sum())
    } else {
        (stream.write(tx.bytes()), tx.bytes().len())
    };
    let flushed = written(result, wanted, ready);
    if let Flushed::Bytes(n) = flushed {
        tx.sent(n);
    }
    flushed
}

/// What the result of a write says of the connection.
pub(super) fn written(result: io::Result<usize>, wanted: usize, ready: &mut Readiness) -> Flushed {
    match result {
        Ok(n) => {
            ready.write_result(wanted, n);
            Flushed::Bytes(n)
        }
        Err(error) => not_written(&error, ready),
    }
}

/// What a write that failed says of the connection.
pub(super) fn not_written(error: &io::Error, ready: &mut Readiness) -> Flushed {
    match error.kind() {
        ErrorKind::WouldBlock => {
            ready.write_blocked();
            Flushed::Nothing
        }
        _ if is_silence(error) => Flushed::Lost,
        _ => Flushed::Broken,
    }
}

/// Whether the kernel has given the peer up: it answered no probe, acknowledged nothing, or no way leads there.
fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_short_reads_end_what_is_bulk() {
        let mut bulk = Bulk::default();
        bulk.note(false);
        bulk.set_framed(true);
        assert!(!bulk.is_set() && !bulk.is_framed());
        bulk.note(true);
        for framed in [true, false, true] {
            bulk.set_framed(framed);
            assert_eq!((bulk.is_set(), bulk.is_framed()), (true, framed));
            bulk.note(false);
        }
        assert!(!bulk.is_set() && !bulk.is_framed());
    }
}
