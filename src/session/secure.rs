//! What is known of a client connection that came over TLS.

use std::sync::Arc;

use crate::base::{NameRules, RuleId};

/// What a TLS handshake with a client came to.
#[derive(Debug)]
pub struct Secure {
    /// The rule for client certificates that the handshake kept to.
    pub rule: RuleId,
    /// Which rule holds for which host of its listener.
    pub names: Arc<NameRules>,
}

impl Secure {
    /// Whether a request for `host`, in small letters and without a port, may come by this connection: one whose
    /// host has another rule for client certificates may not (RFC 9110 section 15.5.20).
    pub(super) fn covers(&self, host: &[u8]) -> bool {
        str::from_utf8(host).is_ok_and(|host| self.names.rule_of(host) == self.rule)
    }
}
