//! Deciding what becomes of a request whose head is there.

use std::num::NonZeroU16;
use std::sync::Arc;

use crate::base::Millis;
use crate::proto::h1::{RequestHead, Upgrade};
use crate::proto::http::host::comparable_name;
use crate::proto::http::path::canonical;
use crate::proto::http::{Body, CanonicalPath, Known, Method, prefers_html};
use crate::route::Found;

use super::access_log::{self, Record};
use super::answer::Asked;
use super::asker::{Asker, Doubt};
use super::channels;
use super::check::{Check, Query};
use super::cx::{Cx, Scratch};
use super::edits::{Edits, Rewriting};
use super::exchange::Exchange;
use super::expand::Filler;
use super::files::{self, Asking, Transfer};
use super::peer::Peer;
use super::reason::CloseReason;
use super::redirect;
use super::request::{Facts, Wanted};
use super::screen::{is_old_upgrade, purpose, screen, within};
use super::secure::Secure;
use super::settings::{Files, Place, Route};
use super::settled::Settled;
use super::trace::Notebook;
use super::walk::{Desk, End, Walker, captured};

/// A client as its connection knows it.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    pub(super) peer: &'a Peer,
    /// What its TLS handshake came to, if there was one.
    pub(super) secure: Option<&'a Secure>,
    /// The port of https, where it is sent on to that.
    pub(super) to_https: Option<NonZeroU16>,
}

/// A request that is answered by us without asking an upstream.
pub(super) struct Refusal {
    pub(super) reason: CloseReason,
    pub(super) status: u16,
    pub(super) sentence: String,
    pub(super) asked: Asked,
    pub(super) record: Record,
    /// Who asked.
    pub(super) peer: Peer,
    pub(super) route: Option<Arc<Route>>,
    /// The connection can serve another request.
    pub(super) keep: bool,
}

/// Why a request goes nowhere.
pub(super) struct No {
    reason: CloseReason,
    status: u16,
    sentence: String,
    route: Option<Arc<Route>>,
    /// The sentence is the whole body.
    exact: bool,
}

impl From<CloseReason> for No {
    fn from(reason: CloseReason) -> No {
        No::saying(reason, reason.sentence().to_owned())
    }
}

impl No {
    pub(super) fn saying(reason: CloseReason, sentence: String) -> No {
        No { reason, status: reason.status(), sentence, route: None, exact: false }
    }

    /// It is answered with this status.
    pub(super) fn with(self, status: u16) -> No {
        No { status, ..self }
    }

    /// It was a request of this route.
    fn of(self, route: &Arc<Route>) -> No {
        No { route: Some(Arc::clone(route)), ..self }
    }
}

/// What becomes of a request.
pub(super) enum Decision {
    /// It goes to a server, or ends here.
    Exchange(Box<Exchange>),
    /// A file is sent.
    File(Box<Transfer>),
    /// It is answered.
    Refused(Box<Refusal>),
    /// Somebody has to be asked first.
    Ask(Box<Check>),
}

/// What a request is served by.
enum Served {
    Exchange(Box<Exchange>),
    File(Box<Transfer>),
}

/// Why nothing serves it.
enum Instead {
    No(No),
    Ask(Query),
}

impl<T: Into<No>> From<T> for Instead {
    fn from(no: T) -> Instead {
        Instead::No(no.into())
    }
}

/// Routes a request and serialises it into `cx.scratch.out`, or says why not. `begun` is its record where it was decided on
/// before and had to wait.
pub(super) fn decide(
    head: &RequestHead<'_, '_>,
    begun: Option<Record>,
    ends: Ends<'_>,
    cx: &mut Cx<'_>,
) -> Decision {
    let mut spare = cx.scratch.spare.pop();
    let resumed = begun.is_some();
    let mut record = match (begun, &mut spare) {
        (Some(record), _) => record,
        (None, Some(spare)) => std::mem::take(&mut spare.record),
        (None, None) => std::mem::take(&mut cx.scratch.record),
    };
    // An upgrade nobody takes up may be followed by bytes that are no request.
    let keep = head.keep_alive
        && cx.generation.keepalive.is_some()
        && !cx.draining
        && !cx.scratch.settled.late
        && head.upgrade == Upgrade::None
        && !is_old_upgrade(head);
    let asker = Asker::of(head, ends.peer, &cx.generation.trusted_proxies);
    let certificate = ends.secure.and_then(|secure| secure.certificate.clone());
    let deciding = Deciding { head, ends, asker: &asker, resumed, record: &mut record, spare };
    match deciding.route(cx) {
        Ok(Served::Exchange(mut exchange)) => {
            exchange.keep = keep;
            exchange.record = record;
            Decision::Exchange(exchange)
        }
        Ok(Served::File(mut transfer)) => {
            transfer.keep = keep && head.body.is_empty();
            transfer.record = record;
            Decision::File(transfer)
        }
        Err(Instead::Ask(query)) => {
            let asker = asker.unwrap_or(Asker::direct(ends.peer));
            Decision::Ask(Check::begin(query, record, asker, certificate, cx))
        }
        Err(Instead::No(No { reason, status, sentence, route, exact })) => {
            let asked = Asked { exact, ..Asked::from(head) };
            let keep = keep && head.body.is_empty() && status != 400;
            let peer = asker.map_or(*ends.peer, |asker| asker.peer);
            let refusal = Refusal { reason, status, sentence, asked, record, peer, route, keep };
            Decision::Refused(Box::new(refusal))
        }
    }
}

/// A request that is being decided on.
struct Deciding<'d, 'a> {
    head: &'d RequestHead<'a, 'a>,
    ends: Ends<'d>,
    asker: &'d Result<Asker, Doubt>,
    /// Its record has begun.
    resumed: bool,
    record: &'d mut Record,
    /// Memory for its exchange.
    spare: Option<Box<Exchange>>,
}

impl Deciding<'_, '_> {
    /// Finds out where it goes, and begins its exchange.
    fn route(self, cx: &mut Cx<'_>) -> Result<Served, Instead> {
        let Deciding { head, ends: Ends { secure, to_https, .. }, asker, resumed, record, spare } =
            self;
        let generation = cx.generation;
        let Scratch {
            path,
            host,
            route: scratch,
            out,
            rewriting,
            edits,
            settled,
            spare_edits,
            spare_transfers,
            spare: exchanges,
            record: other_record,
            trace,
            ..
        } = &mut *cx.scratch;
        let canonical = canonical(head.path, generation.merge_slashes, path);
        let logged = canonical.as_ref().map_or(head.path, |path| path.sent);
        if !resumed {
            record.begin(head, logged, generation, cx.now);
        }
        let path =
            canonical.map_err(|error| No::saying(CloseReason::BadRequest, error.to_string()))?;
        let asker = asker
            .as_ref()
            .map_err(|doubt| No::saying(CloseReason::BadRequest, doubt.to_string()))?;
        let (peer, host) = (&asker.peer, comparable_name(head.name, host));
        if secure.is_some_and(|secure| !secure.covers(host)) {
            return Err(CloseReason::Misdirected.into());
        }
        if let Some(port) = to_https {
            return Err(sent_on(head, &path, port, out, edits).into());
        }
        if let Some(reason) = settled.failed {
            return Err(reason.into());
        }
        let walker = Walker {
            generation,
            head,
            path: &path,
            host,
            purpose: purpose(head),
            peer,
            now: cx.now,
        };
        let notebook = Notebook(trace.as_deref_mut());
        let (end, found) = walker.walk(Desk { scratch, rewriting, edits, settled, notebook });
        if let End::Ask(query) = end {
            return Err(Instead::Ask(query));
        }
        for (_, text) in edits.notes.iter() {
            access_log::note(text, peer, generation.log.as_ref(), cx.clock, cx.log);
        }
        record.silent = edits.silent;
        let route = taken(end)?;
        within(head, &route.limits).map_err(|no| no.of(route))?;
        if let Place::Files(served) = &route.target.place {
            if let Some(mut spare) = spare {
                spare.record = std::mem::take(other_record);
                exchanges.push(spare);
            }
            let shelf = Shelf { rewriting, scratch, edits, settled, spare_edits, spare_transfers };
            let transfer = file(&walker, route, served, found.as_ref(), shelf, cx.now);
            return transfer.map(Served::File).map_err(|reason| No::from(reason).of(route).into());
        }
        if let Place::Publish { .. } = route.target.place {
            channels::screen(head, &mut edits.response).map_err(|no| No::from(no).of(route))?;
        }
        let handshake = screen(head, route, cx.rng).map_err(|no| no.of(route))?;
        let facts = Facts::new(head, route, handshake, asker);
        if let Body::Length(n) = head.body
            && n > facts.max_body
        {
            return Err(No::from(CloseReason::BodyTooLarge).of(route).into());
        }
        let mut exchange = Exchange::begin(spare, route, facts, cx.now);
        exchange.certificate = secure.and_then(|secure| secure.certificate.clone());
        let no = |reason| No::from(reason).of(route);
        let Rewriting { target, path: memory, .. } = rewriting;
        let wanted = Wanted::new(head, &path, target, generation.merge_slashes, memory);
        let wanted = wanted.map_err(no)?;
        if route.is_filled_in() {
            let said = walker.said(&wanted.path, wanted.query, &edits.vars, &settled.files);
            let facts = walker.facts(&wanted.path, &said);
            let (captures, text) = captured(found.as_ref(), &facts, scratch);
            let filler = Filler { said: &said, captures, text };
            exchange.expand_target(&filler).map_err(no)?;
            exchange.remember_token(&filler).map_err(no)?;
            let times = (cx.now, cx.clock.wall_millis());
            if let Err(reason) = exchange.remember_channel(&filler, times) {
                channels::challenge(reason, &mut edits.response);
                return Err(no(reason).into());
            }
            exchange.remember_guests(&filler).map_err(no)?;
            exchange.remember_key(&filler, out);
        }
        if !edits.is_empty() {
            let empty = spare_edits.pop().unwrap_or_default();
            exchange.edits = Some(std::mem::replace(edits, empty));
        }
        if exchange.facts.must_collect(route) {
            out.clear();
        } else {
            exchange.compose(head, &wanted, &generation.server_name, out).map_err(no)?;
        }
        Ok(Served::Exchange(exchange))
    }
}

/// What the beginning of a transfer works with.
struct Shelf<'s> {
    rewriting: &'s mut Rewriting,
    scratch: &'s crate::route::Scratch,
    edits: &'s mut Box<Edits>,
    settled: &'s Settled,
    #[allow(clippy::vec_box)]
    spare_edits: &'s mut Vec<Box<Edits>>,
    #[allow(clippy::vec_box)]
    spare_transfers: &'s mut Vec<Box<Transfer>>,
}

/// Begins to send the file that a request asks for.
fn file(
    walker: &Walker<'_>,
    route: &Arc<Route>,
    served: &Files,
    found: Option<&Found>,
    shelf: Shelf<'_>,
    now: Millis,
) -> Result<Box<Transfer>, CloseReason> {
    let Walker { generation, head, path, peer, .. } = *walker;
    let Shelf { rewriting, scratch, edits, settled, spare_edits, spare_transfers } = shelf;
    files::screen(head, &mut edits.response)?;
    let Rewriting { target, path: memory, .. } = rewriting;
    let wanted = Wanted::new(head, path, target, generation.merge_slashes, memory);
    let wanted = wanted.map_err(|_| CloseReason::FileMissing)?;
    let said = walker.said(&wanted.path, wanted.query, &edits.vars, &settled.files);
    let facts = walker.facts(&wanted.path, &said);
    let (captures, text) = captured(found, &facts, scratch);
    let filler = Filler { said: &said, captures, text };
    let slash = path.sent.ends_with(b"/");
    let (path, peer) = (wanted.path.matched, *peer);
    let asking = Asking { head, route, files: served, path, slash, peer, now };
    let begun = files::begin(spare_transfers.pop(), &asking, &filler);
    let mut transfer = begun.ok_or(CloseReason::FileMissing)?;
    if !edits.is_empty() {
        let empty = spare_edits.pop().unwrap_or_default();
        transfer.edit(std::mem::replace(edits, empty));
    }
    Ok(transfer)
}

/// Why a request is sent on to https, or what keeps it from that.
fn sent_on(
    head: &RequestHead<'_, '_>,
    path: &CanonicalPath<'_>,
    port: NonZeroU16,
    out: &mut Vec<u8>,
    edits: &mut Edits,
) -> CloseReason {
    if !redirect::locate(head, path, port, out) {
        return CloseReason::BadRequest;
    }
    edits.response.push("Location", out);
    CloseReason::ToHttps
}

/// The route that the rules have led to, if to any.
fn taken(end: End<'_>) -> Result<&Arc<Route>, No> {
    match end {
        End::Route(route) => Ok(route),
        End::Answer { status, text, exact } => {
            Err(No { status, exact, ..No::saying(CloseReason::Answered, text) })
        }
        End::Stopped(reason) => Err(reason.into()),
        End::Barred(status) => Err(No::from(CloseReason::Barred).with(status)),
        End::NoTarget | End::Ask(_) => Err(CloseReason::BadRequest.into()),
        End::Nothing => Err(CloseReason::NoRoute.into()),
    }
}

impl Exchange {
    /// Turns an exchange that could not begin into our answer.
    pub(super) fn into_refusal(mut self: Box<Self>, reason: CloseReason) -> Box<Refusal> {
        Box::new(Refusal {
            reason,
            status: reason.status(),
            sentence: reason.sentence().to_owned(),
            asked: Asked::from(&self.facts),
            record: std::mem::take(&mut self.record),
            peer: self.facts.peer,
            route: Some(Arc::clone(&self.route)),
            keep: self.keep && self.facts.has_no_body(),
        })
    }
}

impl From<&RequestHead<'_, '_>> for Asked {
    fn from(head: &RequestHead<'_, '_>) -> Asked {
        Asked {
            is_head: head.method == Method::Head,
            version: head.version,
            html: prefers_html(head.fields.get(Known::Accept)),
            exact: false,
        }
    }
}

impl From<&Facts> for Asked {
    fn from(facts: &Facts) -> Asked {
        Asked { is_head: facts.is_head, version: facts.version, html: facts.html, exact: false }
    }
}
