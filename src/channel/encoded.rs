//! A publication as it stands on the wire: made once for each way of speaking, and shared by all who get it.

use std::io::Write as _;

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
            Speech::Text { ids, .. } => 2 + usize::from(ids),
            Speech::Events { chunked } => 4 + usize::from(chunked),
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

/// What subscribers are sent.
#[derive(Debug)]
pub struct Encoded<'a> {
    publication: &'a Publication,
    made: [Option<Shared>; 6],
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
    let Publication { id, kind, payload, .. } = publication;
    let mut out = Vec::with_capacity(payload.len() + 40);
    // Writing to a Vec does not fail.
    let _ = write!(out, "{{\"id\":{id},");
    match kind {
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
    let Publication { id, kind, payload, .. } = publication;
    let mut out = Vec::with_capacity(payload.len() + 48);
    let _ = writeln!(out, "id: {id}");
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
        Publication { channel: "a".into(), id: 7, kind, payload: payload.into() }
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
