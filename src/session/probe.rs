//! A check of one server: a session without a client, which asks and notes what it found.
//!
//! ```text
//! Dialling --connected--> Answer --verdict--> Leaving --its end, or time--> Closed
//!    '--refused--> Closed    '-- (a mere connection) --> Closed
//! ```

use std::sync::Arc;

use crate::base::{Address, Millis};
use crate::buf::Copied;
use crate::config::{HealthCheck, Protocol, Question};
use crate::proto::h1::{Identity, ResponseHead, Switch, parse_request, parse_response};
use crate::proto::http::{FieldStore, Method, Pairs, PathScratch, path};
use crate::proto::proxyproto;
use crate::proto::uwsgi;
use crate::proto::ws::{CloseCode, ControlFrame, Draft, Opening, Wish};
use crate::upstream::{Group, Ill, Server, Verdict};

use super::cx::{Action, Cx, Input};
use super::introduction;
use super::port::{Port, TxEnd};
use super::reason::CloseReason;
use super::response::{KEPT, LIMITS};

/// Bytes of an answer that are read so that the server is not cut off.
const DISCARD: usize = 64 << 10;

/// A check under way.
#[derive(Debug)]
pub(super) struct Probe {
    group: Arc<Group>,
    place: u16,
    began: Millis,
    step: Step,
    /// The handshake, where a WebSocket is asked for.
    opening: Option<Opening>,
}

#[derive(Debug)]
enum Step {
    /// Nothing has been done yet.
    Fresh,
    /// The server is being connected to.
    Dialling,
    /// It was asked.
    Answer,
    /// All is known; so many bytes of what it still says are dropped.
    Leaving(usize),
    /// Over.
    Done,
}

impl Probe {
    pub(super) fn new(group: Arc<Group>, place: u16, began: Millis) -> Probe {
        Probe { group, place, began, step: Step::Fresh, opening: None }
    }

    /// Who is asked.
    pub(super) fn server(&self) -> Option<&Server> {
        self.group.servers.get(usize::from(self.place))
    }

    /// When it is given up.
    pub(super) fn deadline(&self) -> Millis {
        match &self.group.check {
            Some(check) => self.began + check.timeout,
            None => self.began,
        }
    }

    /// Tells a server that wants to know who a connection is for that it is for nobody.
    pub(super) fn introduction(&self, out: &mut Vec<u8>) {
        if let Some(version) = self.group.send_proxy {
            proxyproto::encode(introduction::version(version), None, out);
        }
    }

    /// `Some` when it is over.
    pub(super) fn advance(&mut self, upstream: &mut Port, cx: &mut Cx<'_>) -> Option<CloseReason> {
        if cx.draining {
            return Some(CloseReason::Drained);
        }
        if cx.now >= self.deadline() {
            if matches!(self.step, Step::Dialling | Step::Answer) {
                self.note(Err(Ill::Silent), cx.now);
            }
            return Some(CloseReason::Done);
        }
        match self.step {
            Step::Fresh => {
                self.step = Step::Dialling;
                cx.actions.push(Action::DialFound);
            }
            Step::Dialling => {}
            Step::Answer => {
                if let Some(found) = self.hear(upstream, cx) {
                    self.note(found, cx.now);
                    self.step = Step::Leaving(DISCARD);
                    return self.advance(upstream, cx);
                }
            }
            Step::Leaving(left) => {
                let dropped = upstream.rx.len();
                upstream.rx.consume(dropped);
                self.step = match left.checked_sub(dropped) {
                    Some(left) if upstream.rx_end.is_none() && !upstream.tx_broken => {
                        Step::Leaving(left)
                    }
                    _ => Step::Done,
                };
            }
            Step::Done => {}
        }
        matches!(self.step, Step::Done).then_some(CloseReason::Done)
    }

    /// Takes the answer to an action.
    pub(super) fn input(&mut self, input: &Input, upstream: &mut Port, cx: &mut Cx<'_>) {
        if !matches!(self.step, Step::Dialling) {
            return;
        }
        match input {
            Input::Dialled { .. } => match self.ask(upstream, cx) {
                true => self.step = Step::Answer,
                false => self.end(Ok(()), cx.now),
            },
            // That nothing is left of ours is not the server's fault.
            Input::DialFailed { ours: true } => self.step = Step::Done,
            Input::DialFailed { ours: false } => {
                let cell = self.server().and_then(|server| server.cell.as_ref());
                cell.into_iter().for_each(|cell| cell.doubt());
                self.end(Err(Ill::Unreachable), cx.now);
            }
            _ => {}
        }
    }

    fn end(&mut self, found: Result<(), Ill>, now: Millis) {
        self.note(found, now);
        self.step = Step::Done;
    }

    /// Asks the server; false where the connection was all.
    fn ask(&mut self, upstream: &mut Port, cx: &mut Cx<'_>) -> bool {
        let group = Arc::clone(&self.group);
        let (Some(check), Some(server)) = (&group.check, self.server()) else { return false };
        let mut out = Vec::new();
        if server.connector.is_none() {
            self.introduction(&mut out);
        }
        let host = check.host.clone().unwrap_or_else(|| host(&server.address));
        match &check.question {
            Question::Connect => return false,
            Question::Request { head, target, .. } => {
                let method = if *head { "HEAD" } else { "GET" };
                put(group.protocol, method, target, &host, None, cx, &mut out);
            }
            Question::WebSocket { target } => {
                let wish = Wish { origin: None, host: host.as_bytes(), protocols: None };
                let opening = Opening::new(Draft::Rfc6455, &wish, || cx.rng.number());
                put(group.protocol, "GET", target, &host, Some(&opening), cx, &mut out);
                self.opening = Some(opening);
            }
        }
        upstream.tx.put(&out, Copied::Head, cx.pool);
        true
    }

    /// What the answer comes to, once it is there.
    fn hear(&self, upstream: &mut Port, cx: &mut Cx<'_>) -> Option<Result<(), Ill>> {
        let check = self.group.check.as_ref()?;
        let method = match check.question {
            Question::Request { head: true, .. } => Method::Head,
            _ => Method::Get,
        };
        loop {
            let mut store = FieldStore::new();
            match parse_response(upstream.rx.bytes(), &mut store, method, &LIMITS) {
                Ok(Some(head)) if head.is_interim() => {
                    let len = head.len;
                    upstream.rx.consume(len);
                }
                Ok(Some(head)) => {
                    let found = self.judge(check, &head, upstream.rx.bytes());
                    if self.opening.is_some() && found.is_ok() {
                        let key = (cx.rng.number() as u32).to_be_bytes();
                        let close = ControlFrame::close(CloseCode::NORMAL, "", Some(key));
                        upstream.tx.put(close.bytes(), Copied::Head, cx.pool);
                        upstream.tx_end = Some(TxEnd::Finish);
                    }
                    return Some(found);
                }
                Ok(None) => {
                    if !upstream.rx.gather(cx.pool) {
                        return upstream.rx_end.map(|_| Err(Ill::Closed));
                    }
                }
                Err(_) => return Some(Err(Ill::Nonsense)),
            }
        }
    }

    fn judge(
        &self,
        check: &HealthCheck,
        head: &ResponseHead<'_, '_>,
        bytes: &[u8],
    ) -> Result<(), Ill> {
        match (&check.question, &self.opening) {
            (Question::Request { well, .. }, _) => {
                let is_well = |(first, last): &(u16, u16)| (*first..=*last).contains(&head.status);
                if well.iter().any(is_well) { Ok(()) } else { Err(Ill::Status(head.status)) }
            }
            (_, Some(opening)) if head.status == 101 => match opening.check(bytes, head, None) {
                Ok(Some(_)) => Ok(()),
                Ok(None) | Err(_) => Err(Ill::NoWebSocket),
            },
            _ => Err(Ill::Status(head.status)),
        }
    }

    /// Remembers what was found; says so where that changes anything.
    fn note(&self, found: Result<(), Ill>, now: Millis) {
        let (Some(check), Some(server)) = (&self.group.check, self.server()) else { return };
        let was = server.health.verdict();
        let (group, address) = (&self.group.name, &server.address);
        match (server.health.note(found, check, now), found) {
            (Some(Verdict::Down), Err(ill)) => {
                tracing::warn!("upstream {group}: {address} is down: {ill}")
            }
            (Some(Verdict::Up), _) if was == Verdict::Down => {
                tracing::info!("upstream {group}: {address} is up again");
            }
            _ => {}
        }
    }
}

/// What stands in `Host` where that is not said.
fn host(address: &Address) -> String {
    match address {
        Address::Unix(_) | Address::Abstract(_) => "localhost".to_owned(),
        address => address.to_string(),
    }
}

/// Writes a request in the words of a protocol.
fn put(
    protocol: Protocol,
    method: &str,
    target: &str,
    host: &str,
    opening: Option<&Opening>,
    cx: &Cx<'_>,
    out: &mut Vec<u8>,
) {
    let mut text =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tidegate\r\n")
            .into_bytes();
    match opening {
        None => text.extend_from_slice(b"Connection: close\r\n"),
        Some(opening) => {
            text.extend_from_slice(
                format!("Connection: Upgrade\r\nUpgrade: {}\r\n", opening.token()).as_bytes(),
            );
            for (name, value) in opening.fields() {
                text.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
            }
        }
    }
    text.extend_from_slice(b"\r\n");
    if protocol != Protocol::Uwsgi {
        return out.extend_from_slice(&text);
    }
    let mut store = FieldStore::new();
    let mut scratch = PathScratch::default();
    let Ok(Some(head)) = parse_request(&text, &mut store, &KEPT) else { return };
    let Ok(path) = path::canonical(head.path, cx.generation.merge_slashes, &mut scratch) else {
        return;
    };
    let packet = uwsgi::Packet {
        modifier1: 0,
        modifier2: 0,
        path: path.sent,
        path_info: path.info,
        query: head.query,
        server_name: &cx.generation.server_name,
        server_port: b"",
        https: false,
        remote_addr: b"127.0.0.1",
        remote_port: b"",
        identity: Identity { addr: b"127.0.0.1", proto: "http", trusted: false },
        content_length: None,
        chunked: false,
        switch: if opening.is_some() { Switch::Passed } else { Switch::No },
        certificate: None,
        extra: &[],
        vars: Pairs::NONE,
        fields: Pairs::NONE,
    };
    // With fields of ours alone it is never too large.
    let _ = uwsgi::encode_request(&head, &packet, out);
}
