//! Getting a request to a server: which one is dialled, what becomes of the dial, and when it is sent once more.

use std::mem::take;

use crate::base::Address;
use crate::config::Balance;
use crate::upstream::{Outcome as DialOutcome, Pick, Seat, Seeker, Server, ServerId, Tried, hash};

use super::cx::{Action, Cx, Reuse};
use super::exchange::{Exchange, Request, Waiting};
use super::expand::Filler;
use super::port::Port;
use super::reason::CloseReason;

impl Exchange {
    /// Remembers what decides on the server, where the group goes by what is asked for. `memory` is for putting it
    /// together.
    pub(super) fn remember_key(&mut self, filler: &Filler<'_>, memory: &mut Vec<u8>) {
        let Balance::Hash(template) = &self.route.target.group.balance else { return };
        memory.clear();
        filler.plain(template, memory);
        self.key = (!memory.is_empty()).then(|| hash(memory));
    }

    /// Picks a server and asks for a connection to it; where all are full, waits.
    pub(super) fn dial(&mut self, cx: &mut Cx<'_>, fresh: bool) -> Result<(), CloseReason> {
        if self.tried.is_empty() && !fresh {
            cx.upstreams.asked(&self.route.target.group, cx.now);
        }
        if self.find_seat(false, cx)? {
            self.connect(fresh, cx);
            return Ok(());
        }
        let group = &self.route.target.group;
        let line = group.line.as_ref().and_then(|line| line.join(group.queue));
        let queued = line.ok_or(CloseReason::Full)?;
        self.request = Request::Queued(Waiting { since: cx.now, fresh, queued });
        cx.actions.push(Action::Queue);
        Ok(())
    }

    /// A server may have a seat for a request that waits for one.
    pub(super) fn sit_down(&mut self, cx: &mut Cx<'_>) -> Result<(), CloseReason> {
        let Request::Queued(Waiting { fresh, .. }) = self.request else { return Ok(()) };
        if self.find_seat(true, cx)? {
            self.connect(fresh, cx);
        }
        Ok(())
    }

    /// Takes a seat at a server of the group; false when all are full.
    fn find_seat(&mut self, waited: bool, cx: &mut Cx<'_>) -> Result<bool, CloseReason> {
        // A seat at one server is given back before another is taken.
        self.seat = Seat::default();
        let seeker = Seeker { tried: &self.tried, avoid: self.avoid, key: self.key, waited };
        match cx.upstreams.pick(&self.route.target.group, &seeker, cx.rng, cx.now) {
            Pick::Server(place, seat) => (self.server, self.seat) = (place, seat),
            Pick::Full => return Ok(false),
            Pick::Nowhere => return Err(CloseReason::NoServer),
        }
        self.tried.add(self.server);
        Ok(true)
    }

    /// Asks for a connection to the server where it has a seat.
    fn connect(&mut self, fresh: bool, cx: &mut Cx<'_>) {
        self.dial_began = cx.now;
        self.request = Request::Dialling;
        if self.is_introduced() {
            cx.actions.push(Action::Endpoint);
        }
        // A raw exchange cannot be tried again: it does not see whether there was an answer.
        let reuse = if fresh || self.is_raw() || self.is_introduced() {
            Reuse::Never
        } else if self.facts.replayable {
            Reuse::Any
        } else {
            Reuse::Quiet
        };
        cx.actions.push(Action::Dial(reuse));
    }

    pub(super) fn dialled(&mut self, reused: bool, ports: &mut [Port; 2], cx: &mut Cx<'_>) {
        if !matches!(self.request, Request::Dialling) {
            return;
        }
        self.reused = reused;
        if !reused && let Some(server) = self.server() {
            cx.upstreams.report(server, DialOutcome::Connected, cx.now);
        }
        let [client, upstream] = ports;
        self.introduce(upstream, cx);
        self.request = match self.collected.take() {
            Some(replay) => Request::Replay(replay),
            None => {
                self.invite_body(client, cx);
                match self.body.is_over() && !self.is_raw() {
                    true => Request::Done,
                    false => Request::Body,
                }
            }
        };
    }

    pub(super) fn dial_failed(
        &mut self,
        reason: CloseReason,
        cx: &mut Cx<'_>,
    ) -> Result<(), CloseReason> {
        if !matches!(self.request, Request::Dialling) {
            return Ok(());
        }
        if let Some(server) = self.server() {
            cx.upstreams.report(server, DialOutcome::Failed, cx.now);
        }
        let group = &self.route.target.group;
        let several = group.servers.len() > 1;
        if !several || !cx.upstreams.try_again(group, cx.now) {
            return Err(if several { CloseReason::NoServer } else { reason });
        }
        self.dial(cx, false)
    }

    /// The upstream ended before any byte of a response: tries once more, on a fresh connection, where that cannot do
    /// anything twice. A request that was on a fresh one already goes to another server or nowhere.
    pub(super) fn retry(
        &mut self,
        upstream: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<bool, CloseReason> {
        let group = &self.route.target.group;
        let may = match self.reused {
            true => self.facts.replayable || !upstream.tx_begun,
            false => self.facts.replayable && group.servers.len() > 1 && !self.is_raw(),
        };
        if self.retried || !may || self.head.is_none() || !cx.upstreams.try_again(group, cx.now) {
            return Ok(false);
        }
        self.retried = true;
        if self.reused {
            self.tried = Tried::default();
            // Who is asked for is asked again.
            self.avoid = self.key.is_none().then_some(self.server);
        } else if !matches!(self.find_seat(false, cx), Ok(true)) {
            return Ok(false);
        }
        cx.counters.retries.add(1);
        cx.actions.push(Action::Hangup);
        let unsent = take(upstream);
        // What is unsent may begin with who the connection was for.
        if unsent.tx_begun || self.is_introduced() {
            self.compose_again(upstream, cx)?;
        } else {
            upstream.tx = unsent.tx;
        }
        match self.reused {
            true => self.dial(cx, true)?,
            false => self.connect(true, cx),
        }
        Ok(true)
    }

    /// The server in use.
    pub(super) fn server_id(&self) -> Option<ServerId> {
        self.server().map(|server| server.id)
    }

    /// The server of the route's group that was chosen.
    pub(super) fn server(&self) -> Option<&Server> {
        self.route.target.server(self.server)
    }

    /// Its address as the configuration or the file of tokens says it.
    pub(super) fn server_address(&self) -> Option<&Address> {
        match &self.search {
            Some(search) => search.found.first(),
            None => self.server().map(|server| &server.address),
        }
    }
}
