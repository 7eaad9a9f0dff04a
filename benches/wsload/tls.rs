//! How the load speaks TLS: one suite and one key exchange, so that every server has the same work.

use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

/// The version of TLS to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12,
    Tls13,
}

/// Sessions a connection's successors may resume; each handshake in TLS 1.3 uses one up.
const SESSIONS: usize = 8;

/// What connections begin TLS with.
pub(crate) struct Terms {
    /// One for all, or one for each where sessions are resumed: nobody takes another's ticket.
    configs: Vec<Arc<ClientConfig>>,
    name: ServerName<'static>,
}

impl Terms {
    /// For so many connections that speak `version`; `resume`: each resumes its predecessor's session.
    pub(crate) fn new(version: Version, resume: bool, connections: usize) -> io::Result<Terms> {
        let mut groups = vec![aws_lc_rs::kx_group::X25519];
        if version == Version::Tls12 {
            // There the group of the server's certificate has to be among them; keys are exchanged in the first.
            groups.push(aws_lc_rs::kx_group::SECP256R1);
        }
        let provider = Arc::new(CryptoProvider {
            cipher_suites: vec![
                aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
                aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            ],
            kx_groups: groups,
            ..aws_lc_rs::default_provider()
        });
        let versions = match version {
            Version::Tls12 => &[&TLS12],
            Version::Tls13 => &[&TLS13],
        };
        let config = || {
            let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(versions)
                .map_err(io::Error::other)?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(Arc::clone(&provider))))
                .with_no_client_auth();
            config.resumption = match resume {
                true => Resumption::in_memory_sessions(SESSIONS),
                false => Resumption::disabled(),
            };
            Ok(Arc::new(config))
        };
        let count = if resume { connections } else { 1 };
        let configs = (0..count).map(|_| config()).collect::<io::Result<_>>()?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        Ok(Terms { configs, name })
    }

    /// What connection number `index` begins with.
    pub(crate) fn session(&self, index: usize) -> io::Result<ClientConnection> {
        let config = Arc::clone(&self.configs[index % self.configs.len()]);
        let mut session =
            ClientConnection::new(config, self.name.clone()).map_err(io::Error::other)?;
        // Nothing is written before what was written is out.
        session.set_buffer_limit(None);
        Ok(session)
    }
}

/// Takes any certificate, and checks no signature: the load shall cost little, and servers are ours.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
