//! A message on its way from one end to another: a chain of blocks, and what it is made of.

use crate::buf::{Copied, Pool, Segment, Tx};
use crate::proto::ws::{Kind, Utf8};

/// A message, or as much of one as has come.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) body: Tx,
}

impl Message {
    /// Puts U+FFFD where text is not UTF-8, as drafts before hybi-08 read it.
    pub(super) fn mend(&mut self, pool: &Pool) {
        if self.kind == Kind::Binary || self.is_utf8() {
            return;
        }
        let bytes = self.bytes();
        let text = String::from_utf8_lossy(&bytes);
        self.body.clear();
        self.body.put(text.as_bytes(), Copied::Payload, pool);
    }

    /// Whether its bytes are UTF-8.
    pub(super) fn is_utf8(&self) -> bool {
        let mut utf8 = Utf8::default();
        self.body.iter().all(|piece| utf8.advance(piece.bytes()).is_ok()) && utf8.is_whole()
    }

    /// All of it in one piece.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.body.iter().flat_map(Segment::bytes).copied().collect()
    }
}

/// Adds a piece that must wait for others to the body of a message; a lone one stays in its block.
pub(super) fn add(body: &mut Tx, piece: Segment, last: bool, pool: &Pool) {
    if last && body.is_empty() {
        body.queue(piece);
    } else {
        body.gather(piece, pool);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: &[&[u8]]) -> Message {
        let mut message = Message::default();
        for piece in pieces {
            message.body.queue(Segment::Stub(crate::buf::Stub::new(piece)));
        }
        message
    }

    #[test]
    fn only_what_is_no_text_is_mended() {
        let pool = Pool::new(1);
        for (pieces, mended) in [
            (&[&b"h\xc3"[..], b"\xa4llo"][..], "hällo"),
            (&[b"a\xff", b"b\xc3"], "a\u{fffd}b\u{fffd}"),
            (&[], ""),
        ] {
            let mut message = text(pieces);
            let whole = message.is_utf8();
            message.mend(&pool);
            assert_eq!(message.bytes(), mended.as_bytes());
            assert_eq!(whole, !mended.contains('\u{fffd}'));
        }
        let mut binary = Message { kind: Kind::Binary, ..text(&[b"\xff"]) };
        binary.mend(&pool);
        assert_eq!(binary.bytes(), b"\xff");
    }
}
