//! Rules for client certificates: who is asked for one, and who vouches for it.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

/// SHA-256 of what makes a rule.
pub(super) type Digest = [u8; 32];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_not_confused() {
        assert_ne!(sum(&[b"ab", b"c"]), sum(&[b"a", b"bc"]));
        assert_eq!(sum(&[b"ab"]), sum(&[b"ab"]));
    }
}
