//! The opening handshake as a client: what a server is asked in each draft, and what proves its answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::proto::h1::ResponseHead;

use super::accept::{AcceptError, AcceptKey, Accepted, accept_key, check_response};
use super::draft::Draft;
use super::hixie::{Challenge, HixieKey, KEY3_LEN, check_hixie_answer};
use super::list::elements;

/// A handshake of ours.
#[derive(Clone, Debug)]
pub struct Opening {
    draft: Draft,
    fields: Vec<(&'static str, Vec<u8>)>,
    key3: Option<[u8; KEY3_LEN]>,
    proof: Proof,
}

/// What the answer must show.
#[derive(Clone, Copy, Debug)]
enum Proof {
    /// The exact head of hixie-75.
    Head,
    /// So many bytes behind a head of hixie-76.
    Behind([u8; 16]),
    /// `Sec-WebSocket-Accept`.
    Accept(AcceptKey),
}

/// What a server is asked for on behalf of a client.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Where the client says it comes from.
    pub origin: Option<&'a [u8]>,
    /// The authority asked, which stands for an origin where a draft must have one.
    pub host: &'a [u8],
    /// The subprotocols it would speak.
    pub protocols: Option<&'a [u8]>,
}

impl Opening {
    /// A handshake in `draft`; `random` gives numbers without a bound, and the same ones make the
    /// same handshake.
    pub fn new(draft: Draft, wish: &Wish<'_>, mut random: impl FnMut() -> u64) -> Self {
        let mut fields = Vec::with_capacity(5);
        let mut key3 = None;
        if let Some(origin) = wish.origin {
            fields.push((draft.origin_fields()[0], origin.to_vec()));
        } else if !draft.has_frames() {
            fields.push(("Origin", [b"http://", wish.host].concat()));
        }
        let proof = match draft.version() {
            Some(version) => {
                let key = [random().to_be_bytes(), random().to_be_bytes()].concat();
                let key = STANDARD.encode(key).into_bytes();
                let proof = Proof::Accept(accept_key(&key));
                fields.push(("Sec-WebSocket-Version", version.to_string().into_bytes()));
                fields.push(("Sec-WebSocket-Key", key));
                proof
            }
            None if draft == Draft::Hixie75 => Proof::Head,
            None => {
                let keys = [(); 2].map(|()| HixieKey::generate(&mut random));
                let behind = random().to_be_bytes();
                let numbers = [&keys[0], &keys[1]].map(|key| key.number);
                for (name, key) in
                    ["Sec-WebSocket-Key1", "Sec-WebSocket-Key2"].into_iter().zip(keys)
                {
                    fields.push((name, key.text.into_bytes()));
                }
                key3 = Some(behind);
                Proof::Behind(Challenge::of(numbers).answer(behind))
            }
        };
        if let Some(protocols) = wish.protocols {
            fields.push((draft.protocol_field(), protocols.to_vec()));
        }
        Self { draft, fields, key3, proof }
    }

    /// What stands in `Upgrade`; old servers compare it byte by byte.
    pub const fn token(&self) -> &'static str {
        if self.draft.has_frames() { "websocket" } else { "WebSocket" }
    }

    /// The fields besides `Host`, `Upgrade` and `Connection`.
    pub fn fields(&self) -> &[(&'static str, Vec<u8>)] {
        &self.fields
    }

    /// The bytes behind the head.
    pub fn behind(&self) -> &[u8] {
        self.key3.as_ref().map(<[u8; KEY3_LEN]>::as_slice).unwrap_or_default()
    }

    /// Checks the answer, `bytes` of which `head` is the front; with what was agreed comes how many
    /// bytes behind the head belong to it. `Ok(None)`: they are not all there.
    pub fn check<'a>(
        &self,
        bytes: &'a [u8],
        head: &ResponseHead<'_, 'a>,
        protocols: Option<&[u8]>,
    ) -> Result<Option<(Accepted<'a>, usize)>, AcceptError> {
        let hixie = || {
            let chosen = check_hixie_answer(self.draft, bytes, head, protocols)?;
            let mut list = chosen.into_iter().flat_map(elements);
            let protocol = list.next();
            Ok(Accepted { protocol, echoed_list: list.next().is_some() })
        };
        match self.proof {
            Proof::Head => Ok(Some((hixie()?, 0))),
            Proof::Behind(proof) => {
                let accepted = hixie()?;
                let behind = bytes.get(head.len..).unwrap_or_default();
                match behind.get(..proof.len()) {
                    Some(found) if found == proof => Ok(Some((accepted, proof.len()))),
                    Some(_) => Err(AcceptError::Accept),
                    None if proof.starts_with(behind) => Ok(None),
                    None => Err(AcceptError::Accept),
                }
            }
            Proof::Accept(accept) => {
                let accepted = check_response(head, &accept, protocols, None)?;
                Ok(Some((accepted, 0)))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::proto::h1::{Limits, parse_request, parse_response};
    use crate::proto::http::{FieldStore, Method};
    use crate::proto::ws::{Drafts, HixieAnswer, Key, SwitchAnswer, check_request};

    const WISH: Wish<'_> = Wish {
        origin: Some(b"http://a.example"),
        host: b"b.example",
        protocols: Some(b"chat, super"),
    };

    fn opening(draft: Draft) -> Opening {
        let mut n = 0u64;
        Opening::new(draft, &WISH, || {
            n += 1;
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        })
    }

    /// What a server of ours answers to what a client of ours asks.
    fn answered(opening: &Opening) -> Vec<u8> {
        let mut request = b"GET / HTTP/1.1\r\nHost: b.example\r\nConnection: Upgrade\r\n".to_vec();
        request.extend_from_slice(format!("Upgrade: {}\r\n", opening.token()).as_bytes());
        for (name, value) in opening.fields() {
            request.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        request.extend_from_slice(b"\r\n");
        let mut store = FieldStore::new();
        let head = parse_request(&request, &mut store, &Limits::default()).unwrap().unwrap();
        let handshake = check_request(&head, Drafts::ALL).unwrap();
        assert_eq!(handshake.draft, opening.draft);
        let mut out = Vec::new();
        match handshake.accept() {
            Some(accept) => SwitchAnswer {
                accept: &accept,
                protocol: Some(b"super"),
                deflate: None,
                extra: b"Set-Cookie: a=b\r\n",
            }
            .encode(&mut out),
            None => HixieAnswer {
                draft: handshake.draft,
                origin: WISH.origin,
                secure: false,
                host: head.host,
                target: head.target,
                protocol: WISH.protocols,
                extra: b"",
            }
            .encode(&mut out),
        }
        if let Key::Numbers(challenge) = handshake.key {
            out.extend_from_slice(&challenge.answer(opening.behind().try_into().unwrap()));
        }
        out
    }

    fn check(opening: &Opening, bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, AcceptError> {
        let mut store = FieldStore::new();
        let head =
            parse_response(bytes, &mut store, Method::Get, &Limits::default()).unwrap().unwrap();
        let found = opening.check(bytes, &head, WISH.protocols)?;
        Ok(found.map(|(accepted, behind)| (accepted.protocol.unwrap().to_vec(), behind)))
    }

    #[test]
    fn our_server_and_our_client_shake_hands_in_every_draft() {
        for draft in Draft::ALL {
            let opening = opening(draft);
            let answer = answered(&opening);
            let (protocol, behind) = check(&opening, &answer).unwrap().expect("a proof");
            let (expected, bytes) = match draft {
                Draft::Hixie75 => (&b"chat"[..], 0),
                Draft::Hixie76 => (&b"chat"[..], 16),
                _ => (&b"super"[..], 0),
            };
            assert_eq!((protocol.as_slice(), behind), (expected, bytes), "{draft}");
        }
    }

    #[test]
    fn the_sixteen_bytes_are_awaited_and_compared() {
        let opening = opening(Draft::Hixie76);
        let mut answer = answered(&opening);
        for missing in 1..=16 {
            assert_eq!(check(&opening, &answer[..answer.len() - missing]), Ok(None));
        }
        let last = answer.len() - 1;
        answer[last] ^= 1;
        assert_eq!(check(&opening, &answer), Err(AcceptError::Accept));
        answer[last - 15] ^= 1;
        assert_eq!(check(&opening, &answer[..last - 10]), Err(AcceptError::Accept), "at once");
    }

    #[test]
    fn an_old_draft_without_an_origin_gets_one() {
        let wish = Wish { origin: None, protocols: None, ..WISH };
        let fields = |draft| Opening::new(draft, &wish, || 7).fields().to_vec();
        assert_eq!(fields(Draft::Hixie75), [("Origin", b"http://b.example".to_vec())]);
        assert!(fields(Draft::Rfc6455).iter().all(|(name, _)| *name != "Origin"));
    }
}
