//! A certificate as upstreams are told of it.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::CertificateDer;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::base::Certificate;

/// What is told of a certificate.
pub(super) fn describe(certificate: &CertificateDer<'_>) -> Certificate {
    let digest = digest::digest(&digest::SHA256, certificate);
    let fingerprint: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Certificate {
        der: certificate.to_vec().into_boxed_slice(),
        text: BASE64_STANDARD.encode(certificate).into_boxed_str(),
        subject: subject(certificate).into_boxed_str(),
        fingerprint: fingerprint.into_boxed_str(),
    }
}

/// Whether the time of a certificate is over; what is no certificate has none.
pub(super) fn has_ended(certificate: &CertificateDer<'_>, now: SystemTime) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return true };
    let end = certificate.validity().not_after.timestamp();
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    u64::try_from(end).is_ok_and(|end| end < now) || end < 0
}

/// The subject of a certificate as OpenSSL's `X509_NAME_oneline` writes it, which uWSGI's `HTTPS_DN` is:
/// `/C=IT/O=unbit/CN=client`, what cannot be printed as `\xHH`. Empty for what is no certificate.
fn subject(certificate: &CertificateDer<'_>) -> String {
    let mut line = String::new();
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return line };
    for attribute in certificate.subject().iter_attributes() {
        let kind = attribute.attr_type();
        let name =
            oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_string(), str::to_owned);
        // Writing to a string always succeeds.
        let _ = write!(line, "/{name}=");
        for byte in attribute.attr_value().data {
            let _ = match byte {
                b' '..=b'~' => write!(line, "{}", char::from(*byte)),
                _ => write!(line, "\\x{byte:02X}"),
            };
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    #[test]
    fn a_certificate_ends() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let at = |seconds| UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let end = 1_577_923_200;
        assert!(!has_ended(made.der(), at(end)));
        assert!(has_ended(made.der(), at(end + 1)));
        assert!(has_ended(&CertificateDer::from(vec![1, 2, 3]), at(0)));
    }

    #[test]
    fn a_subject_is_written_as_openssl_does() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "IT");
        params.distinguished_name.push(DnType::OrganizationName, "unbit");
        params.distinguished_name.push(DnType::CommonName, "Zoë\r\nX: y");
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(subject(made.der()), "/C=IT/O=unbit/CN=Zo\\xC3\\xAB\\x0D\\x0AX: y");
        assert_eq!(subject(&CertificateDer::from(vec![1, 2, 3])), "");
    }
}
