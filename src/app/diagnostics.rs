//! The diagnostic log: what happens to the router itself, on standard error.

use std::io::{IsTerminal, stderr};

use tracing::Level;

use crate::config::LogLevel;

/// Starts the log. Called once, before anything is logged.
pub(super) fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_target(false);
    log.init();
}
