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
use super::table::{Step, Table, Then};
use super::trie;

/// So many rules that nothing narrows are taken without a word.
const ALWAYS_MAX: usize = 32;

/// Compiles `rules`; see [`Table::compile`].
pub(super) fn table(rules: &[Rule], problems: &mut Vec<Problem>) -> Option<Table> {
    let mut compiler = Compiler::default();
    for (number, rule) in (0..).zip(rules) {
        compiler.rule(number, rule);
    }
    let failed = compiler.problems.iter().any(Problem::is_error);
    problems.append(&mut compiler.problems);
    if failed {
        return None;
    }
    let (index, always) = Index::build(&compiler.sketches, &shelf::choose(&compiler.sketches))
        .map_err(|message| problems.push(Problem::error(None, message)))
        .ok()?;
    problems.extend(slow(rules, &compiler.steps, &always));
    let Compiler { steps, matchers, .. } = compiler;
    Some(Table { index, steps, matchers, len: rules.len() })
}

/// The warning that many rules have to be tried on every request.
fn slow(rules: &[Rule], steps: &[Step], always: &[u32]) -> Option<Problem> {
    if always.len() <= ALWAYS_MAX {
        return None;
    }
    let first = steps.get(*always.first()? as usize)?.rule;
    let first = rules.get(first as usize)?.conditions.first();
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
    steps: Vec<Step>,
    matchers: Matchers,
    known: Known,
    sketches: Vec<Sketch>,
    problems: Vec<Problem>,
}

impl Compiler {
    fn rule(&mut self, number: u32, rule: &Rule) {
        let step = trie::number(self.steps.len());
        let mut sketch = Sketch { step, prefixes: vec![Box::default()], ..Sketch::default() };
        // Each with the highest capture that is asked of it; the one that is asked goes last.
        let all = rule.conditions.iter().map(|condition| (condition, 0));
        let mut conditions: Vec<(&Condition, u8)> = all.collect();
        if let Some(wanted) = rule.captures
            && !conditions.is_empty()
        {
            let of_path = |(condition, _): &(&Condition, u8)| condition.subject == Subject::Path;
            let asked = conditions.iter().position(of_path).unwrap_or(0);
            let (asked, _) = conditions.remove(asked);
            conditions.push((asked, wanted));
        }
        for (condition, wanted) in conditions {
            match self.condition(condition, wanted, &mut sketch) {
                Ok(matcher) => self.steps.push(Step::of(rule, number, matcher)),
                Err(problem) => self.problems.push(problem),
            }
        }
        let last = if rule.captures.is_some() { Then::Captures } else { Then::Done };
        match self.steps.get_mut(step as usize..).and_then(<[Step]>::last_mut) {
            Some(step) => step.then = last,
            None => {
                let step = Step::of(rule, number, Matcher::ALWAYS);
                self.steps.push(Step { then: last, ..step });
            }
        }
        self.sketches.push(sketch);
    }

    fn condition(
        &mut self,
        condition: &Condition,
        wanted: u8,
        sketch: &mut Sketch,
    ) -> Result<Matcher, Problem> {
        let letters = match condition.subject {
            Subject::Path => Letters::AsWritten,
            Subject::Host => Letters::Lower,
        };
        let at = |offset| shifted(condition.place.as_ref(), offset);
        let hir = pattern::parse(&condition.regex, letters)
            .map_err(|error| Problem::error(at(error.offset), error.message))?;
        let groups = hir.properties().explicit_captures_len();
        if groups < usize::from(wanted) {
            let message =
                format!("${wanted} is asked for, but this regex captures only up to ${groups}");
            return Err(Problem::error(at(0), message));
        }
        let matcher = self
            .matchers
            .add(condition.subject, &hir, &mut self.known)
            .map_err(|message| Problem::error(at(0), message))?;
        match condition.subject {
            Subject::Path => self.path(condition, hir, sketch),
            Subject::Host => host(hir, sketch),
        }
        Ok(matcher)
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

impl Step {
    /// A step of a rule, with more to follow.
    fn of(rule: &Rule, number: u32, matcher: Matcher) -> Step {
        Step { matcher, rule: number, then: Then::Next, purposes: rule.purposes }
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
