//! What is known of a client connection that came over TLS.

use std::sync::Arc;

use super::settings::Certificates;
use crate::base::{Certificate, NameRules, RuleId};
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

impl Certificates {
    /// The fields that tell an upstream of a client's certificate, if it has one.
    pub(super) fn fields(&self, certificate: Option<&Certificate>) -> Vec<(&str, String)> {
        let told = |what| match (what, certificate?) {
            (CertificateHeader::Subject, shown) => Some(shown.subject.to_string()),
            (CertificateHeader::Whole, shown) => Some(format!(":{}:", shown.text)),
            (CertificateHeader::Fingerprint, shown) => Some(shown.fingerprint.to_string()),
            (CertificateHeader::Verified, _) => Some("SUCCESS".to_owned()),
        };
        let told = |what| {
            let nobody = || (what == CertificateHeader::Verified).then(|| "NONE".to_owned());
            told(what).or_else(nobody)
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
