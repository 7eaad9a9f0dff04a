//! Command line, boot, signals, demo, log thread.

/// Runs the command line; what `main` returns.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
