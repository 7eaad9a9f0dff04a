//! All rules of a generation, compiled; asking which of them a request matches.

use crate::base::Problem;

use super::captures::Captures;
use super::compile;
use super::index::{Gather, Index};
use super::matcher::{Matcher, Matchers};
use super::program::Search;
use super::purpose::Purposes;
use super::rule::{Facts, Rule, Subject};

/// The rules of a generation, ready to be asked; immutable and shared by all workers.
#[derive(Debug)]
pub struct Table {
    pub(super) index: Index,
    pub(super) steps: Vec<Step>,
    pub(super) matchers: Matchers,
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
}

impl Scratch {
    /// Memory for any table. It grows with what is asked and then stays.
    pub fn new() -> Scratch {
        Scratch { gather: Gather::default(), search: Search::new() }
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
    pub subject: Subject,
    /// Empty when the rule did not ask for them.
    pub captures: Captures,
}

impl Table {
    /// Compiles `rules`; what is wrong or costly is added to `problems`. `None` when any of it is an error: a table
    /// without one of its rules would let requests pass that the rule was meant to catch.
    pub fn compile(rules: &[Rule], problems: &mut Vec<Problem>) -> Option<Table> {
        compile::table(rules, problems)
    }

    /// The first rule that matches; nothing is allocated once `scratch` has grown.
    pub fn find(&self, facts: &Facts<'_>, scratch: &mut Scratch) -> Option<Found> {
        self.index.gather(facts, &mut scratch.gather);
        let search = &mut scratch.search;
        scratch.gather.rules.iter().find_map(|&first| self.try_rule(first, facts, search))
    }

    /// Whether all steps of a rule match, from its first to its last.
    fn try_rule(&self, first: u32, facts: &Facts<'_>, search: &mut Search) -> Option<Found> {
        for step in &self.steps[first as usize..] {
            if !step.purposes.contains(facts.purpose) {
                return None;
            }
            let subject = step.matcher.subject;
            let text = facts.get(subject);
            let captures = match step.then {
                Then::Captures => self.matchers.captures(&step.matcher, text, search)?,
                _ if self.matchers.test(&step.matcher, text, search) => Captures::NONE,
                _ => return None,
            };
            if step.then != Then::Next {
                return Some(Found { rule: step.rule, subject, captures });
            }
        }
        None
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
