//! One end of a WebSocket that ends here: reads what its peer sends and writes what it is told, in
//! the draft the peer speaks.

use crate::buf::{Copied, Pool, Rx, Segment, Stub, Tx};
use crate::proto::ws::{
    CloseCode, ControlFrame, Data, DeflateParams, Deflater, Draft, FrameError, FrameHead, HEAD_MAX,
    HIXIE_CLOSE, Incoming, Inflater, Kind, Opcode, Rules, Sender, Tally, encode_base64,
};

use super::super::cx::{Cx, Scratch};
use super::super::settings::Binary;
use super::message::{self, Message};
use super::pulse::Word;

/// Below this many bytes a message is not worth deflating by itself.
const WORTH_DEFLATING: usize = 64;
/// A scratch buffer that has grown beyond this many bytes is not kept.
const KEPT: usize = 1 << 20;
/// The key of what we send as a client: what is to be hidden by it is between us and our upstream.
const KEY: [u8; 4] = [0; 4];

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

/// What the peer cannot be told in its draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsayable;

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

    /// Sends a message, or a further part of one; `last` ends it.
    pub(super) fn send(
        &mut self,
        mut message: Message,
        last: bool,
        binary: Binary,
        tx: &mut Tx,
        cx: &mut Cx<'_>,
    ) -> Result<(), Unsayable> {
        if self.draft.has_frames() {
            self.send_frame(message, last, tx, cx);
            return Ok(());
        }
        if message.kind == Kind::Binary {
            match binary {
                _ if self.base64 => {
                    let text = encode_base64(&message.bytes());
                    message.body.clear();
                    message.body.put(text.as_bytes(), Copied::Payload, cx.pool);
                }
                Binary::Text if message.is_utf8() => {}
                Binary::Drop => return Ok(()),
                Binary::Text | Binary::Close => return Err(Unsayable),
            }
        }
        put_with_prefix(&[0x00], message.body, tx, cx.pool);
        tx.put(&[0xff], Copied::Head, cx.pool);
        Ok(())
    }

    fn send_frame(&mut self, message: Message, last: bool, tx: &mut Tx, cx: &mut Cx<'_>) {
        let first = !self.sending;
        self.sending = !last;
        let opcode = if first { message.kind.opcode() } else { Opcode::Continuation };
        let mut head = FrameHead { fin: last, ..FrameHead::new(opcode, message.body.len() as u64) };
        let mut encoded = [0; HEAD_MAX];
        if self.deflated(&message, first, last, cx) {
            let out = std::mem::take(&mut cx.scratch.out);
            head = FrameHead { rsv1: first, payload: out.len() as u64, ..head };
            let len = head.encode(&mut encoded);
            tx.put(encoded.get(..len).unwrap_or_default(), Copied::Head, cx.pool);
            tx.put(&out, Copied::Payload, cx.pool);
            if out.capacity() <= KEPT {
                cx.scratch.out = out;
            }
            return;
        }
        if self.peer == Sender::Server {
            head = head.masked(KEY);
        }
        let len = head.encode(&mut encoded);
        put_with_prefix(encoded.get(..len).unwrap_or_default(), message.body, tx, cx.pool);
    }

    /// Deflates into the scratch buffer; false when the message is to go as it is.
    fn deflated(&mut self, message: &Message, first: bool, last: bool, cx: &mut Cx<'_>) -> bool {
        let Some(deflate) = &mut self.deflate else { return false };
        let whole = first && last;
        if whole && !deflate.takeover && message.body.len() < WORTH_DEFLATING {
            return false;
        }
        let Scratch { out, engines, .. } = &mut *cx.scratch;
        out.clear();
        for piece in message.body.iter() {
            deflate.deflater.deflate(piece.bytes(), false, engines, out);
        }
        if last {
            deflate.deflater.deflate(b"", true, engines, out);
        } else {
            deflate.deflater.pause(engines, out);
        }
        !whole || deflate.takeover || out.len() < message.body.len()
    }

    /// Says a word of ours; in a draft that lacks it nothing.
    pub(super) fn say(&mut self, word: Word, tx: &mut Tx, pool: &Pool) {
        let key = (self.peer == Sender::Server).then_some(KEY);
        match word {
            Word::Close(..) if self.draft == Draft::Hixie76 => {
                return tx.put(&HIXIE_CLOSE, Copied::Head, pool);
            }
            _ if !self.draft.has_frames() => return,
            _ => {}
        }
        let frame = match word {
            Word::Ping(payload) => ControlFrame::new(Opcode::Ping, &payload, key),
            Word::Pong => ControlFrame::new(Opcode::Pong, b"", key),
            Word::Close(code, text) => ControlFrame::close(
                self.draft.code_for(code).unwrap_or(CloseCode::NONE),
                &text,
                key,
            ),
        };
        tx.put(frame.bytes(), Copied::Head, pool);
    }

    /// Answers a ping of the peer; of those that find no room only the last (RFC 6455 section
    /// 5.5.3).
    pub(super) fn answer(&mut self, payload: &[u8], tx: &mut Tx, pool: &Pool) {
        let key = (self.peer == Sender::Server).then_some(KEY);
        let frame = ControlFrame::new(Opcode::Pong, payload, key);
        self.pong = None;
        if tx.room() > 0 {
            tx.put(frame.bytes(), Copied::Head, pool);
        } else {
            self.pong = Some(Stub::new(frame.bytes()));
        }
    }

    /// Sends the answer that waits for room, where there is some now.
    pub(super) fn catch_up(&mut self, tx: &mut Tx, pool: &Pool) {
        if tx.room() > 0
            && let Some(pong) = self.pong.take()
        {
            tx.put(pong.bytes(), Copied::Head, pool);
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

/// Queues a body with its frame's header in front.
fn put_with_prefix(prefix: &[u8], mut body: Tx, tx: &mut Tx, pool: &Pool) {
    match body.pop() {
        Some(first) => tx.push_with_prefix(prefix, first, pool),
        None => tx.put(prefix, Copied::Head, pool),
    }
    while let Some(segment) = body.pop() {
        tx.push(segment, pool);
    }
}
