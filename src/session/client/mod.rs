//! The machine of a client connection: what it is in, and how it goes on. What follows the end of each state is in `after`,
//! what a worker sees of it in `shown`.

mod after;
mod shown;

use std::num::NonZeroU16;
use std::sync::Arc;

use super::access_log::Line;
use super::check::Check;
use super::cx::{Action, Cx, Input};
use super::decide::Ends;
use super::exchange::{Exchange, Outcome};
use super::files::{Progress, Transfer};
use super::head::{self, HeadTimeouts, HeadWait};
use super::linger::Linger;
use super::peer::Peer;
use super::port::{Port, Side};
use super::probe::Probe;
use super::reason::CloseReason;
use super::secure::Secure;
use super::tunnel::Tunnel;
use crate::base::Millis;
use crate::channel::Batch;
use crate::proto::proxyproto::Header;
use crate::upstream::Group;

use after::after_tunnel;
pub(super) use after::release;

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
            if self.is_dialling() || self.is_idle(&ports[0], cx) {
                return;
            }
        }
    }

    /// Whether a server has just been asked for: nothing goes on before the answer.
    fn is_dialling(&self) -> bool {
        matches!(&self.state, State::Exchange(exchange) if exchange.is_dialling())
    }

    /// Whether a request is awaited, and nothing of one, or of an end, is there.
    fn is_idle(&self, client: &Port, cx: &Cx<'_>) -> bool {
        matches!(self.state, State::Head(_)) && client.is_still() && !cx.draining
    }

    /// Whether bytes that came of `side` may all go over to the other one as they are, where nothing waits and no end is
    /// in sight, and that is all there is to do; then they are counted. If not, nothing has happened.
    #[inline]
    pub fn passes(&mut self, side: Side, bytes: &[u8], now: Millis) -> bool {
        match &mut self.state {
            State::Tunnel(tunnel) => tunnel.passes(side, bytes, now),
            _ => false,
        }
    }

    /// How many of the bytes that come next of `side` may go over to the other one unseen, where both are open and nothing
    /// waits. `next` are the first of them, where they are known. `None` where a message begins with them, and `next` is not a
    /// whole header of one that may pass.
    pub fn reach(&self, side: Side, next: &[u8], now: Millis) -> Option<u64> {
        match &self.state {
            State::Tunnel(tunnel) => tunnel.reach(side, next, now),
            State::Exchange(exchange) => Some(exchange.reach(side)),
            _ => Some(0),
        }
    }

    /// So many of them went over, `next` among them.
    pub fn pass_unseen(&mut self, side: Side, next: &[u8], n: u64, now: Millis) {
        match &mut self.state {
            State::Tunnel(tunnel) => tunnel.pass_unseen(side, next, n, now),
            State::Exchange(exchange) => exchange.pass_unseen(side, n),
            _ => {}
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
            State::Exchange(exchange) => match exchange.input(input, ports, cx) {
                Ok(()) if exchange.awaits_server(ports) => return,
                Ok(()) => {}
                Err(reason) => self.state = self.failed(reason, ports, cx),
            },
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
}
