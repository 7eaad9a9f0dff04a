//! What sessions want to know that takes time: tokens, files and passwords, by threads that may wait.

use std::path::Path;
use std::sync::Arc;

use crate::base::Key;
use crate::reactor::{Job, Puzzle, TokenAnswer};
use crate::session::{FileQuestion, Input, Whereabouts};

use super::turn::Worker;

impl Worker {
    /// Has a session's token looked up.
    pub(super) fn find(&mut self, key: Key, file: Arc<Path>, token: String) {
        let job = Job::Find { file, token };
        if self.lookups.submit(job, key.to_u64(), self.courier.clone()).is_err() {
            self.answer(key, Input::Found(Whereabouts::Overloaded));
        }
    }

    /// Has a file looked for.
    pub(super) fn look(&mut self, key: Key, question: FileQuestion) {
        let FileQuestion { path, kind } = question;
        let job = Job::Look { path, kind };
        if self.offload.submit(job, key.to_u64(), self.courier.clone()).is_err() {
            self.answer(key, Input::Looked(None));
        }
    }

    /// Has a password compared with its hash.
    pub(super) fn verify(&mut self, key: Key, puzzle: Puzzle) {
        let job = Job::Verify(puzzle);
        if self.passwords.submit(job, key.to_u64(), self.courier.clone()).is_err() {
            self.answer(key, Input::Verified(None));
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
