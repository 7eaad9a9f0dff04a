//! The raw side of a WebSocket: the payload of messages goes to a TCP server as it is, and what one
//! read of it brings is a message, binary or in base64.

use crate::buf::{Copied, Pool, Rx, Tx};
use crate::proto::ws::{Data, FrameError, Kind, Tally, decode_base64, encode_base64};

use super::super::cx::Cx;
use super::end::End;
use super::message::Message;

/// The state of a raw side.
#[derive(Clone, Debug, Default)]
pub(super) struct Bridge {
    /// Messages are text, each base64 by itself.
    pub(super) base64: bool,
    /// Messages made of what came.
    pub(super) tally: Tally,
}

impl Bridge {
    pub(super) fn new(base64: bool) -> Bridge {
        Bridge { base64, ..Bridge::default() }
    }

    /// Writes a part of a client's message, which stands at the front of `rx`, to the server.
    pub(super) fn write(
        &self,
        data: &Data,
        client: &mut End,
        rx: &mut Rx,
        tx: &mut Tx,
        limit: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), FrameError> {
        if !self.base64 && !data.deflated {
            client.count(data);
            if let Some(piece) = rx.take(data.payload as u64, cx.pool) {
                tx.push(piece, cx.pool);
            }
            return Ok(());
        }
        if !client.collect(data, rx, limit, cx)? {
            return Ok(());
        }
        let Message { kind, mut body } = client.take();
        if self.base64 && kind == Kind::Text {
            let text: Vec<u8> = body.iter().flat_map(|piece| piece.bytes()).copied().collect();
            let bytes = decode_base64(&text).ok_or(FrameError::NotBase64)?;
            tx.put(&bytes, Copied::Payload, cx.pool);
            return Ok(());
        }
        while let Some(segment) = body.pop() {
            tx.push(segment, cx.pool);
        }
        Ok(())
    }

    /// All that came of the server, as one message.
    pub(super) fn read(&mut self, rx: &mut Rx, pool: &Pool) -> Message {
        let mut message = Message { kind: Kind::Binary, ..Message::default() };
        while let Some(segment) = rx.take(u64::MAX, pool) {
            self.tally.payload += segment.len() as u64;
            message.body.queue(segment);
        }
        self.tally.messages += 1;
        if self.base64 {
            let text = encode_base64(&message.bytes());
            message = Message { kind: Kind::Text, ..Message::default() };
            message.body.put(text.as_bytes(), Copied::Payload, pool);
        }
        message
    }
}
