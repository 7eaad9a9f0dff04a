//! What a rule says and what a request shows of itself, as plain data.

use std::fmt;
use std::net::IpAddr;

use crate::base::FileKind;
use crate::config::{self, Condition, Variable};

use super::purpose::Purpose;

/// One text of a request, as a table knows it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Source {
    /// The canonical path as it is matched, without the query.
    Path,
    /// The host in lower case, without port and trailing dot: see
    /// [`comparable`](crate::proto::http::host::comparable).
    Host,
    /// One of the texts that conditions of the table put together, by its number.
    Text(u16),
}

/// The subjects of one request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// See [`Source::Path`].
    pub path: &'a [u8],
    /// See [`Source::Host`].
    pub host: &'a [u8],
    /// What it is for.
    pub purpose: Purpose,
    /// All else.
    pub says: &'a dyn Says,
}

/// Whoever knows the variables of a request.
pub trait Says: fmt::Debug {
    /// Hands over the value of a variable, in pieces; nothing where there is none.
    fn say(&self, variable: &Variable, put: &mut dyn FnMut(&[u8]));

    /// The client's address, which `REMOTE_ADDR` is as text.
    fn address(&self) -> Option<IpAddr>;

    /// Whether this is the path of such a file. Where nobody knows yet the answer is no; whoever asked for rules
    /// finds out, and asks again.
    fn exists(&self, path: &[u8], kind: FileKind) -> bool;
}

/// A request of which nothing is known but path and host.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Says for Silent {
    fn say(&self, _: &Variable, _: &mut dyn FnMut(&[u8])) {}

    fn address(&self) -> Option<IpAddr> {
        None
    }

    fn exists(&self, _: &[u8], _: FileKind) -> bool {
        false
    }
}

/// One rule; it matches when all of its conditions hold, and always when it has none.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// The highest of `$0` to `$9` that anybody will ask for; captures that nobody wants cost nothing. They are
    /// those of the first regex on the path, else on the host, else of the first.
    pub captures: Option<u8>,
}

impl From<&config::Rule> for Rule {
    fn from(rule: &config::Rule) -> Rule {
        Rule { conditions: rule.conditions.clone(), captures: rule.highest_capture() }
    }
}
