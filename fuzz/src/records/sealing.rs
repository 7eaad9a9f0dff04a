//! A client's half of the record layer, written anew: it seals whatever it is told to.

use std::cell::RefCell;

use aws_lc_rs::aead::{
    AES_128_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use rustls::ConnectionTrafficSecrets as Keys;

use super::DATA;

thread_local! {
    static TOLD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The client's secret, which its next keys come from.
#[derive(Debug)]
pub(super) struct Log;

impl rustls::KeyLog for Log {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        if label == "CLIENT_TRAFFIC_SECRET_0" {
            TOLD.replace(secret.to_vec());
        }
    }
}

/// What [`Log`] was told.
#[derive(Default)]
pub(super) struct Secret(RefCell<Vec<u8>>);

impl Secret {
    /// Takes down what is told on the way.
    pub(super) fn told_while(&self, what: impl FnOnce()) {
        what();
        let told = TOLD.take();
        if !told.is_empty() {
            self.0.replace(told);
        }
    }

    /// Empty in TLS 1.2.
    pub(super) fn take(self) -> Vec<u8> {
        self.0.into_inner()
    }
}

/// A key, and where the next comes from.
pub(super) struct Sealing {
    algorithm: &'static Algorithm,
    key: LessSafeKey,
    iv: [u8; 12],
    count: u64,
    /// Empty in TLS 1.2.
    secret: Vec<u8>,
}

impl Sealing {
    pub(super) fn new((count, keys): (u64, Keys), secret: Vec<u8>) -> Sealing {
        let (algorithm, key, iv) = match &keys {
            Keys::Aes128Gcm { key, iv } => (&AES_128_GCM, key.as_ref(), iv.as_ref()),
            Keys::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key.as_ref(), iv.as_ref()),
            _ => unreachable!("no other suite is offered"),
        };
        let iv = iv.try_into().expect("12 bytes");
        Sealing { algorithm, key: made(algorithm, key), iv, count, secret }
    }

    fn is_tls13(&self) -> bool {
        !self.secret.is_empty()
    }

    /// One record of this content (RFC 8446 section 5.2, RFC 5288, RFC 7905).
    pub(super) fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let explicit = !self.is_tls13() && self.algorithm == &AES_128_GCM;
        let mut nonce = self.iv;
        for (byte, count) in nonce[4..].iter_mut().zip(self.count.to_be_bytes()) {
            *byte ^= count;
        }
        let mut sealed = content.to_vec();
        let mut record = Vec::new();
        let aad = if self.is_tls13() {
            sealed.push(kind);
            record.extend(header(DATA, sealed.len() + 16));
            record.clone()
        } else {
            record.extend(header(kind, content.len() + 16 + if explicit { 8 } else { 0 }));
            [&self.count.to_be_bytes()[..], &header(kind, content.len())].concat()
        };
        if explicit {
            record.extend(&nonce[4..]);
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(&aad), &mut sealed).expect("sealed");
        self.count += 1;
        [record, sealed].concat()
    }

    /// Goes on to the next keys (RFC 8446 section 7.2).
    pub(super) fn update(&mut self) {
        if self.is_tls13() {
            self.secret = self.expand("traffic upd", 32);
            self.key = made(self.algorithm, &self.expand("key", self.algorithm.key_len()));
            self.iv = self.expand("iv", 12).try_into().expect("12 bytes");
            self.count = 0;
        }
    }

    fn expand(&self, label: &str, len: usize) -> Vec<u8> {
        let info = [&[0, len as u8, 6 + label.len() as u8][..], b"tls13 ", label.as_bytes(), &[0]]
            .concat();
        let prk = Prk::new_less_safe(HKDF_SHA256, &self.secret);
        let mut out = vec![0; len];
        prk.expand(&[&info], Length(len)).and_then(|okm| okm.fill(&mut out)).expect("expanded");
        out
    }
}

fn header(kind: u8, len: usize) -> [u8; 5] {
    let [high, low] = (len as u16).to_be_bytes();
    [kind, 3, 3, high, low]
}

fn made(algorithm: &'static Algorithm, key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(algorithm, key).expect("a key"))
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
