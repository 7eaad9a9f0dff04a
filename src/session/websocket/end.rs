//! One end of a WebSocket that ends here, and what it makes of what its peer sends, in the draft the peer speaks.
//! What it sends is in `utter.rs`.

use crate::buf::{Pool, Rx, Segment, Stub, Tx};
use crate::proto::ws::{
    CloseCode, Data, DeflateParams, Deflater, Draft, FrameError, Incoming, Inflater, Kind, Rules,
    Sender, Tally,
};

use super::super::cx::Cx;
use super::message::{self, Message};

/// The state of one end.
#[derive(Debug)]
pub(super) struct End {
    pub(super) draft: Draft,
    /// Which of the two the peer is.
    pub(super) peer: Sender,
    pub(super) incoming: Incoming,
    /// What has come of the message that is open; `incoming` knows its kind.
    pub(super) body: Tx,
    /// A message to the peer is open: some of it was sent.
    pub(super) sending: bool,
    /// Binary messages to a peer that has none go as base64.
    pub(super) base64: bool,
    pub(super) deflate: Option<Box<Deflate>>,
    /// The answer to the last ping of a peer that takes nothing, until there is room for it.
    pub(super) pong: Option<Stub>,
    /// What came.
    pub(super) tally: Tally,
}

const _: () = assert!(size_of::<End>() <= 104);

/// Both directions of permessage-deflate.
#[derive(Debug)]
pub(super) struct Deflate {
    pub(super) inflater: Inflater,
    pub(super) deflater: Deflater,
    /// The deflater keeps its window: what went into it must be sent.
    pub(super) takeover: bool,
}

impl End {
    /// The end towards a client.
    pub(super) fn server(draft: Draft, deflate: Option<DeflateParams>, base64: bool) -> End {
        let deflate = deflate.map(|params| {
            let ours = params.direction(Sender::Server);
            Box::new(Deflate {
                inflater: Inflater::new(params.direction(Sender::Client)),
                deflater: Deflater::new(ours),
                takeover: ours.takeover,
            })
        });
        End { deflate, base64, ..End::client(draft) }.facing(Sender::Client)
    }

    /// The end towards a server.
    pub(super) fn client(draft: Draft) -> End {
        End {
            draft,
            peer: Sender::Server,
            incoming: Incoming::new(draft),
            body: Tx::default(),
            sending: false,
            base64: false,
            deflate: None,
            pong: None,
            tally: Tally::default(),
        }
    }

    fn facing(mut self, peer: Sender) -> End {
        self.peer = peer;
        self
    }

    /// What is accepted of the peer, whose messages have at most so many bytes.
    pub(super) fn rules(&self, limit: u64) -> Rules {
        // What cannot be compressed grows a little.
        let wire =
            if self.deflate.is_some() { limit.saturating_add(limit / 1000 + 64) } else { limit };
        Rules {
            draft: self.draft,
            sender: self.peer,
            rsv1: self.deflate.is_some(),
            max_message: wire,
        }
    }

    /// Memory that holds parts of messages, with what inflates them.
    pub(super) fn held(&self) -> usize {
        let inflater = self.deflate.as_ref().map_or(0, |deflate| deflate.inflater.held());
        self.body.capacity() + inflater
    }

    /// Bytes that have come of the message that is open.
    pub(super) fn collected(&self) -> usize {
        self.body.len()
    }

    /// Gives back what a small part of a message need not keep.
    pub(super) fn settle(&mut self, pool: &Pool) {
        self.body.settle(pool);
    }

    /// Takes a part of a message, of which the framing is gone, off `rx`; true when the message is
    /// whole.
    pub(super) fn collect(
        &mut self,
        data: &Data,
        rx: &mut Rx,
        limit: u64,
        cx: &mut Cx<'_>,
    ) -> Result<bool, FrameError> {
        self.count(data);
        let piece = rx.take(data.payload as u64, cx.pool);
        if data.deflated {
            let piece = piece.as_ref().map(Segment::bytes).unwrap_or_default();
            self.inflate(piece, data, limit, cx)?;
        } else if let Some(piece) = piece {
            message::add(&mut self.body, piece, data.last, cx.pool);
            if self.deflate.is_some() && self.body.len() as u64 > limit {
                return Err(FrameError::TooLarge);
            }
        }
        if data.last && !self.draft.refuses_bad_text() {
            let mut message = self.take();
            message.mend(cx.pool);
            self.body = message.body;
        }
        Ok(data.last)
    }

    /// Counts a part of a message.
    pub(super) fn count(&mut self, data: &Data) {
        self.tally.messages += u64::from(data.last);
        self.tally.fragments += u64::from(data.first && !data.last);
        self.tally.payload += data.payload as u64;
    }

    /// What has come of the message that is open, or all of it.
    pub(super) fn take(&mut self) -> Message {
        Message { kind: self.incoming.kind(), body: std::mem::take(&mut self.body) }
    }

    /// Drops what has come of the message that is open: the rest of it is not heard.
    pub(super) fn forget(&mut self) {
        self.take();
        if let Some(deflate) = &mut self.deflate {
            deflate.inflater.forget();
        }
    }

    fn inflate(
        &mut self,
        piece: &[u8],
        data: &Data,
        limit: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), FrameError> {
        let Some(deflate) = &mut self.deflate else { return Err(FrameError::ReservedBits) };
        let is_text = data.kind == Kind::Text;
        let mut rest = piece;
        loop {
            let Some(mut block) = cx.pool.take() else { return Err(FrameError::NoMemory) };
            let room = block.tail();
            let step =
                deflate.inflater.inflate(rest, data.last, limit, &mut cx.scratch.engines, room)?;
            block.filled(step.written);
            rest = rest.get(step.read..).unwrap_or_default();
            if is_text && self.draft.refuses_bad_text() {
                self.incoming.text(block.bytes(), data.last && step.done)?;
            }
            let piece = Segment::Block(block);
            message::add(&mut self.body, piece, data.last && step.done, cx.pool);
            if step.done {
                return Ok(());
            }
        }
    }

    /// What the end of the peer's bytes without a Close means to the other side.
    pub(super) fn code_of_silence(&self) -> CloseCode {
        match self.draft {
            // It has no other way to say it.
            Draft::Hixie75 => CloseCode::NORMAL,
            _ => CloseCode::GOING_AWAY,
        }
    }
}
