//! For tests: authorities that sign whatever is needed, files of it, and handshakes in memory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::client::{Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, NamedGroup, NoKeyLog, RootCertStore,
    ServerConfig, ServerConnection, SupportedProtocolVersion,
};

use super::build::{Built, Named, Presented, Terms, build};
use super::suites::Agreement;
use super::tickets::Tickets;
use crate::base::{Place, Problem};

/// Signs certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

/// A certificate and its key as PEM.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: String,
    serial: SerialNumber,
}

impl Authority {
    pub(super) fn new(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    pub(super) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_for(names, &KeyPair::generate().unwrap(), |_| {})
    }

    pub(super) fn issue_for(
        &self,
        names: &[&str],
        key: &KeyPair,
        change: impl Fn(&mut CertificateParams),
    ) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let serial =
            SerialNumber::from(key.public_key_raw().iter().map(|b| u64::from(*b)).sum::<u64>());
        let mut params = CertificateParams::new(names).unwrap();
        params.serial_number = Some(serial.clone());
        change(&mut params);
        let certificate = params.signed_by(key, &self.issuer).unwrap().pem();
        Issued { certificate, key: key.serialize_pem(), serial }
    }

    /// A list of what is revoked, as PEM.
    pub(super) fn revoke(&self, revoked: &[&Issued], until: i32) -> String {
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

impl Issued {
    /// By nobody but its owner, as `openssl req -x509` does: an authority, too. Valid from January to January.
    pub(super) fn by_itself(names: &[&str], years: std::ops::Range<i32>) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Issued { certificate, key: key.serialize_pem(), serial: SerialNumber::from(1) }
    }
}

/// A directory of files, and what is known outside generations.
pub(super) struct Site {
    folder: tempfile::TempDir,
    pub(super) tickets: Tickets,
}

impl Site {
    pub(super) fn new() -> Site {
        Site { folder: tempfile::tempdir().unwrap(), tickets: Tickets::default() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that only its owner may read.
    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Named {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        self.named(name)
    }

    /// A file that may be there; its place is called after it.
    pub(super) fn named(&self, name: &str) -> Named {
        let place = Place { file: name.into(), line: 1, column: 1 };
        Named { path: self.path(name), place }
    }

    /// Writes a pair and presents it.
    pub(super) fn present(&self, name: &str, issued: &Issued) -> Presented {
        let certificate = self.write(&format!("{name}.pem"), &issued.certificate);
        Presented {
            certificate,
            key: self.write(&format!("{name}.key"), &issued.key),
            clients: None,
        }
    }

    /// What came of these terms, and what was said, without the name of the directory.
    pub(super) fn build(&self, terms: &[Terms]) -> (Built, Vec<String>) {
        let mut problems = Vec::new();
        let built = build(terms, &self.tickets, Arc::new(NoKeyLog {}), &mut problems);
        let folder = format!("{}/", self.folder.path().display());
        let said =
            problems.iter().map(|problem: &Problem| problem.to_string().replace(&folder, ""));
        (built, said.collect())
    }

    /// The configuration behind a name of a listener, once it is followed.
    pub(super) fn config(&self, terms: &[Terms], listener: usize, name: &str) -> Arc<ServerConfig> {
        let (built, said) = self.build(terms);
        self.tickets.keep(&built.used);
        let acceptors = built.acceptors.unwrap_or_else(|| panic!("{said:?}"));
        Arc::clone(&acceptors[listener].choose(Some(name)).config)
    }
}

pub(super) fn terms(listener: &str, own: Presented) -> Terms {
    Terms {
        listener: listener.into(),
        own,
        named: Vec::new(),
        agreement: Agreement::default(),
        tickets: Some(super::TICKET_LIFETIME),
        lists: Vec::new(),
    }
}

/// A client that keeps the tickets of all servers for all servers, as an attacker would.
#[derive(Debug)]
struct Anywhere(ClientSessionMemoryCache);

fn anywhere() -> ServerName<'static> {
    ServerName::try_from("anywhere.example").unwrap()
}

impl ClientSessionStore for Anywhere {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(anywhere(), value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(&anywhere())
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.0.remove_tls12_session(&anywhere());
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(anywhere(), value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(&anywhere())
    }
}

/// A client of this version that trusts `authority`, and shows a certificate if it has one.
pub(super) fn client(
    authority: &Authority,
    version: &'static SupportedProtocolVersion,
    own: Option<&Issued>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::clone(&Agreement::default().provider);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    config.resumption = Resumption::store(Arc::new(Anywhere(ClientSessionMemoryCache::new(8))));
    config
}

/// What a server thinks of a handshake.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Met {
    /// Whether it resumed a session.
    pub(super) resumed: bool,
    /// Whether it knows the client by a certificate.
    pub(super) known: bool,
}

/// Who ends a handshake in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    ByServer,
    ByClient,
}

/// A handshake in memory, and what the server sends after it. `None`: the server refuses the client.
pub(super) fn meet(client: &ClientConfig, server: Arc<ServerConfig>, name: &str) -> Option<Met> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    match shake_hands(Arc::new(client.clone()), name, server) {
        Ok(met) => Some(met),
        Err(Refused::ByServer) => None,
        Err(Refused::ByClient) => panic!("the client refuses the server"),
    }
}

/// The same, where either may refuse.
pub(super) fn shake_hands(
    client: Arc<ClientConfig>,
    name: ServerName<'static>,
    server: Arc<ServerConfig>,
) -> Result<Met, Refused> {
    let mut client = ClientConnection::new(client, name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    for _ in 0..8 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().map_err(|_| Refused::ByServer)?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().map_err(|_| Refused::ByClient)?;
        }
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    let resumed = server.handshake_kind() == Some(HandshakeKind::Resumed);
    Ok(Met { resumed, known: server.peer_certificates().is_some() })
}
