//! Waiting for a request's head.

use std::time::Duration;

use crate::base::Millis;
use crate::proto::h1::{RequestError, parse_request};
use crate::proto::http::FieldStore;

use super::access_log::Record;
use super::answer::Asked;
use super::check::Check;
use super::cx::Cx;
use super::decide::{Decision, Ends, Refusal, decide};
use super::exchange::{Exchange, Request};
use super::files::Transfer;
use super::peer::Peer;
use super::port::Port;
use super::reason::CloseReason;
use super::settings::{Generation, Place};
use super::spool::Spool;

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
    Check(Box<Check>),
    File(Box<Transfer>),
    Refused(Box<Refusal>),
    Closed(CloseReason),
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
    let late = |wait: &HeadWait, cx: &Cx<'_>| cx.now >= wait.deadline(cx.active, &timeouts);
    if client.rx.is_empty() {
        let reason = if client.rx_end.is_some() {
            CloseReason::Done
        } else if cx.draining {
            CloseReason::Drained
        } else if late(wait, cx) {
            CloseReason::Idle
        } else {
            return Next::Wait;
        };
        return Next::Closed(reason);
    }
    // A client that never reads must not make us queue answers without bound.
    if client.tx.room() == 0 {
        let reason = late(wait, cx).then_some(CloseReason::ClientGone);
        return reason.map_or(Next::Wait, Next::Closed);
    }
    wait.first_byte.get_or_insert(cx.now);
    loop {
        match try_begin(None, ends, ports, cx) {
            Ok(Some(next)) => return next,
            Ok(None) if ports[0].rx.gather(cx.pool) => {}
            Ok(None) => return incomplete((wait, ends.peer), &timeouts, &ports[0], cx),
            Err(error) => {
                let reason = CloseReason::BadRequest;
                return Next::Refused(unreadable(
                    reason,
                    error.status(),
                    error.reason(),
                    (wait, ends.peer),
                    cx,
                ));
            }
        }
    }
}

/// Decides anew on a request that waited for an answer.
pub(super) fn resume(check: Check, ends: Ends<'_>, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> Next {
    let Check { generation, settled, record, .. } = check;
    let mut cx = cx.under(&generation);
    cx.scratch.settled = settled;
    match try_begin(Some(record), ends, ports, &mut cx) {
        Ok(Some(next)) => next,
        // It was read before, and nobody has taken it away.
        Ok(None) | Err(_) => Next::Closed(CloseReason::BadRequest),
    }
}

/// Begins the exchange whose head stands at the front of the client's window; `None` when more of it
/// must come. `begun` is the record of one that was read before.
fn try_begin(
    begun: Option<Record>,
    ends: Ends<'_>,
    ports: &mut [Port; 2],
    cx: &mut Cx<'_>,
) -> Result<Option<Next>, RequestError> {
    let [client, upstream] = ports;
    let mut store = FieldStore::new();
    let limits = &cx.generation.limits;
    cx.scratch.edits.clear();
    // A head is large: it stays where it was put.
    let parsed = parse_request(client.rx.bytes(), &mut store, limits);
    let head = match &parsed {
        Ok(Some(head)) => head,
        Ok(None) => return Ok(None),
        Err(error) => return Err(*error),
    };
    if begun.is_none() {
        cx.counters.requests.add(1);
        cx.scratch.settled.clear();
    }
    let len = head.len;
    *upstream = Port::default();
    let mut exchange = match decide(head, begun, ends, cx) {
        Decision::Exchange(exchange) => exchange,
        Decision::Ask(mut check) => {
            check.ask(upstream, cx);
            return Ok(Some(Next::Check(check)));
        }
        Decision::File(mut transfer) => {
            transfer.ask(client.rx.take(len as u64, cx.pool), cx);
            return Ok(Some(Next::File(transfer)));
        }
        Decision::Refused(refusal) => {
            client.rx.consume(len);
            return Ok(Some(Next::Refused(refusal)));
        }
    };
    exchange.head = client.rx.take(len as u64, cx.pool);
    exchange.queue_request(&cx.scratch.out, &mut upstream.tx, cx.pool);
    if exchange.facts.must_collect(&exchange.route) {
        exchange.invite_body(client, cx);
        exchange.request = Request::Collect(Box::new(Spool::new()));
    } else if matches!(exchange.route.target.place, Place::Echo | Place::Channel { .. }) {
        exchange.request = Request::Done;
    } else if matches!(exchange.route.target.place, Place::Publish { .. }) {
        exchange.begin_publishing(client, cx);
    } else if let Err(reason) = exchange.find_server(cx) {
        *upstream = Port::default();
        return Ok(Some(Next::Refused(exchange.into_refusal(reason))));
    }
    Ok(Some(Next::Exchange(exchange)))
}

fn incomplete(
    (wait, peer): (&HeadWait, &Peer),
    timeouts: &HeadTimeouts,
    client: &Port,
    cx: &Cx<'_>,
) -> Next {
    if client.rx_end.is_some() {
        return Next::Closed(CloseReason::ClientGone);
    }
    if cx.now < wait.deadline(cx.active, timeouts) {
        return Next::Wait;
    }
    let reason = CloseReason::HeadTimeout;
    Next::Refused(unreadable(reason, reason.status(), reason.sentence(), (wait, peer), cx))
}

fn unreadable(
    reason: CloseReason,
    status: u16,
    sentence: &str,
    (wait, peer): (&HeadWait, &Peer),
    cx: &Cx<'_>,
) -> Box<Refusal> {
    let asked = Asked::default();
    let record = Record::unreadable(wait.first_byte, cx);
    let sentence = sentence.to_owned();
    let (peer, route) = (*peer, None);
    Box::new(Refusal { reason, status, sentence, asked, record, peer, route, keep: false })
}
