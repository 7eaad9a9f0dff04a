//! Command line, boot, signals, the admin socket, demo.
//!
//! [`cli`] reads what is wanted, `site` compiles a configuration, [`explain`] says what it does with a request, `boot` makes running workers of it and stops
//! them at a signal, `reload` has them go over to another one, `crossing` waits for them, `admin` answers whoever asks the running router about itself, `instances` talks to other ones, `bus` does where an engine stands between them, and [`ctl`] is who asks,
//! `diagnostics` is the log of what happens to it, [`mod@demo`] a site to look at.

mod account;
mod admin;
mod boot;
mod bus;
mod certificates;
pub mod cli;
mod crossing;
pub mod ctl;
pub mod demo;
mod diagnostics;
mod doors;
pub mod explain;
mod instances;
mod line;
mod reload;
mod site;
mod systemd;

use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::Duration;

use crate::base::Problem;
use crate::reactor::Names;

use boot::Ready;
use cli::{BAD_USE, Command, Demo, Source};
use site::{Compiled, Maker};

/// What a failure while running ends with.
const FAILED: u8 = 1;
/// Between two look-ups of a name.
const RESOLVE: Duration = Duration::from_secs(10);

/// Runs the command line; what `main` returns.
pub fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(Command::Run(source)) => serve(source),
        Ok(Command::Check(source)) => match read(Maker::new(source, None)) {
            Ok(_) => {
                say("no errors");
                ExitCode::SUCCESS
            }
            Err(code) => code,
        },
        Ok(Command::Explain(source, question)) => match read(Maker::new(source, None)) {
            Ok(ready) => match explain::explain(&ready.config, &ready.generation, &question) {
                Ok(text) => {
                    say(text.trim_end());
                    ExitCode::SUCCESS
                }
                Err(said) => {
                    complain(said);
                    ExitCode::from(BAD_USE)
                }
            },
            Err(code) => code,
        },
        Ok(Command::Demo(options)) => demo(options),
        Ok(Command::Ctl(order)) => ctl::run(&order),
        Err(code) => code,
    }
}

/// A line on standard output. Nobody may be left to read it: that changes no exit code.
fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// The same on standard error.
fn complain(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}

/// Reads and compiles a configuration, and says everything there is to say about it.
fn read(mut maker: Maker) -> Result<Ready, ExitCode> {
    let Compiled { config, accounts, generation, certificates, secret, bus, problems } =
        maker.compile();
    for problem in &problems {
        complain(problem);
    }
    match (generation, certificates) {
        (Some(generation), Some(certificates)) if !problems.iter().any(Problem::is_error) => {
            Ok(Ready { maker, config, accounts, generation, certificates, secret, bus })
        }
        _ => Err(ExitCode::from(BAD_USE)),
    }
}

/// Reads a configuration and runs it.
fn serve(source: Source) -> ExitCode {
    match Names::start(RESOLVE) {
        Ok(names) => read(Maker::new(source, Some(names))).map_or_else(|code| code, run),
        Err(error) => {
            complain(format_args!("cannot start the resolver: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

fn run(ready: Ready) -> ExitCode {
    let _diagnostics = match diagnostics::start(ready.config.log.level) {
        Ok(book) => book,
        Err(error) => {
            complain(format_args!("cannot start the diagnostic log: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    match boot::run(ready) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(FAILED)
        }
    }
}

/// Runs the router in front of a worker of our own.
fn demo(Demo { options: asked, tls }: Demo) -> ExitCode {
    let failed = |what: &str, error| {
        complain(format_args!("tidegate demo: cannot {what}: {error}"));
        ExitCode::from(FAILED)
    };
    let worker = match demo::Worker::start() {
        Ok(worker) => worker,
        Err(error) => return failed("start its worker", error),
    };
    let certificate = match tls.as_ref().map(|_| demo::Certificate::make()).transpose() {
        Ok(certificate) => certificate,
        Err(error) => return failed("make a certificate", error),
    };
    let ticker = match demo::Ticker::start() {
        Ok(ticker) => ticker,
        Err(error) => return failed("start its ticker", error),
    };
    if !asked.iter().any(|option| option.key == "http") {
        say(format_args!("open http://{}/ in a browser; Ctrl-C stops", demo::AT));
    }
    let tls = tls.as_deref().zip(certificate.as_ref());
    if let Some((at, made)) = tls {
        say(format_args!(
            "open https://{at}/ too; browsers warn, for nobody vouches for {}",
            made.certificate().display()
        ));
    }
    let options = demo::options(asked, tls, &worker.address(), &ticker);
    serve(Source { file: None, options })
}
