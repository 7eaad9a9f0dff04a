//! A configuration while its sections are read: what refers to other sections is still text.

use super::condition::{self, Condition, Subject, Test};
use super::model::{Config, Placed};
use super::settings::Settings;
use super::value::{Fault, Value};
use crate::base::{Place, Problem};

/// What the main sections and upstreams have said so far.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) settings: Settings,
    pub(super) default: Option<Value>,
    pub(super) admin: Option<Value>,
    /// How `websockets-memory` was said.
    pub(super) websocket_memory: Option<Placed<String>>,
    pub(super) rules: Vec<RuleDraft>,
    /// What is to be said though nothing is wrong.
    pub(super) notices: Vec<Problem>,
    /// Which section is being read, counted in the order of the text.
    pub(super) section: usize,
}

/// A rule whose action is still text, or a label between rules.
pub(super) struct RuleDraft {
    /// Which section it stands in.
    pub(super) section: usize,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) conditions: Vec<Condition>,
    /// `None`: it is a label.
    pub(super) action: Option<Value>,
    /// `None`: those of the main section.
    pub(super) settings: Option<Settings>,
}

/// A `[route:NAME]` section.
pub(super) struct RouteDraft {
    /// Conditions that a later one of the same key replaces, by that key.
    single: Vec<(&'static str, Condition)>,
    /// Conditions of keys that may be repeated.
    listed: Vec<Condition>,
    pub(super) to: Option<Value>,
    pub(super) settings: Settings,
}

impl RouteDraft {
    pub(super) fn new(settings: Settings) -> RouteDraft {
        RouteDraft { single: Vec::new(), listed: Vec::new(), to: None, settings }
    }

    /// Sets the regex of `key`, which looks at `subject`.
    pub(super) fn matches(
        &mut self,
        key: &'static str,
        subject: Subject,
        value: &Value,
    ) -> Result<(), Fault> {
        let regex = value.filled("expected a regex such as ^/ws/")?.to_owned();
        self.single(key, Test::Matches { subject, regex }, false, value);
        Ok(())
    }

    /// Sets the condition of `key`.
    pub(super) fn single(&mut self, key: &'static str, test: Test, negated: bool, value: &Value) {
        self.single.retain(|(known, _)| *known != key);
        self.single.push((key, Condition { test, negated, place: value.place_at(0) }));
    }

    /// Adds a condition as `route-if` has it.
    pub(super) fn condition(&mut self, negated: bool, value: &Value) -> Result<(), Fault> {
        self.listed.push(condition::parse(value, negated)?);
        Ok(())
    }

    /// All its conditions.
    pub(super) fn conditions(&self) -> Vec<Condition> {
        let single = self.single.iter().map(|(_, condition)| condition);
        single.chain(&self.listed).cloned().collect()
    }
}

impl Draft {
    /// `route = REGEX ACTION`: the first white space ends the regex.
    pub(super) fn rule(&mut self, subject: Subject, value: &Value) -> Result<(), Fault> {
        let said = match value.text() {
            "" => "expected REGEX ACTION, as in ^/ws/ http:127.0.0.1:9000",
            _ => "expected a space and an action behind the regex, as in ^/ws/ http:127.0.0.1:9000",
        };
        let (regex, action) = cut(value, said)?;
        let (place, regex) = (regex.place_at(0), regex.text().to_owned());
        let name = regex.clone();
        let test = Test::Matches { subject, regex };
        let conditions = vec![Condition { test, negated: false, place: place.clone() }];
        self.push(name, place, conditions, Some(action));
        Ok(())
    }

    /// `route-if = CONDITION ACTION`, and with `negated` `route-if-not`.
    pub(super) fn rule_if(&mut self, negated: bool, value: &Value) -> Result<(), Fault> {
        let said = "expected CONDITION ACTION, as in is-websocket: http:127.0.0.1:9000";
        let (condition, action) = cut(value, said)?;
        let not = if negated { "!" } else { "" };
        let name = format!("{not}{}", condition.text());
        let conditions = vec![condition::parse(&condition, negated)?];
        self.push(name, condition.place_at(0), conditions, Some(action));
        Ok(())
    }

    /// `route-run = ACTION`.
    pub(super) fn rule_run(&mut self, action: &Value) -> Result<(), Fault> {
        let name = action.filled("expected an action such as http:127.0.0.1:9000")?.to_owned();
        self.push(name, action.place_at(0), Vec::new(), Some(action.clone()));
        Ok(())
    }

    /// `route-label = NAME`.
    pub(super) fn label(&mut self, value: &Value) -> Result<(), Fault> {
        let name = value.filled("expected a name that some goto: can name")?.to_owned();
        self.push(name, value.place_at(0), Vec::new(), None);
        Ok(())
    }

    fn push(
        &mut self,
        name: String,
        place: Place,
        conditions: Vec<Condition>,
        action: Option<Value>,
    ) {
        let section = self.section;
        self.rules.push(RuleDraft { section, name, place, conditions, action, settings: None });
    }
}

/// What stands before the first white space, and behind it; `said`: what is expected.
fn cut(value: &Value, said: &str) -> Result<(Value, Value), Fault> {
    let text = value.text();
    match text.find([' ', '\t']) {
        Some(space) => Ok((value.slice(0..space), value.slice(space..text.len()))),
        None => Err(Fault::at(text.len(), said)),
    }
}
