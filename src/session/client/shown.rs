//! What a worker sees of a client's machine between two steps: what it waits for, holds, and may be given.

use std::sync::Arc;

use super::super::exchange::{Exchange, Request, Response};
use super::super::files::{Piece, Sought};
use super::super::head::HeadTimeouts;
use super::super::peer::Peer;
use super::super::port::Port;
use super::super::reason::CloseReason;
use super::super::settings::Route;
use super::super::tunnel::Tunnel;
use crate::base::{Address, Millis};
use crate::buf::Pool;
use crate::upstream::{self, Server};

use super::{Client, State};

impl Client {
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

    /// The route whose server is dialled, and the server's place in its group.
    pub fn dialled_place(&self) -> Option<(&Arc<Route>, u16)> {
        self.exchange().map(|exchange| (&exchange.route, exchange.server))
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

    /// Whether the head of a response is awaited.
    pub fn awaits_response(&self) -> bool {
        self.exchange().is_some_and(|exchange| matches!(exchange.response, Response::Wait))
    }

    /// Whether the frames of a WebSocket are followed, some of which are signs of life.
    pub fn follows_frames(&self) -> bool {
        self.tunnel().is_some_and(Tunnel::is_seen)
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

    /// Whether it serves requests, or waits for one.
    pub fn serves(&self) -> bool {
        matches!(self.state, State::Head(_) | State::Exchange(_))
    }

    /// Whether only what arrives, an answer or time can make it go further, and nothing that leaves.
    pub fn rests(&self, ports: &[Port; 2]) -> bool {
        match &self.state {
            State::Tunnel(tunnel) => tunnel.rests(ports),
            State::Exchange(exchange) => exchange.rests(ports),
            State::Head(_) => ports.iter().all(Port::is_still),
            _ => false,
        }
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
