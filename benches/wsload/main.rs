//! A load generator for WebSockets and HTTP on one thread, cheap enough to share a core with the backend.
//!
//! ```text
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 64 -s 125 -d 5
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 64 --rate 10000 -d 5
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo --also 127.0.0.1:8081 -c 64 -d 5
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 16 -s 4096 --text --payload json --deflate alone -d 5
//! cargo bench --bench wsload -- ws://127.0.0.1:8080/echo -c 8000 --mode idle
//! cargo bench --bench wsload -- wss://127.0.0.1:8443/echo -c 64 --mode churn --resume -d 5 --json
//! cargo bench --bench wsload -- https://127.0.0.1:8443/ -c 64 --mode get -d 5
//! cargo bench --bench wsload -- http://127.0.0.1:8080/ -c 64 --mode get --rate 20000 -d 5
//! cargo bench --bench wsload -- https://127.0.0.1:8443/ -c 32 --mode handshakes --tls 1.2 -d 5
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
mod stream;
mod tls;
mod visit;
mod visits;

use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;

use options::Mode;

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
    let done = match options.mode {
        Mode::Get | Mode::Handshakes => visits::Visits::new(options).and_then(visits::Visits::go),
        _ => run::Run::new(options, RandomState::new().hash_one("mask")).and_then(run::Run::go),
    };
    match done {
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
