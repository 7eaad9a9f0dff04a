//! Signed tokens (JWT, RFC 7519) that name channels, and expire.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value};

use crate::config::TokenAlgorithm;

/// Bytes of a token, at most: what a request's line has room for.
const LONGEST: usize = 6 << 10;
/// A shared secret is no shorter than what it makes: RFC 7518, section 3.2.
const SECRET: usize = 32;

/// What tokens are checked with.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
    audience: Option<String>,
}

impl std::fmt::Debug for Verifier {
    /// Never with the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("audience", &self.audience).finish_non_exhaustive()
    }
}

/// What a token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    subscribe: Vec<String>,
    publish: Vec<String>,
    /// Until then, in seconds since 1970.
    pub expires: u64,
}

/// Why a token is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is none, or not signed with the key and the algorithm that are expected.
    Forged,
    /// It does not say until when it holds, does not hold yet, or names its channels in no list.
    Claims,
    /// It is for somebody else.
    Audience,
    /// It held until then.
    Expired,
}

impl Verifier {
    /// One with the secret or the public key in PEM that a file holds. Only tokens of this algorithm count, and only those for
    /// `audience`; without one, only those for nobody in particular.
    ///
    /// # Errors
    /// When the file holds no such key; in words.
    pub fn new(
        algorithm: TokenAlgorithm,
        file: &[u8],
        audience: Option<String>,
    ) -> Result<Verifier, &'static str> {
        let (algorithm, key) = match algorithm {
            TokenAlgorithm::Hs256 => (Algorithm::HS256, DecodingKey::from_secret(secret(file)?)),
            TokenAlgorithm::Rs256 => {
                let key = public(file, &RSA_PKCS1_2048_8192_SHA256)?;
                (Algorithm::RS256, DecodingKey::from_rsa_der(&key))
            }
            TokenAlgorithm::Es256 => {
                let key = public(file, &ECDSA_P256_SHA256_FIXED)?;
                (Algorithm::ES256, DecodingKey::from_ec_der(&key))
            }
        };
        let mut validation = Validation::new(algorithm);
        // What it says is looked at here, by the clock of its reader.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Verifier { key, validation, audience })
    }

    /// What a token allows at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// When it is of no use.
    pub fn verify(&self, token: &[u8], now: u64) -> Result<Grant, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::Forged);
        }
        let found = decode::<Map<String, Value>>(token, &self.key, &self.validation);
        let found = found.map_err(|_| Refusal::Forged)?;
        if found.header.crit.is_some() {
            // It has to be understood, and nothing is.
            return Err(Refusal::Forged);
        }
        let claims = found.claims;
        if !self.is_for_us(claims.get("aud")) {
            return Err(Refusal::Audience);
        }
        let expires = claims.get("exp").and_then(seconds).ok_or(Refusal::Claims)?;
        if expires <= now {
            return Err(Refusal::Expired);
        }
        let begins = claims.get("nbf").map_or(Some(0), seconds).ok_or(Refusal::Claims)?;
        if begins > now {
            return Err(Refusal::Claims);
        }
        let [subscribe, publish] =
            ["subscribe", "publish"].map(|name| claims.get(name).map_or(Some(Vec::new()), names));
        let (subscribe, publish) = subscribe.zip(publish).ok_or(Refusal::Claims)?;
        Ok(Grant { subscribe, publish, expires })
    }

    fn is_for_us(&self, said: Option<&Value>) -> bool {
        match (&self.audience, said) {
            (None, None) => true,
            (Some(ours), Some(Value::String(one))) => one == ours,
            (Some(ours), Some(Value::Array(all))) => {
                all.iter().any(|one| one.as_str() == Some(ours))
            }
            _ => false,
        }
    }
}

impl Grant {
    /// Whether its bearer may hear what is published there.
    pub fn may_subscribe(&self, channel: &str) -> bool {
        is_among(&self.subscribe, channel)
    }

    /// Whether its bearer may publish there.
    pub fn may_publish(&self, channel: &str) -> bool {
        is_among(&self.publish, channel)
    }
}

/// What a file holds that has a secret.
fn secret(file: &[u8]) -> Result<&[u8], &'static str> {
    let secret = file.trim_ascii();
    // A public key is known to everybody.
    if secret.starts_with(b"-----BEGIN") {
        return Err("expected a secret, this is a key in PEM: RS256 or ES256?");
    }
    if secret.len() < SECRET {
        return Err("expected a secret of at least 32 bytes");
    }
    Ok(secret)
}

/// The key of a file in PEM that has a public one, which is good for this.
fn public(
    file: &[u8],
    algorithm: &'static dyn VerificationAlgorithm,
) -> Result<SubjectPublicKeyInfoDer<'static>, &'static str> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(file).ok();
    let key = key.filter(|key| ParsedPublicKey::new(algorithm, key).is_ok());
    key.ok_or("expected a public key of this algorithm, in PEM (BEGIN PUBLIC KEY)")
}

/// Whether a list has this name, or one that ends in `*` and begins like it.
fn is_among(list: &[String], channel: &str) -> bool {
    list.iter().any(|name| match name.strip_suffix('*') {
        Some(begin) => channel.starts_with(begin),
        None => name == channel,
    })
}

/// A time of RFC 7519: seconds since 1970, maybe with parts of one.
fn seconds(value: &Value) -> Option<u64> {
    let parts = || value.as_f64().filter(|parts| (0.0..1e15).contains(parts));
    value.as_u64().or_else(|| parts().map(|parts| parts as u64))
}

/// A list of names, or a single one.
fn names(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(all) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
