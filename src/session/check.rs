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

use super::access_log::Record;
use super::cx::{Action, Cx, Input};
use super::peer::Peer;
use super::reason::CloseReason;
use super::settings::Generation;
use super::settled::{FileQuestion, Settled};

/// How long a disk may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a rule wants to know.
#[derive(Debug)]
pub(super) enum Query {
    /// Whether there is a file.
    File(FileQuestion),
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
    /// An answer is awaited, until then.
    until: Option<Millis>,
}

impl Check {
    /// Asks.
    pub(super) fn begin(query: Query, record: Record, peer: Peer, cx: &mut Cx<'_>) -> Box<Check> {
        match query {
            Query::File(question) => cx.actions.push(Action::Look(question)),
        }
        Box::new(Check {
            generation: Arc::clone(cx.generation),
            settled: std::mem::take(&mut cx.scratch.settled),
            record,
            peer,
            until: Some(cx.now + PATIENCE),
        })
    }

    /// Takes the answer to an action.
    pub(super) fn input(&mut self, input: Input) {
        if let (Input::Looked(there), Some(_)) = (input, self.until) {
            match there {
                Some(there) => self.settled.files.settle(there),
                None => self.settled.failed = Some(CloseReason::Overloaded),
            }
            self.until = None;
        }
    }

    /// Whether the rules can be tried again.
    pub(super) fn advance(&mut self, cx: &Cx<'_>) -> bool {
        if self.until.is_some_and(|until| cx.now >= until) {
            self.settled.failed = Some(CloseReason::Overloaded);
            self.settled.late = true;
            self.until = None;
        }
        self.until.is_none()
    }

    /// When it is given up.
    pub(super) fn deadline(&self) -> Millis {
        self.until.unwrap_or_default()
    }
}
