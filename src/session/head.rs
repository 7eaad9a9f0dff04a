//! Waiting for a request's head, and deciding what becomes of it.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;
use crate::buf::Tx;
use crate::config::WebSocketDraft;
use crate::proto::h1::{RequestError, RequestHead, Upgrade, parse_request};
use crate::proto::http::host::comparable;
use crate::proto::http::path::canonical;
use crate::proto::http::{Body, FieldStore, Known, Method, Version, prefers_html};
use crate::proto::ws::{self, Draft};
use crate::route::Purpose;

use super::answer::Asked;
use super::cx::{Cx, Scratch};
use super::edits::Rewriting;
use super::exchange::{Exchange, Request};
use super::expand::Filler;
use super::handshake::Handshake;
use super::origin;
use super::peer::Peer;
use super::port::Port;
use super::reason::CloseReason;
use super::record::{self, Record};
use super::redirect;
use super::request::{ComposeCx, Facts, Wanted};
use super::secure::Secure;
use super::settings::{Generation, Place, Route};
use super::spool::Spool;
use super::walk::{End, Walker, captured};

/// Bounds of waiting for a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadTimeouts {
    /// A whole head, from its first byte.
    pub head: Duration,
    /// Until the first byte.
    pub idle: Duration,
    /// A TLS handshake.
    pub handshake: Duration,
}

/// Until the first byte of a first request where connections are not kept alive.
const FIRST: Duration = Duration::from_secs(60);

impl HeadTimeouts {
    /// As a generation says.
    pub fn of(generation: &Generation) -> HeadTimeouts {
        HeadTimeouts {
            head: generation.head_timeout,
            idle: generation.keepalive.unwrap_or(FIRST),
            handshake: generation.handshake_timeout,
        }
    }
}

/// A client as its connection knows it.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    pub(super) peer: &'a Peer,
    /// What its TLS handshake came to, if there was one.
    pub(super) secure: Option<&'a Secure>,
    /// The port of https, where it is sent on to that.
    pub(super) to_https: Option<NonZeroU16>,
}

/// Between requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadWait {
    since: Millis,
    /// When the first byte of the head was seen.
    first_byte: Option<Millis>,
    /// A request of this connection was answered before.
    kept: bool,
}

/// What becomes of the wait.
pub(super) enum Next {
    Wait,
    Exchange(Box<Exchange>),
    Refused(Refusal),
    Closed(CloseReason),
}

/// A request that is answered by us without asking an upstream.
pub(super) struct Refusal {
    pub(super) reason: CloseReason,
    pub(super) status: u16,
    pub(super) sentence: String,
    pub(super) asked: Asked,
    pub(super) record: Record,
    pub(super) route: Option<Arc<Route>>,
    /// The connection can serve another request.
    pub(super) keep: bool,
}

impl From<&Facts> for Asked {
    fn from(facts: &Facts) -> Asked {
        Asked { is_head: facts.is_head, version: facts.version, html: facts.html, exact: false }
    }
}

impl HeadWait {
    /// Waits for a connection's first request.
    pub(super) fn first(now: Millis) -> HeadWait {
        HeadWait { since: now, first_byte: None, kept: false }
    }

    /// Waits for another request on a connection that was kept.
    pub(super) fn next(now: Millis) -> HeadWait {
        HeadWait { since: now, first_byte: None, kept: true }
    }

    /// Since when a kept connection has had nothing to do.
    pub(super) fn idle_since(&self) -> Option<Millis> {
        (self.kept && self.first_byte.is_none()).then_some(self.since)
    }

    /// `active` is when bytes last moved: the tail of the last answer may still be on its way.
    pub(super) fn deadline(&self, active: Millis, timeouts: &HeadTimeouts) -> Millis {
        match self.first_byte {
            Some(at) => at + timeouts.head,
            None => active.max(self.since) + timeouts.idle,
        }
    }
}

/// Parses the head if it is there, and begins its exchange.
pub(super) fn advance(
    wait: &mut HeadWait,
    ends: Ends<'_>,
    ports: &mut [Port; 2],
    cx: &mut Cx<'_>,
) -> Next {
    let timeouts = HeadTimeouts::of(cx.generation);
    let client = &mut ports[0];
    if client.is_gone() {
        return Next::Closed(CloseReason::ClientGone);
    }
    let late = cx.now >= wait.deadline(cx.active, &timeouts);
    if client.rx.is_empty() {
        let reason = if client.rx_end.is_some() {
            CloseReason::Done
        } else if cx.draining {
            CloseReason::Drained
        } else if late {
            CloseReason::Idle
        } else {
            return Next::Wait;
        };
        return Next::Closed(reason);
    }
    // A client that never reads must not make us queue answers without bound.
    if client.tx.room() == 0 {
        return if late { Next::Closed(CloseReason::ClientGone) } else { Next::Wait };
    }
    wait.first_byte.get_or_insert(cx.now);
    loop {
        match try_begin(ends, ports, cx) {
            Ok(Some(next)) => return next,
            Ok(None) if ports[0].rx.gather(cx.pool) => {}
            Ok(None) => return incomplete(wait, &timeouts, &ports[0], cx),
            Err(error) => {
                let reason = CloseReason::BadRequest;
                return Next::Refused(unreadable(reason, error.status(), error.reason(), wait, cx));
            }
        }
    }
}

/// Begins the exchange whose head stands at the front of the client's window; `None` when more of it
/// must come.
fn try_begin(
    ends: Ends<'_>,
    ports: &mut [Port; 2],
    cx: &mut Cx<'_>,
) -> Result<Option<Next>, RequestError> {
    let [client, upstream] = ports;
    let mut store = FieldStore::new();
    let limits = &cx.generation.limits;
    cx.scratch.edits.clear();
    let Some(head) = parse_request(client.rx.bytes(), &mut store, limits)? else {
        return Ok(None);
    };
    cx.counters.requests.add(1);
    let len = head.len;
    *upstream = Port::default();
    let decided = decide(&head, ends, &mut upstream.tx, cx);
    let mut exchange = match decided {
        Ok(exchange) => exchange,
        Err(refusal) => {
            client.rx.consume(len);
            return Ok(Some(Next::Refused(*refusal)));
        }
    };
    exchange.head = client.rx.take(len as u64, cx.pool);
    if exchange.facts.must_collect(&exchange.route) {
        exchange.invite_body(client, cx);
        exchange.request = Request::Collect(Box::new(Spool::new()));
    } else if matches!(exchange.route.target.place, Place::Echo) {
        exchange.request = Request::Done;
    } else if let Err(reason) = exchange.find_server(cx) {
        return Ok(Some(Next::Refused(*exchange.into_refusal(reason))));
    }
    Ok(Some(Next::Exchange(exchange)))
}

/// Routes a request and serialises it, or says why not.
fn decide(
    head: &RequestHead<'_, '_>,
    Ends { peer, secure, to_https }: Ends<'_>,
    upstream: &mut Tx,
    cx: &mut Cx<'_>,
) -> Result<Box<Exchange>, Box<Refusal>> {
    let generation = cx.generation;
    let spare = cx.scratch.spare.pop();
    let (spare, mut record) = match spare {
        Some(mut spare) => {
            let record = std::mem::take(&mut spare.record);
            (Some(spare), record)
        }
        None => (None, Record::default()),
    };
    let keep = head.keep_alive && generation.keepalive.is_some() && !cx.draining;
    let refuse = |reason: CloseReason,
                  status,
                  sentence: String,
                  record,
                  route: Option<&Arc<Route>>| {
        let spoiled = !head.body.is_empty() || head.upgrade != Upgrade::None;
        let asked = Asked {
            is_head: head.method == Method::Head,
            version: head.version,
            html: prefers_html(head.fields.get(Known::Accept)),
            exact: false,
        };
        let keep = keep && !spoiled && status != 400;
        Box::new(Refusal { reason, status, sentence, asked, record, route: route.cloned(), keep })
    };

    let Scratch { path, host, route: scratch, out, rewriting, edits, spare_edits, .. } =
        &mut *cx.scratch;
    let canonical = canonical(head.path, generation.merge_slashes, path);
    let logged = canonical.as_ref().map_or(head.path, |path| path.sent);
    record.begin(head, logged, generation.log, cx.now);
    let path = match canonical {
        Ok(path) => path,
        Err(error) => {
            let sentence = error.to_string();
            return Err(refuse(CloseReason::BadRequest, 400, sentence, record, None));
        }
    };
    let host = comparable(head.host, host);
    if secure.is_some_and(|secure| !secure.covers(host)) {
        let reason = CloseReason::Misdirected;
        let sentence = reason.sentence().to_owned();
        return Err(refuse(reason, reason.status(), sentence, record, None));
    }
    if let Some(port) = to_https {
        let reason = match redirect::locate(head, &path, port, out) {
            true => CloseReason::ToHttps,
            false => CloseReason::BadRequest,
        };
        if reason == CloseReason::ToHttps {
            edits.response.push("Location", out);
        }
        let sentence = reason.sentence().to_owned();
        return Err(refuse(reason, reason.status(), sentence, record, None));
    }
    let walker = Walker { generation, head, path: &path, host, purpose: purpose(head), peer };
    let (end, found) = walker.walk(scratch, rewriting, edits);
    for (_, text) in edits.notes.iter() {
        record::note(text, peer, generation.log, cx.clock, cx.log);
    }
    record.silent = edits.silent;
    let reason = match end {
        End::Route(route) => Ok(route),
        End::Answer { status, text, exact } => {
            let mut refusal = refuse(CloseReason::Answered, status, text, record, None);
            refusal.asked.exact = exact;
            return Err(refusal);
        }
        End::Denied => Err(CloseReason::Denied),
        End::NoTarget => Err(CloseReason::BadRequest),
        End::Nothing => Err(CloseReason::NoRoute),
    };
    let route = match reason {
        Ok(route) => route,
        Err(reason) => {
            let sentence = reason.sentence().to_owned();
            return Err(refuse(reason, reason.status(), sentence, record, None));
        }
    };
    let mut handshake = None;
    if head.upgrade == Upgrade::WebSocket
        && let Some(websockets) = &route.websockets
    {
        match ws::check_request(head, websockets.drafts) {
            Ok(ws::Handshake { draft, .. })
                if !origin::is_allowed(&websockets.origins, draft, head.fields, head.host) =>
            {
                let reason = CloseReason::ForbiddenOrigin;
                let sentence = reason.sentence().to_owned();
                return Err(refuse(reason, reason.status(), sentence, record, Some(route)));
            }
            Ok(client) => handshake = Some(Handshake::new(&client, websockets, cx.rng)),
            Err(error) => {
                let (status, sentence) = (error.status(), error.to_string());
                let reason = CloseReason::BadHandshake;
                return Err(refuse(reason, status, sentence, record, Some(route)));
            }
        }
    }
    if handshake.is_none()
        && let Some((reason, status)) = not_for_http(&route.target.place)
    {
        let sentence = reason.sentence().to_owned();
        return Err(refuse(reason, status, sentence, record, Some(route)));
    }
    let facts = Facts::new(head, route, handshake, *peer);
    if let Body::Length(n) = head.body
        && n > facts.max_body
    {
        let reason = CloseReason::BodyTooLarge;
        let sentence = reason.sentence().to_owned();
        return Err(refuse(reason, reason.status(), sentence, record, Some(route)));
    }
    let mut exchange = Exchange::begin(spare, route, facts, record, cx.now);
    // An upgrade nobody takes up may be followed by bytes that are no request.
    exchange.keep = keep && head.upgrade == Upgrade::None && !is_old_upgrade(head);
    exchange.certificate = secure.and_then(|secure| secure.certificate.clone());
    let Rewriting { target, path: memory, .. } = rewriting;
    let wanted = Wanted::new(head, &path, target, generation.merge_slashes, memory);
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(reason) => return Err(exchange.into_refusal(reason)),
    };
    let said = walker.said(&wanted.path, wanted.query, &edits.vars);
    let facts = walker.facts(&wanted.path, &said);
    let (captures, text) = captured(found.as_ref(), &facts, scratch);
    let filler = Filler { said: &said, captures, text };
    let filled = exchange.expand_target(&filler).and_then(|()| exchange.remember_token(&filler));
    if let Err(reason) = filled {
        return Err(exchange.into_refusal(reason));
    }
    if !edits.is_empty() {
        let empty = spare_edits.pop().unwrap_or_default();
        exchange.edits = Some(std::mem::replace(edits, empty));
    }
    if !exchange.facts.must_collect(route) {
        let compose = ComposeCx { server_name: &generation.server_name, pool: cx.pool };
        if let Err(reason) = exchange.compose(head, &wanted, upstream, out, &compose) {
            return Err(exchange.into_refusal(reason));
        }
    }
    Ok(exchange)
}

/// An `Upgrade` of HTTP/1.0 is not heard (RFC 9110 section 7.8), but what follows it may be frames.
fn is_old_upgrade(head: &RequestHead<'_, '_>) -> bool {
    head.version == Version::Http10 && head.fields.has(Known::Upgrade)
}

/// What a plain request is answered where only WebSockets are served.
fn not_for_http(place: &Place) -> Option<(CloseReason, u16)> {
    match place {
        Place::Echo => Some((CloseReason::EchoPage, 200)),
        Place::Tcp { .. } => Some((CloseReason::UpgradeRequired, 426)),
        Place::Http { .. } | Place::Uwsgi { .. } => None,
    }
}

/// What a rule sees of a head that may be a handshake. Whether it is a good one is asked later, when it is known
/// whose rules hold.
fn purpose(head: &RequestHead<'_, '_>) -> Purpose {
    if head.upgrade != Upgrade::WebSocket {
        return Purpose::Plain;
    }
    Purpose::WebSocket(ws::apparent_draft(head.fields).map(|draft| match draft {
        Draft::Hixie75 => WebSocketDraft::Hixie75,
        Draft::Hixie76 => WebSocketDraft::Hixie76,
        Draft::Hybi07 => WebSocketDraft::Hybi07,
        Draft::Hybi08 => WebSocketDraft::Hybi08,
        Draft::Rfc6455 => WebSocketDraft::Rfc6455,
    }))
}

fn incomplete(wait: &HeadWait, timeouts: &HeadTimeouts, client: &Port, cx: &Cx<'_>) -> Next {
    if client.rx_end.is_some() {
        return Next::Closed(CloseReason::ClientGone);
    }
    if cx.now < wait.deadline(cx.active, timeouts) {
        return Next::Wait;
    }
    let reason = CloseReason::HeadTimeout;
    Next::Refused(unreadable(reason, reason.status(), reason.sentence(), wait, cx))
}

fn unreadable(
    reason: CloseReason,
    status: u16,
    sentence: &str,
    wait: &HeadWait,
    cx: &Cx<'_>,
) -> Refusal {
    let asked = Asked::default();
    let record = Record::unreadable(wait.first_byte, cx);
    let sentence = sentence.to_owned();
    Refusal { reason, status, sentence, asked, record, route: None, keep: false }
}

impl Exchange {
    /// Turns an exchange that could not begin into our answer.
    fn into_refusal(mut self: Box<Self>, reason: CloseReason) -> Box<Refusal> {
        Box::new(Refusal {
            reason,
            status: reason.status(),
            sentence: reason.sentence().to_owned(),
            asked: Asked::from(&self.facts),
            record: std::mem::take(&mut self.record),
            route: Some(Arc::clone(&self.route)),
            keep: self.keep && self.facts.has_no_body(),
        })
    }
}
