//! All rules of a generation, compiled; asking which of them a request matches.

use crate::base::Problem;
use crate::config::Template;

use super::captures::Captures;
use super::compile;
use super::index::{Gather, Index};
use super::matcher::{Matcher, Matchers};
use super::program::Search;
use super::purpose::{Purpose, Purposes};
use super::rule::{Facts, Rule, Source};
use super::texts::Texts;

/// The rules of a generation, ready to be asked; immutable and shared by all workers.
#[derive(Debug)]
pub struct Table {
    pub(super) index: Index,
    pub(super) steps: Vec<Step>,
    pub(super) matchers: Matchers,
    /// What the texts of [`Source::Text`] are made of.
    pub(super) templates: Vec<Template>,
    pub(super) len: usize,
}

/// One condition of a rule; a rule is a run of them, so that one line of cache usually holds all of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) matcher: Matcher,
    /// The number of its rule.
    pub(super) rule: u32,
    /// What follows when it matches.
    pub(super) then: Then,
    /// What its rule takes.
    pub(super) purposes: Purposes,
    /// It holds when its matcher does not match.
    pub(super) negated: bool,
    /// Which condition of its rule it is, as that is written; beyond 255, 255.
    pub(super) condition: u8,
}

/// What follows a step that matches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Then {
    /// The next condition of the rule.
    Next,
    /// The rule matches.
    Done,
    /// The rule matches, and the groups of this condition are wanted.
    Captures,
}

/// Memory that asking needs; a worker keeps one for all its tables.
#[derive(Debug)]
pub struct Scratch {
    gather: Gather,
    search: Search,
    texts: Texts,
    /// The groups of the last rule that was found and wants some.
    captures: Captures,
    /// How many of the rules that were gathered have been tried.
    tried: usize,
}

impl Scratch {
    /// Memory for any table. It grows with what is asked and then stays.
    pub fn new() -> Scratch {
        let (gather, texts) = (Gather::default(), Texts::default());
        Scratch { gather, search: Search::new(), texts, captures: Captures::NONE, tried: 0 }
    }

    /// Where the groups of the rule that was found last are, until the next [`Table::next`]; nowhere when it did not ask
    /// for them.
    pub fn captures(&self, found: &Found) -> &Captures {
        if found.captured { &self.captures } else { &Captures::NONE }
    }

    /// The text that a rule found its captures in, until the next [`Table::begin`].
    pub fn text<'a>(&'a self, source: Source, facts: &Facts<'a>) -> &'a [u8] {
        match source {
            Source::Path => facts.path,
            Source::Host => facts.host,
            Source::Text(n) => self.texts.get(n),
        }
    }

    /// How many rules the index left to be tried for the last request.
    #[cfg(test)]
    pub(super) fn candidates(&self) -> usize {
        self.gather.rules.len()
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch::new()
    }
}

/// The rule a request matches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Found {
    /// Its number, from 0.
    pub rule: u32,
    /// Whose text the captures are positions in.
    pub source: Source,
    /// Whether it asked for [`Scratch::captures`].
    captured: bool,
}

/// Why a rule does not match.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refuted {
    /// It takes WebSockets only, or none, or only those of other drafts, but the request is for this.
    Purpose(Purpose),
    /// One of its conditions does not hold.
    Condition {
        /// Which one, from 0.
        number: usize,
        /// What it looked at.
        text: Vec<u8>,
        /// What it compared that with, where the request says that as well.
        other: Option<Vec<u8>>,
    },
}

impl Table {
    /// Compiles `rules`; what is wrong or costly is added to `problems`. `None` when any of it is an error: a table
    /// without one of its rules would let requests pass that the rule was meant to catch.
    pub fn compile(rules: &[Rule], problems: &mut Vec<Problem>) -> Option<Table> {
        compile::table(rules, problems)
    }

    /// The first rule that matches; nothing is allocated once `scratch` has grown.
    pub fn find(&self, facts: &Facts<'_>, scratch: &mut Scratch) -> Option<Found> {
        self.begin(facts, scratch);
        self.next(0, facts, scratch)
    }

    /// Begins to look for rules: a new request, or one that says something else now.
    pub fn begin(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        let Scratch { gather, texts, tried, .. } = scratch;
        texts.turn();
        *tried = 0;
        self.index.gather(facts, gather, texts, &self.templates);
    }

    /// The next rule that matches, of those not tried yet and not before rule number `from`.
    pub fn next(&self, from: u32, facts: &Facts<'_>, scratch: &mut Scratch) -> Option<Found> {
        let Scratch { gather, search, texts, captures, tried } = scratch;
        while let Some(&first) = gather.rules.get(*tried) {
            *tried += 1;
            if self.steps[first as usize].rule >= from
                && let Some(found) = self.try_rule(first, facts, (search, captures), texts)
            {
                return Some(found);
            }
        }
        None
    }

    /// Whether all steps of a rule match, from its first to its last.
    fn try_rule(
        &self,
        first: u32,
        facts: &Facts<'_>,
        (search, captures): (&mut Search, &mut Captures),
        texts: &mut Texts,
    ) -> Option<Found> {
        for step in &self.steps[first as usize..] {
            if !step.purposes.contains(facts.purpose) {
                return None;
            }
            let captured = step.then == Then::Captures;
            if captured {
                *captures = self.captured(step, facts, search, texts)?;
            } else if !self.holds(step, facts, search, texts) {
                return None;
            }
            if step.then != Then::Next {
                return Some(Found { rule: step.rule, source: step.matcher.source, captured });
            }
        }
        None
    }

    /// Why a rule does not match; `None` if it does. For people: a request is never asked this.
    pub fn refute(&self, rule: u32, facts: &Facts<'_>, scratch: &mut Scratch) -> Option<Refuted> {
        let Scratch { search, texts, .. } = scratch;
        let first = self.steps.partition_point(|step| step.rule < rule);
        let steps = self.steps.iter().skip(first).take_while(|step| step.rule == rule);
        for step in steps {
            if !step.purposes.contains(facts.purpose) {
                return Some(Refuted::Purpose(facts.purpose));
            }
            if !self.holds(step, facts, search, texts) {
                let text = match step.matcher.source {
                    Source::Path => facts.path,
                    Source::Host => facts.host,
                    Source::Text(n) => texts.get(n),
                };
                let other = self.matchers.other(&step.matcher).map(|other| texts.get(other));
                return Some(Refuted::Condition {
                    number: step.condition.into(),
                    text: text.to_vec(),
                    other: other.map(<[u8]>::to_vec),
                });
            }
        }
        None
    }

    /// Whether one step holds.
    fn holds(
        &self,
        step: &Step,
        facts: &Facts<'_>,
        search: &mut Search,
        texts: &mut Texts,
    ) -> bool {
        let (text, other) = self.subjects(step, facts, texts);
        self.matchers.test(&step.matcher, text, other, facts.says, search) != step.negated
    }

    /// Where the groups of a step are, if it holds.
    fn captured(
        &self,
        step: &Step,
        facts: &Facts<'_>,
        search: &mut Search,
        texts: &mut Texts,
    ) -> Option<Captures> {
        debug_assert!(!step.negated, "what does not match has no groups");
        let (text, _) = self.subjects(step, facts, texts);
        self.matchers.captures(&step.matcher, text, search)
    }

    /// What a step looks at, and what it compares that with.
    #[inline]
    fn subjects<'t>(
        &self,
        step: &Step,
        facts: &Facts<'t>,
        texts: &'t mut Texts,
    ) -> (&'t [u8], &'t [u8]) {
        match step.matcher.source {
            Source::Path => (facts.path, b""),
            Source::Host => (facts.host, b""),
            Source::Text(n) => {
                texts.make(n, &self.templates, facts.says);
                let other = self.matchers.other(&step.matcher);
                if let Some(other) = other {
                    texts.make(other, &self.templates, facts.says);
                }
                (texts.get(n), other.map(|other| texts.get(other)).unwrap_or_default())
            }
        }
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rules at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap, about.
    pub fn memory(&self) -> usize {
        self.index.memory() + self.matchers.memory() + self.steps.capacity() * size_of::<Step>()
    }
}
