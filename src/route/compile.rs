//! Turns the rules of a configuration into a table, and says everything that is wrong with them at once.

use regex_syntax::hir::Hir;

use crate::base::{Place, Problem};

use super::index::Index;
use super::literal;
use super::matcher::{Matcher, Matchers};
use super::pattern::{self, Letters};
use super::program::Known;
use super::rule::{Condition, Rule, Subject};
use super::shelf::{self, Sketch};
use super::table::Table;
use super::trie::number;

/// So many rules that nothing narrows are taken without a word.
const ALWAYS_MAX: usize = 32;

/// A rule: where its conditions are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compiled {
    pub(super) start: u32,
    pub(super) len: u16,
    /// The groups of the last condition are wanted.
    pub(super) captures: bool,
}

/// Compiles `rules`; see [`Table::compile`].
pub(super) fn table(rules: &[Rule], problems: &mut Vec<Problem>) -> Option<Table> {
    let mut compiler = Compiler::default();
    for rule in rules {
        compiler.rule(rule);
    }
    let failed = compiler.problems.iter().any(Problem::is_error);
    problems.append(&mut compiler.problems);
    if failed {
        return None;
    }
    let (index, always) = Index::build(&compiler.sketches, &shelf::choose(&compiler.sketches))
        .map_err(|message| problems.push(Problem::error(None, message)))
        .ok()?;
    problems.extend(slow(rules, &always));
    let Compiler { rules, conditions, matchers, .. } = compiler;
    Some(Table { index, rules, conditions, matchers })
}

/// The warning that many rules have to be tried on every request.
fn slow(rules: &[Rule], always: &[u32]) -> Option<Problem> {
    if always.len() <= ALWAYS_MAX {
        return None;
    }
    let first = rules.get(*always.first()? as usize)?.conditions.first();
    let message = format!(
        "{} rules, this one the first, have no text by which they can be found and are tried on every \
         request; begin them with ^ and as much of the path as is fixed",
        always.len()
    );
    Some(Problem::warning(first.and_then(|first| first.place.clone()), message))
}

/// What has been compiled so far.
#[derive(Default)]
struct Compiler {
    rules: Vec<Compiled>,
    conditions: Vec<Matcher>,
    matchers: Matchers,
    known: Known,
    sketches: Vec<Sketch>,
    problems: Vec<Problem>,
}

impl Compiler {
    fn rule(&mut self, rule: &Rule) {
        let mut sketch = Sketch { prefixes: vec![Box::default()], ..Sketch::default() };
        let mut conditions: Vec<&Condition> = rule.conditions.iter().collect();
        let captured = conditions.iter().position(|condition| condition.subject == Subject::Path);
        if rule.captures && !conditions.is_empty() {
            let captured = conditions.remove(captured.unwrap_or(0));
            conditions.push(captured);
        }
        let start = number(self.conditions.len());
        for condition in &conditions {
            if let Err(problem) = self.condition(condition, &mut sketch) {
                self.problems.push(problem);
            }
        }
        let len = u16::try_from(conditions.len()).unwrap_or_else(|_| {
            let place = conditions.first().and_then(|first| first.place.clone());
            self.problems.push(Problem::error(place, "more than 65535 conditions in one rule"));
            0
        });
        let captures = rule.captures && len > 0;
        self.rules.push(Compiled { start, len, captures });
        self.sketches.push(sketch);
    }

    fn condition(&mut self, condition: &Condition, sketch: &mut Sketch) -> Result<(), Problem> {
        let letters = match condition.subject {
            Subject::Path => Letters::AsWritten,
            Subject::Host => Letters::Lower,
        };
        let at = |offset| shifted(condition.place.as_ref(), offset);
        let hir = pattern::parse(&condition.regex, letters)
            .map_err(|error| Problem::error(at(error.offset), error.message))?;
        let matcher = self
            .matchers
            .add(condition.subject, &hir, &mut self.known)
            .map_err(|message| Problem::error(at(0), message))?;
        self.conditions.push(matcher);
        match condition.subject {
            Subject::Path => self.path(condition, hir, sketch),
            Subject::Host => host(hir, sketch),
        }
        Ok(())
    }

    fn path(&mut self, condition: &Condition, hir: Hir, sketch: &mut Sketch) {
        let Some(prefixes) = literal::prefixes(&hir) else {
            sketch.path.get_or_insert(hir);
            return;
        };
        if !prefixes.iter().any(|prefix| prefix.starts_with(b"/") || prefix.starts_with(b"*")) {
            let message = "never matches: a path begins with /";
            self.problems.push(Problem::warning(condition.place.clone(), message));
        }
        sketch.prefixes = prefixes;
        sketch.path = Some(hir);
    }
}

fn host(hir: Hir, sketch: &mut Sketch) {
    if let Some(hosts) = literal::exact(&hir) {
        sketch.hosts = Some(hosts);
    }
    sketch.host = Some(hir);
}

/// A place so many characters further on.
fn shifted(place: Option<&Place>, offset: u32) -> Option<Place> {
    let mut place = place?.clone();
    if place.column > 0 {
        place.column = place.column.saturating_add(offset);
    }
    Some(place)
}
