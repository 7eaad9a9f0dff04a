//! From files named in a configuration to acceptors: all of them, or every reason why not.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::KeyLog;

use super::acceptor::{Acceptor, Parts, Profile};
use super::credentials::{self, Credentials, Facts};
use super::files::{self, Files};
use super::rule::{Mode, Rule};
use super::suites::Agreement;
use super::tickets::{Identity, Tickets, Used};
use crate::base::{Place, Problem, RuleId};

/// What one listener shall present.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Its address, as it is configured.
    pub listener: String,
    /// For whoever asks for no other name.
    pub own: Presented,
    /// By name, in lower case; `*.` at the start of one stands for one label.
    pub named: Vec<(String, Presented)>,
    /// Versions, suites and groups.
    pub agreement: Agreement,
    /// How long tickets live; `None`: there are none.
    pub tickets: Option<Duration>,
    /// Files with lists of revoked certificates, for all whose certificate is asked for.
    pub lists: Vec<Named>,
}

/// A certificate, and who has to show one in return.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The file of the certificate and of what stands between it and its root.
    pub certificate: Named,
    /// The file of its key.
    pub key: Named,
    /// The file of authorities whose clients are welcome, and whether all others are not.
    pub clients: Option<(Named, bool)>,
}

/// A file, and where it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it is.
    pub path: PathBuf,
    /// Who says so.
    pub place: Place,
}

/// What came of it.
#[derive(Debug)]
pub struct Built {
    /// In the order of the terms; `None` when anything is wrong with any of them.
    pub acceptors: Option<Vec<Arc<Acceptor>>>,
    /// What was read for it.
    pub files: Files,
    /// Each certificate once.
    pub certificates: Vec<Certificate>,
    /// The keys of tickets it needs: all others can go once the acceptors are in their places.
    pub used: Used,
}

/// A certificate that is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its file.
    pub path: PathBuf,
    /// What it says.
    pub facts: Facts,
}

/// Builds the acceptors of all listeners. Errors in `problems` come with no acceptors. No ticket key is forgotten for it:
/// see [`Tickets::keep`].
pub fn build(
    terms: &[Terms],
    tickets: &Tickets,
    key_log: Arc<dyn KeyLog>,
    problems: &mut Vec<Problem>,
) -> Built {
    let mut builder = Builder {
        tickets,
        key_log,
        files: Files::default(),
        credentials: HashMap::new(),
        certificates: Vec::new(),
        used: Vec::new(),
        problems: Vec::new(),
    };
    let acceptors: Vec<_> = terms.iter().map(|terms| builder.acceptor(terms)).collect();
    let acceptors: Option<Vec<_>> = acceptors.into_iter().collect();
    let failed = acceptors.is_none() || builder.problems.iter().any(Problem::is_error);
    problems.append(&mut builder.problems);
    Built {
        acceptors: acceptors.filter(|_| !failed),
        files: builder.files,
        certificates: builder.certificates,
        used: Used(builder.used),
    }
}

struct Builder<'a> {
    tickets: &'a Tickets,
    key_log: Arc<dyn KeyLog>,
    files: Files,
    /// By certificate and key; `None`: something is wrong with them, and was said.
    credentials: HashMap<(PathBuf, PathBuf), Option<Arc<Credentials>>>,
    certificates: Vec<Certificate>,
    used: Vec<Identity>,
    problems: Vec<Problem>,
}

impl Builder<'_> {
    /// Goes on after a problem, to find all of them.
    fn acceptor(&mut self, terms: &Terms) -> Option<Arc<Acceptor>> {
        let own = self.profile(terms, None, &terms.own);
        let mut named = Vec::new();
        let mut whole = true;
        for (name, presented) in &terms.named {
            match self.profile(terms, Some(name), presented) {
                Some(profile) => named.push((name.as_str(), profile)),
                None => whole = false,
            }
        }
        own.filter(|_| whole).map(|own| Arc::new(Acceptor::new(own, named)))
    }

    fn profile(
        &mut self,
        terms: &Terms,
        name: Option<&String>,
        presented: &Presented,
    ) -> Option<Arc<Profile>> {
        let credentials = self.credentials(presented, &terms.agreement);
        let rule = self.rule(terms, presented);
        let (credentials, (rule, id)) = (credentials?, rule?);
        if let Some(name) = name.filter(|name| !credentials.is_for(name)) {
            let said = format!("the certificate is not for {name}: browsers will refuse it");
            self.warn(&presented.certificate, &said);
        }
        let identity = |lifetime| Identity {
            listener: terms.listener.clone(),
            name: name.cloned(),
            rule: id,
            lifetime,
        };
        let ticketer = match terms.tickets.map(identity) {
            Some(identity) => {
                let Ok(ticketer) = self.tickets.of(&identity) else {
                    return self
                        .fail(&presented.certificate, "there are no random numbers to be had");
                };
                self.used.push(identity);
                Some(ticketer)
            }
            None => None,
        };
        let profile = Profile::new(Parts {
            certified: &credentials.certified,
            verifier: rule.verifier,
            rule: id,
            ticketer,
            agreement: &terms.agreement,
            key_log: Arc::clone(&self.key_log),
        });
        match profile {
            Ok(profile) => Some(Arc::new(profile)),
            Err(error) => self.fail(&presented.certificate, &error.to_string()),
        }
    }

    fn credentials(
        &mut self,
        presented: &Presented,
        agreement: &Agreement,
    ) -> Option<Arc<Credentials>> {
        let Presented { certificate, key, .. } = presented;
        let both = (certificate.path.clone(), key.path.clone());
        if let Some(known) = self.credentials.get(&both) {
            return known.clone();
        }
        let found = self.load(certificate, key, agreement).map(Arc::new);
        self.credentials.insert(both, found.clone());
        found
    }

    fn load(
        &mut self,
        certificate: &Named,
        key: &Named,
        agreement: &Agreement,
    ) -> Option<Credentials> {
        let chain = self.parsed(certificate, credentials::certificates);
        let private = self.parsed(key, credentials::key);
        if private.is_some() && files::open_to_others(&key.path) {
            self.warn(key, credentials::OPEN_KEY);
        }
        let pair = credentials::pair(chain?, private?, &agreement.provider);
        let mut found = match pair {
            Ok(found) => found,
            Err((about_key, said)) => {
                return self.fail(if about_key { key } else { certificate }, &said);
            }
        };
        if let Err(said) = found.staple(&certificate.path, &mut self.files) {
            let path = credentials::ocsp_path(&certificate.path);
            self.warn(&Named { path, place: certificate.place.clone() }, &said);
        }
        self.check_dates(certificate, &found.facts);
        let known = self.certificates.iter().any(|known| known.path == certificate.path);
        if !known {
            let shown = Certificate { path: certificate.path.clone(), facts: found.facts.clone() };
            self.certificates.push(shown);
        }
        Some(found)
    }

    fn check_dates(&mut self, certificate: &Named, facts: &Facts) {
        let now = SystemTime::now();
        if facts.not_after <= now {
            self.warn(certificate, "the certificate has expired: browsers will refuse it");
        } else if facts.not_before > now {
            self.warn(certificate, "the certificate is not valid yet: browsers will refuse it");
        }
    }

    fn rule(&mut self, terms: &Terms, presented: &Presented) -> Option<(Rule, RuleId)> {
        let Some((authorities, mandatory)) = &presented.clients else {
            let rule = Rule::open();
            let id = self.tickets.rule(rule.digest);
            return Some((rule, id));
        };
        let mode = if *mandatory { Mode::Mandatory } else { Mode::Optional };
        let certificates = self.parsed(authorities, credentials::certificates);
        let mut lists = Some(Vec::new());
        for list in &terms.lists {
            let found = self.parsed(list, credentials::lists);
            lists = lists.zip(found).map(|(lists, found)| [lists, found].concat());
        }
        match Rule::asking(mode, &certificates?, &lists?, &terms.agreement.provider) {
            Ok(rule) => {
                let id = self.tickets.rule(rule.digest);
                Some((rule, id))
            }
            Err(said) => self.fail(authorities, &said),
        }
    }

    /// Reads a file and what is in it.
    fn parsed<T>(&mut self, file: &Named, parse: impl Fn(&[u8]) -> Result<T, String>) -> Option<T> {
        let parsed = self.files.read(&file.path).and_then(|content| parse(&content));
        parsed.map_or_else(|said| self.fail(file, &said), Some)
    }

    fn fail<T>(&mut self, file: &Named, said: &str) -> Option<T> {
        self.say(Problem::error(Some(file.place.clone()), message(&file.path, said)));
        None
    }

    fn warn(&mut self, file: &Named, said: &str) {
        self.say(Problem::warning(Some(file.place.clone()), message(&file.path, said)));
    }

    /// Once: several listeners may name the same file at the same place.
    fn say(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

fn message(path: &Path, said: &str) -> String {
    format!("{}: {said}", path.display())
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
