//! Files of tokens, each with the server it stands for: read when somebody asks, and again when changed.
//!
//! ```text
//! # websockify's format
//! vnc1: 10.0.0.1:5901
//! serial: unix:/run/serial.sock
//! ```
//!
//! Reading and resolving wait for disk and resolver: this is for threads that may.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::Address;

use super::names::Lookup;
use super::stamp::Stamp;

/// The largest file read, in bytes.
const FILE_MAX: u64 = 16 << 20;
/// The most faults of a file that are logged.
const FAULTS_MAX: usize = 20;

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenAnswer {
    /// A server: its addresses, to be tried in turn. None for a name that does not resolve.
    At(Vec<Address>),
    /// The file does not have it.
    Unknown,
    /// The file cannot be read.
    Unreadable,
}

/// All files that were asked about.
#[derive(Debug)]
pub(super) struct Tokens {
    files: Mutex<HashMap<Arc<Path>, Arc<Mutex<Known>>>>,
    resolve: Lookup,
}

/// What is known of a file.
#[derive(Debug, Default)]
struct Known {
    /// What it looked like when it was read; `None` to read it again.
    stamp: Option<Stamp>,
    servers: HashMap<String, Address>,
    /// What was logged of it last.
    said: String,
}

impl Tokens {
    /// No files yet; host names in them are looked up with `resolve`.
    pub(super) fn new(resolve: Lookup) -> Tokens {
        Tokens { files: Mutex::default(), resolve }
    }

    /// What `token` stands for in `file`. Waits for the disk, and for the resolver where the file names a
    /// host.
    pub(super) fn find(&self, file: &Arc<Path>, token: &str) -> TokenAnswer {
        let known = {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(files.entry(Arc::clone(file)).or_default())
        };
        let found = {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = known.refresh(file) {
                known.stamp = None;
                known.say(format!("{} cannot be read: {error}", file.display()));
                return TokenAnswer::Unreadable;
            }
            known.servers.get(token).cloned()
        };
        match found {
            None => TokenAnswer::Unknown,
            Some(Address::Name { host, port }) => {
                let addresses = (self.resolve)(&host, port).unwrap_or_else(|error| {
                    tracing::debug!("{}: {host} does not resolve: {error}", file.display());
                    Vec::new()
                });
                TokenAnswer::At(addresses.into_iter().map(Address::Ip).collect())
            }
            Some(address) => TokenAnswer::At(vec![address]),
        }
    }
}

impl Known {
    /// Reads the file if it is not what it was.
    fn refresh(&mut self, path: &Path) -> io::Result<()> {
        let data = fs::metadata(path)?;
        if self.stamp == Some(Stamp::of(&data)) {
            return Ok(());
        }
        // Opening a pipe would wait for its other end.
        if !data.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let file = File::open(path)?;
        let data = file.metadata()?;
        let mut text = Vec::new();
        file.take(FILE_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > FILE_MAX {
            return Err(io::Error::other("it is longer than 16 MiB"));
        }
        let (servers, faults) = parse(&text);
        self.servers = servers;
        self.stamp = Stamp::settled(&data);
        let place = path.display();
        let lines = faults.iter().take(FAULTS_MAX);
        let mut said: Vec<String> =
            lines.map(|(line, fault)| format!("{place}:{line}: {fault}")).collect();
        if faults.len() > FAULTS_MAX {
            said.push(format!("{place}: {} more faults", faults.len() - FAULTS_MAX));
        }
        self.say(said.join("\n"));
        Ok(())
    }

    /// Logs what there is to be said of the file, once.
    fn say(&mut self, text: String) {
        if self.said != text {
            text.lines().for_each(|line| tracing::warn!("{line}"));
            self.said = text;
        }
    }
}

type Faults = Vec<(usize, String)>;

/// Reads lines of `TOKEN: ADDR`. Of two with the same token the last one counts, as in websockify.
fn parse(text: &[u8]) -> (HashMap<String, Address>, Faults) {
    let (mut servers, mut faults) = (HashMap::new(), Vec::new());
    for (line, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let text = text.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") {
            continue;
        }
        match std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned()).and_then(entry) {
            Ok((token, address)) => {
                if servers.insert(token.to_owned(), address).is_some() {
                    faults.push((line, "its token was there before; this line counts".to_owned()));
                }
            }
            Err(fault) => faults.push((line, fault)),
        }
    }
    (servers, faults)
}

fn entry(line: &str) -> Result<(&str, Address), String> {
    let colon = line.match_indices(':').find(|(at, _)| {
        let behind = line.get(at + 1..).and_then(|rest| rest.chars().next());
        behind.is_some_and(char::is_whitespace)
    });
    let Some((at, _)) = colon.filter(|(at, _)| *at > 0) else {
        return Err("expected TOKEN: HOST:PORT, as in vnc1: 10.0.0.1:5901".to_owned());
    };
    let (token, target) = line.split_at_checked(at).unwrap_or_default();
    let target = target.get(1..).unwrap_or_default().trim();
    let address: Result<Address, _> = match target.strip_prefix("unix_socket:") {
        Some(path) => format!("unix:{path}").parse(),
        None => target.parse(),
    };
    let address = address.map_err(|fault| fault.to_string())?;
    Ok((token.trim_end(), address))
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
