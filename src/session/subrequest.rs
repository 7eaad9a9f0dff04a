//! A question to a server about a request: `auth:`. It is an exchange without a client, and its answer is a verdict.

use std::mem::take;
use std::sync::Arc;

use crate::base::{Certificate, Millis};
use crate::buf::{Segment, Stub};
use crate::proto::h1::{RequestHead, ResponseHead, parse_request, parse_response};
use crate::proto::http::{Body, Field, FieldStore, Known, Method, Pairs};

use super::asker::Asker;
use super::client::release;
use super::cx::{Action, Cx, Input};
use super::edits::Edits;
use super::exchange::{Exchange, Outcome, Request};
use super::expand::{Filler, Said, leads_astray};
use super::port::Port;
use super::reason::CloseReason;
use super::request::Facts;
use super::response::{INTERIMS, KEPT, LIMITS};
use super::settings::Auth;
use super::settled::Verdict;

/// Fields with which a server answers a part, or that nothing has changed: neither is a verdict.
const CONDITIONS: [&str; 6] =
    ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"];
/// Fields that say what is asked about; the client's own never get there.
const ABOUT: [&str; 2] = ["X-Forwarded-Method", "X-Forwarded-Uri"];
/// How names begin under which other proxies say the same: a server that looks at them would believe the client.
const ALIKE: &[u8] = b"X-Original-";
/// Fields of a refusal that the client is told.
const TOLD: [&str; 3] = ["WWW-Authenticate", "Location", "Set-Cookie"];

/// The question under way.
#[derive(Debug)]
pub(super) struct Subrequest {
    exchange: Box<Exchange>,
}

/// The question as a head of its own: the client's fields, but no body, and no upgrade. `None` where what the client
/// wrote would lead to another path. `text` is memory for its target.
pub(super) fn written(auth: &Auth, filler: &Filler<'_>, text: &mut Vec<u8>) -> Option<Vec<u8>> {
    filler.encoded(&auth.uri, text);
    if leads_astray(text) {
        return None;
    }
    let Said { head, asked, .. } = filler.said;
    let host = if head.host.is_empty() { auth.authority.as_bytes() } else { head.host };
    let mut out = Vec::with_capacity(head.len + text.len() + asked.len() + 128);
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    let slash: &[u8] = if text.starts_with(b"/") { b"" } else { b"/" };
    put(&[b"GET ", slash, text, b" HTTP/1.1\r\nHost: ", host, b"\r\n"]);
    for field in head.fields.iter().filter(|field| is_asked_about(head, field, auth)) {
        put(&[field.name.as_bytes(), b": ", field.value, b"\r\n"]);
    }
    let [method, uri] = ABOUT.map(str::as_bytes);
    put(&[method, b": ", head.method_name.as_bytes(), b"\r\n", uri, b": ", asked]);
    if let Some(query) = head.query {
        put(&[b"?", query]);
    }
    put(&[b"\r\n\r\n"]);
    text.clear();
    Some(out)
}

/// Whether a field of the client is part of the question. What its `Connection` names is not, and `Connection` neither:
/// it could name what we say. Nor is what the server is to tell us.
fn is_asked_about(head: &RequestHead<'_, '_>, field: &Field<'_>, auth: &Auth) -> bool {
    let alike = || field.name.as_bytes().get(..ALIKE.len());
    match field.known {
        Known::Host | Known::Expect => false,
        known if known.is_hop_by_hop() || head.is_nominated(*field) => false,
        _ if is_one_of(&auth.copy, field) => false,
        _ if alike().is_some_and(|start| start.eq_ignore_ascii_case(ALIKE)) => false,
        _ => !is_one_of(&CONDITIONS, field) && !is_one_of(&ABOUT, field),
    }
}

fn is_one_of(names: &[impl AsRef<str>], field: &Field<'_>) -> bool {
    names.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_ref()))
}

impl Subrequest {
    /// A question that was [`written`].
    ///
    /// # Errors
    /// When the client's fields and ours are too many together.
    pub(super) fn new(
        auth: &Auth,
        written: &[u8],
        asker: Asker,
        certificate: Option<Arc<Certificate>>,
        cx: &mut Cx<'_>,
    ) -> Result<Subrequest, CloseReason> {
        let mut store = FieldStore::new();
        let Ok(Some(head)) = parse_request(written, &mut store, &KEPT) else {
            return Err(CloseReason::QuestionTooLarge);
        };
        let facts = Facts::new(&head, &auth.route, None, &asker);
        let spare = cx.scratch.spare.pop();
        let mut exchange = Exchange::begin(spare, &auth.route, facts, cx.now);
        exchange.host.extend_from_slice(auth.authority.as_bytes());
        exchange.certificate = certificate;
        // As a client's, they would be believed of trusted proxies only.
        let mut edits: Box<Edits> = cx.scratch.spare_edits.pop().unwrap_or_default();
        let about = head.fields.iter().filter(|field| is_one_of(&ABOUT, field));
        about.for_each(|field| edits.request.push(field.name, field.value));
        exchange.edits = Some(edits);
        exchange.head = Some(Segment::Stub(Stub::new(written)));
        Ok(Subrequest { exchange })
    }

    /// Serialises it and asks for a server.
    pub(super) fn send(&mut self, upstream: &mut Port, cx: &mut Cx<'_>) -> Result<(), CloseReason> {
        self.exchange.compose_again(upstream, cx)?;
        self.exchange.find_server(cx)
    }

    /// Takes the answer to an action.
    pub(super) fn input(
        &mut self,
        input: Input,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Result<(), CloseReason> {
        self.exchange.input(input, ports, cx)
    }

    /// Goes on as far as possible; `None`: not to the verdict.
    pub(super) fn advance(
        &mut self,
        auth: &Auth,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Option<Result<Verdict, CloseReason>> {
        let [_, upstream] = ports;
        let heard = match self.exchange.request {
            Request::Body | Request::Done | Request::Refused => self.hear(auth, upstream, cx),
            _ => None,
        };
        if heard.is_some() {
            return heard;
        }
        let mut pair = [Port::default(), take(upstream)];
        let outcome = self.exchange.advance(&mut pair, cx);
        [_, *upstream] = pair;
        match outcome {
            Outcome::Wait => None,
            Outcome::Failed(reason) => Some(Err(reason)),
            Outcome::Complete | Outcome::Switched => Some(Err(CloseReason::BadResponse)),
        }
    }

    /// Takes the head of the answer, and its body where that has come along.
    fn hear(
        &mut self,
        auth: &Auth,
        upstream: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Option<Result<Verdict, CloseReason>> {
        loop {
            let mut store = FieldStore::new();
            let parsed = parse_response(upstream.rx.bytes(), &mut store, Method::Get, &LIMITS);
            let head = match parsed {
                Ok(Some(head)) => head,
                Ok(None) => {
                    if upstream.rx.gather(cx.pool) {
                        continue;
                    }
                    return None;
                }
                Err(_) => return Some(Err(CloseReason::BadResponse)),
            };
            let (len, body, keep) = (head.len, head.body, head.keep_alive);
            if head.is_interim() {
                self.exchange.interims += 1;
                if self.exchange.interims > INTERIMS {
                    return Some(Err(CloseReason::BadResponse));
                }
                upstream.rx.consume(len);
                continue;
            }
            let verdict = verdict(&head, auth).ok_or(CloseReason::BadResponse);
            upstream.rx.consume(len);
            let whole = match body {
                Body::Empty => true,
                Body::Length(n) if n == upstream.rx.len() as u64 => {
                    upstream.rx.consume(upstream.rx.len());
                    true
                }
                _ => false,
            };
            let accepts = upstream.rx_end.is_none() && !upstream.tx_broken;
            let done = upstream.rx.is_empty() && upstream.tx.is_empty();
            self.exchange.reusable = keep && whole && accepts && done && self.exchange.may_last();
            return Some(verdict);
        }
    }

    /// It is over: its connection serves others, or ends.
    pub(super) fn end(self, upstream: &mut Port, cx: &mut Cx<'_>) {
        let server = self.exchange.server_id().filter(|_| self.exchange.reusable);
        cx.actions.push(server.map_or(Action::Hangup, Action::Park));
        *upstream = Port::default();
        release(self.exchange, cx);
    }

    /// What goes on with the server.
    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// When it fails if nothing moves any more.
    pub(super) fn deadline(&self, active: Millis) -> Millis {
        self.exchange.deadline(active)
    }
}

/// What an answer means; `None`: nothing.
fn verdict(head: &ResponseHead<'_, '_>, auth: &Auth) -> Option<Verdict> {
    match head.status {
        200..=299 => {
            let mut fields = Pairs::default();
            for name in &auth.copy {
                if !copy(head, name, &mut fields)? {
                    // Without a value, the client's are taken away all the same.
                    fields.push(name, b"");
                }
            }
            Some(Verdict::Vouched(fields))
        }
        401 | 403 | 301..=303 | 307 | 308 => {
            if head.status < 400 && head.fields.find("Location").is_none() {
                return None;
            }
            let mut fields = Pairs::default();
            for name in TOLD {
                copy(head, name, &mut fields)?;
            }
            Some(Verdict::Barred(head.status, fields))
        }
        _ => None,
    }
}

/// Copies all fields of this name, and says whether there were any. `None` where one has controls in it.
fn copy(head: &ResponseHead<'_, '_>, name: &str, fields: &mut Pairs) -> Option<bool> {
    let mut any = false;
    for field in head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)) {
        if field.value.iter().any(u8::is_ascii_control) {
            return None;
        }
        fields.push(name, field.value);
        any |= !field.value.is_empty();
    }
    Some(any)
}
