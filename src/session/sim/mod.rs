//! A seeded simulation of sessions: clients and upstreams that do everything a stranger may do, a
//! kernel that splits, delays and loses, and a worker's rules between them.
//!
//! Each run is a function of its seed. After every step invariants are checked; the two ends check each
//! byte they get. `SEED=7 cargo test sim` runs one seed, `RUNS=100000 cargo test sim` more of them.

mod client;
mod dice;
mod invariants;
mod message;
mod plan;
mod router;
mod run;
mod tunnel_end;
mod upstream;
mod websocket;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many seeds are run where nothing else is said.
const RUNS: u64 = 2500;

#[test]
fn sessions_keep_their_promises() {
    seeds(RUNS, run::run);
}

/// Runs so many seeds, or the one that `SEED` says and in many words.
fn seeds(runs: u64, run: impl Fn(u64, bool)) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SEED") {
        return run(seed, true);
    }
    let from = number("FROM").unwrap_or(0);
    let fails = |seed: &u64| catch_unwind(AssertUnwindSafe(|| run(*seed, false))).is_err();
    let runs = from..from + number("RUNS").unwrap_or(runs);
    let failed: Vec<u64> = runs.filter(fails).take(10).collect();
    assert!(failed.is_empty(), "replay one of these runs with SEED=N: {failed:?}");
}
