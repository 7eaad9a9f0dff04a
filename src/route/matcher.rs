//! One condition made ready: a literal compared apart, and a program only for what is left.

use regex_syntax::hir::{Hir, HirKind, Look};

use super::captures::Captures;
use super::literal::is_anchored;
use super::program::{Known, Programs, Search};
use super::rule::{Says, Source};
use super::trial::{self, Trial};
use super::trie::number;

/// Whether a subject matches, complete in itself: the index only spares the asking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matcher {
    pub(super) source: Source,
    /// Where the literal a match begins with is in [`Matchers::literals`].
    literal: u32,
    literal_len: u32,
    rest: Rest,
}

/// What must follow the literal.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// Anything: `^/api`.
    Open,
    /// Nothing: `^/api$`.
    End,
    /// What a program matches from there on, or, without an anchor, anywhere: equal ones are shared.
    Program(u32),
    /// No regex at all: this trial.
    Trial(u32),
}

/// What all matchers of a table share.
#[derive(Debug, Default)]
pub(super) struct Matchers {
    literals: Vec<u8>,
    programs: Programs,
    trials: Vec<Trial>,
}

impl Matcher {
    /// What a rule without conditions has.
    pub(super) const ALWAYS: Matcher =
        Matcher { source: Source::Path, literal: 0, literal_len: 0, rest: Rest::Open };
}

impl Matchers {
    /// Compiles the regex of a condition.
    pub(super) fn add(
        &mut self,
        source: Source,
        hir: &Hir,
        known: &mut Known,
    ) -> Result<Matcher, String> {
        let anchored = is_anchored(hir);
        let (literal, rest) = split(hir);
        let rest = match rest {
            None => Rest::Open,
            Some(rest) if anchored && is_look(&rest, Look::End) => Rest::End,
            Some(rest) => Rest::Program(self.programs.add(&rest, anchored, known)?),
        };
        let start = number(self.literals.len());
        self.literals.extend_from_slice(literal);
        Ok(Matcher { source, literal: start, literal_len: number(literal.len()), rest })
    }

    /// Adds a trial of a text.
    pub(super) fn add_trial(&mut self, source: Source, trial: Trial) -> Matcher {
        let rest = Rest::Trial(number(self.trials.len()));
        self.trials.push(trial);
        Matcher { source, rest, ..Matcher::ALWAYS }
    }

    /// The other text that `matcher` has to do with.
    pub(super) fn other(&self, matcher: &Matcher) -> Option<u16> {
        match matcher.rest {
            Rest::Trial(trial) => match self.trials[trial as usize] {
                Trial::Compares(_, other) => Some(other),
                Trial::In(_) | Trial::ClientIn(_) | Trial::Exists(_) => None,
            },
            Rest::Open | Rest::End | Rest::Program(_) => None,
        }
    }

    /// Whether `matcher` matches `subject`; `other` is the text that it is compared with.
    pub(super) fn test(
        &self,
        matcher: &Matcher,
        subject: &[u8],
        other: &[u8],
        says: &dyn Says,
        search: &mut Search,
    ) -> bool {
        let literal = self.literal(matcher);
        subject.starts_with(literal)
            && match matcher.rest {
                Rest::Open => true,
                Rest::End => subject.len() == literal.len(),
                Rest::Program(program) => {
                    self.programs.search(program, subject, literal.len(), false, search)
                }
                Rest::Trial(trial) => match &self.trials[trial as usize] {
                    Trial::Compares(how, _) => trial::compare(*how, subject, other),
                    Trial::In(networks) => trial::is_in(networks, subject),
                    Trial::Exists(kind) => says.exists(subject, *kind),
                    Trial::ClientIn(networks) => trial::holds(networks, says.address()),
                },
            }
    }

    /// Where the groups are when `matcher` matches `subject`.
    pub(super) fn captures(
        &self,
        matcher: &Matcher,
        subject: &[u8],
        search: &mut Search,
    ) -> Option<Captures> {
        let literal = self.literal(matcher);
        if !subject.starts_with(literal) {
            return None;
        }
        match matcher.rest {
            Rest::Open | Rest::Trial(_) => Some(Captures::whole(0..literal.len())),
            Rest::End => {
                (subject.len() == literal.len()).then(|| Captures::whole(0..literal.len()))
            }
            Rest::Program(program) => {
                search.slots.fill(None);
                let start = if literal.is_empty() { None } else { Some(0) };
                self.programs
                    .search(program, subject, literal.len(), true, search)
                    .then(|| Captures::from_slots(&search.slots, start))
            }
        }
    }

    fn literal(&self, matcher: &Matcher) -> &[u8] {
        &self.literals[matcher.literal as usize..][..matcher.literal_len as usize]
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        self.literals.capacity()
            + self.programs.memory()
            + self.trials.capacity() * size_of::<Trial>()
    }
}

/// Cuts `^literal` off the front of a regex; what is left of `^/svc-17/(\w+)$` is the same for every service.
fn split(hir: &Hir) -> (&[u8], Option<Hir>) {
    let parts = match hir.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    let Some((_, rest)) = parts.split_first().filter(|(first, _)| is_look(first, Look::Start))
    else {
        return (b"", Some(hir.clone()));
    };
    let (literal, rest) = match rest.split_first().map(|(first, rest)| (first.kind(), rest)) {
        Some((HirKind::Literal(literal), rest)) => (&*literal.0, rest),
        _ => (b"".as_slice(), rest),
    };
    (literal, (!rest.is_empty()).then(|| Hir::concat(rest.to_vec())))
}

fn is_look(hir: &Hir, look: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(found) if *found == look)
}
