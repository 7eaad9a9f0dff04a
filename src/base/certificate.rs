//! A certificate as those see it who only pass it on.

/// A certificate that somebody showed, and that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// In DER.
    pub der: Box<[u8]>,
    /// The same in base64, without line ends.
    pub text: Box<str>,
    /// Its subject in one line, without controls.
    pub subject: Box<str>,
    /// Its SHA-256, in small hexadecimal digits.
    pub fingerprint: Box<str>,
}

impl Certificate {
    /// It in PEM (RFC 7468).
    pub fn pem(&self) -> String {
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = &*self.text;
        while !rest.is_empty() {
            let (line, behind) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = behind;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }
}
