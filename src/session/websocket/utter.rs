//! What an end of a WebSocket sends: messages, pings, pongs and closes, in the draft its peer speaks.

use crate::buf::{Copied, Pool, Stub, Tx};
use crate::proto::ws::{
    ControlFrame, Draft, FrameHead, HEAD_MAX, HIXIE_CLOSE, Kind, Opcode, Sender, encode_base64,
};

use super::super::cx::{Cx, Scratch};
use super::super::settings::Binary;
use super::end::End;
use super::message::Message;
use super::pulse::Word;

/// Below this many bytes a message is not worth deflating by itself.
const WORTH_DEFLATING: usize = 64;
/// A scratch buffer that has grown beyond this many bytes is not kept.
const KEPT: usize = 1 << 20;
/// The key of what we send as a client: what is to be hidden by it is between us and our upstream.
const KEY: [u8; 4] = [0; 4];

/// What the peer cannot be told in its draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsayable;

impl End {
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
        tx.put(word.frame(self.draft, key).bytes(), Copied::Head, pool);
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
