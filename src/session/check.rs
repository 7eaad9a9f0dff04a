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

use crate::base::Millis;
use crate::route::Puzzle;

use super::access_log::Record;
use super::cx::{Action, Cx, Input};
use super::peer::Peer;
use super::reason::CloseReason;
use super::settings::Generation;
use super::settled::{FileQuestion, Settled, Verdict};

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
#[derive(Clone, Copy, Debug)]
enum Waits {
    /// A look at the disk, until then.
    File(Millis),
    /// A password of this rule, until then.
    Password(u32, Millis),
    /// Nothing any more.
    Over,
}

impl Check {
    /// Asks.
    pub(super) fn begin(query: Query, record: Record, peer: Peer, cx: &mut Cx<'_>) -> Box<Check> {
        let waits = match query {
            Query::File(question) => {
                cx.actions.push(Action::Look(question));
                Waits::File(cx.now + LOOKING)
            }
            Query::Password(rule, puzzle) => {
                cx.actions.push(Action::Verify(puzzle));
                Waits::Password(rule, cx.now + COMPARING)
            }
        };
        let settled = std::mem::take(&mut cx.scratch.settled);
        Box::new(Check { generation: Arc::clone(cx.generation), settled, record, peer, waits })
    }

    /// Takes the answer to an action.
    pub(super) fn input(&mut self, input: Input) {
        match (self.waits, input) {
            (Waits::File(_), Input::Looked(Some(there))) => self.settled.files.settle(there),
            (Waits::Password(rule, _), Input::Verified(Some(right))) => {
                let verdict = if right { Verdict::Passed } else { Verdict::Refused };
                self.settled.verdicts.put(rule, verdict);
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

    /// Whether the rules can be tried again.
    pub(super) fn advance(&mut self, cx: &Cx<'_>) -> bool {
        if !matches!(self.waits, Waits::Over) && cx.now >= self.deadline() {
            self.settled.failed = Some(CloseReason::Overloaded);
            self.settled.late = true;
            self.waits = Waits::Over;
        }
        matches!(self.waits, Waits::Over)
    }

    /// When it is given up.
    pub(super) fn deadline(&self) -> Millis {
        match self.waits {
            Waits::File(until) | Waits::Password(_, until) => until,
            Waits::Over => Millis::default(),
        }
    }
}
