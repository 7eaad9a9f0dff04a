//! Tokens of sessions: looked up by threads that may wait.

use std::path::Path;
use std::sync::Arc;

use crate::base::Key;
use crate::reactor::{Job, TokenAnswer};
use crate::session::{Input, Whereabouts};

use super::turn::Worker;

impl Worker {
    /// Has a session's token looked up.
    pub(super) fn find(&mut self, key: Key, file: Arc<Path>, token: String) {
        let job = Job::Find { file, token };
        if self.lookups.submit(job, key.to_u64(), self.courier.clone()).is_err() {
            self.answer(key, Input::Found(Whereabouts::Overloaded));
        }
    }

    /// A session's token was looked up.
    pub(super) fn looked_up(&mut self, key: Key, answer: TokenAnswer) {
        let found = match answer {
            TokenAnswer::At(addresses) => Whereabouts::At(addresses),
            TokenAnswer::Unknown => Whereabouts::Unknown,
            TokenAnswer::Unreadable => Whereabouts::Unreadable,
        };
        self.answer_and_drive(key, Input::Found(found));
    }
}
