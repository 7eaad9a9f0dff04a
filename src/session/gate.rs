//! The end of a raw body: what a client sends behind it goes nowhere.
//!
//! A server that speaks HTTP could take it for a request, and no rule would have seen that one.

use crate::buf::Pool;
use crate::proto::h1::ChunkedDecoder;
use crate::proto::http::Body;

use super::port::Port;
use super::reason::CloseReason;
use super::snapshot::{Cursor, SnapshotError};

/// What may still pass of a request whose body passes raw. Plain data.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Gate {
    /// So many bytes.
    Length(u64),
    /// What belongs to this body, with its framing as it is.
    Chunked(ChunkedDecoder),
    /// Nothing.
    Shut,
}

impl Gate {
    /// For a body that is framed so.
    pub(super) fn new(body: Body) -> Gate {
        match body {
            Body::Length(left) if left > 0 => Gate::Length(left),
            Body::Chunked => Gate::Chunked(ChunkedDecoder::default()),
            Body::Empty | Body::Length(_) | Body::UntilClose => Gate::Shut,
        }
    }

    /// Hands over what may pass, as far as there is room, and drops what may not; returns the bytes that passed.
    ///
    /// # Errors
    /// When nobody can say where the body ends.
    pub(super) fn relay(
        &mut self,
        from: &mut Port,
        to: &mut Port,
        pool: &Pool,
    ) -> Result<u64, CloseReason> {
        let mut moved = 0;
        while !from.rx.is_empty() && *self != Gate::Shut && to.tx.room() > 0 {
            let (most, done) = match self {
                Gate::Length(left) => (*left, false),
                Gate::Chunked(decoder) => {
                    let seen = decoder.advance(from.rx.bytes());
                    let chunk = seen.map_err(|_| CloseReason::BadChunk)?;
                    ((chunk.framing + chunk.data) as u64, chunk.done)
                }
                Gate::Shut => (0, true),
            };
            let Some(segment) = from.rx.take(most, pool) else { break };
            moved += segment.len() as u64;
            if let Gate::Length(left) = self {
                *left -= segment.len() as u64;
            }
            if done || *self == Gate::Length(0) {
                *self = Gate::Shut;
            }
            to.tx.push(segment, pool);
        }
        if *self == Gate::Shut {
            from.rx.consume(from.rx.len());
        }
        Ok(moved)
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let (mut chunked, mut state) = match self {
            Gate::Length(left) => (false, [*left, 0]),
            Gate::Chunked(decoder) => (true, decoder.written()),
            Gate::Shut => (false, [0, 0]),
        };
        at.flag(&mut chunked)?;
        state.iter_mut().try_for_each(|number| at.number(number))?;
        *self = match chunked {
            false => Gate::new(Body::Length(state[0])),
            true => Gate::Chunked(ChunkedDecoder::taken_up(state).ok_or(SnapshotError::Damaged)?),
        };
        Ok(())
    }
}
