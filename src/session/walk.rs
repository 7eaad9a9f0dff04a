//! The way of a request through the rules, to the one that takes it.

use std::sync::Arc;

use crate::route::{Captures, Facts, Found, Scratch};

use super::settings::{Deed, Generation, Route};

/// What takes a request, and what its rule captured.
pub(super) type Taken<'g> = (&'g Arc<Route>, Option<Found>);

/// Tries the rules in their order. `None`: nothing takes it.
pub(super) fn walk<'g>(
    generation: &'g Generation,
    facts: &Facts<'_>,
    scratch: &mut Scratch,
) -> Option<Taken<'g>> {
    let table = &generation.table;
    table.begin(facts, scratch);
    let mut from = 0;
    while let Some(found) = table.next(from, facts, scratch) {
        match generation.deeds.get(found.rule as usize)? {
            Deed::Go(route) => return Some((generation.routes.get(*route)?, Some(found))),
            Deed::Goto(rule) => from = *rule,
            Deed::Last => break,
        }
    }
    generation.fallback.as_ref().map(|route| (route, None))
}

/// What a rule captured, and in which text.
pub(super) fn captured<'a>(
    found: Option<&'a Found>,
    facts: &Facts<'a>,
    scratch: &'a Scratch,
) -> (&'a Captures, &'a [u8]) {
    match found {
        Some(found) => (&found.captures, scratch.text(found.source, facts)),
        None => (&Captures::NONE, b""),
    }
}
