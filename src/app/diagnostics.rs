//! The diagnostic log: what happens to the router itself, on standard error.
//!
//! A thread writes it: a standard error that is closed, full or not read by anybody neither ends nor
//! delays what has something to say.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::Arc;

use tracing::Level;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

use crate::base::{Problem, Severity};
use crate::config::LogLevel;
use crate::worker::{LogBook, LogSink, LogTarget};

/// Starts the log, which ends when what is returned is dropped. Called once, before anything is
/// logged.
///
/// # Errors
/// When there is no thread to be had.
pub(super) fn start(level: LogLevel) -> io::Result<LogBook> {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let book = LogBook::open(LogTarget::Stderr)?;
    let sink = book.sink(Arc::default());
    // What libraries have to say is theirs: what matters of it comes back to us as an error, and is said once.
    let writer =
        (move || Line(sink.clone())).with_filter(|about| about.target().starts_with("tidegate"));
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(writer)
        .with_ansi(stderr().is_terminal())
        .with_target(false);
    log.init();
    Ok(book)
}

/// Logs a problem of a configuration.
pub(super) fn tell(problem: &Problem) {
    match problem.severity {
        Severity::Error => tracing::error!("{problem}"),
        Severity::Warning => tracing::warn!("{}", bare(problem)),
        Severity::Notice => tracing::info!("{}", bare(problem)),
    }
}

/// The line says how bad it is: the text need not.
fn bare(problem: &Problem) -> Problem {
    Problem { severity: Severity::Error, ..problem.clone() }
}

/// Takes one line.
struct Line(LogSink);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.hand_over(&mut line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
