//! What was found out about a request while it waited; the rules are tried anew with it.

use std::cell::OnceCell;

use crate::base::FileKind;
use crate::proto::http::Pairs;

use super::reason::CloseReason;

/// Whether there is such a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileQuestion {
    /// Its path.
    pub path: Box<[u8]>,
    /// What it is to be.
    pub kind: FileKind,
}

/// All that is known of one request beside what it says itself.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// What conditions ask of files.
    pub(super) files: Files,
    /// What guards have said.
    pub(super) verdicts: Verdicts,
    /// Whoever was asked did not answer.
    pub(super) failed: Option<CloseReason>,
    /// And may still do so: nobody who asks next may take that for their answer.
    pub(super) late: bool,
}

/// What came of asking a guard.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The request goes on.
    Passed,
    /// It goes on, with these fields in place of the client's.
    Vouched(Pairs),
    /// It does not.
    Refused,
    /// It does not, and the client is answered this status with these fields.
    Barred(u16, Pairs),
}

/// What guards have said, by the numbers of their rules.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Vec<(u32, Verdict)>);

impl Verdicts {
    /// What came of asking this one.
    pub(super) fn of(&self, rule: u32) -> Option<&Verdict> {
        self.0.iter().find(|(known, _)| *known == rule).map(|(_, verdict)| verdict)
    }

    /// That came of it.
    pub(super) fn put(&mut self, rule: u32, verdict: Verdict) {
        self.0.push((rule, verdict));
    }
}

/// Files that were asked about.
#[derive(Debug, Default)]
pub(super) struct Files {
    known: Vec<(FileQuestion, bool)>,
    /// What somebody wanted to know and nobody does.
    wanted: OnceCell<FileQuestion>,
}

impl Settled {
    /// Forgets it all.
    pub(super) fn clear(&mut self) {
        self.files.known.clear();
        self.files.wanted.take();
        self.verdicts.0.clear();
        (self.failed, self.late) = (None, false);
    }
}

impl Files {
    /// Whether there is such a file. If nobody knows, no, and it is wanted from now on.
    pub(super) fn has(&self, path: &[u8], kind: FileKind) -> bool {
        let is_it = |question: &FileQuestion| *question.path == *path && question.kind == kind;
        match self.known.iter().find(|(question, _)| is_it(question)) {
            Some((_, there)) => *there,
            None => {
                self.wanted.get_or_init(|| FileQuestion { path: path.into(), kind });
                false
            }
        }
    }

    /// What is wanted.
    pub(super) fn wanted(&self) -> Option<&FileQuestion> {
        self.wanted.get()
    }

    /// What is wanted is known now.
    pub(super) fn settle(&mut self, there: bool) {
        self.known.extend(self.wanted.take().map(|question| (question, there)));
    }
}
