//! A certificate nobody vouches for, made for one run and gone with it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, KeyPair};
use tempfile::TempDir;

/// Whom it is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Files of a certificate and its key, which are removed when this is dropped.
#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    /// Makes a key and signs with it.
    ///
    /// # Errors
    /// When there is no place for its files.
    pub fn make() -> io::Result<Certificate> {
        let folder = tempfile::Builder::new().prefix("tidegate-demo-").tempdir()?;
        let made = Certificate { folder };
        let (certificate, key) = sign().map_err(io::Error::other)?;
        write(&made.certificate(), &certificate)?;
        write(&made.key(), &key)?;
        Ok(made)
    }

    /// The file of the certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("demo.pem")
    }

    /// The file of its key.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("demo.key")
    }
}

/// A certificate and its key as PEM.
fn sign() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "tidegate demo");
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
