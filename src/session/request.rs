//! The request as the upstream sees it.

use std::net::IpAddr;

use crate::base::Certificate;
use crate::buf::{Copied, Pool, Tx};
use crate::proto::h1::{Forward, Identity, RequestHead, Switch, encode_request, parse_request};
use crate::proto::http::path::canonical;
use crate::proto::http::{
    Body, CanonicalPath, FieldStore, Known, Method, Pairs, PathScratch, Version, host, prefers_html,
};
use crate::proto::uwsgi;
use crate::proto::ws::Opening;

use super::asker::Asker;
use super::body::{BodyPipe, Framing};
use super::cx::{Cx, Scratch};
use super::edits::{Rewriting, split};
use super::exchange::Exchange;
use super::expand::{Filler, leads_astray};
use super::handshake::Handshake;
use super::peer::{Peer, Short};
use super::port::Port;
use super::reason::CloseReason;
use super::response::KEPT;
use super::settings::{Place, Route};

/// What an exchange remembers of its request once the head's bytes are gone. Plain data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// The method is HEAD: no response has a body.
    pub(super) is_head: bool,
    /// The method.
    pub(super) method: Method,
    /// The client's version.
    pub(super) version: Version,
    /// Sending it twice does nothing twice: GET, HEAD, OPTIONS without a body, and upgrades.
    pub(super) replayable: bool,
    /// How its body arrives.
    pub(super) body: Body,
    /// How its body goes on.
    pub(super) framing: Framing,
    /// Largest body allowed.
    pub(super) max_body: u64,
    /// `Expect: 100-continue` is not answered yet.
    pub(super) expects_continue: bool,
    /// The client announced that it sends nothing behind this request.
    pub(super) last: bool,
    /// The client prefers HTML to plain text.
    pub(super) html: bool,
    /// The WebSocket handshake, where it is one.
    pub(super) handshake: Option<Handshake>,
    /// Who asks.
    pub(super) peer: Peer,
    /// A trusted proxy asks for it.
    pub(super) relayed: bool,
    /// The address at the other end of the connection.
    pub(super) neighbour: Option<IpAddr>,
}

impl Facts {
    /// What is to be remembered of `head`.
    pub(super) fn new(
        head: &RequestHead<'_, '_>,
        route: &Route,
        handshake: Option<Handshake>,
        asker: &Asker,
    ) -> Facts {
        let bodies = &route.bodies;
        let max_body =
            if head.expect_continue { bodies.max.min(bodies.max_expected) } else { bodies.max };
        let max_body = match route.target.place {
            Place::Publish { most, .. } => max_body.min(most),
            _ => max_body,
        };
        // What follows a handshake is no body: of hixie-76 it belongs to the handshake.
        let body = if handshake.is_some() { Body::Empty } else { head.body };
        let safe = matches!(head.method, Method::Get | Method::Head | Method::Options);
        Facts {
            is_head: head.method == Method::Head,
            method: head.method,
            version: head.version,
            replayable: safe && body.is_empty(),
            body,
            framing: match body {
                Body::Chunked => Framing::Chunked { first: true },
                _ => Framing::Plain,
            },
            max_body,
            expects_continue: head.expect_continue,
            last: !head.keep_alive,
            html: prefers_html(head.fields.get(Known::Accept)),
            handshake,
            peer: asker.peer,
            relayed: asker.relayed,
            neighbour: asker.neighbour,
        }
    }

    /// The pipe the body goes through.
    pub(super) fn body_pipe(&self) -> BodyPipe {
        BodyPipe::new(self.body, self.framing)
    }

    /// There is no body to be read.
    pub(super) fn has_no_body(&self) -> bool {
        self.body.is_empty()
    }

    /// A chunked body that must be collected before it can be sent.
    pub(super) fn must_collect(&self, route: &Route) -> bool {
        self.body == Body::Chunked
            && matches!(route.target.place, Place::Uwsgi { .. })
            && !route.bodies.chunked_input
            && !route.bodies.raw
    }
}

impl Exchange {
    /// Expands what the action says of host and target. What the request makes of them must be a host
    /// and a path.
    pub(super) fn expand_target(&mut self, filler: &Filler<'_>) -> Result<(), CloseReason> {
        self.host.clear();
        self.uri.clear();
        let Place::Http { host, uri, .. } = &self.route.target.place else { return Ok(()) };
        if let Some(template) = host {
            filler.encoded(template, &mut self.host);
            if !self.host.is_empty() {
                host::parse(&self.host).map_err(|_| CloseReason::BadRequest)?;
            }
        }
        if let Some(template) = uri {
            filler.encoded(template, &mut self.uri);
            if !self.uri.starts_with(b"/") {
                self.uri.insert(0, b'/');
            }
            if leads_astray(&self.uri) {
                return Err(CloseReason::BadRequest);
            }
        }
        Ok(())
    }

    /// Serialises the request anew into `out`.
    pub(super) fn compose(
        &mut self,
        head: &RequestHead<'_, '_>,
        target: &Wanted<'_>,
        server_name: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), CloseReason> {
        out.clear();
        let body = match &self.collected {
            Some(replay) => Body::Length(replay.len()),
            None if self.facts.handshake.is_some() => Body::Empty,
            None => head.body,
        };
        // Others get no handshake, and nothing that stands behind one.
        let asks = matches!(self.route.target.place, Place::Http { .. } | Place::Uwsgi { .. });
        let handshake = self.facts.handshake.filter(|_| asks);
        let opening = handshake.and_then(|handshake| handshake.opening(head));
        let switch = match (&opening, self.facts.handshake) {
            (Some(opening), _) => Switch::Ours { token: opening.token(), fields: opening.fields() },
            (None, Some(_)) => Switch::Passed,
            (None, None) => Switch::No,
        };
        let peer = &self.facts.peer;
        let ip = Short::of_ip(peer.ip);
        let edits = self.edits.as_deref();
        let proxy = self.facts.relayed.then(|| Short::of_ip(self.facts.neighbour));
        let identity = Identity {
            addr: proxy.as_ref().unwrap_or(&ip).as_bytes(),
            proto: peer.scheme(),
            trusted: proxy.is_some(),
        };
        match &self.route.target.place {
            Place::Http { authority, .. } => {
                let told = &self.route.certificates;
                let fields = told.fields(self.certificate.as_deref());
                let ours: Vec<_> = told.headers.iter().map(|(name, _)| name.as_str()).collect();
                let extra: Vec<_> =
                    fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
                let (path, query) = match self.uri.is_empty() {
                    true => (target.path.sent, target.query),
                    false => (self.uri.as_slice(), None),
                };
                let forward = Forward {
                    path,
                    query,
                    host: (!self.host.is_empty()).then_some(self.host.as_slice()),
                    server: authority.as_bytes(),
                    body,
                    switch,
                    identity,
                    keep_alive: !self.is_raw() && self.may_last(),
                    expect: self.keeps_expect(),
                    raw: self.is_raw(),
                    ours: &ours,
                    extra: &extra,
                    added: edits.map_or(Pairs::NONE, |edits| &edits.request),
                };
                encode_request(head, &forward, out);
            }
            Place::Echo
            | Place::Channel { .. }
            | Place::Publish { .. }
            | Place::Tcp { .. }
            | Place::Files(_) => {}
            Place::Uwsgi { modifier1, modifier2, vars } => {
                let certificate = self.certificate.as_deref();
                let export = certificate.filter(|_| self.route.certificates.export);
                let pem = export.map(Certificate::pem);
                let (port, server_port) =
                    (Short::of_port(peer.port), Short::of_port(peer.server_port));
                let packet = uwsgi::Packet {
                    modifier1: *modifier1,
                    modifier2: *modifier2,
                    path: target.asked,
                    path_info: target.path.info,
                    query: target.query,
                    server_name,
                    server_port: server_port.as_bytes(),
                    https: peer.secure,
                    remote_addr: ip.as_bytes(),
                    remote_port: port.as_bytes(),
                    identity,
                    content_length: match body {
                        Body::Length(n) => Some(n),
                        _ => None,
                    },
                    chunked: body == Body::Chunked,
                    switch,
                    certificate: certificate
                        .map(|found| (&*found.der, &*found.subject, pem.as_deref())),
                    extra: vars,
                    vars: edits.map_or(Pairs::NONE, |edits| &edits.vars),
                    fields: edits.map_or(Pairs::NONE, |edits| &edits.request),
                };
                uwsgi::encode_request(head, &packet, out)
                    .map_err(|_| CloseReason::PacketTooLarge)?;
                self.packet = out.len();
            }
        }
        out.extend_from_slice(opening.as_ref().map(Opening::behind).unwrap_or_default());
        Ok(())
    }

    /// Queues the request that was serialised into `out`, in the block that its head came in where nothing else is in that.
    pub(super) fn queue_request(&mut self, out: &[u8], upstream: &mut Tx, pool: &Pool) {
        if let Some(kept) = &mut self.head {
            upstream.put_behind(kept, out, pool);
        }
    }

    /// `Expect` goes on to the upstream, whose 100 is passed back.
    pub(super) fn keeps_expect(&self) -> bool {
        self.facts.expects_continue && !self.route.bodies.manage_expect
    }

    /// Serialises the request again from the bytes that were kept.
    pub(super) fn compose_again(
        &mut self,
        upstream: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<(), CloseReason> {
        let Some(kept) = self.head.take() else { return Err(CloseReason::NoResponse) };
        let result = self.compose_from(kept.bytes(), cx);
        self.head = Some(kept);
        result?;
        upstream.tx.put(&cx.scratch.out, Copied::Head, cx.pool);
        Ok(())
    }

    fn compose_from(&mut self, bytes: &[u8], cx: &mut Cx<'_>) -> Result<(), CloseReason> {
        let mut store = FieldStore::new();
        let Ok(Some(head)) = parse_request(bytes, &mut store, &KEPT) else {
            return Err(CloseReason::NoResponse);
        };
        let Scratch { path, out, rewriting, .. } = &mut *cx.scratch;
        let merge = cx.generation.merge_slashes;
        let path = canonical(head.path, merge, path).map_err(|_| CloseReason::BadRequest)?;
        let Rewriting { target, path: memory, .. } = rewriting;
        target.clear();
        target
            .extend_from_slice(self.edits.as_ref().map(|edits| &*edits.target).unwrap_or_default());
        let wanted = Wanted::new(&head, &path, target, merge, memory)?;
        self.compose(&head, &wanted, &cx.generation.server_name, out)
    }
}

/// What is asked of an upstream.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// What the path that the client asked for comes to.
    pub(super) asked: &'a [u8],
    /// What its path comes to, once rules have rewritten it.
    pub(super) path: CanonicalPath<'a>,
    /// Its query, as rules have rewritten it.
    pub(super) query: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    /// As the client asks, or, where rules made a target, as they say. `path` is what the client's comes to.
    pub(super) fn new(
        head: &RequestHead<'a, 'a>,
        path: &CanonicalPath<'a>,
        target: &'a [u8],
        merge: bool,
        memory: &'a mut PathScratch,
    ) -> Result<Wanted<'a>, CloseReason> {
        if target.is_empty() {
            return Ok(Wanted { asked: path.sent, path: *path, query: head.query });
        }
        let (raw, query) = split(target);
        let made = canonical(raw, merge, memory).map_err(|_| CloseReason::BadRequest)?;
        Ok(Wanted { asked: path.sent, path: made, query })
    }
}
