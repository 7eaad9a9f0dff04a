//! Waiting for somebody who has a say in what becomes of a request.
//!
//! ```text
//! Head --a rule asks--> Check --answered, or too late--> Head again, with what is known now
//! ```
//!
//! The head stays where it is, in front of the client's window. With each answer the rules are tried from the
//! first one on, under the configuration they began with.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Certificate, Millis};
use crate::route::Puzzle;

use super::access_log::Record;
use super::asker::Asker;
use super::cx::{Action, Cx, Input};
use super::exchange::Exchange;
use super::peer::Peer;
use super::port::Port;
use super::reason::CloseReason;
use super::settings::{Auth, Deed, Generation, Guard};
use super::settled::{FileQuestion, Settled, Verdict};
use super::subrequest::Subrequest;

/// How long a disk may take.
const LOOKING: Duration = Duration::from_secs(5);
/// How long a password may take, with those before it.
const COMPARING: Duration = Duration::from_secs(10);

/// What a rule wants to know.
#[derive(Debug)]
pub(super) enum Query {
    /// Whether there is a file.
    File(FileQuestion),
    /// Whether a password is right, for the rule of this number.
    Password(u32, Puzzle),
    /// What the server of the rule of this number says to these bytes.
    Server(u32, Vec<u8>),
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Check {
    /// The rules it is in the middle of.
    pub(super) generation: Arc<Generation>,
    pub(super) settled: Settled,
    pub(super) record: Record,
    /// Who asks.
    pub(super) peer: Peer,
    waits: Waits,
}

/// What for.
#[derive(Debug)]
enum Waits {
    /// A look at the disk, until then.
    File(Millis),
    /// A password of this rule, until then.
    Password(u32, Millis),
    /// A server of this rule, until then.
    Server(u32, Millis, Subrequest),
    /// Nothing any more.
    Over,
}

impl Check {
    /// Begins to ask.
    pub(super) fn begin(
        query: Query,
        record: Record,
        asker: Asker,
        certificate: Option<Arc<Certificate>>,
        cx: &mut Cx<'_>,
    ) -> Box<Check> {
        let mut settled = std::mem::take(&mut cx.scratch.settled);
        let generation = Arc::clone(cx.generation);
        let waits = match query {
            Query::File(question) => {
                cx.actions.push(Action::Look(question));
                Waits::File(cx.now + LOOKING)
            }
            Query::Password(rule, puzzle) => {
                cx.actions.push(Action::Verify(puzzle));
                Waits::Password(rule, cx.now + COMPARING)
            }
            Query::Server(rule, written) => {
                let asked = match auth_of(&generation, rule) {
                    Some(auth) => {
                        let until = cx.now + auth.route.times.silence;
                        let asked = Subrequest::new(auth, &written, asker, certificate, cx);
                        asked.map(|asked| Waits::Server(rule, until, asked))
                    }
                    None => Err(CloseReason::NoVerdict),
                };
                asked.unwrap_or_else(|reason| {
                    settled.failed = Some(reason);
                    Waits::Over
                })
            }
        };
        Box::new(Check { generation, settled, record, peer: asker.peer, waits })
    }

    /// Asks a server, if that is who is to be asked.
    pub(super) fn ask(&mut self, upstream: &mut Port, cx: &mut Cx<'_>) {
        if let Waits::Server(_, _, asked) = &mut self.waits
            && let Err(reason) = asked.send(upstream, cx)
        {
            self.heard(Err(reason), upstream, cx);
        }
    }

    /// Takes the answer to an action.
    pub(super) fn input(&mut self, input: Input, ports: &mut [Port; 2], cx: &mut Cx<'_>) {
        match (&mut self.waits, input) {
            (Waits::Server(_, _, asked), input) => {
                if let Err(reason) = asked.input(input, ports, cx) {
                    self.heard(Err(reason), &mut ports[1], cx);
                }
                return;
            }
            (Waits::File(_), Input::Looked(Some(there))) => self.settled.files.settle(there),
            (Waits::Password(rule, _), Input::Verified(Some(right))) => {
                let verdict = if right { Verdict::Passed } else { Verdict::Refused };
                self.settled.verdicts.put(*rule, verdict);
            }
            (Waits::File(_), Input::Looked(None))
            | (Waits::Password(..), Input::Verified(None)) => {
                self.settled.failed = Some(CloseReason::Overloaded);
            }
            // The answer to a question that was given up.
            _ => return,
        }
        self.waits = Waits::Over;
    }

    /// What the server says, or why there is nothing.
    fn heard(
        &mut self,
        verdict: Result<Verdict, CloseReason>,
        upstream: &mut Port,
        cx: &mut Cx<'_>,
    ) {
        let Waits::Server(rule, _, asked) = std::mem::replace(&mut self.waits, Waits::Over) else {
            return;
        };
        match verdict {
            Ok(verdict) => self.settled.verdicts.put(rule, verdict),
            Err(reason) => {
                let route = &asked.exchange().route;
                tracing::debug!(rule = %route.name, cause = reason.sentence(), "no verdict");
                self.settled.failed = Some(CloseReason::NoVerdict);
            }
        }
        asked.end(upstream, cx);
    }

    /// Whether the rules can be tried again.
    pub(super) fn advance(&mut self, ports: &mut [Port; 2], cx: &mut Cx<'_>) -> bool {
        match &mut self.waits {
            Waits::File(until) | Waits::Password(_, until) if cx.now >= *until => {
                self.settled.failed = Some(CloseReason::Overloaded);
                self.settled.late = true;
                self.waits = Waits::Over;
            }
            Waits::Server(_, until, _) if cx.now >= *until => {
                self.heard(Err(CloseReason::UpstreamTimeout), &mut ports[1], cx);
            }
            Waits::Server(rule, _, asked) => {
                let verdict = match auth_of(&self.generation, *rule) {
                    Some(auth) => asked.advance(auth, ports, cx),
                    None => Some(Err(CloseReason::NoVerdict)),
                };
                if let Some(verdict) = verdict {
                    self.heard(verdict, &mut ports[1], cx);
                }
            }
            Waits::File(_) | Waits::Password(..) | Waits::Over => {}
        }
        matches!(self.waits, Waits::Over)
    }

    /// What goes on with a server that is asked.
    pub(super) fn exchange(&self) -> Option<&Exchange> {
        match &self.waits {
            Waits::Server(_, _, asked) => Some(asked.exchange()),
            _ => None,
        }
    }

    /// When it is given up; `active` is when bytes last moved.
    pub(super) fn deadline(&self, active: Millis) -> Millis {
        match &self.waits {
            Waits::File(until) | Waits::Password(_, until) => *until,
            Waits::Server(_, until, asked) => asked.deadline(active).min(*until),
            Waits::Over => Millis::default(),
        }
    }
}

/// The server that the rule of this number asks.
fn auth_of(generation: &Generation, rule: u32) -> Option<&Auth> {
    match generation.deeds.get(rule as usize)? {
        Deed::Guard(Guard::Auth(auth)) => Some(auth),
        _ => None,
    }
}
