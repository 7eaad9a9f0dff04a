//! What a rule says and what a request shows of itself, as plain data.

use crate::base::Place;

/// What a condition looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject {
    /// The canonical path as it is matched, without the query.
    Path,
    /// The host in lower case, without port and trailing dot: see [`normal_host`](super::normal_host).
    Host,
}

/// The subjects of one request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// See [`Subject::Path`].
    pub path: &'a [u8],
    /// See [`Subject::Host`].
    pub host: &'a [u8],
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
    /// Whether anybody will ask for `$0` to `$9`; they cost nothing otherwise.
    pub captures: bool,
}
