//! The machine of a client connection: all its transitions are here.

use std::num::NonZeroU16;
use std::sync::Arc;

use super::access_log::{self, Line};
use super::answer::{self, Asked};
use super::check::Check;
use super::cx::{Action, Cx, Input, SpoolOrder};
use super::decide::{Ends, Refusal};
use super::exchange::{Exchange, Outcome, Request, Response};
use super::files::{Piece, Progress, Sought, Transfer};
use super::head::{self, HeadTimeouts, HeadWait, Next};
use super::linger::Linger;
use super::peer::Peer;
use super::port::{Port, TxEnd};
use super::probe::Probe;
use super::reason::CloseReason;
use super::secure::Secure;
use super::tunnel::{Tunnel, TunnelKind};
use crate::base::{Address, Millis};
use crate::buf::Pool;
use crate::channel::Batch;
use crate::proto::proxyproto::Header;
use crate::upstream::{self, Group, Seat, Server};

/// Exchanges kept for reuse, at most.
const SPARE: usize = 256;

/// A client connection's machine.
#[derive(Debug)]
pub struct Client {
    state: State,
    peer: Peer,
    /// What its TLS handshake came to.
    secure: Option<Arc<Secure>>,
    /// The port of https, where all its requests are sent on to that.
    to_https: Option<NonZeroU16>,
}

#[derive(Debug)]
enum State {
    /// A PROXY header is awaited since then.
    Greeting {
        since: Millis,
        /// A TLS handshake comes behind it.
        secure: bool,
    },
    /// A TLS handshake is under way since then.
    Handshake(Millis),
    /// The next request's head is awaited.
    Head(HeadWait),
    /// Somebody is asked whether a request may go on, or where.
    Check(Box<Check>),
    /// A request is being served.
    Exchange(Box<Exchange>),
    /// A file is being sent.
    File(Box<Transfer>),
    /// Opaque bytes pass.
    Tunnel(Tunnel),
    /// There is no client: a server is asked whether it is well.
    Probe(Box<Probe>),
    /// Our last bytes are on their way.
    Linger(Linger),
    /// Over.
    Closed(CloseReason),
}

impl Client {
    /// A connection just accepted.
    pub fn new(peer: Peer, now: Millis) -> Client {
        Client { state: State::Head(HeadWait::first(now)), peer, secure: None, to_https: None }
    }

    /// A connection just accepted whose requests are sent on to https at this port.
    pub fn redirected(peer: Peer, port: NonZeroU16, now: Millis) -> Client {
        Client { to_https: Some(port), ..Client::new(peer, now) }
    }

    /// A connection just accepted that begins with a TLS handshake.
    pub fn greeted(peer: Peer, now: Millis) -> Client {
        Client { state: State::Handshake(now), peer, secure: None, to_https: None }
    }

    /// The same connection, of a proxy that says first for whom it is.
    #[must_use]
    pub fn behind_proxy(mut self, now: Millis) -> Client {
        let secure = matches!(self.state, State::Handshake(_));
        self.state = State::Greeting { since: now, secure };
        self
    }

    /// The proxy has said it. Where it speaks for nobody, the client is the proxy itself.
    pub fn introduced(&mut self, header: &Header, now: Millis) {
        let State::Greeting { secure, .. } = self.state else { return };
        if let Some(said) = header.ends {
            self.peer.ip = Some(said.source.ip().to_canonical());
            self.peer.port = said.source.port();
            self.peer.server_port = said.destination.port();
        }
        self.peer.secure |= header.secure;
        self.state = match secure {
            true => State::Handshake(now),
            false => State::Head(HeadWait::first(now)),
        };
    }

    /// The TLS handshake is over.
    pub fn opened(&mut self, secure: Secure, now: Millis) {
        self.state = State::Head(HeadWait::first(now));
        self.secure = Some(Arc::new(secure));
    }

    /// Nothing came of the TLS handshake. The client was told; whatever it still sends is dropped.
    pub fn not_opened(&mut self, cx: &mut Cx<'_>) {
        let reason = CloseReason::TlsHandshake;
        cx.counters.close_reason(reason as usize);
        self.state = State::Linger(Linger::new(reason, false, cx.now));
    }

    /// Nobody's: the server at this place of a group is asked whether it is well.
    pub fn probe(group: Arc<Group>, place: u16, now: Millis) -> Client {
        let state = State::Probe(Box::new(Probe::new(group, place, now)));
        let peer = Peer { ip: None, port: 0, server_port: 0, secure: false, listener: 0 };
        Client { state, peer, secure: None, to_https: None }
    }

    /// A tunnel taken over from elsewhere.
    pub(super) fn resumed(peer: Peer, tunnel: Tunnel) -> Client {
        Client { state: State::Tunnel(tunnel), peer, secure: None, to_https: None }
    }

    /// Goes on as far as what has arrived, left or expired allows.
    pub fn advance(&mut self, ports: &mut [Port; 2], cx: &mut Cx<'_>) {
        while let Some(next) = self.step(ports, cx) {
            self.state = next;
        }
    }

    /// Takes the answer to an action, then goes on.
    pub fn input(&mut self, input: Input, ports: &mut [Port; 2], cx: &mut Cx<'_>) {
        match &mut self.state {
            State::File(_) => self.file_input(input, ports, cx),
            State::Tunnel(tunnel) => {
                if let Input::Told(answer) = input {
                    tunnel.told(&answer, &mut ports[0]);
                }
            }
            // Nobody waits for it any more.
            _ if matches!(input, Input::Opened(_)) => cx.actions.push(Action::CloseFile),
            State::Check(check) => check.input(input, ports, cx),
            State::Exchange(exchange) => {
                if let Err(reason) = exchange.input(input, ports, cx) {
                    self.state = self.failed(reason, ports, cx);
                }
            }
            State::Probe(probe) => probe.input(&input, &mut ports[1], cx),
            _ => {}
        }
        self.advance(ports, cx);
    }

    fn file_input(&mut self, input: Input, ports: &mut [Port; 2], cx: &mut Cx<'_>) {
        let State::File(transfer) = &mut self.state else { return };
        let result = match input {
            Input::Opened(state) => transfer.opened(state, &mut ports[0], cx),
            Input::FileFailed(fault) => match fault.reason() {
                Some(reason) => Err(reason),
                None => {
                    transfer.redirect(&mut ports[0], cx);
                    Ok(())
                }
            },
            _ => Ok(()),
        };
        if let Err(reason) = result {
            self.state = self.not_sent(reason, ports, cx);
        }
    }

    /// A WebSocket or a stream has joined a channel, whose name is kept once for all who have.
    pub fn joined(&mut self, name: &Arc<str>) {
        if let State::Tunnel(tunnel) = &mut self.state {
            tunnel.joined(name);
        }
    }

    /// Something was published where a WebSocket has joined; returns how many messages were dropped for it.
    pub fn hear(&mut self, batch: &mut Batch<'_>, ports: &mut [Port; 2], now: Millis) -> u64 {
        match &mut self.state {
            State::Tunnel(tunnel) => tunnel.hear(batch, &mut ports[0], now),
            _ => 0,
        }
    }

    /// Something that was published where a client has joined is lost; false where nobody need be told.
    pub fn miss(&mut self) -> bool {
        match &mut self.state {
            State::Tunnel(tunnel) => tunnel.miss(),
            _ => false,
        }
    }

    fn step(&mut self, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> Option<State> {
        match &mut self.state {
            State::Greeting { since, .. } => {
                let late = cx.now >= *since + HeadTimeouts::of(cx.generation).head;
                self.given_up(late.then_some(CloseReason::ProxyHeader), cx)
            }
            State::Handshake(since) => {
                let late = cx.now >= *since + HeadTimeouts::of(cx.generation).handshake;
                self.given_up(late.then_some(CloseReason::TlsTimeout), cx)
            }
            State::Head(wait) => {
                let secure = self.secure.as_deref();
                let ends = Ends { peer: &self.peer, secure, to_https: self.to_https };
                let next = head::advance(wait, ends, ports, cx);
                self.after_head(next, ports, cx)
            }
            State::Check(_) if ports[0].is_gone() => {
                self.close(CloseReason::ClientGone, cx);
                None
            }
            State::Check(check) => check.advance(ports, cx).then(|| self.checked(ports, cx))?,
            State::File(transfer) => match transfer.advance(&mut ports[0], cx) {
                Progress::Wait => None,
                Progress::Complete => Some(self.sent_all(&ports[0], cx)),
                Progress::Failed(reason) => Some(self.not_sent(reason, ports, cx)),
            },
            State::Exchange(exchange) => match exchange.advance(ports, cx) {
                Outcome::Wait => None,
                Outcome::Complete => Some(self.complete(ports, cx)),
                Outcome::Switched => Some(self.switched(cx)),
                Outcome::Failed(reason) => Some(self.failed(reason, ports, cx)),
            },
            State::Tunnel(tunnel) => {
                let reason = tunnel.advance(ports, cx)?;
                let seen = tunnel.is_seen();
                self.tunnel_ended(reason, cx);
                cx.actions.push(Action::Hangup);
                Some(after_tunnel(reason, seen, ports, cx.now))
            }
            State::Probe(probe) => probe.advance(&mut ports[1], cx).map(State::Closed),
            State::Linger(linger) => linger.advance(&mut ports[0], cx).map(State::Closed),
            State::Closed(_) => None,
        }
    }

    /// What comes before the first request was too late, or we are stopping.
    fn given_up(&self, late: Option<CloseReason>, cx: &Cx<'_>) -> Option<State> {
        let reason = late.or(cx.draining.then_some(CloseReason::Drained))?;
        cx.counters.close_reason(reason as usize);
        Some(State::Closed(reason))
    }

    /// What follows a head.
    fn after_head(&self, next: Next, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> Option<State> {
        Some(match next {
            Next::Wait => return None,
            Next::Closed(reason) => self.ended(reason, &ports[0], cx),
            Next::Refused(refusal) => self.refused(refusal, &mut ports[0], cx),
            Next::Exchange(exchange) => State::Exchange(exchange),
            Next::Check(check) => State::Check(check),
            Next::File(transfer) => State::File(transfer),
        })
    }

    /// Whoever was asked has answered.
    fn checked(&mut self, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> Option<State> {
        let State::Check(check) = self.take_state() else { return Some(self.take_state()) };
        let secure = self.secure.as_deref();
        let ends = Ends { peer: &self.peer, secure, to_https: self.to_https };
        let next = head::resume(*check, ends, ports, cx);
        self.after_head(next, ports, cx)
    }

    /// No further request comes. What was answered before gets through all the same.
    fn ended(&self, reason: CloseReason, client: &Port, cx: &Cx<'_>) -> State {
        cx.counters.close_reason(reason as usize);
        let gone = client.is_gone();
        if client.tx.is_empty() || gone {
            return State::Closed(reason);
        }
        State::Linger(Linger::new(reason, client.rx.is_empty(), cx.now))
    }

    /// A request that got no exchange: answered by us.
    fn refused(&self, refusal: Refusal, client: &mut Port, cx: &mut Cx<'_>) -> State {
        let Refusal { reason, status, sentence, asked, mut record, peer, route, keep } = refusal;
        record.silent = cx.scratch.edits.silent;
        answer::put(client, route.as_deref(), status, &sentence, asked, keep, cx);
        record.status = status;
        let line = Line {
            peer: &peer,
            route: route.as_deref(),
            server: None,
            reason,
            tunnel: None,
            detail: (sentence != reason.sentence()).then_some(&sentence),
        };
        record.finish(&line, cx);
        cx.counters.close_reason(reason as usize);
        if keep {
            return State::Head(HeadWait::next(cx.now));
        }
        State::Linger(Linger::new(reason, false, cx.now))
    }

    /// Response and request are through.
    fn complete(&mut self, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> State {
        let State::Exchange(exchange) = self.take_state() else { return self.take_state() };
        let reason = CloseReason::Done;
        self.write_line(&exchange, reason, None, cx);
        let keep = exchange.keep;
        let said_all = exchange.facts.last && exchange.request_is_read();
        let clean = said_all && ports[0].rx.is_empty();
        cx.actions.push(match exchange.server_id().filter(|_| exchange.reusable) {
            Some(server) => Action::Park(server),
            None => Action::Hangup,
        });
        if matches!(exchange.request, Request::Replay(_)) {
            cx.actions.push(Action::Spool(SpoolOrder::Drop));
        }
        ports[1] = Port::default();
        release(exchange, cx);
        if keep {
            return State::Head(HeadWait::next(cx.now));
        }
        State::Linger(Linger::new(reason, clean, cx.now))
    }

    /// A file is sent, or what was answered instead.
    fn sent_all(&mut self, client: &Port, cx: &mut Cx<'_>) -> State {
        let State::File(transfer) = self.take_state() else { return self.take_state() };
        let (keep, clean) = (transfer.keep, transfer.last && client.rx.is_empty());
        transfer.end(CloseReason::Done, cx);
        match keep {
            true => State::Head(HeadWait::next(cx.now)),
            false => State::Linger(Linger::new(CloseReason::Done, clean, cx.now)),
        }
    }

    /// A file cannot be sent, or not to its end: an answer where none has begun, a cut where one has.
    fn not_sent(&mut self, reason: CloseReason, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> State {
        let State::File(mut transfer) = self.take_state() else { return self.take_state() };
        let client = &mut ports[0];
        let gone = client.tx_broken || reason == CloseReason::ClientGone;
        let next = if gone || reason.status() == 0 && !transfer.has_begun() {
            client.tx_end = Some(TxEnd::Abort);
            State::Closed(reason)
        } else if transfer.has_begun() {
            State::Linger(Linger::new(reason, true, cx.now))
        } else {
            transfer.keep &= !cx.draining;
            transfer.answer(reason.status(), reason.sentence(), client, cx);
            match transfer.keep {
                true => State::Head(HeadWait::next(cx.now)),
                false => State::Linger(Linger::new(reason, false, cx.now)),
            }
        };
        transfer.end(reason, cx);
        next
    }

    /// The connection is a tunnel from here on.
    fn switched(&mut self, cx: &mut Cx<'_>) -> State {
        let State::Exchange(mut exchange) = self.take_state() else { return self.take_state() };
        let id = cx.scratch.next_tunnel;
        cx.scratch.next_tunnel += 1;
        let kind = match exchange.facts.handshake {
            Some(_) => TunnelKind::WebSocket,
            None if exchange.wish.is_some() => TunnelKind::Events,
            None => TunnelKind::Raw,
        };
        if kind == TunnelKind::WebSocket {
            exchange.record.status = 101;
            cx.counters.response(101);
        }
        cx.counters.tunnels_opened.add(1);
        self.write_line(&exchange, CloseReason::Done, Some(id), cx);
        let sight = exchange.sight(cx);
        // No other request comes on this connection.
        self.peer = exchange.facts.peer;
        let tunnel = Tunnel {
            kind,
            id,
            opened: cx.now,
            bytes: [0; 2],
            route: exchange.route.clone(),
            server: exchange.server,
            found: exchange.found_address().cloned().map(Box::new),
            active: cx.now,
            watched: false,
            silent: exchange.record.silent,
            seated: false,
            sight,
        };
        let tunnel = tunnel.seated();
        release(exchange, cx);
        State::Tunnel(tunnel)
    }

    /// The exchange cannot go on: an answer where none has begun, a cut where one has.
    fn failed(&mut self, reason: CloseReason, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> State {
        let State::Exchange(mut exchange) = self.take_state() else { return self.take_state() };
        let read = exchange.request_is_read();
        let begun = !matches!(exchange.response, Response::Wait);
        let gone = ports[0].tx_broken || reason == CloseReason::ClientGone;
        cx.actions.push(Action::Hangup);
        if matches!(exchange.request, Request::Replay(_) | Request::Collect(_))
            || exchange.collected.is_some()
        {
            cx.actions.push(Action::Spool(SpoolOrder::Drop));
        }
        ports[1] = Port::default();
        let keep = exchange.keep && read && !cx.draining && !begun && !gone;
        let next = if gone || reason.status() == 0 && !begun {
            ports[0].tx_end = Some(TxEnd::Abort);
            State::Closed(reason)
        } else if begun {
            if exchange.until_close {
                ports[0].tx_end = Some(TxEnd::Abort);
            }
            State::Linger(Linger::new(reason, true, cx.now))
        } else {
            exchange.record.status = reason.status();
            let asked = Asked::from(&exchange.facts);
            let (route, status) = (Some(&*exchange.route), reason.status());
            cx.scratch.edits.clear();
            if let Some(edits) = &mut exchange.edits {
                std::mem::swap(edits, &mut cx.scratch.edits);
            }
            answer::put(&mut ports[0], route, status, reason.sentence(), asked, keep, cx);
            match keep {
                true => State::Head(HeadWait::next(cx.now)),
                false => State::Linger(Linger::new(reason, false, cx.now)),
            }
        };
        self.write_line(&exchange, reason, None, cx);
        release(exchange, cx);
        next
    }

    fn write_line(
        &self,
        exchange: &Exchange,
        reason: CloseReason,
        tunnel: Option<u64>,
        cx: &mut Cx<'_>,
    ) {
        let line = Line {
            peer: &exchange.facts.peer,
            route: Some(&exchange.route),
            server: exchange.server_address(),
            reason,
            tunnel,
            detail: None,
        };
        if tunnel.is_none() {
            cx.counters.close_reason(reason as usize);
        }
        exchange.record.finish(&line, cx);
    }

    fn tunnel_ended(&self, reason: CloseReason, cx: &mut Cx<'_>) {
        if let State::Tunnel(tunnel) = &self.state {
            cx.counters.tunnels_closed.add(1);
            cx.counters.close_reason(reason as usize);
            access_log::tunnel_ended(tunnel, &self.peer, reason, cx);
        }
    }

    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Closed(CloseReason::Panic))
    }

    /// When it must be advanced again even if nothing happens; `active` is when bytes last moved.
    pub fn deadline(
        &self,
        active: Millis,
        ports: &[Port; 2],
        head_timeouts: &HeadTimeouts,
    ) -> Option<Millis> {
        match &self.state {
            State::Greeting { since, .. } => Some(*since + head_timeouts.head),
            State::Handshake(since) => Some(*since + head_timeouts.handshake),
            State::Head(wait) => Some(wait.deadline(active, head_timeouts)),
            State::Check(check) => Some(check.deadline(active)),
            State::Exchange(exchange) => Some(exchange.deadline(active)),
            State::File(transfer) => Some(transfer.deadline(active)),
            State::Tunnel(tunnel) => tunnel.deadline(active, ports),
            State::Probe(probe) => Some(probe.deadline()),
            State::Linger(linger) => Some(linger.deadline(active)),
            State::Closed(_) => None,
        }
    }

    /// Why it ended, once it has.
    pub fn closed(&self) -> Option<CloseReason> {
        match self.state {
            State::Closed(reason) => Some(reason),
            _ => None,
        }
    }

    /// Since when a kept connection has been between requests, with nothing received of the next and
    /// nothing left to send of the last: it may be closed without loss.
    pub fn idle_since(&self, client: &Port) -> Option<Millis> {
        let State::Head(wait) = &self.state else { return None };
        wait.idle_since().filter(|_| client.tx.is_empty() && client.rx.is_empty())
    }

    /// The tunnel, where it is one.
    pub fn tunnel(&self) -> Option<&Tunnel> {
        match &self.state {
            State::Tunnel(tunnel) => Some(tunnel),
            _ => None,
        }
    }

    /// Memory that holds parts of messages, in bytes.
    pub fn held(&self) -> usize {
        match &self.state {
            State::Tunnel(tunnel) => tunnel.held(),
            State::Exchange(exchange) => exchange.held(),
            _ => 0,
        }
    }

    /// Gives back what need not be kept while nothing happens.
    pub fn settle(&mut self, pool: &Pool) {
        if let State::Tunnel(tunnel) = &mut self.state {
            tunnel.settle(pool);
        }
    }

    /// The address that is dialled at the attempt of this number.
    pub fn dialling(&self, attempt: u8) -> Option<Address> {
        match &self.state {
            State::Probe(probe) => probe.server()?.candidate(attempt),
            _ => self.exchange()?.dialling(attempt),
        }
    }

    /// What goes on between it and a server: its request, or a question about that.
    fn exchange(&self) -> Option<&Exchange> {
        match &self.state {
            State::Exchange(exchange) => Some(exchange),
            State::Check(check) => check.exchange(),
            _ => None,
        }
    }

    /// Whether a server is asked about its request, which is not under way yet.
    pub fn is_asking(&self) -> bool {
        matches!(self.state, State::Check(_))
    }

    /// The line in which its request waits for a seat, and since when.
    pub fn queued(&self) -> Option<(&Arc<upstream::Line>, Millis)> {
        match &self.exchange()?.request {
            Request::Queued(waiting) => Some((waiting.queued.line(), waiting.since)),
            _ => None,
        }
    }

    /// The server that is dialled.
    pub fn dialled_server(&self) -> Option<&Server> {
        match &self.state {
            State::Probe(probe) => probe.server(),
            _ => self.exchange()?.server(),
        }
    }

    /// Writes down who the connection that is dialled is for, where its server wants to know.
    pub fn introduction(&self, out: &mut Vec<u8>) {
        match &self.state {
            State::Probe(probe) => probe.introduction(out),
            _ => {
                if let Some(exchange) = self.exchange() {
                    exchange.introduction(out);
                }
            }
        }
    }

    /// Whether the client is read even while its window holds bytes: not while it serves a request
    /// whose body is over, where only the beginning of a next request or its end can come.
    pub fn wants_client_bytes(&self, client: &Port) -> bool {
        match &self.state {
            State::Exchange(exchange) => {
                matches!(exchange.request, Request::Body | Request::Collect(_))
                    || client.rx.is_empty()
            }
            State::Check(_) | State::File(_) => client.rx.is_empty(),
            _ => true,
        }
    }

    /// The file that it waits for.
    pub fn sought(&self) -> Option<Sought<'_>> {
        match &self.state {
            State::File(transfer) => transfer.sought(),
            _ => None,
        }
    }

    /// The bytes of its file that come behind what is queued for the client.
    #[inline]
    pub fn piece(&self) -> Option<Piece> {
        match &self.state {
            State::File(transfer) => transfer.piece(),
            _ => None,
        }
    }

    /// So many of them were sent or queued.
    pub fn sent(&mut self, n: usize) {
        if let State::File(transfer) = &mut self.state {
            transfer.sent(n);
        }
    }

    /// They are waited for: the disk has to be read.
    pub fn waits_for_disk(&mut self) {
        if let State::File(transfer) = &mut self.state {
            transfer.waits();
        }
    }

    /// Whether only what arrives, an answer or time can make it go further, and nothing that leaves.
    pub fn rests(&self, ports: &[Port; 2]) -> bool {
        match &self.state {
            State::Tunnel(tunnel) => tunnel.rests(ports),
            _ => false,
        }
    }

    /// Begins to end a tunnel in words both ends understand, or a request whose body there is no memory for; false where
    /// that cannot be said.
    pub fn leave(&mut self, reason: CloseReason, now: Millis) -> bool {
        match &mut self.state {
            State::Tunnel(tunnel) => tunnel.leave(reason, now),
            State::Exchange(exchange) if reason == CloseReason::OutOfMemory => {
                exchange.forget();
                true
            }
            _ => false,
        }
    }

    /// Ends it from outside.
    pub fn close(&mut self, reason: CloseReason, cx: &mut Cx<'_>) {
        match &self.state {
            State::Tunnel(_) => self.tunnel_ended(reason, cx),
            State::Exchange(exchange) => self.write_line(exchange, reason, None, cx),
            State::Check(check) => {
                let line = Line::unanswered(&check.peer, reason);
                check.record.finish(&line, cx);
                cx.counters.close_reason(reason as usize);
            }
            State::File(transfer) => transfer.line(reason, cx),
            State::Greeting { .. } | State::Handshake(_) | State::Head(_) => {
                cx.counters.close_reason(reason as usize)
            }
            State::Probe(_) | State::Linger(_) | State::Closed(_) => {}
        }
        self.state = State::Closed(reason);
    }

    /// Who is served: the client of the request, where a proxy is believed about that, else that of the connection.
    pub fn peer(&self) -> Peer {
        match &self.state {
            State::Exchange(exchange) => exchange.facts.peer,
            State::File(transfer) => transfer.peer,
            _ => self.peer,
        }
    }
}

/// The end of a tunnel's connections. A client that was told gets to read it; an upstream that sees nothing but
/// bytes must not take a cut for their end.
fn after_tunnel(reason: CloseReason, seen: bool, ports: &mut [Port; 2], now: Millis) -> State {
    let [client, upstream] = ports;
    if !seen && reason != CloseReason::Done {
        upstream.tx_end = Some(TxEnd::Abort);
    }
    let gone = client.is_gone();
    if seen && !gone && client.tx_end == Some(TxEnd::Finish) {
        return State::Linger(Linger::new(reason, client.rx_end.is_some(), now));
    }
    if reason != CloseReason::Done {
        client.tx_end = Some(TxEnd::Abort);
    }
    State::Closed(reason)
}

/// Keeps a finished exchange's memory for the next.
pub(super) fn release(mut exchange: Box<Exchange>, cx: &mut Cx<'_>) {
    if cx.scratch.spare.len() < SPARE {
        exchange.head = None;
        exchange.seat = Seat::default();
        exchange.collected = None;
        exchange.request = Request::Done;
        exchange.response = Response::Done;
        if let Some(mut edits) = exchange.edits.take() {
            edits.clear();
            cx.scratch.spare_edits.push(edits);
        }
        cx.scratch.spare.push(exchange);
    }
}
