//! Rules compiled into an index; the lowest matching rule wins.
//!
//! A [`Table`] is made once per generation and asked once per request. Each rule is found by something every
//! request it matches must have: its exact host, the literal its path begins with, or, where many rules begin
//! alike, a literal that stands anywhere in path or host. The rules found are tried in order; a rule's own
//! matcher is complete, the index only leaves out what cannot match.
//!
//! ```text
//! host ──map──> trie of this host ──┐
//!               trie of any host  ──┼─ path ──> rules, sorted ──> matcher each ──> first match, captures
//! path, host ──Aho-Corasick────────┘
//! ```
//!
//! `shelf` chooses the literal, `index` holds the maps, `matcher` compares a rule's literal prefix and runs a
//! program for the rest, `program` shares equal programs and bounds what they take, `pattern` reads regexes
//! and explains the ones it refuses. What a request is for, a WebSocket or an answer, is no text and in no index:
//! a rule's set of them is looked at first (`purpose`).
//!
//! Beside the table stand those who let a request go on or not: `keeper` knows names and passwords, `rates` counts.

mod captures;
mod compile;
mod index;
mod keeper;
mod literal;
mod matcher;
mod pattern;
mod program;
mod purpose;
mod rates;
mod rule;
mod shelf;
mod table;
mod texts;
mod trial;
mod trie;

pub use crate::reactor::{Puzzle, Standing};
pub use captures::Captures;
pub use keeper::{Keeper, Known};
pub use purpose::{Purpose, Purposes};
pub use rates::{Limit, Rates};
pub use rule::{Facts, Rule, Says, Silent, Source};
pub use table::{Found, Refuted, Scratch, Table};

#[cfg(test)]
mod tests;
