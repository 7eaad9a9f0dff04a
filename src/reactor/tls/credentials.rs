//! A certificate with its chain, key and OCSP response, read from files and checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::files::Files;

/// What to say of a key that more than its owner and group may read.
pub(super) const OPEN_KEY: &str = "everybody on this machine may read the key; expected chmod 600";

/// A certificate and what is known of it.
pub(super) struct Credentials {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) facts: Facts,
}

/// What people want to know of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whom it is for, as in `CN=example.com`.
    pub subject: String,
    /// From when on it is valid.
    pub not_before: SystemTime,
    /// Until when it is valid.
    pub not_after: SystemTime,
    /// Whether an OCSP response is stapled.
    pub stapled: bool,
}

impl Facts {
    fn read(certificate: &CertificateDer<'_>) -> Result<Facts, String> {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| "it is no X.509 certificate".to_owned())?;
        let time = |seconds: i64| match u64::try_from(seconds) {
            Ok(seconds) => UNIX_EPOCH + Duration::from_secs(seconds),
            Err(_) => UNIX_EPOCH,
        };
        let validity = parsed.validity();
        Ok(Facts {
            subject: parsed.subject().to_string(),
            not_before: time(validity.not_before.timestamp()),
            not_after: time(validity.not_after.timestamp()),
            stapled: false,
        })
    }
}

/// The certificates in a file of PEM, at least one.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| broken(&error))?;
    match found.is_empty() {
        true => Err("there is no certificate in it; expected PEM, which has a line \
                     -----BEGIN CERTIFICATE-----"
            .into()),
        false => Ok(found),
    }
}

/// The lists of revoked certificates in a file of PEM, at least one.
pub(super) fn lists(text: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| broken(&error))?;
    match found.is_empty() {
        true => Err("there is no list in it; expected PEM, which has a line \
                     -----BEGIN X509 CRL-----"
            .into()),
        false => Ok(found),
    }
}

/// The first key in a file of PEM.
pub(super) fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound if holds(text, b"ENCRYPTED PRIVATE KEY") => {
            "the key is encrypted, and nobody is asked for a passphrase here; expected one without, as \
             `openssl pkey` makes it"
                .into()
        }
        pem::Error::NoItemsFound => {
            "there is no key in it; expected PEM, which has a line -----BEGIN PRIVATE KEY-----".into()
        }
        error => broken(&error),
    })
}

fn holds(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

fn broken(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "it is cut: a line -----END is missing".into(),
        pem::Error::IllegalSectionStart { .. } => {
            "a line that starts with -----BEGIN is broken".into()
        }
        _ => "it is broken: what stands between -----BEGIN and -----END is not base64".into(),
    }
}

/// Where the OCSP response of a certificate is looked for.
pub(super) fn ocsp_path(certificate: &Path) -> PathBuf {
    let mut path = certificate.as_os_str().to_owned();
    path.push(".ocsp");
    path.into()
}

/// Puts a chain and a key together.
///
/// # Errors
/// When one of them cannot be used, or they are no pair. The flag says whether it is about the key.
pub(super) fn pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<Credentials, (bool, String)> {
    let first = chain.first().cloned().unwrap_or_else(|| CertificateDer::from(Vec::new()));
    let facts = Facts::read(&first).map_err(|said| (false, said))?;
    let kept = chain.clone();
    let certified = CertifiedKey::from_der(chain, key.clone_key(), provider);
    match certified {
        Ok(certified) => Ok(Credentials { certified: Arc::new(certified), facts }),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            let belongs = |certificate: &CertificateDer<'static>| {
                CertifiedKey::from_der(vec![certificate.clone()], key.clone_key(), provider).is_ok()
            };
            Err(match kept.iter().skip(1).any(belongs) {
                true => (false, "the certificate of the key has to be the first in it".into()),
                false => (true, "the key is not the certificate's".into()),
            })
        }
        Err(Error::InvalidCertificate(_)) => {
            Err((false, "the first certificate in it is broken".into()))
        }
        Err(_) => Err((
            true,
            "the key is of no kind that can be used; expected RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, \
             or Ed25519"
                .into(),
        )),
    }
}

impl Credentials {
    /// With the OCSP response that lies next to the certificate as `CERT.ocsp`, in DER.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(super) fn staple(&mut self, certificate: &Path, files: &mut Files) -> Result<(), String> {
        let Some(response) = files.read_if_there(&ocsp_path(certificate))? else { return Ok(()) };
        // An OCSPResponse is a SEQUENCE that begins with an ENUMERATED; 0 is `successful` (RFC 6960 section 4.2.1).
        let start = response.get(..response.len().min(8)).unwrap_or_default();
        if !start.starts_with(&[0x30]) || !holds(start, &[0x0a, 1, 0]) {
            return Err("it is no OCSP response in DER that says `successful`".into());
        }
        let mut certified = CertifiedKey::clone(&self.certified);
        certified.ocsp = Some(response.to_vec());
        self.certified = Arc::new(certified);
        self.facts.stapled = true;
        Ok(())
    }

    /// Whether the certificate is for `name`, which may be a wildcard.
    pub(super) fn is_for(&self, name: &str) -> bool {
        let any = name.strip_prefix("*.").map(|parent| format!("any.{parent}"));
        let name = ServerName::try_from(any.as_deref().unwrap_or(name));
        let certificate = self.certified.cert.first().map(ParsedCertificate::try_from);
        match (certificate, name) {
            (Some(Ok(certificate)), Ok(name)) => verify_server_name(&certificate, &name).is_ok(),
            _ => false,
        }
    }
}
