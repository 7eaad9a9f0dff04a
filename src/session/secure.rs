//! What is known of a client connection that came over TLS.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::settings::Certificates;
use crate::base::{NameRules, RuleId};
use crate::config::CertificateHeader;

/// What a TLS handshake with a client came to.
#[derive(Debug)]
pub struct Secure {
    /// The rule for client certificates that the handshake kept to.
    pub rule: RuleId,
    /// Which rule holds for which host of its listener.
    pub names: Arc<NameRules>,
    /// The client's certificate, where it showed a good one.
    pub certificate: Option<Arc<Certificate>>,
}

/// A client's certificate, which its listener found good.
#[derive(Debug)]
pub struct Certificate {
    /// In DER.
    pub der: Box<[u8]>,
    /// Its subject in one line, without controls.
    pub subject: Box<str>,
    /// Its SHA-256.
    pub fingerprint: [u8; 32],
}

impl Certificate {
    /// It in PEM (RFC 7468).
    pub(super) fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(&self.der);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, behind) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = behind;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    fn told(&self, what: CertificateHeader) -> String {
        match what {
            CertificateHeader::Subject => self.subject.to_string(),
            CertificateHeader::Whole => format!(":{}:", BASE64_STANDARD.encode(&self.der)),
            CertificateHeader::Fingerprint => {
                self.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            CertificateHeader::Verified => "SUCCESS".to_owned(),
        }
    }
}

impl Certificates {
    /// The fields that tell an upstream of a client's certificate, if it has one.
    pub(super) fn fields(&self, certificate: Option<&Certificate>) -> Vec<(&str, String)> {
        let told = |what| match certificate {
            Some(certificate) => Some(certificate.told(what)),
            None => (what == CertificateHeader::Verified).then(|| "NONE".to_owned()),
        };
        self.headers.iter().filter_map(|(name, what)| Some((name.as_str(), told(*what)?))).collect()
    }
}

impl Secure {
    /// Whether a request for `host`, in small letters and without a port, may come by this connection: one whose
    /// host has another rule for client certificates may not (RFC 9110 section 15.5.20).
    pub(super) fn covers(&self, host: &[u8]) -> bool {
        str::from_utf8(host).is_ok_and(|host| self.names.rule_of(host) == self.rule)
    }
}
