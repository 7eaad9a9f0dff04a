//! Conditions of `route-if` and `route-if-not`: `is-websocket:` and `websocket-draft:NAME`.

use super::nearest::hint;
use super::settings::WebSocketDraft;
use super::value::{Fault, Value};

/// What a request must be, or must not be, for a rule to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketCondition {
    /// A WebSocket handshake in this draft; `None`: in any, or in none that there is.
    pub draft: Option<WebSocketDraft>,
    /// It must not be one.
    pub negated: bool,
}

const THERE_ARE: &str = "there are is-websocket: and websocket-draft:NAME";
const DRAFTS: &str = "expected one of hixie-75, hixie-76, hybi-07, hybi-08 and 13";

/// Conditions of uWSGI that are not in this version.
const PLANNED: [&str; 9] = [
    "equal",
    "startswith",
    "endswith",
    "contains",
    "regexp",
    "empty",
    "exists",
    "ipv4in",
    "ipv6in",
];

/// Reads the condition in front of an action.
pub(super) fn parse(value: &Value, negated: bool) -> Result<WebSocketCondition, Fault> {
    let text = value.text();
    let (name, argument) = text.split_once(':').unwrap_or((text, ""));
    let draft = match name {
        "is-websocket" if argument.is_empty() => None,
        "is-websocket" => {
            return Err(Fault::at(name.len() + 1, "expected nothing behind the colon"));
        }
        "websocket-draft" => {
            let start = name.len() + 1;
            let argument = value.slice(start.min(text.len())..text.len());
            Some(draft(&argument).map_err(|fault| Fault::at(start, fault.expected))?)
        }
        _ if PLANNED.contains(&name) => {
            let said = format!("the condition {name}: is not in this version; {THERE_ARE}");
            return Err(Fault::new(said));
        }
        _ => {
            let hint = hint(name, ["is-websocket", "websocket-draft"]);
            return Err(Fault::new(format!("there is no condition {name}:{hint} ({THERE_ARE})")));
        }
    };
    Ok(WebSocketCondition { draft, negated })
}

/// The name of one draft.
pub(super) fn draft(value: &Value) -> Result<WebSocketDraft, Fault> {
    value.one_of(&WebSocketDraft::NAMES).map_err(|_| Fault::new(DRAFTS))
}
