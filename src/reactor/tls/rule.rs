//! Rules for client certificates: who is asked for one, and who vouches for it.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

/// SHA-256 of what makes a rule.
pub(super) type Digest = [u8; 32];

/// Names one rule for client certificates, for as long as the process runs: mode, CAs and CRLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleId(u32);

impl RuleId {
    pub(super) fn nth(n: usize) -> RuleId {
        RuleId(u32::try_from(n).unwrap_or(u32::MAX))
    }
}

/// Whom of the clients a listener asks for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It may show one.
    Optional,
    /// Without a good one there is no connection.
    Mandatory,
}

/// A rule, ready for rustls.
pub(super) struct Rule {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    pub(super) digest: Digest,
}

impl Rule {
    /// Nobody is asked.
    pub(super) fn open() -> Rule {
        Rule { verifier: WebPkiClientVerifier::no_client_auth(), digest: sum(&[b"open"]) }
    }

    /// Certificates by one of `authorities` are good, unless one of `lists` names them. With any list there has
    /// to be one for each authority of a chain, not out of date.
    ///
    /// # Errors
    /// What is wrong with an authority or a list.
    pub(super) fn asking(
        mode: Mode,
        authorities: &[CertificateDer<'static>],
        lists: &[CertificateRevocationListDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Rule, String> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority.clone()).map_err(|error| error.to_string())?;
        }
        let mut builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .with_crls(lists.iter().cloned())
                .enforce_revocation_expiration();
        let mut parts: Vec<&[u8]> = match mode {
            Mode::Optional => vec![b"optional"],
            Mode::Mandatory => vec![b"mandatory"],
        };
        if mode == Mode::Optional {
            builder = builder.allow_unauthenticated();
        }
        parts.extend(authorities.iter().map(|authority| authority.as_ref()));
        parts.push(b"lists");
        parts.extend(lists.iter().map(|list| list.as_ref()));
        let verifier = builder.build().map_err(|error| error.to_string())?;
        Ok(Rule { verifier, digest: sum(&parts) })
    }
}

/// The digest of `parts`, which no other parts have.
fn sum(parts: &[&[u8]]) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut sum = Digest::default();
    for (slot, byte) in sum.iter_mut().zip(context.finish().as_ref()) {
        *slot = *byte;
    }
    sum
}

/// Something for each name: the exact one before the wildcard before what holds for all others.
#[derive(Debug)]
pub(super) struct ByName<T> {
    exact: HashMap<Box<str>, T>,
    /// By what follows `*.`.
    wildcard: HashMap<Box<str>, T>,
    own: T,
}

impl<T> ByName<T> {
    pub(super) fn new(own: T) -> ByName<T> {
        ByName { exact: HashMap::new(), wildcard: HashMap::new(), own }
    }

    /// `name` is in lower case; `*.` at its start stands for exactly one label, as in certificates.
    pub(super) fn insert(&mut self, name: &str, found: T) {
        match name.strip_prefix("*.") {
            Some(parent) => self.wildcard.insert(parent.into(), found),
            None => self.exact.insert(name.into(), found),
        };
    }

    /// What there is for `name`, which is in lower case.
    pub(super) fn get(&self, name: &str) -> &T {
        let name = name.strip_suffix('.').unwrap_or(name);
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(wildcard).unwrap_or(&self.own)
    }

    pub(super) fn own(&self) -> &T {
        &self.own
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
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
    pub(super) fn new(rules: ByName<RuleId>) -> NameRules {
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

    #[test]
    fn parts_are_not_confused() {
        assert_ne!(sum(&[b"ab", b"c"]), sum(&[b"a", b"bc"]));
        assert_eq!(sum(&[b"ab"]), sum(&[b"ab"]));
    }
}
