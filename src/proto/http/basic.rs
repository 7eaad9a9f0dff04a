//! Credentials of the Basic scheme (RFC 7617).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padding is optional: clients exist that leave it away.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Basic {
    text: Vec<u8>,
    colon: usize,
}

impl Basic {
    /// Reads an `Authorization` field. `None` when it is of another scheme, or nothing that can be read.
    pub fn parse(field: &[u8]) -> Option<Basic> {
        let (scheme, rest) = field.split_at_checked(5)?;
        let token = rest.trim_ascii_start();
        if !scheme.eq_ignore_ascii_case(b"basic") || token.len() == rest.len() {
            return None;
        }
        let text = ENGINE.decode(token.trim_ascii_end()).ok()?;
        let colon = text.iter().position(|byte| *byte == b':')?;
        Some(Basic { text, colon })
    }

    /// The name; it has no colon.
    pub fn user(&self) -> &[u8] {
        self.text.get(..self.colon).unwrap_or_default()
    }

    /// The password; it may have colons.
    pub fn password(&self) -> &[u8] {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }
}

/// Never with the password.
impl std::fmt::Debug for Basic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Basic({})", self.user().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::Basic;

    #[test]
    fn name_and_password() {
        for field in ["Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==", "bASIC   QWxhZGRpbjpvcGVuOnNlc2FtZQ "] {
            let found = Basic::parse(field.as_bytes()).expect("credentials");
            assert_eq!((found.user(), found.password()), (&b"Aladdin"[..], &b"open:sesame"[..]));
            assert_eq!(format!("{found:?}"), "Basic(Aladdin)");
        }
    }

    #[test]
    fn whatever_else_is_none() {
        for field in
            ["", "Basic", "BasicQTpi", "Bearer QTpi", "Basic QQ==", "Basic !!!!", "Basic Q"]
        {
            assert_eq!(Basic::parse(field.as_bytes()), None, "{field}");
        }
    }
}
