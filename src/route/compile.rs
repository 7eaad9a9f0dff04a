//! Turns the rules of a configuration into a table, and says everything that is wrong with them at once.

use regex_syntax::hir::{Hir, Look};

use crate::base::{Place, Problem};
use crate::config::{Cgi, Comparison, Condition, Subject, Template, Test};

use super::index::Index;
use super::literal;
use super::matcher::{Matcher, Matchers};
use super::pattern::{self, Letters};
use super::program::Known;
use super::purpose::Purposes;
use super::rule::{Rule, Source};
use super::shelf::{self, Sketch};
use super::table::{Step, Table, Then};
use super::trial::Trial;
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
    let Compiler { steps, matchers, templates, .. } = compiler;
    Some(Table { index, steps, matchers, templates, len: rules.len() })
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
    Some(Problem::warning(first.map(|first| first.place.clone()), message))
}

/// What has been compiled so far.
#[derive(Default)]
struct Compiler {
    steps: Vec<Step>,
    matchers: Matchers,
    templates: Vec<Template>,
    known: Known,
    sketches: Vec<Sketch>,
    problems: Vec<Problem>,
}

impl Compiler {
    fn rule(&mut self, number: u32, rule: &Rule) {
        let step = trie::number(self.steps.len());
        let mut sketch = Sketch { step, prefixes: vec![Box::default()], ..Sketch::default() };
        let mut purposes = Purposes::ALL;
        // The one whose captures are wanted goes last.
        let mut conditions: Vec<(usize, &Condition)> = rule.conditions.iter().enumerate().collect();
        let asked = rule.captures.and_then(|_| asked(&rule.conditions));
        if let Some(asked) = asked {
            let asked = conditions.remove(asked);
            conditions.push(asked);
        }
        for (at, (written, condition)) in conditions.iter().enumerate() {
            if let Test::Opens(draft) = condition.test {
                purposes = purposes.and(Purposes::of(draft, condition.negated));
                continue;
            }
            let is_asked = asked.is_some() && at + 1 == conditions.len();
            let wanted = rule.captures.filter(|_| is_asked).unwrap_or(0);
            match self.condition(condition, wanted, &mut sketch) {
                Ok(matcher) => self.steps.push(Step {
                    matcher,
                    rule: number,
                    then: Then::Next,
                    purposes,
                    negated: condition.negated,
                    condition: u8::try_from(*written).unwrap_or(u8::MAX),
                }),
                Err(problem) => self.problems.push(problem),
            }
        }
        let always = self.steps.len() == step as usize;
        if always {
            self.steps.push(Step::always(number));
        }
        // Groups that are wanted where no regex gives any are empty; the last condition is none the less a condition.
        let gives = rule.captures.is_some() && (asked.is_some() || always);
        let last = if gives { Then::Captures } else { Then::Done };
        for step in self.steps.iter_mut().skip(step as usize) {
            step.purposes = purposes;
        }
        if let Some(step) = self.steps.last_mut() {
            step.then = last;
        }
        self.sketches.push(sketch);
    }

    fn condition(
        &mut self,
        condition: &Condition,
        wanted: u8,
        sketch: &mut Sketch,
    ) -> Result<Matcher, Problem> {
        let error = |message| Problem::error(Some(condition.place.clone()), message);
        let (source, hir) = match &condition.test {
            Test::Matches { subject, regex } => {
                (self.source(subject).map_err(error)?, regex_of(condition, subject, regex, wanted)?)
            }
            Test::Compares { how, subject, with } => {
                let source = self.source(subject).map_err(error)?;
                match with.fixed() {
                    Some(fixed) => (source, literally(*how, fixed)),
                    None => {
                        let other = self.text(with).map_err(error)?;
                        return Ok(self.matchers.add_trial(source, Trial::Compares(*how, other)));
                    }
                }
            }
            Test::In { subject, networks } if *subject == Subject::cgi(Cgi::RemoteAddr) => {
                let trial = Trial::ClientIn(networks.clone());
                return Ok(self.matchers.add_trial(Source::Path, trial));
            }
            Test::In { subject, networks } => {
                let source = self.source(subject).map_err(error)?;
                return Ok(self.matchers.add_trial(source, Trial::In(networks.clone())));
            }
            Test::Exists { path, kind } => {
                let source = Source::Text(self.text(path).map_err(error)?);
                return Ok(self.matchers.add_trial(source, Trial::Exists(*kind)));
            }
            Test::Opens(_) => return Ok(Matcher::ALWAYS),
        };
        let matcher = self.matchers.add(source, &hir, &mut self.known).map_err(error)?;
        if !condition.negated {
            self.sketch(condition, source, hir, sketch);
        }
        Ok(matcher)
    }

    /// What the table calls a subject.
    fn source(&mut self, subject: &Subject) -> Result<Source, String> {
        match subject {
            Subject::Path => Ok(Source::Path),
            Subject::Host => Ok(Source::Host),
            Subject::Text(template) => self.text(template).map(Source::Text),
        }
    }

    /// The number of a text; equal ones are one.
    fn text(&mut self, template: &Template) -> Result<u16, String> {
        let known = self.templates.iter().position(|known| known == template);
        let at = known.unwrap_or(self.templates.len());
        if known.is_none() {
            self.templates.push(template.clone());
        }
        u16::try_from(at).map_err(|_| "over 65,536 different texts in conditions".to_owned())
    }

    /// Notes by what the rule can be found.
    fn sketch(&mut self, condition: &Condition, source: Source, hir: Hir, sketch: &mut Sketch) {
        match source {
            Source::Path => self.path(condition, hir, sketch),
            Source::Host => {
                if let Some(hosts) = literal::exact(&hir) {
                    sketch.hosts = Some(hosts);
                }
                sketch.host = Some(hir);
            }
            Source::Text(_) => sketch.texts.push((source, hir)),
        }
    }

    fn path(&mut self, condition: &Condition, hir: Hir, sketch: &mut Sketch) {
        let Some(prefixes) = literal::prefixes(&hir) else {
            sketch.path.get_or_insert(hir);
            return;
        };
        if !prefixes.iter().any(|prefix| prefix.starts_with(b"/") || prefix.starts_with(b"*")) {
            let message = "never matches: a path begins with /";
            self.problems.push(Problem::warning(Some(condition.place.clone()), message));
        }
        sketch.prefixes = prefixes;
        sketch.path = Some(hir);
    }
}

/// The condition whose captures are meant: of regexes, the path's, else the host's, else the first.
fn asked(conditions: &[Condition]) -> Option<usize> {
    let rank = |condition: &Condition| match &condition.test {
        Test::Matches { .. } if condition.negated => None,
        Test::Matches { subject: Subject::Path, .. } => Some(0),
        Test::Matches { subject: Subject::Host, .. } => Some(1),
        Test::Matches { .. } => Some(2),
        Test::Compares { .. } | Test::In { .. } | Test::Exists { .. } | Test::Opens(_) => None,
    };
    let ranked = conditions.iter().enumerate();
    ranked.filter_map(|(at, condition)| Some((rank(condition)?, at))).min().map(|(_, at)| at)
}

/// The regex of a condition, which must have as many groups as are wanted.
fn regex_of(
    condition: &Condition,
    subject: &Subject,
    regex: &str,
    wanted: u8,
) -> Result<Hir, Problem> {
    let letters = match subject {
        Subject::Host => Letters::Lower,
        Subject::Path | Subject::Text(_) => Letters::AsWritten,
    };
    let at = |offset| Some(shifted(&condition.place, offset));
    let hir = pattern::parse(regex, letters)
        .map_err(|error| Problem::error(at(error.offset), error.message))?;
    let groups = hir.properties().explicit_captures_len();
    if groups < usize::from(wanted) {
        let message =
            format!("${wanted} is asked for, but this regex captures only up to ${groups}");
        return Err(Problem::error(at(0), message));
    }
    Ok(hir)
}

/// The regex that a comparison with a fixed text is.
fn literally(how: Comparison, text: &str) -> Hir {
    let text = Hir::literal(text.as_bytes());
    let (start, end) = (Hir::look(Look::Start), Hir::look(Look::End));
    match how {
        Comparison::Equal => Hir::concat(vec![start, text, end]),
        Comparison::StartsWith => Hir::concat(vec![start, text]),
        Comparison::EndsWith => Hir::concat(vec![text, end]),
        Comparison::Contains => text,
    }
}

impl Step {
    /// The only step of a rule that takes all it may take.
    fn always(number: u32) -> Step {
        Step {
            matcher: Matcher::ALWAYS,
            rule: number,
            then: Then::Done,
            purposes: Purposes::ALL,
            negated: false,
            condition: 0,
        }
    }
}

/// A place so many characters further on.
fn shifted(place: &Place, offset: u32) -> Place {
    let mut place = place.clone();
    if place.column > 0 {
        place.column = place.column.saturating_add(offset);
    }
    place
}
