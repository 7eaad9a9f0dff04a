//! What is agreed on in a handshake: versions, cipher suites and groups, by the names configurations use.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

/// Groups by name, strongest habit first: post-quantum in a pair with a classic one, then classic ones.
const GROUPS: [(&str, &dyn SupportedKxGroup); 5] = [
    ("X25519MLKEM768", kx_group::X25519MLKEM768),
    ("X25519", kx_group::X25519),
    ("P-256", kx_group::SECP256R1),
    ("P-384", kx_group::SECP384R1),
    ("P-256MLKEM768", kx_group::SECP256R1MLKEM768),
];

/// What may be agreed on.
#[derive(Clone, Debug)]
pub struct Agreement {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
}

impl Agreement {
    /// By name: versions `1.2` and `1.3`; suites as the registry of TLS calls them (`TLS_AES_128_GCM_SHA256`) and
    /// groups such as `X25519`, best first. No suites or no groups: those that are safe today.
    ///
    /// # Errors
    /// The first name nobody knows, or what is missing for a version.
    pub fn new(versions: &[&str], suites: &[&str], groups: &[&str]) -> Result<Agreement, String> {
        let mut provider = aws_lc_rs::default_provider();
        if !suites.is_empty() {
            provider.cipher_suites = all(suites, suite)?;
        }
        let default = ["X25519MLKEM768", "X25519", "P-256", "P-384"];
        provider.kx_groups = all(if groups.is_empty() { &default } else { groups }, group)?;
        let versions: Vec<_> = all(versions, version)?;
        for version in &versions {
            let has = |suite: &SupportedCipherSuite| suite.version() == *version;
            if !provider.cipher_suites.iter().any(has) {
                let (name, _) = if *version == &version::TLS12 { ("1.2", ()) } else { ("1.3", ()) };
                return Err(format!("none of the cipher suites is for TLS {name}"));
            }
        }
        Ok(Agreement { provider: Arc::new(provider), versions })
    }

    /// The names of all cipher suites.
    pub fn suites() -> impl Iterator<Item = String> {
        aws_lc_rs::ALL_CIPHER_SUITES.iter().map(|suite| name(*suite))
    }

    /// The names of all groups.
    pub fn groups() -> impl Iterator<Item = &'static str> {
        GROUPS.iter().map(|(name, _)| *name)
    }
}

impl Default for Agreement {
    /// TLS 1.2 and 1.3 with what is safe today.
    fn default() -> Agreement {
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups = GROUPS.iter().take(4).map(|(_, group)| *group).collect();
        Agreement { provider: Arc::new(provider), versions: vec![&version::TLS12, &version::TLS13] }
    }
}

fn all<T>(names: &[&str], find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    names.iter().map(|name| find(name).ok_or_else(|| format!("nobody knows {name}"))).collect()
}

fn version(name: &str) -> Option<&'static SupportedProtocolVersion> {
    match name {
        "1.2" => Some(&version::TLS12),
        "1.3" => Some(&version::TLS13),
        _ => None,
    }
}

fn suite(wanted: &str) -> Option<SupportedCipherSuite> {
    aws_lc_rs::ALL_CIPHER_SUITES.iter().find(|suite| name(**suite) == wanted).copied()
}

fn group(wanted: &str) -> Option<&'static dyn SupportedKxGroup> {
    GROUPS.iter().find(|(name, _)| *name == wanted).map(|(_, group)| *group)
}

/// As the registry calls it; rustls says `TLS13_` to those of TLS 1.3.
fn name(suite: SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.strip_prefix("TLS13_").map_or_else(|| name.into(), |rest| format!("TLS_{rest}"))
}
