//! How servers are met that are dialled with TLS: whom we trust, the name we expect, what we show of ourselves.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, KeyLog, RootCertStore};

use super::build::{Certificate, Named};
use super::credentials;
use super::files::{self, Files};
use super::suites::Agreement;
use super::trusted::Trusted;
use crate::base::{Place, Problem};

/// Sessions with servers that can be resumed, for each configuration.
const SESSIONS: usize = 256;

/// What we expect of a server, and show it.
#[derive(Debug)]
pub struct Connector {
    /// For rustls; replaced when its files change.
    config: Arc<ArcSwap<ClientConfig>>,
    /// The name the server's certificate must have.
    pub name: ServerName<'static>,
}

impl Connector {
    /// For rustls: whom we trust, and our own certificate.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.load_full()
    }
}

/// Whom we trust as a server, and what we show it.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Who wants it, for what is wrong with no file.
    pub place: Place,
    /// The file of authorities that sign servers' certificates; `None`: the system's.
    pub authorities: Option<Named>,
    /// Our own certificate and its key.
    pub own: Option<(Named, Named)>,
    /// What is spoken inside, if it has a name there (RFC 7301).
    pub protocol: Option<&'static str>,
}

/// Makes connectors, and keeps them up to date with their files.
#[derive(Debug)]
pub struct Connectors {
    key_log: Arc<dyn KeyLog>,
    agreement: Agreement,
    made: Vec<(Trust, Arc<ArcSwap<ClientConfig>>)>,
    files: Files,
    shown: Vec<Certificate>,
}

impl Connectors {
    /// None yet.
    pub fn new(key_log: Arc<dyn KeyLog>) -> Connectors {
        let (agreement, files) = (Agreement::default(), Files::default());
        Connectors { key_log, agreement, made: Vec::new(), files, shown: Vec::new() }
    }

    /// Connectors to servers of these names, all trusted alike; none where `problems` tells of an error.
    pub fn connect(
        &mut self,
        trust: &Trust,
        names: &[ServerName<'static>],
        problems: &mut Vec<Problem>,
    ) -> Vec<Arc<Connector>> {
        let (agreement, files, shown) = (&self.agreement, &mut self.files, &mut self.shown);
        let reading = Reading { agreement, files, shown, problems };
        let Some(config) = reading.config(trust, &self.key_log) else { return Vec::new() };
        let config = Arc::new(ArcSwap::from_pointee(config));
        self.made.push((trust.clone(), Arc::clone(&config)));
        let connector = |name: &ServerName<'static>| {
            Arc::new(Connector { config: Arc::clone(&config), name: name.clone() })
        };
        names.iter().map(connector).collect()
    }

    /// Whether any were made.
    pub fn is_any(&self) -> bool {
        !self.made.is_empty()
    }

    /// Each certificate of our own that servers are shown.
    pub fn certificates(&self) -> &[Certificate] {
        &self.shown
    }

    /// Whether any file looks different by now.
    pub fn changed(&self) -> bool {
        self.files.changed()
    }

    /// Reads all files anew. With an error in `problems`, everything stays as it was.
    pub fn refresh(&mut self, problems: &mut Vec<Problem>) {
        self.files = Files::default();
        let (mut fresh, mut shown) = (Vec::new(), Vec::new());
        for (trust, _) in &self.made {
            let (agreement, files) = (&self.agreement, &mut self.files);
            let reading = Reading { agreement, files, shown: &mut shown, problems };
            fresh.extend(reading.config(trust, &self.key_log));
        }
        if fresh.len() == self.made.len() {
            for ((_, config), fresh) in self.made.iter().zip(fresh) {
                config.store(Arc::new(fresh));
            }
            self.shown = shown;
        }
    }
}

/// The name a server must have, from what a configuration says: a DNS name or an IP address.
pub fn server_name(text: &str) -> Option<ServerName<'static>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    ServerName::try_from(text.to_owned()).ok()
}

/// Reads what one configuration of rustls needs.
struct Reading<'a> {
    agreement: &'a Agreement,
    files: &'a mut Files,
    shown: &'a mut Vec<Certificate>,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    fn config(mut self, trust: &Trust, key_log: &Arc<dyn KeyLog>) -> Option<ClientConfig> {
        let provider = Arc::clone(&self.agreement.provider);
        let trusted = match &trust.authorities {
            Some(file) => self.authorities(file),
            None => system_roots().map(|roots| (roots, Vec::new())),
        };
        let trusted = trusted.and_then(|(roots, named)| Trusted::new(roots, named, provider));
        let trusted = trusted.map_err(|said| {
            let file = trust.authorities.as_ref();
            let place = file.map_or(&trust.place, |file| &file.place);
            self.say(place, file.map_or(said.clone(), |file| about(&file.path, &said)));
        });
        let own = trust.own.as_ref().map(|(certificate, key)| self.own(certificate, key));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.agreement.provider))
            .with_protocol_versions(&self.agreement.versions);
        let builder = match builder {
            Ok(builder) => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(trusted.ok()?))
            }
            Err(error) => return self.fail(&trust.place, error.to_string()),
        };
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => builder.with_client_cert_resolver(own?),
        };
        config.alpn_protocols =
            trust.protocol.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.key_log = Arc::clone(key_log);
        config.enable_secret_extraction = true;
        config.enable_early_data = false;
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Some(config)
    }

    /// Authorities of a file, and its certificates as they are.
    fn authorities(
        &mut self,
        file: &Named,
    ) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), String> {
        let named = credentials::certificates(&self.files.read(&file.path)?)?;
        let mut roots = RootCertStore::empty();
        let mut each = named.iter().cloned();
        let added = each.try_for_each(|authority| roots.add(authority));
        added.map(|()| (roots, named)).map_err(|_| "an authority in it is broken".to_owned())
    }

    fn own(
        &mut self,
        certificate: &Named,
        key: &Named,
    ) -> Option<Arc<rustls::sign::SingleCertAndKey>> {
        let chain = self.files.read(&certificate.path);
        let chain = chain.and_then(|content| credentials::certificates(&content));
        let chain =
            chain.map_err(|said| self.say(&certificate.place, about(&certificate.path, &said)));
        let private = self.files.read(&key.path).and_then(|content| credentials::key(&content));
        let private = private.map_err(|said| self.say(&key.place, about(&key.path, &said)));
        let (chain, private) = (chain.ok()?, private.ok()?);
        if files::open_to_others(&key.path) {
            let said = about(&key.path, credentials::OPEN_KEY);
            self.problems.push(Problem::warning(Some(key.place.clone()), said));
        }
        match credentials::pair(chain, private, &self.agreement.provider) {
            Ok(pair) => {
                let path = certificate.path.clone();
                if !self.shown.iter().any(|shown| shown.path == path) {
                    self.shown.push(Certificate { path, facts: pair.facts });
                }
                let certified = rustls::sign::CertifiedKey::clone(&pair.certified);
                Some(Arc::new(certified.into()))
            }
            Err((about_key, said)) => {
                let file = if about_key { key } else { certificate };
                self.fail(&file.place, about(&file.path, &said))
            }
        }
    }

    fn fail<T>(&mut self, place: &Place, said: String) -> Option<T> {
        self.say(place, said);
        None
    }

    fn say(&mut self, place: &Place, said: String) {
        let problem = Problem::error(Some(place.clone()), said);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

fn about(path: &Path, said: &str) -> String {
    format!("{}: {said}", path.display())
}

/// What the system trusts. What of it cannot be read is left out.
fn system_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err("the system trusts no authority; expected its package of certificates (ca-certificates), or ca = FILE".into()),
        false => Ok(roots),
    }
}

#[cfg(test)]
#[path = "connector_tests.rs"]
mod tests;
