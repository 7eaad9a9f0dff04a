//! Getting a request to a server: which one is dialled, what becomes of the dial, and when it is sent once more.

use std::mem::take;
use std::sync::Arc;

use crate::base::Address;
use crate::config::Balance;
use crate::upstream::{Asker, Outcome as DialOutcome, Pick, Seat, Server, ServerId, Tried, hash};

use super::cx::{Action, Cx, Reuse};
use super::exchange::{Exchange, Request};
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

    /// Picks a server and asks for a connection to it.
    pub(super) fn dial(&mut self, cx: &mut Cx<'_>, fresh: bool) -> Result<(), CloseReason> {
        let group = &self.route.target.group;
        let asker = Asker { tried: &self.tried, key: self.key };
        if self.tried.is_empty() && !fresh {
            cx.upstreams.asked(group, cx.now);
        }
        // A seat at one server is given back before another is taken.
        self.seat = Seat::default();
        match cx.upstreams.pick(group, &asker, cx.rng, cx.now) {
            Pick::Server(place, seat) => (self.server, self.seat) = (place, seat),
            Pick::Full => return Err(CloseReason::Full),
            Pick::Nowhere => return Err(CloseReason::NoServer),
        }
        self.tried.add(self.server);
        self.dial_began = cx.now;
        self.request = Request::Dialling;
        if group.send_proxy.is_some() {
            cx.actions.push(Action::Endpoint);
        }
        let route = Arc::clone(&self.route);
        // A raw exchange cannot be tried again: it does not see whether there was an answer.
        let reuse = if fresh || self.is_raw() {
            Reuse::Never
        } else if self.facts.replayable {
            Reuse::Any
        } else {
            Reuse::Quiet
        };
        cx.actions.push(Action::Dial { route, server: self.server, reuse });
        Ok(())
    }

    pub(super) fn dialled(&mut self, reused: bool, ports: &mut [Port; 2], cx: &mut Cx<'_>) {
        if !matches!(self.request, Request::Dialling) {
            return;
        }
        self.reused = reused;
        if !reused && let Some(server) = self.server_id() {
            cx.upstreams.report(server, DialOutcome::Connected, cx.now);
        }
        let [client, upstream] = ports;
        self.introduce(upstream, cx);
        self.request = match self.collected.take() {
            Some(replay) => Request::Replay(replay),
            None => {
                self.invite_body(client, cx);
                Request::Body
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
        if let Some(server) = self.server_id() {
            cx.upstreams.report(server, DialOutcome::Failed, cx.now);
        }
        let group = &self.route.target.group;
        let several = group.servers.len() > 1;
        if !several || !cx.upstreams.try_again(group, cx.now) {
            return Err(if several { CloseReason::NoServer } else { reason });
        }
        self.dial(cx, false)
    }

    /// The upstream ended before any byte of a response: tries once more on a fresh connection where
    /// that cannot do anything twice.
    pub(super) fn retry(
        &mut self,
        upstream: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<bool, CloseReason> {
        let may = self.reused && !self.retried && (self.facts.replayable || !upstream.tx_begun);
        if !may || self.head.is_none() {
            return Ok(false);
        }
        if !cx.upstreams.try_again(&self.route.target.group, cx.now) {
            return Ok(false);
        }
        self.retried = true;
        cx.counters.retries.add(1);
        cx.actions.push(Action::Hangup);
        let unsent = take(upstream);
        if unsent.tx_begun {
            self.compose_again(upstream, cx)?;
        } else {
            upstream.tx = unsent.tx;
        }
        self.tried = Tried::default();
        self.dial(cx, true)?;
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
