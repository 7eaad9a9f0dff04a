//! Whom we trust as a server: those whom an authority vouches for, and those whose very certificate is in the file.
//!
//! A server inside often has a certificate that it signed itself, and its operator names that file as `ca`. No chain leads to it, so
//! rustls refuses it; that it is the one that was named is worth more than a chain.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::time::ASN1Time;

/// Verifies servers.
#[derive(Debug)]
pub(super) struct Trusted {
    authorities: Arc<WebPkiServerVerifier>,
    /// Certificates that need nobody to vouch for them.
    named: Vec<CertificateDer<'static>>,
}

impl Trusted {
    /// Trusts whom `roots` vouches for, and the owners of the certificates in `named`.
    ///
    /// # Errors
    /// When there is no authority at all.
    pub(super) fn new(
        roots: RootCertStore,
        named: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Trusted, String> {
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Trusted { authorities: authorities.map_err(|error| error.to_string())?, named })
    }
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.named.contains(end_entity) {
            let authorities = &self.authorities;
            return authorities.verify_server_cert(end_entity, intermediates, name, stapled, now);
        }
        in_time(end_entity, now)?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Whether the certificate is valid at this time.
fn in_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let parsed = x509_parser::parse_x509_certificate(certificate);
    let (_, parsed) = parsed.map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
    let now = now.ok_or(CertificateError::BadEncoding)?;
    match parsed.validity() {
        validity if now < validity.not_before => Err(CertificateError::NotValidYet),
        validity if now > validity.not_after => Err(CertificateError::Expired),
        _ => Ok(()),
    }
}
