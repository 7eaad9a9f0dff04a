//! What a TLS listener presents: a configuration for each name, chosen before the handshake.

use std::sync::Arc;
use std::time::Duration;

use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{KeyLog, ServerConfig};

use super::suites::Agreement;
use super::tickets::Ticketer;
use crate::base::{ByName, NameRules, RuleId};

/// What one TLS listener presents. It never changes: when files do, a whole new one takes its place, and
/// connections keep what they have.
#[derive(Debug)]
pub struct Acceptor {
    profiles: ByName<Arc<Profile>>,
    names: Arc<NameRules>,
}

/// What a client is met with that asked for one of some names.
#[derive(Debug)]
pub struct Profile {
    /// For rustls.
    pub config: Arc<ServerConfig>,
    /// The rule for client certificates it falls under.
    pub rule: RuleId,
}

impl Acceptor {
    pub(super) fn new(own: Arc<Profile>, named: Vec<(&str, Arc<Profile>)>) -> Acceptor {
        let mut rules = ByName::new(own.rule);
        let mut profiles = ByName::new(own);
        for (name, profile) in named {
            rules.insert(name, profile.rule);
            profiles.insert(name, profile);
        }
        Acceptor { profiles, names: Arc::new(NameRules::new(rules)) }
    }

    /// The profile for the name a client asks for, which is in lower case: the exact name's before the wildcard's
    /// before the listener's own.
    pub fn choose(&self, server_name: Option<&str>) -> &Arc<Profile> {
        server_name.map_or_else(|| self.profiles.own(), |name| self.profiles.get(name))
    }

    /// Which rule holds for each host.
    pub fn names(&self) -> &Arc<NameRules> {
        &self.names
    }
}

/// What a profile is made of.
pub(super) struct Parts<'a> {
    pub(super) certified: &'a Arc<CertifiedKey>,
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    pub(super) rule: RuleId,
    /// `None`: no session is resumed.
    pub(super) ticketer: Option<Arc<Ticketer>>,
    pub(super) agreement: &'a Agreement,
    pub(super) key_log: Arc<dyn KeyLog>,
}

impl Profile {
    /// # Errors
    /// When rustls cannot bring the parts together.
    pub(super) fn new(parts: Parts<'_>) -> Result<Profile, rustls::Error> {
        let Agreement { provider, versions } = parts.agreement;
        let certified = CertifiedKey::clone(parts.certified);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(parts.verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
        config.ignore_client_order = true;
        config.key_log = parts.key_log;
        config.enable_secret_extraction = true;
        config.max_early_data_size = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match parts.ticketer {
            Some(ticketer) => config.ticketer = ticketer,
            None => config.send_tls13_tickets = 0,
        }
        Ok(Profile { config: Arc::new(config), rule: parts.rule })
    }
}

/// How long tickets live unless configured.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(12 * 3600);
