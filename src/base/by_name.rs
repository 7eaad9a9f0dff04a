//! What holds for each host name: certificates, and rules for client certificates.

use std::collections::HashMap;

/// Names one rule for client certificates, for as long as the process runs: mode, CAs and CRLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleId(u32);

impl RuleId {
    /// The one of this number.
    pub fn nth(n: usize) -> RuleId {
        RuleId(u32::try_from(n).unwrap_or(u32::MAX))
    }
}

/// Something for each name: the exact one before the wildcard before what holds for all others.
#[derive(Debug)]
pub struct ByName<T> {
    exact: HashMap<Box<str>, T>,
    /// By what follows `*.`.
    wildcard: HashMap<Box<str>, T>,
    own: T,
}

impl<T> ByName<T> {
    /// Only what holds for all names.
    pub fn new(own: T) -> ByName<T> {
        ByName { exact: HashMap::new(), wildcard: HashMap::new(), own }
    }

    /// `name` is in lower case; `*.` at its start stands for exactly one label, as in certificates.
    pub fn insert(&mut self, name: &str, found: T) {
        match name.strip_prefix("*.") {
            Some(parent) => self.wildcard.insert(parent.into(), found),
            None => self.exact.insert(name.into(), found),
        };
    }

    /// What there is for `name`, which is in lower case.
    pub fn get(&self, name: &str) -> &T {
        let name = name.strip_suffix('.').unwrap_or(name);
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(wildcard).unwrap_or(&self.own)
    }

    /// What holds for all others.
    pub fn own(&self) -> &T {
        &self.own
    }

    /// All there is.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.exact.values().chain(self.wildcard.values()).chain([&self.own])
    }
}

/// Which rule holds for each host of a listener.
#[derive(Debug)]
pub struct NameRules {
    rules: ByName<RuleId>,
    /// The one rule there is, if there is but one.
    only: Option<RuleId>,
}

impl NameRules {
    /// From the rule of each name.
    pub fn new(rules: ByName<RuleId>) -> NameRules {
        let own = *rules.own();
        let only = rules.all().all(|rule| *rule == own).then_some(own);
        NameRules { rules, only }
    }

    /// The rule of `host`, which is in lower case and without a port. A request whose host falls under another rule
    /// than its connection is misdirected (421, RFC 9110 section 15.5.20).
    pub fn rule_of(&self, host: &str) -> RuleId {
        self.only.unwrap_or_else(|| *self.rules.get(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_exact_before_wildcard_before_own() {
        let mut names = ByName::new("own");
        names.insert("a.example.com", "exact");
        names.insert("*.example.com", "wildcard");
        names.insert("*.a.example.com", "deeper");
        for (name, found) in [
            ("a.example.com", "exact"),
            ("a.example.com.", "exact"),
            ("b.example.com", "wildcard"),
            ("b.a.example.com", "deeper"),
            ("c.b.example.com", "own"),
            ("example.com", "own"),
            ("com", "own"),
            ("", "own"),
            ("127.0.0.1", "own"),
        ] {
            assert_eq!(*names.get(name), found, "{name}");
        }
    }

    #[test]
    fn rules_are_told_apart_by_name() {
        let mut rules = ByName::new(RuleId(0));
        rules.insert("same.example.com", RuleId(0));
        assert_eq!(NameRules::new(rules).rule_of("anything"), RuleId(0));
        let mut rules = ByName::new(RuleId(0));
        rules.insert("guarded.example.com", RuleId(1));
        let rules = NameRules::new(rules);
        assert_eq!(rules.rule_of("guarded.example.com"), RuleId(1));
        assert_eq!(rules.rule_of("example.com"), RuleId(0));
    }
}
