//! What TLS listeners present, as it is configured: names of files, not what is in them.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::Address;

use super::model::Placed;
use super::value::{Fault, Value};

/// Everything about TLS towards clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `https`: addresses to listen on, and what is presented there.
    pub listeners: Vec<TlsListener>,
    /// `sni`: what is presented to clients that ask for a name, at every address.
    pub names: Vec<TlsName>,
    /// `https-versions`: of [`VERSIONS`], at least one.
    pub versions: Vec<&'static str>,
    /// `https-ciphers`: of [`SUITES`], best first; `None`: all of them.
    pub suites: Option<Placed<Vec<&'static str>>>,
    /// `https-groups`: of [`GROUPS`], best first; `None`: those that are safe.
    pub groups: Option<Vec<&'static str>>,
    /// `https-crl`: files of lists of revoked client certificates.
    pub revoked: Vec<Placed<PathBuf>>,
    /// `https-tickets`: how long tickets live; `None`: no session is resumed.
    pub tickets: Option<Duration>,
}

/// Versions of TLS.
pub const VERSIONS: [&str; 2] = ["1.2", "1.3"];

/// Cipher suites, by the names of their registry.
pub const SUITES: [&str; 9] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// Groups keys are exchanged in.
pub const GROUPS: [&str; 5] = ["X25519MLKEM768", "X25519", "P-256", "P-384", "P-256MLKEM768"];

/// A listener that speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsListener {
    /// Where it listens.
    pub address: Placed<Address>,
    /// What it presents to whoever asks for no name of [`Tls::names`].
    pub presented: TlsPresented,
}

/// What is presented to clients that ask for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsName {
    /// In lower case; `*.` at its start stands for one label.
    pub name: Placed<String>,
    /// What is presented.
    pub presented: TlsPresented,
}

/// A certificate, and who has to show one in return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPresented {
    /// File of the certificate and its chain.
    pub certificate: Placed<PathBuf>,
    /// File of its key.
    pub key: Placed<PathBuf>,
    /// Whose certificates are welcome; `None`: nobody is asked for one.
    pub clients: Option<TlsClients>,
}

/// Whose certificates are welcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsClients {
    /// File of the authorities that sign them.
    pub authorities: Placed<PathBuf>,
    /// Whether nobody comes in without one.
    pub mandatory: bool,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            listeners: Vec::new(),
            names: Vec::new(),
            versions: VERSIONS.into(),
            suites: None,
            groups: None,
            revoked: Vec::new(),
            tickets: Some(Duration::from_secs(12 * 3600)),
        }
    }
}

const LISTENER: &str = "expected ADDR,CERT,KEY[,CIPHERS[,[!]CLIENT_CA]], as in :443,/etc/tls/site.pem,/etc/tls/site.key";
const NAME: &str = "expected NAME CERT,KEY[,CIPHERS[,[!]CLIENT_CA]], as in \
                    www.example.com /etc/tls/www.pem,/etc/tls/www.key";

/// `ADDR,CERT,KEY[,CIPHERS[,[!]CLIENT_CA]]`; also what CIPHERS is, if it is anything.
pub(super) fn listener(value: &Value) -> Result<(TlsListener, Option<Value>), Fault> {
    let parts = parts(value);
    let (address, rest) = parts.split_first().ok_or_else(|| Fault::new(LISTENER))?;
    let placed = address.address().map_err(|fault| value.fault_of(address, &fault.expected))?;
    let (presented, ciphers) = presented(value, rest, LISTENER)?;
    Ok((TlsListener { address: address.placed(placed), presented }, ciphers))
}

/// `NAME CERT,KEY[,CIPHERS[,[!]CLIENT_CA]]`; also what CIPHERS is, if it is anything.
pub(super) fn name(value: &Value) -> Result<(TlsName, Option<Value>), Fault> {
    let text = value.text();
    let space = text.find([' ', '\t']).ok_or_else(|| Fault::new(NAME))?;
    let name = value.slice(0..space);
    if !is_name(name.text()) {
        let said =
            "expected a name such as www.example.com, or *.example.com for one label before it";
        return Err(Fault::new(said));
    }
    let rest = value.slice(space..text.len());
    let (presented, ciphers) = presented(value, &parts(&rest), NAME)?;
    Ok((TlsName { name: name.placed(name.text().to_ascii_lowercase()), presented }, ciphers))
}

/// `CERT,KEY`
pub(super) fn pair(value: &Value) -> Result<(Placed<PathBuf>, Placed<PathBuf>), Fault> {
    const SAID: &str = "expected CERT,KEY, as in /etc/tls/router.pem,/etc/tls/router.key";
    match parts(value).as_slice() {
        [certificate, key] if !certificate.text().is_empty() && !key.text().is_empty() => {
            let file = |part: &Value| part.placed(PathBuf::from(part.text()));
            Ok((file(certificate), file(key)))
        }
        _ => Err(Fault::new(SAID)),
    }
}

/// What stands between commas.
fn parts(value: &Value) -> Vec<Value> {
    let mut at = 0;
    let pieces = value.text().split(',').map(|piece| {
        let start = at;
        at += piece.len() + 1;
        value.slice(start..start + piece.len())
    });
    pieces.collect()
}

/// `CERT,KEY[,CIPHERS[,[!]CLIENT_CA]]`
fn presented(
    whole: &Value,
    parts: &[Value],
    expected: &str,
) -> Result<(TlsPresented, Option<Value>), Fault> {
    let (certificate, key, ciphers, authorities) = match parts {
        [certificate, key] => (certificate, key, None, None),
        [certificate, key, ciphers] => (certificate, key, Some(ciphers), None),
        [certificate, key, ciphers, authorities] => {
            (certificate, key, Some(ciphers), Some(authorities))
        }
        _ => return Err(Fault::new(expected)),
    };
    let file = |part: &Value| match part.text() {
        "" => Err(whole.fault_of(part, expected)),
        path => Ok(part.placed(PathBuf::from(path))),
    };
    let clients = match authorities {
        Some(part) if part.text().starts_with('!') => {
            let authorities = file(&part.slice(1..part.text().len()))?;
            Some(TlsClients { authorities, mandatory: true })
        }
        Some(part) => Some(TlsClients { authorities: file(part)?, mandatory: false }),
        None => None,
    };
    let presented = TlsPresented { certificate: file(certificate)?, key: file(key)?, clients };
    Ok((presented, ciphers.filter(|part| !part.text().is_empty()).cloned()))
}

/// Whether `text` is a host name, or one behind `*.`.
fn is_name(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let label = |label: &str| {
        let hyphen = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && !hyphen && label.chars().all(plain)
    };
    let digits = name.chars().all(|c| c.is_ascii_digit() || c == '.');
    name.len() <= 253 && !digits && name.split('.').all(label)
}

/// Words of a list, each known and there once.
pub(super) fn known(value: &Value, all: &[&'static str]) -> Result<Vec<&'static str>, Fault> {
    let mut found: Vec<&'static str> = Vec::new();
    for word in value.words() {
        let Some(name) = all.iter().copied().find(|name| *name == word.text()) else {
            return Err(value.fault_of(&word, &format!("expected any of {}", all.join(" "))));
        };
        if found.contains(&name) {
            return Err(value.fault_of(&word, &format!("{name} is listed twice")));
        }
        found.push(name);
    }
    match found.is_empty() {
        true => Err(Fault::new(format!("expected any of {}", all.join(" ")))),
        false => Ok(found),
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
