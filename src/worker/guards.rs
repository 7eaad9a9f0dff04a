//! Guards made from a configuration; what they count and know outlives it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::base::Problem;
use crate::config::{self, Action, Rule, Who};
use crate::reactor::UserFiles;
use crate::route::{Keeper, Known, Limit, Rates};
use crate::session::Guard;

/// What guards of all configurations share.
#[derive(Debug, Default)]
pub struct Guards {
    /// Files of users.
    pub files: UserFiles,
    rates: OnceLock<Arc<Rates>>,
}

/// Sets up the guards of one configuration.
pub(super) struct Posts<'a> {
    guards: &'a Guards,
    problems: &'a mut Vec<Problem>,
    /// Limits that are written alike, counted: each counts for itself.
    alike: HashMap<(&'a str, &'a str), usize>,
    /// One cannot be set up.
    pub(super) failed: bool,
}

impl<'a> Posts<'a> {
    pub(super) fn new(guards: &'a Guards, problems: &'a mut Vec<Problem>) -> Posts<'a> {
        Posts { guards, problems, alike: HashMap::new(), failed: false }
    }

    /// The guard of a rule, if its action is one.
    pub(super) fn guard(&mut self, rule: &'a Rule) -> Option<Guard> {
        let Action::Guard(guard) = &rule.action.value else { return None };
        match guard {
            config::Guard::Password(password) => self.keeper(rule, password).map(Guard::Password),
            // It needs servers, as routes do.
            config::Guard::Auth(_) => None,
            config::Guard::Limit(limit) => {
                let rates = self.guards.rates.get_or_init(Arc::default);
                let nth = self.alike.entry((&rule.name, &rule.said)).or_default();
                *nth += 1;
                Some(Guard::Limit(Limit::new(rates, limit, (&rule.name, &rule.said, *nth))))
            }
        }
    }

    fn keeper(&mut self, rule: &Rule, password: &config::Password) -> Option<Keeper> {
        let who = match &password.who {
            Who::Nobody => Known::Nobody,
            Who::User { name, password } => {
                Known::User { name: name.clone(), password: password.clone() }
            }
            Who::File(path) => match self.guards.files.open(path) {
                Ok((file, told)) => {
                    let warnings = told.into_iter().map(|said| Problem::warning(None, said));
                    self.problems.extend(warnings);
                    Known::File(file)
                }
                Err(error) => {
                    let said = format!("{}: cannot be read: {error}", path.display());
                    let place = Some(rule.action.place.clone());
                    self.problems.push(Problem::error(place, said));
                    self.failed = true;
                    return None;
                }
            },
        };
        Some(Keeper { realm: password.realm.clone(), who, next: password.next })
    }
}
