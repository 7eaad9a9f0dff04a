//! A configuration while its sections are read: what refers to other sections is still text.

use super::condition::{self, WebSocketCondition};
use super::model::{Config, Placed};
use super::settings::{Settings, WebSocketDraft};
use super::value::{Fault, Value};
use crate::base::{Place, Problem};

/// What the main sections and upstreams have said so far.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) settings: Settings,
    pub(super) default: Option<Value>,
    pub(super) admin: Option<Value>,
    pub(super) rules: Vec<RuleDraft>,
    /// What is to be said though nothing is wrong.
    pub(super) notices: Vec<Problem>,
    /// Which section is being read, counted in the order of the text.
    pub(super) section: usize,
}

/// A rule whose action is still text.
pub(super) struct RuleDraft {
    /// Which section it stands in.
    pub(super) section: usize,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) host: Option<Placed<String>>,
    pub(super) path: Option<Placed<String>>,
    pub(super) websocket: Vec<WebSocketCondition>,
    pub(super) action: Value,
    /// `None`: those of the main section.
    pub(super) settings: Option<Settings>,
}

/// A `[route:NAME]` section.
pub(super) struct RouteDraft {
    pub(super) host: Option<Placed<String>>,
    pub(super) path: Option<Placed<String>>,
    pub(super) is_websocket: Option<bool>,
    pub(super) websocket_draft: Option<WebSocketDraft>,
    pub(super) to: Option<Value>,
    pub(super) settings: Settings,
}

impl RouteDraft {
    /// Its conditions on what a request opens.
    pub(super) fn websocket(&self) -> Vec<WebSocketCondition> {
        let is = self.is_websocket.map(|is| WebSocketCondition { draft: None, negated: !is });
        let draft = |draft| WebSocketCondition { draft: Some(draft), negated: false };
        is.into_iter().chain(self.websocket_draft.map(draft)).collect()
    }
}

/// What the regex of a one-line rule is matched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Path,
    Host,
}

impl Draft {
    /// `route = REGEX ACTION`: the first white space ends the regex.
    pub(super) fn rule(&mut self, on: Condition, value: &Value) -> Result<(), Fault> {
        let text = value.text();
        let Some(space) = text.find([' ', '\t']) else {
            let said = match text.is_empty() {
                true => "expected REGEX ACTION, as in ^/ws/ http:127.0.0.1:9000",
                false => {
                    "expected a space and an action behind the regex, as in ^/ws/ http:127.0.0.1:9000"
                }
            };
            return Err(Fault::at(text.len(), said));
        };
        let regex = value.slice(0..space);
        let action = value.slice(space..text.len());
        let pattern = Some(regex.placed(regex.text().to_owned()));
        let (host, path) = match on {
            Condition::Host => (pattern, None),
            Condition::Path => (None, pattern),
        };
        self.rules.push(RuleDraft {
            section: self.section,
            name: regex.text().into(),
            place: regex.place_at(0),
            host,
            path,
            websocket: Vec::new(),
            action,
            settings: None,
        });
        Ok(())
    }

    /// `route-if = CONDITION ACTION`, and with `negated` `route-if-not`.
    pub(super) fn rule_if(&mut self, negated: bool, value: &Value) -> Result<(), Fault> {
        let text = value.text();
        let Some(space) = text.find([' ', '\t']) else {
            let said = "expected CONDITION ACTION, as in is-websocket: http:127.0.0.1:9000";
            return Err(Fault::at(text.len(), said));
        };
        let condition = value.slice(0..space);
        let not = if negated { "!" } else { "" };
        self.rules.push(RuleDraft {
            section: self.section,
            name: format!("{not}{}", condition.text()),
            place: condition.place_at(0),
            host: None,
            path: None,
            websocket: vec![condition::parse(&condition, negated)?],
            action: value.slice(space..text.len()),
            settings: None,
        });
        Ok(())
    }
}
