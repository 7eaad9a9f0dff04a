//! Tokens as others sign them, and as others forge them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use serde_json::json;

use super::*;

const SECRET: &[u8] = b"a secret of thirty-two bytes, or more";
const NOW: u64 = 1_000;

fn claims() -> Value {
    json!({ "exp": 2_000, "subscribe": ["room-1", "news.*"], "publish": "room-1" })
}

/// The claims with some of them changed; `null` takes one away.
fn but(changes: &Value) -> Value {
    let mut claims = claims();
    let (Some(all), Some(changes)) = (claims.as_object_mut(), changes.as_object()) else {
        panic!("objects");
    };
    for (name, value) in changes {
        match value {
            Value::Null => drop(all.remove(name)),
            value => drop(all.insert(name.clone(), value.clone())),
        }
    }
    claims
}

fn sign(algorithm: Algorithm, claims: &Value, key: &EncodingKey) -> Vec<u8> {
    encode(&Header::new(algorithm), claims, key).expect("a token").into_bytes()
}

fn hs256(claims: &Value) -> Vec<u8> {
    sign(Algorithm::HS256, claims, &EncodingKey::from_secret(SECRET))
}

fn verifier(audience: Option<&str>) -> Verifier {
    let audience = audience.map(str::to_owned);
    Verifier::new(TokenAlgorithm::Hs256, SECRET, audience).expect("a secret")
}

#[test]
fn a_token_names_channels() {
    let grant = verifier(None).verify(&hs256(&claims()), NOW).expect("it holds");
    assert_eq!(grant.expires, 2_000);
    for (channel, hears, speaks) in [
        ("room-1", true, true),
        ("room-11", false, false),
        ("news.", true, false),
        ("news.sport", true, false),
        ("news", false, false),
    ] {
        let may = (grant.may_subscribe(channel), grant.may_publish(channel));
        assert_eq!(may, (hears, speaks), "{channel}");
    }
    let all = hs256(&json!({ "exp": 1_000.5e3, "subscribe": ["*"] }));
    let grant = verifier(None).verify(&all, NOW).expect("it holds");
    assert!(grant.may_subscribe("any") && !grant.may_publish("any"));
}

#[test]
fn what_it_says_has_to_hold() {
    let verdict = |audience, changes: &Value| {
        verifier(audience).verify(&hs256(&but(changes)), NOW).map(|_| ())
    };
    for (changes, wanted) in [
        (json!({}), Ok(())),
        (json!({ "nbf": 1_000 }), Ok(())),
        (json!({ "exp": null }), Err(Refusal::Claims)),
        (json!({ "exp": "2000" }), Err(Refusal::Claims)),
        (json!({ "exp": -1 }), Err(Refusal::Claims)),
        (json!({ "exp": 1_001 }), Ok(())),
        (json!({ "exp": 1_000 }), Err(Refusal::Expired)),
        (json!({ "nbf": 1_001 }), Err(Refusal::Claims)),
        (json!({ "nbf": "soon" }), Err(Refusal::Claims)),
        (json!({ "publish": 1 }), Err(Refusal::Claims)),
        (json!({ "subscribe": ["room-1", 2] }), Err(Refusal::Claims)),
        (json!({ "aud": "chat" }), Err(Refusal::Audience)),
        (json!({ "aud": [] }), Err(Refusal::Audience)),
    ] {
        assert_eq!(verdict(None, &changes), wanted, "{changes}");
    }
    for (changes, wanted) in [
        (json!({ "aud": "chat" }), Ok(())),
        (json!({ "aud": ["shop", "chat"] }), Ok(())),
        (json!({}), Err(Refusal::Audience)),
        (json!({ "aud": "shop" }), Err(Refusal::Audience)),
        (json!({ "aud": ["shop"] }), Err(Refusal::Audience)),
        (json!({ "aud": 7 }), Err(Refusal::Audience)),
    ] {
        assert_eq!(verdict(Some("chat"), &changes), wanted, "{changes}");
    }
}

#[test]
fn each_algorithm_takes_its_own_keys_and_no_others() {
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
    let ec = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    let other = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    // PKCS #1 is what PKCS #8 wraps.
    let rsa_key = EncodingKey::from_rsa_der(&rsa.serialized_der()[26..]);
    let ec_key = EncodingKey::from_ec_der(ec.serialized_der());
    let (rsa_public, ec_public) = (rsa.public_key_pem(), ec.public_key_pem());
    let verifier = |algorithm, key: &str| Verifier::new(algorithm, key.as_bytes(), None);
    let rs256 = verifier(TokenAlgorithm::Rs256, &rsa_public).expect("a key");
    let es256 = verifier(TokenAlgorithm::Es256, &ec_public).expect("a key");
    let theirs = verifier(TokenAlgorithm::Es256, &other.public_key_pem()).expect("a key");
    let claims = claims();
    let by_rsa = sign(Algorithm::RS256, &claims, &rsa_key);
    let by_ec = sign(Algorithm::ES256, &claims, &ec_key);
    assert!(rs256.verify(&by_rsa, NOW).is_ok());
    assert!(es256.verify(&by_ec, NOW).is_ok());
    let forged = Err(Refusal::Forged);
    assert_eq!(rs256.verify(&by_ec, NOW), forged);
    assert_eq!(es256.verify(&by_rsa, NOW), forged);
    assert_eq!(theirs.verify(&by_ec, NOW), forged, "another key");
    assert_eq!(rs256.verify(&sign(Algorithm::RS512, &claims, &rsa_key), NOW), forged);
    // What everybody knows, taken for a secret.
    for (public, verifier) in [(&rsa_public, &rs256), (&ec_public, &es256)] {
        let key = EncodingKey::from_secret(public.as_bytes());
        assert_eq!(verifier.verify(&sign(Algorithm::HS256, &claims, &key), NOW), forged);
        assert!(Verifier::new(TokenAlgorithm::Hs256, public.as_bytes(), None).is_err());
    }
    assert!(verifier(TokenAlgorithm::Rs256, &ec_public).is_err());
    assert!(verifier(TokenAlgorithm::Es256, &rsa_public).is_err());
    assert!(verifier(TokenAlgorithm::Es256, "no key").is_err());
    assert!(Verifier::new(TokenAlgorithm::Hs256, &[b'x'; 31], None).is_err());
}

#[test]
fn what_nobody_signed_is_forged() {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let ours = String::from_utf8(hs256(&claims())).expect("text");
    let parts: Vec<&str> = ours.split('.').collect();
    let [head, body, signature] = parts[..] else { panic!("{ours}") };
    let none = |alg: &str| part(&json!({ "alg": alg, "typ": "JWT" }));
    let other = part(&but(&json!({ "publish": "*" })));
    let wrong = EncodingKey::from_secret(b"another secret of thirty-two bytes");
    let by_other = String::from_utf8(sign(Algorithm::HS256, &claims(), &wrong)).expect("text");
    let mut critical = Header::new(Algorithm::HS256);
    critical.crit = Some(vec!["exp".to_owned()]);
    let critical = encode(&critical, &claims(), &EncodingKey::from_secret(SECRET)).expect("it");
    for text in [
        format!("{}.{body}.", none("none")),
        format!("{}.{body}.{signature}", none("None")),
        format!("{}.{body}", none("none")),
        format!("{head}.{body}."),
        format!("{head}.{other}.{signature}"),
        format!("{head}.{body}.{signature}A"),
        format!("{head}.{body}.{signature}.{signature}"),
        sign(Algorithm::HS512, &claims(), &EncodingKey::from_secret(SECRET))
            .escape_ascii()
            .to_string(),
        by_other,
        critical,
        String::new(),
        "..".to_owned(),
        "x".repeat(LONGEST + 1),
    ] {
        assert_eq!(verifier(None).verify(text.as_bytes(), NOW), Err(Refusal::Forged), "{text}");
    }
    assert!(verifier(None).verify(ours.as_bytes(), NOW).is_ok());
}
