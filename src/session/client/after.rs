//! What follows a head, a request, a file and a tunnel: the machine's next state, and what is left to be done and said.

use super::super::access_log::{self, Line};
use super::super::answer::{self, Asked};
use super::super::cx::{Action, Cx, SpoolOrder};
use super::super::decide::{Ends, Refusal};
use super::super::exchange::{Exchange, Request, Response};
use super::super::head::{self, HeadWait, Next};
use super::super::linger::Linger;
use super::super::port::{Port, TxEnd};
use super::super::reason::CloseReason;
use super::super::tunnel::{Tunnel, TunnelKind};
use crate::base::Millis;
use crate::upstream::Seat;

use super::{Client, State};

/// Exchanges kept for reuse, at most.
const SPARE: usize = 256;

impl Client {
    /// What comes before the first request was too late, or we are stopping.
    pub(super) fn given_up(&self, late: Option<CloseReason>, cx: &Cx<'_>) -> Option<State> {
        let reason = late.or(cx.draining.then_some(CloseReason::Drained))?;
        cx.counters.close_reason(reason as usize);
        Some(State::Closed(reason))
    }

    /// What follows a head.
    pub(super) fn after_head(
        &self,
        next: Next,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Option<State> {
        Some(match next {
            Next::Wait => return None,
            Next::Closed(reason) => self.ended(reason, &ports[0], cx),
            Next::Refused(refusal) => self.refused(*refusal, &mut ports[0], cx),
            Next::Exchange(exchange) => State::Exchange(exchange),
            Next::Check(check) => State::Check(check),
            Next::File(transfer) => State::File(transfer),
        })
    }

    /// Whoever was asked has answered.
    pub(super) fn checked(&mut self, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> Option<State> {
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
    pub(super) fn complete(&mut self, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> State {
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
    pub(super) fn sent_all(&mut self, client: &Port, cx: &mut Cx<'_>) -> State {
        let State::File(transfer) = self.take_state() else { return self.take_state() };
        let (keep, clean) = (transfer.keep, transfer.last && client.rx.is_empty());
        transfer.end(CloseReason::Done, cx);
        match keep {
            true => State::Head(HeadWait::next(cx.now)),
            false => State::Linger(Linger::new(CloseReason::Done, clean, cx.now)),
        }
    }

    /// A file cannot be sent, or not to its end: an answer where none has begun, a cut where one has.
    pub(super) fn not_sent(
        &mut self,
        reason: CloseReason,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> State {
        let State::File(mut transfer) = self.take_state() else { return self.take_state() };
        let client = &mut ports[0];
        let gone = client.tx_broken || reason == CloseReason::ClientGone;
        let next = if gone || reason.status() == 0 && !transfer.has_begun() {
            client.tx_end = Some(TxEnd::Abort);
            State::Closed(reason)
        } else if transfer.has_begun() {
            let clean = transfer.last && client.rx.is_empty();
            State::Linger(Linger::new(reason, clean, cx.now))
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
    pub(super) fn switched(&mut self, cx: &mut Cx<'_>) -> State {
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
    pub(super) fn failed(
        &mut self,
        reason: CloseReason,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> State {
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
            let said_all = exchange.facts.last && read && ports[0].rx.is_empty();
            if exchange.until_close {
                ports[0].tx_end = Some(TxEnd::Abort);
            }
            State::Linger(Linger::new(reason, said_all || exchange.until_close, cx.now))
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

    pub(super) fn write_line(
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

    pub(super) fn tunnel_ended(&self, reason: CloseReason, cx: &mut Cx<'_>) {
        if let State::Tunnel(tunnel) = &self.state {
            cx.counters.tunnels_closed.add(1);
            cx.counters.close_reason(reason as usize);
            access_log::tunnel_ended(tunnel, &self.peer, reason, cx);
        }
    }

    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Closed(CloseReason::Panic))
    }
}

/// The end of a tunnel's connections. A client that was told gets to read it; an upstream that sees nothing but
/// bytes must not take a cut for their end.
pub(super) fn after_tunnel(
    reason: CloseReason,
    seen: bool,
    ports: &mut [Port; 2],
    now: Millis,
) -> State {
    let [client, upstream] = ports;
    if !seen && reason != CloseReason::Done {
        upstream.tx_end = Some(TxEnd::Abort);
    }
    let gone = client.is_gone();
    if seen && !gone && matches!(client.tx_end, Some(TxEnd::Finish | TxEnd::Close)) {
        let clean = client.rx_end.is_some() || client.tx_end == Some(TxEnd::Close);
        return State::Linger(Linger::new(reason, clean, now));
    }
    if reason != CloseReason::Done {
        client.tx_end = Some(TxEnd::Abort);
    }
    State::Closed(reason)
}

/// Keeps a finished exchange's memory for the next.
pub(in super::super) fn release(mut exchange: Box<Exchange>, cx: &mut Cx<'_>) {
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
