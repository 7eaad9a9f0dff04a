//! A publication as it stands on the wire: made once for each way of speaking, and shared by all who get it.

use std::io::Write as _;
use std::sync::Arc;

use crate::base::write_json;
use crate::buf::Shared;
use crate::proto::h1::{encode_chunk_prefix, last_chunk};
use crate::proto::ws::{Draft, FrameHead, HEAD_MAX, Kind, encode_base64};

use super::publication::Publication;

/// How a subscriber is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Frames of RFC 6455.
    Frames {
        /// Each message in JSON, with its id.
        ids: bool,
    },
    /// Text of the hixie drafts.
    Text {
        /// Each message in JSON, with its id.
        ids: bool,
        /// Binary messages go in base64, which was agreed; else they do not go at all.
        base64: bool,
    },
    /// Server-sent events.
    Events {
        /// In chunks, to a client of HTTP/1.1.
        chunked: bool,
    },
}

impl Speech {
    /// How a WebSocket is spoken to.
    pub fn of(draft: Draft, base64: bool, ids: bool) -> Speech {
        if draft.has_frames() { Speech::Frames { ids } } else { Speech::Text { ids, base64 } }
    }

    /// Whether a subscriber gets ids, so that it can come back to where it was.
    pub fn has_ids(self) -> bool {
        matches!(
            self,
            Speech::Frames { ids: true } | Speech::Text { ids: true, .. } | Speech::Events { .. }
        )
    }

    /// What a subscriber with ids is told where messages are missing.
    pub fn gap(self) -> Shared {
        let mut out = Vec::new();
        match self {
            Speech::Frames { .. } | Speech::Text { .. } => out.extend_from_slice(b"{\"gap\":true}"),
            Speech::Events { .. } => out.extend_from_slice(b"event: gap\ndata: true\n\n"),
        }
        self.wrap(Kind::Text, out)
    }

    /// What shows that there is still somebody.
    pub fn heartbeat(self) -> Shared {
        self.wrap(Kind::Text, b":\n\n".to_vec())
    }

    /// What ends it, where anything does.
    pub fn ending(self) -> &'static [u8] {
        match self {
            Speech::Events { chunked: true } => last_chunk(true),
            _ => b"",
        }
    }

    fn place(self) -> usize {
        match self {
            Speech::Frames { ids } => usize::from(ids),
            Speech::Text { ids: true, .. } => 2,
            Speech::Text { ids: false, base64 } => 3 + usize::from(base64),
            Speech::Events { chunked } => 5 + usize::from(chunked),
        }
    }

    fn wrap(self, kind: Kind, said: Vec<u8>) -> Shared {
        let mut head = [0; HEAD_MAX];
        let bytes = match self {
            Speech::Frames { .. } => {
                let len = FrameHead::new(kind.opcode(), said.len() as u64).encode(&mut head);
                [head.get(..len).unwrap_or_default(), &said].concat()
            }
            Speech::Text { .. } => [&[0x00], &*said, &[0xff]].concat(),
            Speech::Events { chunked: false } => said,
            Speech::Events { chunked: true } => {
                let mut prefix = [0; 24];
                let len = encode_chunk_prefix(said.len(), true, &mut prefix);
                [prefix.get(..len).unwrap_or_default(), &said, b"\r\n"].concat()
            }
        };
        Shared::new(bytes.into())
    }
}

/// Ways of speaking.
const SPEECHES: usize = 7;

/// What subscribers are sent.
#[derive(Debug)]
pub struct Encoded<'a> {
    publication: &'a Publication,
    made: [Option<Shared>; SPEECHES],
}

impl<'a> Encoded<'a> {
    /// Nothing is made before somebody needs it.
    pub fn new(publication: &'a Publication) -> Encoded<'a> {
        Encoded { publication, made: Default::default() }
    }

    /// Bytes of the message itself.
    pub fn payload(&self) -> usize {
        self.publication.payload.len()
    }

    /// For a subscriber who is spoken to like this, if it can be said so.
    pub fn of(&mut self, speech: Speech) -> Option<Shared> {
        let Publication { kind, payload, .. } = self.publication;
        if speech == (Speech::Text { ids: false, base64: false }) && *kind == Kind::Binary {
            return None;
        }
        let place = self.made.get_mut(speech.place())?;
        Some(place.get_or_insert_with(|| make(self.publication, speech, payload)).clone())
    }
}

/// Publications of one channel that come together: for whoever has room they are one piece.
#[derive(Debug)]
pub struct Batch<'a> {
    each: Vec<Encoded<'a>>,
    made: [Option<Together>; SPEECHES],
}

/// What a subscriber gets of a batch.
#[derive(Clone, Debug)]
pub struct Together {
    /// All that can be said so; `None`: none of it can.
    pub bytes: Option<Shared>,
    /// How many messages that is.
    pub messages: u64,
    /// Bytes of what they say.
    pub payload: u64,
    /// Messages that cannot be said so.
    pub left_out: u64,
}

impl<'a> Batch<'a> {
    /// Nothing is made before somebody needs it.
    pub fn new(publications: &'a [Arc<Publication>]) -> Batch<'a> {
        let each = publications.iter().map(|one| Encoded::new(one)).collect();
        Batch { each, made: Default::default() }
    }

    /// All of it for a subscriber who is spoken to like this.
    pub fn together(&mut self, speech: Speech) -> Together {
        let each = &mut self.each;
        let Some(place) = self.made.get_mut(speech.place()) else { return join(each, speech) };
        place.get_or_insert_with(|| join(each, speech)).clone()
    }

    /// One after the other.
    pub fn each(&mut self) -> impl Iterator<Item = &mut Encoded<'a>> {
        self.each.iter_mut()
    }
}

fn join(each: &mut [Encoded<'_>], speech: Speech) -> Together {
    let mut together = Together { bytes: None, messages: 0, payload: 0, left_out: 0 };
    let mut pieces = Vec::with_capacity(each.len());
    for encoded in each {
        match encoded.of(speech) {
            Some(piece) => {
                together.messages += 1;
                together.payload += encoded.payload() as u64;
                pieces.push(piece);
            }
            None => together.left_out += 1,
        }
    }
    together.bytes = match pieces.len() {
        0 => None,
        1 => pieces.pop(),
        _ => {
            let all: Vec<&[u8]> = pieces.iter().map(Shared::bytes).collect();
            Some(Shared::new(all.concat().into()))
        }
    };
    together
}

fn make(publication: &Publication, speech: Speech, payload: &[u8]) -> Shared {
    let kind = publication.kind;
    match speech {
        Speech::Frames { ids: true } | Speech::Text { ids: true, .. } => {
            speech.wrap(Kind::Text, json(publication))
        }
        Speech::Text { .. } if kind == Kind::Binary => {
            speech.wrap(Kind::Text, encode_base64(payload).into())
        }
        Speech::Frames { .. } | Speech::Text { .. } => speech.wrap(kind, payload.to_vec()),
        Speech::Events { .. } => speech.wrap(Kind::Text, event(publication)),
    }
}

/// `{"id":7,"text":"..."}`, or with `base64` where it is binary.
fn json(publication: &Publication) -> Vec<u8> {
    let Publication { id, kind, payload, notice, .. } = publication;
    let mut out = Vec::with_capacity(payload.len() + 40);
    // Writing to a Vec does not fail.
    let _ = write!(out, "{{\"id\":{id},");
    match kind {
        // An object becomes part of ours.
        _ if *notice => {
            out.extend_from_slice(payload.get(1..).unwrap_or_default());
            return out;
        }
        Kind::Text => {
            out.extend_from_slice(b"\"text\":");
            write_json(payload, &mut out);
        }
        Kind::Binary => {
            out.extend_from_slice(b"\"base64\":");
            write_json(encode_base64(payload).as_bytes(), &mut out);
        }
    }
    out.push(b'}');
    out
}

/// An event of HTML's section 9.2: each line of text a `data:`; binary in base64, as `event: binary`.
fn event(publication: &Publication) -> Vec<u8> {
    let Publication { id, kind, payload, notice, .. } = publication;
    let mut out = Vec::with_capacity(payload.len() + 48);
    let _ = writeln!(out, "id: {id}");
    if *notice {
        out.extend_from_slice(b"event: presence\n");
    }
    match kind {
        Kind::Binary => {
            let _ = writeln!(out, "event: binary\ndata: {}", encode_base64(payload));
        }
        Kind::Text => {
            let mut rest = &**payload;
            loop {
                let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(line);
                out.push(b'\n');
                let Some((first, behind)) = behind.split_first() else { break };
                rest = match behind.split_first() {
                    Some((b'\n', behind)) if *first == b'\r' => behind,
                    _ => behind,
                };
            }
        }
    }
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODERN: Speech = Speech::Frames { ids: false };
    const OLD: Speech = Speech::Text { ids: false, base64: false };

    fn publication(kind: Kind, payload: &[u8]) -> Publication {
        Publication { channel: "a".into(), id: 7, kind, payload: payload.into(), notice: false }
    }

    fn said(kind: Kind, payload: &[u8], speech: Speech) -> Option<Vec<u8>> {
        Encoded::new(&publication(kind, payload)).of(speech).map(|shared| shared.bytes().to_vec())
    }

    #[test]
    fn a_message_is_made_once_for_all_who_are_spoken_to_alike() {
        let text = publication(Kind::Text, b"hi");
        let mut encoded = Encoded::new(&text);
        let first = encoded.of(MODERN).expect("a frame");
        let second = encoded.of(MODERN).expect("a frame");
        assert_eq!(first.bytes(), b"\x81\x02hi");
        assert_eq!(first.bytes().as_ptr(), second.bytes().as_ptr());
        assert_eq!(encoded.of(OLD).expect("text").bytes(), b"\0hi\xff");
    }

    #[test]
    fn what_comes_together_is_one_piece_of_what_can_be_said() {
        let all = [(Kind::Text, &b"hi"[..]), (Kind::Binary, b"\0"), (Kind::Text, b"you")];
        let all = all.map(|(kind, payload)| Arc::new(publication(kind, payload)));
        let mut batch = Batch::new(&all);
        let modern = batch.together(MODERN);
        assert_eq!(modern.bytes.expect("frames").bytes(), b"\x81\x02hi\x82\x01\0\x81\x03you");
        assert_eq!((modern.messages, modern.payload, modern.left_out), (3, 6, 0));
        let old = batch.together(OLD);
        assert_eq!(old.bytes.expect("text").bytes(), b"\0hi\xff\0you\xff");
        assert_eq!((old.messages, old.payload, old.left_out), (2, 5, 1));
        let base64 = batch.together(Speech::Text { ids: false, base64: true });
        assert_eq!(base64.bytes.expect("text").bytes(), b"\0hi\xff\0AA==\xff\0you\xff");
        assert_eq!(batch.each().count(), 3);
        assert!(Batch::new(&all[1..2]).together(OLD).bytes.is_none());
    }

    #[test]
    fn old_drafts_have_binary_only_in_base64() {
        let base64 = Speech::Text { ids: false, base64: true };
        assert_eq!(said(Kind::Binary, b"\0\xff", MODERN).expect("a frame"), b"\x82\x02\0\xff");
        assert_eq!(said(Kind::Binary, b"\0\xff", OLD), None);
        assert_eq!(said(Kind::Binary, b"\0\xff", base64).expect("text"), b"\0AP8=\xff");
    }

    #[test]
    fn with_ids_messages_are_json() {
        let ids = Speech::Frames { ids: true };
        let old = Speech::Text { ids: true, base64: false };
        assert_eq!(
            said(Kind::Text, b"\"", ids).expect("it"),
            b"\x81\x14{\"id\":7,\"text\":\"\\\"\"}"
        );
        assert_eq!(
            said(Kind::Binary, b"\0\xff", old).expect("it"),
            b"\0{\"id\":7,\"base64\":\"AP8=\"}\xff"
        );
        assert_eq!(old.gap().bytes(), b"\0{\"gap\":true}\xff");
    }

    #[test]
    fn who_comes_is_told_from_what_is_published() {
        let payload = b"{\"joined\":\"ann\"}";
        let notice = Publication { notice: true, ..publication(Kind::Text, payload) };
        let said = |speech| {
            let said = Encoded::new(&notice).of(speech).map(|shared| shared.bytes().to_vec());
            String::from_utf8_lossy(&said.unwrap_or_default()).into_owned()
        };
        assert_eq!(said(OLD), "\0{\"joined\":\"ann\"}\u{fffd}");
        let ids = Speech::Text { ids: true, base64: false };
        assert_eq!(said(ids), "\0{\"id\":7,\"joined\":\"ann\"}\u{fffd}");
        let events = Speech::Events { chunked: false };
        assert_eq!(said(events), "id: 7\nevent: presence\ndata: {\"joined\":\"ann\"}\n\n");
    }

    #[test]
    fn events_have_a_line_for_each_line() {
        let plain = Speech::Events { chunked: false };
        let event = |kind, payload| {
            String::from_utf8(said(kind, payload, plain).expect("it")).expect("text")
        };
        assert_eq!(event(Kind::Text, b"hi"), "id: 7\ndata: hi\n\n");
        assert_eq!(event(Kind::Text, b""), "id: 7\ndata: \n\n");
        assert_eq!(
            event(Kind::Text, b"a\nb\r\nc\rid: 9\n"),
            "id: 7\ndata: a\ndata: b\ndata: c\ndata: id: 9\ndata: \n\n"
        );
        assert_eq!(event(Kind::Binary, b"\0\xff"), "id: 7\nevent: binary\ndata: AP8=\n\n");
        let chunked = Speech::Events { chunked: true };
        assert_eq!(said(Kind::Text, b"hi", chunked).expect("it"), b"10\r\nid: 7\ndata: hi\n\n\r\n");
        assert_eq!(chunked.heartbeat().bytes(), b"3\r\n:\n\n\r\n");
        assert_eq!(chunked.ending(), b"0\r\n\r\n");
    }
}
