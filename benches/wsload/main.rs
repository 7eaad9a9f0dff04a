//! A WebSocket load generator on one thread, cheap enough to share a core with the backend.
//!
//! ```text
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 64 -s 125 -d 5
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 64 --rate 10000 -d 5
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 16 -s 4096 --text --payload json --deflate alone -d 5
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 8000 --mode idle
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 64 --mode churn -d 5 --json
//! ```

mod connection;
mod handshake;
mod incoming;
mod inflating;
mod message;
mod options;
mod pacer;
mod report;
mod run;

use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match options::Options::from_args() {
        Ok(Some(options)) => options,
        // `cargo bench` without a filter runs every target; there is nothing to do then.
        Ok(None) => return ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("wsload: {message}");
            return ExitCode::from(2);
        }
    };
    let json = options.json;
    match run::Run::new(options, RandomState::new().hash_one("mask")).and_then(run::Run::go) {
        Ok(report) => {
            println!("{}", if json { report.json() } else { report.text() });
            ExitCode::from(u8::from(report.faults > 0))
        }
        Err(error) => {
            eprintln!("wsload: {error}");
            ExitCode::FAILURE
        }
    }
}
