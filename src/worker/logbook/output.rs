//! Where lines of a log go.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::config::Syslog;

use super::syslog::Daemon;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Appended to a file.
    File(PathBuf),
    /// To a syslog daemon, which is told this host's name.
    Syslog(Syslog, String),
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogTarget::Stdout => f.write_str("stdout"),
            LogTarget::Stderr => f.write_str("stderr"),
            LogTarget::File(path) => path.display().fmt(f),
            LogTarget::Syslog(syslog, _) => write!(f, "syslog at {}", syslog.to),
        }
    }
}

/// Lines that went nowhere.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) lines: u64,
    pub(super) error: io::Error,
}

/// How many lines these are.
pub(super) fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Opens a file. A named pipe is opened for reading too: to write only, whoever opens it would wait for a reader.
fn append_to(path: &Path) -> io::Result<File> {
    let is_pipe = path.metadata().is_ok_and(|found| found.file_type().is_fifo());
    OpenOptions::new().append(true).read(is_pipe).create(true).open(path)
}

/// An open target.
#[derive(Debug)]
pub(super) enum Output {
    Stdout,
    Stderr,
    File(File),
    Syslog(Daemon),
}

impl Output {
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(target: &LogTarget) -> io::Result<Output> {
        Ok(match target {
            LogTarget::Stdout => Output::Stdout,
            LogTarget::Stderr => Output::Stderr,
            LogTarget::File(path) => Output::File(append_to(path)?),
            LogTarget::Syslog(syslog, host) => Output::Syslog(Daemon::open(syslog, host)?),
        })
    }

    /// Writes lines, each with its end.
    ///
    /// # Errors
    /// When some could not be written; of a file, none of them counts as written then.
    pub(super) fn write_all(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        let written = match self {
            Output::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines).and_then(|()| out.flush())
            }
            Output::Stderr => io::stderr().lock().write_all(lines),
            Output::File(file) => file.write_all(lines),
            Output::Syslog(daemon) => return daemon.send_all(lines),
        };
        written.map_err(|error| Unwritten { lines: count(lines), error })
    }
}
