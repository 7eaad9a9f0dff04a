//! One request and its response.
//!
//! ```text
//! request   Finding --found--.
//!           Collect --body complete--> Dialling --connected--> Body --all sent--> Done
//!              |                   ^    |    ^ '--refused: next server--'
//!              |     Queued --seat--'    |
//!              '- (uwsgi, chunked) -----'    '-- reused connection died unanswered: once more
//! response  Wait --1xx--> Wait --final head--> Body --complete--> Done
//!              '--101 with the right proof--> Switched
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::{Certificate, Millis};
use crate::buf::Segment;
use crate::proto::http::Pairs;
use crate::upstream::{Queued, Seat, Tried};

use super::access_log::Record;
use super::body::{BodyFault, BodyPipe};
use super::channels::{Gather, Wish};
use super::cx::{Action, Cx, Input};
use super::edits::Edits;
use super::port::{Port, Side};
use super::reason::CloseReason;
use super::request::Facts;
use super::settings::{Place, Route};
use super::spool::{Replay, Spool};
use super::token::Search;
use super::websocket::Opened;

/// What has become of the request.
#[derive(Debug)]
pub(super) enum Request {
    /// Its chunked body is decoded and kept until its length is known.
    Collect(Box<Spool>),
    /// The server that its token stands for is being looked up.
    Finding,
    /// All servers have as many sessions as they may: it waits for one that ends.
    Queued(Waiting),
    /// A server is being connected to.
    Dialling,
    /// Its body is passed on.
    Body,
    /// Its collected body is passed on.
    Replay(Box<Replay>),
    /// What it publishes is collected.
    Gather(Box<Gather>),
    /// All of it is in the upstream's queue, or read.
    Done,
    /// The upstream takes no more of it.
    Refused,
}

/// Waiting for a seat.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) since: Millis,
    /// Only a fresh connection will do.
    pub(super) fresh: bool,
    /// Its place in the line.
    pub(super) queued: Queued,
}

/// What has become of the response.
#[derive(Debug)]
pub(super) enum Response {
    /// Its head is awaited.
    Wait,
    /// Its body is passed on.
    Body(BodyPipe),
    /// All of it is in the client's queue.
    Done,
}

/// How far an exchange got in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Something must arrive or leave first.
    Wait,
    /// Response and request are through.
    Complete,
    /// The connection is a tunnel from here on.
    Switched,
    /// It cannot go on.
    Failed(CloseReason),
}

/// The state of one exchange. Boxed and reused; an idle connection has none.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) route: Arc<Route>,
    pub(super) facts: Facts,
    pub(super) server: u16,
    pub(super) tried: Tried,
    /// Its place at the server.
    pub(super) seat: Seat,
    /// A server of the group that has just closed a connection on it.
    pub(super) avoid: Option<u16>,
    /// What decides on the server, where what is asked for does.
    pub(super) key: Option<u64>,
    /// The server's token, where it has one.
    pub(super) search: Option<Box<Search>>,
    /// The channel it is about, where it is about one.
    pub(super) wish: Option<Box<Wish>>,
    /// Channels that the client of its WebSocket joins.
    pub(super) guests: Vec<Arc<str>>,
    /// Messages it has published.
    pub(super) published: u32,
    /// The request's head, kept until the first byte of a response.
    pub(super) head: Option<Segment>,
    pub(super) request: Request,
    /// The way of the request's body where it is not collected.
    pub(super) body: BodyPipe,
    /// A collected body that waits for a connection.
    pub(super) collected: Option<Box<Replay>>,
    pub(super) response: Response,
    pub(super) record: Record,
    /// The connection in use served another request before.
    pub(super) reused: bool,
    /// It was sent a second time already.
    pub(super) retried: bool,
    /// The server's connection may serve another request.
    pub(super) reusable: bool,
    /// The client's connection may serve another request.
    pub(super) keep: bool,
    /// The 101 agreed to extensions.
    pub(super) extensions: bool,
    /// The address the client connected to, where somebody wants to know.
    pub(super) endpoint: Option<SocketAddr>,
    /// The client's certificate, where it showed one.
    pub(super) certificate: Option<Arc<Certificate>>,
    /// What was agreed with the client of a WebSocket that ends here.
    pub(super) opened: Option<Opened>,
    /// The end of our response is the end of the connection.
    pub(super) until_close: bool,
    /// Interim responses seen.
    pub(super) interims: u8,
    /// Bytes of the uwsgi packet.
    pub(super) packet: usize,
    pub(super) dial_began: Millis,
    /// `HOST` and `URI` of the action, expanded.
    pub(super) host: Vec<u8>,
    pub(super) uri: Vec<u8>,
    /// What rules have changed on the way here.
    pub(super) edits: Option<Box<Edits>>,
}

impl Exchange {
    /// An exchange at its beginning, in the memory of one that is over where there is one. Whose line is written sets
    /// its record: that of a spare one is left as it is.
    pub(super) fn begin(
        spare: Option<Box<Exchange>>,
        route: &Arc<Route>,
        facts: Facts,
        now: Millis,
    ) -> Box<Exchange> {
        if let Some(mut exchange) = spare {
            exchange.renew(route, facts, now);
            return exchange;
        }
        Box::new(Exchange {
            route: Arc::clone(route),
            facts,
            server: 0,
            tried: Tried::default(),
            seat: Seat::default(),
            avoid: None,
            key: None,
            search: None,
            wish: None,
            guests: Vec::new(),
            published: 0,
            head: None,
            request: Request::Dialling,
            body: facts.body_pipe(),
            collected: None,
            response: Response::Wait,
            record: Record::default(),
            reused: false,
            retried: false,
            reusable: false,
            keep: false,
            extensions: false,
            endpoint: None,
            certificate: None,
            opened: None,
            until_close: false,
            interims: 0,
            packet: 0,
            dial_began: now,
            host: Vec::new(),
            uri: Vec::new(),
            edits: None,
        })
    }

    /// Makes one that is over another one at its beginning: field by field, since most of them are as they were.
    fn renew(&mut self, new_route: &Arc<Route>, new_facts: Facts, now: Millis) {
        let Exchange {
            route,
            facts,
            server,
            tried,
            seat,
            avoid,
            key,
            search,
            wish,
            guests,
            published,
            head,
            request,
            body,
            collected,
            response,
            record: _,
            reused,
            retried,
            reusable,
            keep,
            extensions,
            endpoint,
            certificate,
            opened,
            until_close,
            interims,
            packet,
            dial_began,
            host,
            uri,
            edits,
        } = self;
        if !Arc::ptr_eq(route, new_route) {
            *route = Arc::clone(new_route);
        }
        (*facts, *body) = (new_facts, new_facts.body_pipe());
        (*server, *tried, *seat, *avoid, *key) = (0, Tried::default(), Seat::default(), None, None);
        (*search, *wish, *published) = (None, None, 0);
        guests.clear();
        (*head, *collected) = (None, None);
        (*request, *response) = (Request::Dialling, Response::Wait);
        (*reused, *retried, *reusable, *keep) = (false, false, false, false);
        (*extensions, *until_close) = (false, false);
        (*endpoint, *certificate, *opened, *edits) = (None, None, None, None);
        (*interims, *packet, *dial_began) = (0, 0, now);
        host.clear();
        uri.clear();
    }

    /// Goes on as far as possible.
    pub(super) fn advance(&mut self, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> Outcome {
        match self.try_advance(ports, cx) {
            Ok(outcome) => outcome,
            Err(reason) => Outcome::Failed(reason),
        }
    }

    /// Whether a server is being connected to.
    pub(super) fn is_dialling(&self) -> bool {
        matches!(self.request, Request::Dialling)
    }

    fn try_advance(
        &mut self,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Result<Outcome, CloseReason> {
        if cx.now >= self.deadline(cx.active) {
            self.expire(ports, cx)?;
        }
        if ports[0].is_gone() {
            return Err(CloseReason::ClientGone);
        }
        if ports[1].tx_broken && !ports[1].tx_begun && self.retry(&mut ports[1], cx)? {
            return Ok(Outcome::Wait);
        }
        if self.is_raw() && matches!(self.request, Request::Body) {
            return Ok(Outcome::Switched);
        }
        if matches!(self.route.target.place, Place::Publish { .. }) {
            return self.advance_publishing(&mut ports[0], cx);
        }
        if self.opens_here() {
            return self.open_here(&mut ports[0], cx);
        }
        self.advance_request(ports, cx)?;
        match self.request {
            Request::Collect(_)
            | Request::Gather(_)
            | Request::Finding
            | Request::Queued(_)
            | Request::Dialling => {
                return Ok(Outcome::Wait);
            }
            Request::Body | Request::Replay(_) | Request::Done | Request::Refused => {}
        }
        self.advance_response(ports, cx)
    }

    /// Whether the request is through, and there is nothing of the response or of an end: nothing goes on before that.
    pub(super) fn awaits_server(&self, [client, upstream]: &[Port; 2]) -> bool {
        let waits = matches!((&self.request, &self.response), (Request::Done, Response::Wait));
        waits
            && !self.opens_here()
            && upstream.rx.is_empty()
            && upstream.is_open()
            && !client.is_gone()
    }

    /// How many of the bytes that come next of `side` are of a body that goes over as it is.
    pub(super) fn reach(&self, side: Side) -> u64 {
        match (side, &self.request, &self.response) {
            (Side::Client, Request::Body, _) => {
                self.body.reach().min(self.facts.max_body.saturating_sub(self.body.moved))
            }
            (Side::Upstream, _, Response::Body(pipe)) => pipe.reach(),
            _ => 0,
        }
    }

    /// So many of them went over.
    pub(super) fn pass_unseen(&mut self, side: Side, n: u64) {
        match (side, &mut self.response) {
            (Side::Client, _) => {
                self.body.pass_unseen(n);
                self.record.bytes_in = self.body.moved;
            }
            (Side::Upstream, Response::Body(pipe)) => {
                pipe.pass_unseen(n);
                self.record.bytes_out = pipe.moved;
            }
            _ => {}
        }
    }

    /// Fields that rules add to the response.
    pub(super) fn added(&self) -> &Pairs {
        self.edits.as_ref().map_or(Pairs::NONE, |edits| &edits.response)
    }

    /// Names of fields that rules take away from the response.
    pub(super) fn removed(&self) -> &Pairs {
        self.edits.as_ref().map_or(Pairs::NONE, |edits| &edits.without)
    }

    fn advance_request(
        &mut self,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Result<(), CloseReason> {
        let [client, upstream] = ports;
        match &mut self.request {
            Request::Collect(spool) => {
                let max = self.facts.max_body;
                let collected = spool.advance(client, &self.route.bodies, max, cx);
                self.record.bytes_in = spool.arrived();
                if let Some(replay) = collected? {
                    self.collected = Some(Box::new(replay));
                    self.compose_again(upstream, cx)?;
                    self.dial(cx, false)?;
                }
            }
            Request::Body if upstream.tx_broken => self.request = Request::Refused,
            Request::Body => {
                let done = self.body.pump(client, &mut upstream.tx, cx.pool);
                self.record.bytes_in = self.body.moved;
                if done.map_err(BodyFault::of_request)? {
                    self.request = Request::Done;
                }
                if self.body.moved > self.facts.max_body {
                    return Err(CloseReason::BodyTooLarge);
                }
            }
            Request::Replay(_) if upstream.tx_broken => {
                cx.actions.push(Action::Spool(super::cx::SpoolOrder::Drop));
                self.request = Request::Refused;
            }
            Request::Replay(replay) => {
                if replay.advance(&mut upstream.tx, cx) {
                    self.request = Request::Done;
                }
            }
            Request::Gather(_) | Request::Finding | Request::Queued(_) | Request::Dialling => {}
            Request::Done | Request::Refused => {}
        }
        Ok(())
    }

    /// Takes the answer to an action.
    pub(super) fn input(
        &mut self,
        input: Input,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Result<(), CloseReason> {
        match input {
            Input::Endpoint(address) => self.endpoint = address,
            Input::Dialled { reused } => self.dialled(reused, ports, cx),
            Input::DialFailed { ours: true } => return Err(CloseReason::Overloaded),
            Input::DialFailed { ours: false } => {
                return self.dial_failed(CloseReason::Unreachable, cx);
            }
            Input::Found(found) => return self.found(found, cx),
            // The answer to a question that was given up.
            Input::Looked(_) | Input::Verified(_) | Input::Opened(_) | Input::FileFailed(_) => {}
            Input::Seat => return self.sit_down(cx),
            Input::Told(answer) => self.told(&answer, &mut ports[0], cx),
            Input::SpoolFailed => return Err(CloseReason::Overloaded),
            Input::Spooled(n) => {
                if let Request::Collect(spool) = &mut self.request {
                    spool.written(n);
                }
            }
            Input::Unspooled(bytes) => {
                if let Request::Replay(replay) = &mut self.request {
                    replay.read(bytes, &mut ports[1].tx, cx.pool);
                }
            }
        }
        Ok(())
    }

    /// Says `100 Continue` to a client that waits for it before it sends its body.
    pub(super) fn invite_body(&mut self, client: &mut Port, cx: &Cx<'_>) {
        if self.facts.expects_continue && self.route.bodies.manage_expect && client.rx.is_empty() {
            client.tx.push(Segment::Fixed(b"HTTP/1.1 100 Continue\r\n\r\n"), cx.pool);
        }
        self.facts.expects_continue &= !self.route.bodies.manage_expect;
    }

    /// A deadline passed: tells who was waited for.
    fn expire(&mut self, ports: &[Port; 2], cx: &mut Cx<'_>) -> Result<(), CloseReason> {
        match (&self.request, &self.response) {
            (Request::Dialling, _) => {
                cx.actions.push(Action::Hangup);
                self.dial_failed(CloseReason::ConnectTimeout, cx)
            }
            (Request::Finding, _) => Err(CloseReason::ConnectTimeout),
            (Request::Queued(_), _) => Err(CloseReason::QueueTimeout),
            (Request::Collect(_) | Request::Gather(_), _) => Err(CloseReason::BodyTimeout),
            (_, Response::Wait) if ports[0].tx.room() == 0 => Err(CloseReason::ClientGone),
            (Request::Body, Response::Wait) if ports[1].tx.is_empty() => {
                Err(CloseReason::BodyTimeout)
            }
            (_, Response::Wait) => Err(CloseReason::UpstreamTimeout),
            _ if !ports[0].tx.is_empty() => Err(CloseReason::ClientGone),
            (Request::Body, Response::Done) => Err(CloseReason::BodyTimeout),
            _ => Err(CloseReason::ResponseCut),
        }
    }

    /// Whether all that came has gone over and no end is near: then nothing waits for what leaves.
    pub(super) fn rests(&self, ports: &[Port; 2]) -> bool {
        let place = &self.route.target.place;
        let passes = matches!(place, Place::Http { .. } | Place::Uwsgi { .. }) && !self.is_raw();
        let passes_on = matches!(self.request, Request::Dialling | Request::Body | Request::Done);
        // A response that is through waits for the request to leave.
        let passes_on = passes_on && !matches!(self.response, Response::Done);
        passes && passes_on && ports.iter().all(Port::is_still)
    }

    /// When it fails if nothing moves any more.
    pub(super) fn deadline(&self, active: Millis) -> Millis {
        match &self.request {
            Request::Queued(waiting) => waiting.since + self.route.target.group.queue_timeout,
            Request::Finding | Request::Dialling => self.dial_began + self.route.connect_timeout(),
            _ => active.max(self.dial_began) + self.route.times.silence,
        }
    }

    /// Whether the request's body was read to its end, from the client and from the disk: what comes
    /// next belongs to the next request.
    pub(super) fn request_is_read(&self) -> bool {
        match &self.request {
            Request::Done => true,
            Request::Replay(replay) => !replay.is_reading(),
            _ => self.collected.is_some() || self.facts.has_no_body(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::asker::Asker;
    use super::super::client::release;
    use super::super::testing::{Bench, peer};
    use super::*;
    use crate::proto::h1::{Limits, parse_request};
    use crate::proto::http::FieldStore;

    #[test]
    fn one_that_is_renewed_is_as_a_new_one() {
        let mut bench = Bench::new();
        let routes = bench.world.generation.routes.clone();
        let mut store = FieldStore::new();
        let limits = Limits { max_uri: 100, max_head: 100, max_fields: 9 };
        let head = parse_request(b"GET / HTTP/1.0\r\n\r\n", &mut store, &limits);
        let head = head.expect("a good head").expect("a whole one");
        let facts = |route: &Route| Facts::new(&head, route, None, &Asker::direct(&peer()));
        let (first, second) = (&routes[0], &routes[1]);

        let mut used = Exchange::begin(None, first, facts(first), Millis(1));
        used.facts.is_head = true;
        used.tried.add(3);
        (used.server, used.avoid, used.key) = (3, Some(1), Some(7));
        used.search = Some(Box::new(Search { token: "token".to_owned(), found: Vec::new() }));
        used.guests = vec!["news".into()];
        (used.published, used.interims, used.packet) = (4, 9, 9);
        used.head = Some(Segment::Fixed(b"GET"));
        used.body.moved = 5;
        (used.request, used.response) = (Request::Refused, Response::Done);
        (used.reused, used.retried, used.reusable, used.keep) = (true, true, true, true);
        (used.extensions, used.until_close) = (true, true);
        used.endpoint = Some(([127, 0, 0, 1], 80).into());
        (used.host, used.uri) = (b"host".to_vec(), b"/uri".to_vec());
        used.edits = Some(Box::default());
        release(used, &mut bench.world.cx(Millis(1)));

        let spare = bench.world.scratch.spare.pop();
        assert!(spare.is_some(), "its memory is kept");
        let renewed = Exchange::begin(spare, second, facts(second), Millis(2));
        let new = Exchange::begin(None, second, facts(second), Millis(2));
        assert_eq!(format!("{renewed:?}"), format!("{new:?}"));
    }
}
