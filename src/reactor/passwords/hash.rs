//! Hashes of passwords: bcrypt, `{SHA}`, apr1 and the crypt of MD5, SHA-256 and SHA-512.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha_crypt::{PasswordVerifier, ShaCrypt};
use sha1::{Digest, Sha1};

use super::md5_crypt::{Magic, md5_crypt};

/// The hash of a password, as a file has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hash {
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bcrypt,
    Sha1,
    Md5(Magic),
    ShaCrypt,
}

/// What is expected of a hash.
const EXPECTED: &str =
    "expected a hash of bcrypt ($2y$...), $6$, $5$, $apr1$, $1$ or {SHA}; htpasswd -B makes one";

impl Hash {
    /// Reads one.
    ///
    /// # Errors
    /// What is expected instead.
    pub(super) fn parse(text: &str) -> Result<Hash, &'static str> {
        let of = |kind| Ok(Hash { text: text.to_owned(), kind });
        let is_md5 = |rest: &str| matches!(rest.split_once('$'), Some((salt, sum)) if salt.len() <= 8 && sum.len() == 22);
        if text.starts_with("$2") {
            let parts = text.parse::<bcrypt::HashParts>();
            return parts.map_or(Err("expected a whole hash of bcrypt"), |_| of(Kind::Bcrypt));
        }
        if let Some(rest) = text.strip_prefix("$apr1$") {
            return if is_md5(rest) { of(Kind::Md5(Magic::Apr1)) } else { Err(EXPECTED) };
        }
        if let Some(rest) = text.strip_prefix("$1$") {
            return if is_md5(rest) { of(Kind::Md5(Magic::Crypt)) } else { Err(EXPECTED) };
        }
        if text.starts_with("$5$") || text.starts_with("$6$") {
            let whole = sha_crypt::PasswordHash::new(text).is_ok();
            return if whole { of(Kind::ShaCrypt) } else { Err(EXPECTED) };
        }
        match text.strip_prefix("{SHA}").map(|sum| STANDARD.decode(sum)) {
            Some(Ok(sum)) if sum.len() == 20 => of(Kind::Sha1),
            _ => Err(EXPECTED),
        }
    }

    /// As the file has it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How much it costs to compare a password with it, the most costly last.
    pub(super) fn cost(&self) -> (u8, &str) {
        let rank = match self.kind {
            Kind::Sha1 => 0,
            Kind::Md5(_) => 1,
            Kind::ShaCrypt => 2,
            Kind::Bcrypt => 3,
        };
        (rank, self.text.get(..7).unwrap_or_default())
    }

    /// Whether it is the hash of this password. Takes its time.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        let same = |made: &str| verify_slices_are_equal(made.as_bytes(), self.text.as_bytes());
        match self.kind {
            Kind::Bcrypt => bcrypt::verify(password, &self.text).unwrap_or(false),
            Kind::ShaCrypt => {
                ShaCrypt::default().verify_password(password, self.text.as_str()).is_ok()
            }
            Kind::Sha1 => {
                same(&format!("{{SHA}}{}", STANDARD.encode(Sha1::digest(password)))).is_ok()
            }
            Kind::Md5(magic) => {
                let rest = self.text.strip_prefix(magic.text()).unwrap_or_default();
                let salt = rest.split('$').next().unwrap_or_default();
                same(&md5_crypt(magic, salt.as_bytes(), password)).is_ok()
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The password `s3cret é`, as Apache's htpasswd and OpenSSL write it.
    pub(in super::super) const WRITTEN: [&str; 6] = [
        "$2y$05$abcdefghijklmnopqrstuuPfjEwYVmkQydAslsg08BCLvBVgQz/lC",
        "{SHA}KhZ1Vc2++p3skRshFI8qdPsViZI=",
        "$apr1$abcdefgh$lALaJXo3o64faAeKNuN5a.",
        "$1$abcdefgh$drYXzU9cbSq2wkyOepvrY1",
        "$5$saltsalt$3tcL2DitIa.97Z1xP5qL0UvOFYsBzWwRO/Oh411xPM0",
        "$6$saltsalt$Ggg/i/wv4.yle8QHIusYeyRe8UvrvNDvxbvKE/OT/2q5Ggf/XD3p/rnPHi0CJjVD.d6rEMLw4dQLCy6sN9kWx1",
    ];

    #[test]
    fn hashes_of_apache_and_openssl() {
        for text in WRITTEN {
            let hash = Hash::parse(text).unwrap();
            assert!(hash.is_of("s3cret é".as_bytes()), "{text}");
            for wrong in ["s3cret e", "s3cret é ", "", "S3cret é"] {
                assert!(!hash.is_of(wrong.as_bytes()), "{text} {wrong:?}");
            }
        }
    }

    #[test]
    fn what_is_no_hash() {
        for text in [
            "",
            "plain",
            "$2y$05$short",
            "$apr1$salt",
            "$apr1$saltsalty$0123456789012345678901",
            "{SHA}AAAA",
            "{SHA}é",
            "$6$",
            "rl0uE82lGZ8vI",
            "$2y$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        ] {
            assert!(Hash::parse(text).is_err(), "{text}");
        }
    }
}
