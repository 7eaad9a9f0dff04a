//! Command line, boot, signals, demo.

mod boot;
pub mod demo;
mod diagnostics;

use std::process::ExitCode;

use crate::config::{Surroundings, load};

pub mod cli;

/// Runs the command line; what `main` returns.
pub fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else { return ExitCode::from(2) };
    diagnostics::start(crate::config::LogLevel::Info);
    let (config, mut problems) = load(Some(path.as_ref()), &[], &Surroundings::real());
    let generation = boot::compile(&config, &mut problems);
    for problem in &problems {
        eprintln!("{problem}");
    }
    let failed = problems.iter().any(|problem| problem.is_error());
    let Some(generation) = generation.filter(|_| !failed) else { return ExitCode::from(2) };
    match boot::run(&config, generation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(1)
        }
    }
}
