//! The one table of keys: the parser, the command line, `docs/config.md` and `conf/full.ini` come
//! from it.
//!
//! One file per heading. A key that is known but cannot be had says so instead of being ignored:
//! what is not in this version and what uWSGI has and tidegate refuses are errors, what has no
//! effect here is said once.

mod bodies;
mod channels;
mod file;
mod key;
mod listeners;
mod logging;
mod routes;
mod time;
mod tls;
mod upstreams;
mod uwsgi;
mod websockets;

pub(super) use key::Set;
pub use key::{Key, Kind, Scope, Status};
use key::{Outcome, key};

/// Keys under one heading.
#[derive(Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// A sentence or two on them.
    pub intro: &'static str,
    /// The keys.
    pub keys: &'static [Key],
}

/// All keys there are.
pub static GROUPS: &[Group] = &[
    file::GROUP,
    file::BLOCKS,
    listeners::GROUP,
    tls::GROUP,
    routes::GROUP,
    routes::SECTION,
    upstreams::GROUP,
    bodies::GROUP,
    time::GROUP,
    websockets::GROUP,
    channels::GROUP,
    logging::GROUP,
    uwsgi::GROUP,
];

/// All keys, in the order of documentation.
pub fn all() -> impl Iterator<Item = &'static Key> {
    GROUPS.iter().flat_map(|group| group.keys)
}

/// The key called `name` in sections of this scope.
pub fn find(scope: Scope, name: &str) -> Option<&'static Key> {
    all().find(|key| key.is_for(scope) && key.names().any(|known| known == name))
}

#[cfg(test)]
mod tests;
