//! What a rule says and what a request shows of itself, as plain data.

use crate::base::Place;
use crate::config::{self, Placed};

use super::purpose::{Purpose, Purposes};

/// What a condition looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject {
    /// The canonical path as it is matched, without the query.
    Path,
    /// The host in lower case, without port and trailing dot: see
    /// [`comparable`](crate::proto::http::host::comparable).
    Host,
}

/// The subjects of one request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// See [`Subject::Path`].
    pub path: &'a [u8],
    /// See [`Subject::Host`].
    pub host: &'a [u8],
    /// What it is for.
    pub purpose: Purpose,
}

impl<'a> Facts<'a> {
    /// The text a condition on `subject` looks at.
    pub fn get(&self, subject: Subject) -> &'a [u8] {
        match subject {
            Subject::Path => self.path,
            Subject::Host => self.host,
        }
    }
}

/// One condition of a rule: a regex that must match.
#[derive(Clone, Debug)]
pub struct Condition {
    /// What it looks at.
    pub subject: Subject,
    /// The regex, as it was written.
    pub regex: String,
    /// Where its first character is, for problems.
    pub place: Option<Place>,
}

/// One rule; it matches when all of its conditions do, and always when it has none.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// All of them must match.
    pub conditions: Vec<Condition>,
    /// What it is for must be one of these.
    pub purposes: Purposes,
    /// The highest of `$0` to `$9` that anybody will ask for; captures that nobody wants cost nothing. They are
    /// those of the first condition on the path, else of the first condition.
    pub captures: Option<u8>,
}

impl From<&config::Rule> for Rule {
    fn from(rule: &config::Rule) -> Rule {
        let condition = |subject, regex: &Placed<String>| Condition {
            subject,
            regex: regex.value.clone(),
            place: Some(regex.place.clone()),
        };
        let path = rule.path.iter().map(|regex| condition(Subject::Path, regex));
        let host = rule.host.iter().map(|regex| condition(Subject::Host, regex));
        let purposes = rule.websocket.iter().map(Purposes::of).fold(Purposes::ALL, Purposes::and);
        let captures = rule.action.value.highest_capture();
        Rule { conditions: path.chain(host).collect(), purposes, captures }
    }
}
