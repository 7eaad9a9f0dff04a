//! The secrets that TLS 1.3 derives a direction's keys from, as rustls tells them while it makes them.
//!
//! rustls hands over keys and counters at the end of a handshake, but not the secrets behind them, which the
//! next keys come from when one end asks for an update. A key log is told the secrets as they are derived,
//! on the thread that drives the handshake; so whoever drives it takes them from there.

use std::cell::RefCell;

use aws_lc_rs::hkdf::{self, KeyType};
use zeroize::Zeroize;

/// The longest hash of a TLS 1.3 suite, in bytes.
const HASH_MAX: usize = 48;

/// What the keys of one direction come from (RFC 8446 section 7.1).
#[derive(Clone)]
pub(super) struct TrafficSecret {
    bytes: [u8; HASH_MAX],
    len: u8,
}

impl std::fmt::Debug for TrafficSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TrafficSecret")
    }
}

impl Drop for TrafficSecret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl TrafficSecret {
    fn new(secret: &[u8]) -> Option<TrafficSecret> {
        let mut bytes = [0; HASH_MAX];
        bytes.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(TrafficSecret { bytes, len: secret.len() as u8 })
    }

    /// Derives `out` (RFC 8446 section 7.1, HKDF-Expand-Label with an empty context). None when AWS-LC refuses.
    pub(super) fn expand(&self, label: &str, out: &mut [u8]) -> Option<()> {
        let hash = match usize::from(self.len) {
            HASH_MAX => hkdf::HKDF_SHA384,
            _ => hkdf::HKDF_SHA256,
        };
        let secret = self.bytes.get(..usize::from(self.len))?;
        let [high, low] = (out.len() as u16).to_be_bytes();
        let sizes = [high, low, (LABEL.len() + label.len()) as u8];
        let info: [&[u8]; 4] = [&sizes, LABEL.as_bytes(), label.as_bytes(), &[0]];
        let prk = hkdf::Prk::new_less_safe(hash, secret);
        prk.expand(&info, Length(out.len())).ok()?.fill(out).ok()
    }

    /// The secret that follows this one (RFC 8446 section 7.2).
    pub(super) fn next(&self) -> Option<TrafficSecret> {
        let mut next = TrafficSecret { bytes: [0; HASH_MAX], len: self.len };
        self.expand("traffic upd", next.bytes.get_mut(..usize::from(self.len))?)?;
        Some(next)
    }
}

const LABEL: &str = "tls13 ";

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The secrets of both ends.
#[derive(Debug, Default)]
pub(super) struct TrafficSecrets {
    pub(super) client: Option<TrafficSecret>,
    pub(super) server: Option<TrafficSecret>,
}

thread_local! {
    static TOLD: RefCell<TrafficSecrets> = const { RefCell::new(TrafficSecrets { client: None, server: None }) };
}

impl TrafficSecrets {
    /// Forgets what was told before.
    pub(super) fn forget() {
        TOLD.take();
    }

    /// Adds what this thread was told since it was last asked.
    pub(super) fn learn(&mut self) {
        let told = TOLD.take();
        self.client = told.client.or(self.client.take());
        self.server = told.server.or(self.server.take());
    }
}

/// The key log that every rustls configuration here has: it keeps a handshake's secrets for the thread that
/// drives it, and writes nothing anywhere.
#[derive(Debug)]
pub struct TrafficLog;

impl rustls::KeyLog for TrafficLog {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        TOLD.with_borrow_mut(|told| match label {
            "CLIENT_TRAFFIC_SECRET_0" => told.client = TrafficSecret::new(secret),
            "SERVER_TRAFFIC_SECRET_0" => told.server = TrafficSecret::new(secret),
            _ => {}
        });
    }

    fn will_log(&self, label: &str) -> bool {
        label.ends_with("_TRAFFIC_SECRET_0")
    }
}
