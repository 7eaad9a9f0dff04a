//! A WebSocket's opening handshake: what is remembered of the client's, what the upstream is asked,
//! and what the client is answered where the WebSocket ends here.

use std::io::Write as _;

use crate::base::Rng;
use crate::buf::Copied;
use crate::proto::h1::{RequestHead, ResponseHead, encode_end_to_end, encode_extra, parse_request};
use crate::proto::http::{FieldStore, Known};
use crate::proto::ws::{
    self, AcceptKey, Accepted, Challenge, DeflateParams, Draft, HixieAnswer, Key, Opening,
    SwitchAnswer, Wish, choose_protocol, offered_protocols,
};

use super::cx::{Cx, Scratch};
use super::exchange::Exchange;
use super::port::Port;
use super::reason::CloseReason;
use super::response::KEPT;
use super::settings::{Mode, Place, Route, WebSockets};
use super::websocket::Opened;

/// What an exchange remembers of a handshake. Plain data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake {
    /// What the client speaks.
    pub(super) draft: Draft,
    proof: Proof,
    /// What the upstream is asked in by us; `None`: the client's handshake goes on as it is.
    pub(super) upstream: Option<Draft>,
    /// The random part of what the upstream is asked.
    seed: u64,
}

/// What our answer must show the client.
#[derive(Clone, Copy, Debug)]
enum Proof {
    None,
    Accept(AcceptKey),
    Numbers(Challenge),
}

/// The name of the subprotocol under which binary data is text.
const BASE64: &[u8] = b"base64";

impl Handshake {
    /// What is to be remembered of a client's handshake on its way to `route`.
    pub(super) fn new(client: &ws::Handshake<'_>, settings: &WebSockets, rng: &mut Rng) -> Self {
        let draft = client.draft;
        let upstream = settings.upstream.unwrap_or(draft);
        let untouched = settings.mode != Mode::Guard && upstream == draft && draft.has_frames();
        Handshake {
            draft,
            proof: match client.key {
                Key::None => Proof::None,
                Key::Numbers(challenge) => Proof::Numbers(challenge),
                Key::Text(_) => client.accept().map_or(Proof::None, Proof::Accept),
            },
            upstream: (!untouched).then_some(upstream),
            seed: rng.number(),
        }
    }

    /// The accept key that the upstream's answer to the client's own handshake must carry.
    pub(super) fn accept(&self) -> Option<&AcceptKey> {
        match (&self.proof, self.upstream) {
            (Proof::Accept(accept), None) => Some(accept),
            _ => None,
        }
    }

    /// What the upstream is asked by us, always the same for one handshake.
    pub(super) fn opening(&self, head: &RequestHead<'_, '_>) -> Option<Opening> {
        let [first, second] = self.draft.origin_fields();
        let origin = head.fields.find(first).or_else(|| head.fields.find(second));
        let protocols = offered_protocols(self.draft, head.fields);
        let wish = Wish { origin, host: head.host, protocols: protocols.as_deref() };
        let mut rng = Rng::new(self.seed);
        Some(Opening::new(self.upstream?, &wish, || rng.number()))
    }

    /// Answers the client whose request's head is `kept`: the WebSocket opens. `upstream` is what the
    /// upstream answered, and what it chose of the subprotocols, where there is one.
    pub(super) fn answer(
        &self,
        kept: &[u8],
        upstream: Option<(&ResponseHead<'_, '_>, Accepted<'_>)>,
        exchange: &Exchange,
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<Opened, CloseReason> {
        let mut store = FieldStore::new();
        let Ok(Some(head)) = parse_request(kept, &mut store, &KEPT) else {
            return Err(CloseReason::BadUpgrade);
        };
        let route = &*exchange.route;
        let Some(settings) = &route.websockets else { return Err(CloseReason::BadUpgrade) };
        let offered = offered_protocols(self.draft, head.fields);
        let protocol = offered.as_deref().and_then(|offered| {
            let chosen = choose(offered, upstream.as_ref().map(|(_, chosen)| chosen), route);
            // Browsers of the hixie drafts compare with all that they asked for.
            let whole = !self.draft.has_frames() && (chosen.is_some() || upstream.is_none());
            if whole { Some(offered) } else { chosen }
        });
        let is_bridge = matches!(route.target.place, Place::Tcp { .. });
        let base64 = protocol.is_some_and(|chosen| {
            let mut list = chosen.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            list.next() == Some(BASE64) && list.next().is_none()
        });
        let deflate =
            settings.deflate.filter(|_| self.draft == Draft::Rfc6455).and_then(|policy| {
                DeflateParams::accept(head.fields.all(Known::SecWebSocketExtensions), policy)
            });
        let Scratch { out, expanded: extra, .. } = &mut *cx.scratch;
        out.clear();
        extra.clear();
        match upstream {
            Some((head, _)) => encode_end_to_end(head, exchange.removed(), extra),
            None if self.draft.has_frames() => {
                // Writing to a Vec does not fail.
                let _ = write!(extra, "Server: tidegate\r\nDate: {}\r\n", cx.clock.http_date());
            }
            None => {}
        }
        encode_extra(exchange.added(), extra);
        match &self.proof {
            Proof::Accept(accept) => SwitchAnswer { accept, protocol, deflate, extra }.encode(out),
            Proof::None | Proof::Numbers(_) => HixieAnswer {
                draft: self.draft,
                origin: head.fields.get(Known::Origin),
                secure: exchange.facts.peer.secure,
                host: head.host,
                target: head.target,
                protocol,
                extra,
            }
            .encode(out),
        }
        client.tx.put(out, Copied::Head, cx.pool);
        Ok(Opened {
            draft: self.draft,
            challenge: match self.proof {
                Proof::Numbers(challenge) => Some(challenge),
                _ => None,
            },
            deflate,
            base64: base64 || is_bridge && !self.draft.has_frames(),
        })
    }
}

/// The subprotocol in force, one of those offered.
fn choose<'o>(
    offered: &'o [u8],
    upstream: Option<&Accepted<'_>>,
    route: &Route,
) -> Option<&'o [u8]> {
    let ours = route.websockets.iter().flat_map(|settings| &settings.protocols);
    let ours = ours.map(|name| name.as_bytes());
    match upstream {
        Some(Accepted { protocol: Some(chosen), echoed_list }) => {
            // One that repeats all that was offered, which browsers refuse, has not chosen.
            let preferred = if *echoed_list { choose_protocol(ours, offered) } else { None };
            preferred.or_else(|| choose_protocol([*chosen], offered))
        }
        Some(Accepted { protocol: None, .. }) => None,
        None if matches!(route.target.place, Place::Tcp { .. }) => {
            choose_protocol([b"binary".as_slice(), BASE64].into_iter().chain(ours), offered)
        }
        None => choose_protocol(ours, offered),
    }
}
