//! A body on its way from one port to the other: taken out of one framing, put into another.

use crate::buf::{Copied, Pool, Rx, Tx};
use crate::proto::h1::{ChunkError, ChunkedDecoder, encode_chunk_prefix, last_chunk};
use crate::proto::http::Body;

use super::port::{Port, RxEnd};
use super::reason::CloseReason;

/// The framing a body arrives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decode {
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
    Done,
}

/// The framing it leaves in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// As it is: the length was announced, or the end of the connection is the end.
    Plain,
    /// In chunks of ours.
    Chunked {
        /// No chunk was written yet.
        first: bool,
    },
}

/// Why a body cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// The sender ended before the body did.
    Truncated,
    /// Malformed chunked coding.
    Chunk(ChunkError),
}

impl BodyFault {
    /// What it means in a request.
    pub(super) fn of_request(self) -> CloseReason {
        match self {
            BodyFault::Truncated => CloseReason::BodyTruncated,
            BodyFault::Chunk(_) => CloseReason::BadChunk,
        }
    }
}

/// One body in transit. Plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BodyPipe {
    decode: Decode,
    framing: Framing,
    /// Payload bytes moved.
    pub moved: u64,
}

impl BodyPipe {
    /// A pipe for a body that arrives as `body` says.
    pub(super) fn new(body: Body, framing: Framing) -> BodyPipe {
        let decode = match body {
            Body::Empty | Body::Length(0) => Decode::Done,
            Body::Length(n) => Decode::Length(n),
            Body::Chunked => Decode::Chunked(ChunkedDecoder::default()),
            Body::UntilClose => Decode::UntilClose,
        };
        BodyPipe { decode, framing, moved: 0 }
    }

    /// Whether all of it has gone over.
    pub(super) fn is_over(&self) -> bool {
        self.decode == Decode::Done
    }

    /// Moves what there is and what the receiver has room for; `Ok(true)` when the body is complete.
    pub(super) fn pump(
        &mut self,
        from: &mut Port,
        to: &mut Tx,
        pool: &Pool,
    ) -> Result<bool, BodyFault> {
        loop {
            if self.is_over() {
                return Ok(true);
            }
            if from.rx.is_empty() {
                return self.at_end_of_input(from.rx_end, to, pool);
            }
            if to.room() == 0 {
                return Ok(false);
            }
            self.step(&mut from.rx, to, pool)?;
        }
    }

    /// Queues the head that the body follows, and what is there of a body that leaves as it is: the head in front of that in
    /// its block, where nothing is queued and it fits.
    pub(super) fn lead(&mut self, head: &[u8], rx: &mut Rx, to: &mut Tx, pool: &Pool) {
        let Some(segment) = rx.take(self.reach(), pool) else {
            return to.put(head, Copied::Head, pool);
        };
        self.pass_unseen(segment.len() as u64);
        to.push_with_prefix(head, segment, pool);
    }

    /// How many of the bytes that come next leave as they are.
    pub(super) fn reach(&self) -> u64 {
        match (self.framing, self.decode) {
            (Framing::Plain, Decode::Length(left)) => left,
            (Framing::Plain, Decode::UntilClose) => u64::MAX,
            _ => 0,
        }
    }

    /// So many of them went over without having been here.
    pub(super) fn pass_unseen(&mut self, n: u64) {
        self.moved += n;
        if let Decode::Length(left) = &mut self.decode {
            *left -= n;
            if *left == 0 {
                self.decode = Decode::Done;
            }
        }
    }

    fn at_end_of_input(
        &mut self,
        end: Option<RxEnd>,
        to: &mut Tx,
        pool: &Pool,
    ) -> Result<bool, BodyFault> {
        match (end, self.decode) {
            (None, _) => Ok(false),
            (Some(RxEnd::Finished), Decode::UntilClose) => {
                self.finish(to, pool);
                Ok(true)
            }
            _ => Err(BodyFault::Truncated),
        }
    }

    /// Takes one piece out of the first contiguous bytes, of which there is at least one.
    fn step(&mut self, rx: &mut Rx, to: &mut Tx, pool: &Pool) -> Result<(), BodyFault> {
        match &mut self.decode {
            Decode::Length(left) => {
                let Some(segment) = rx.take(*left, pool) else { return Ok(()) };
                *left -= segment.len() as u64;
                let done = *left == 0;
                self.emit(segment, to, pool);
                if done {
                    self.finish(to, pool);
                }
            }
            Decode::Chunked(decoder) => {
                let chunk = decoder.advance(rx.bytes()).map_err(BodyFault::Chunk)?;
                rx.consume(chunk.framing);
                if let Some(segment) = rx.take(chunk.data as u64, pool) {
                    self.emit(segment, to, pool);
                }
                if chunk.done {
                    self.finish(to, pool);
                }
            }
            Decode::UntilClose => {
                if let Some(segment) = rx.take(u64::MAX, pool) {
                    self.emit(segment, to, pool);
                }
            }
            Decode::Done => {}
        }
        Ok(())
    }

    fn emit(&mut self, segment: crate::buf::Segment, to: &mut Tx, pool: &Pool) {
        self.moved += segment.len() as u64;
        match &mut self.framing {
            Framing::Plain => to.push(segment, pool),
            Framing::Chunked { first } => {
                let mut prefix = [0; 24];
                let n = encode_chunk_prefix(segment.len(), *first, &mut prefix);
                *first = false;
                to.push_with_prefix(prefix.get(..n).unwrap_or_default(), segment, pool);
            }
        }
    }

    fn finish(&mut self, to: &mut Tx, pool: &Pool) {
        self.decode = Decode::Done;
        if let Framing::Chunked { first } = self.framing {
            to.put(last_chunk(first), Copied::Head, pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::Segment;

    const CAME: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

    /// What is queued when a head of so many bytes leads a body of ten, of which `there` came in the block of a head, and in
    /// how many pieces; and what is left to come.
    fn led(head: usize, there: &[u8], framing: Framing) -> (Vec<u8>, usize, u64) {
        let pool = Pool::new(1 << 20);
        let (mut rx, mut tx) = (Rx::default(), Tx::default());
        let mut block = pool.take().expect("a block");
        block.append(CAME);
        block.append(there);
        rx.push(Segment::Block(block));
        rx.consume(CAME.len());
        let mut pipe = BodyPipe::new(Body::Length(10), framing);
        pipe.lead(&vec![b'h'; head], &mut rx, &mut tx, &pool);
        let all = tx.iter().flat_map(|segment| segment.bytes().to_vec()).collect();
        (all, tx.iter().count(), 10 - pipe.moved)
    }

    #[test]
    fn a_head_goes_in_front_of_its_body_where_it_fits() {
        let most = CAME.len() + crate::buf::HEADROOM;
        for head in [1, most, most + 1, 600] {
            for there in [&b"0123"[..], b"0123456789", b"0123456789HTTP/1.1 200 OK"] {
                let (all, pieces, left) = led(head, there, Framing::Plain);
                let body = &there[..there.len().min(10)];
                assert_eq!(all, [&vec![b'h'; head][..], body].concat());
                assert_eq!((pieces, left), (1, 10 - body.len() as u64));
            }
        }
        assert_eq!(led(9, b"", Framing::Plain), (vec![b'h'; 9], 1, 10));
        // Its chunks are to be told apart first.
        let chunked = Framing::Chunked { first: true };
        assert_eq!(led(9, b"0123", chunked), (vec![b'h'; 9], 1, 10));
    }
}
