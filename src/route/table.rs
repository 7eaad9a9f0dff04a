//! All rules of a generation, compiled; asking which of them a request matches.

use crate::base::Problem;

use super::captures::Captures;
use super::compile::{self, Compiled};
use super::index::{Gather, Index};
use super::matcher::{Matcher, Matchers};
use super::program::Search;
use super::rule::{Facts, Rule, Subject};

/// The rules of a generation, ready to be asked; immutable and shared by all workers.
#[derive(Debug)]
pub struct Table {
    pub(super) index: Index,
    pub(super) rules: Vec<Compiled>,
    pub(super) conditions: Vec<Matcher>,
    pub(super) matchers: Matchers,
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
    /// Empty when the rule did not ask for them or has no condition.
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
        scratch.gather.rules.iter().find_map(|&rule| self.try_rule(rule, facts, search))
    }

    fn try_rule(&self, number: u32, facts: &Facts<'_>, search: &mut Search) -> Option<Found> {
        let rule = &self.rules[number as usize];
        let conditions = &self.conditions[rule.start as usize..][..usize::from(rule.len)];
        let mut found = Found { rule: number, subject: Subject::Path, captures: Captures::NONE };
        let mut plain = conditions;
        let mut wanted = None;
        if rule.captures
            && let Some((last, others)) = conditions.split_last()
        {
            (plain, wanted) = (others, Some(last));
        }
        for condition in plain {
            if !self.matchers.test(condition, facts.get(condition.subject), search) {
                return None;
            }
        }
        if let Some(last) = wanted {
            found.subject = last.subject;
            found.captures = self.matchers.captures(last, facts.get(last.subject), search)?;
        }
        Some(found)
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Bytes on the heap, about.
    pub fn memory(&self) -> usize {
        self.index.memory()
            + self.matchers.memory()
            + self.rules.capacity() * size_of::<Compiled>()
            + self.conditions.capacity() * size_of::<Matcher>()
    }
}
