//! WebSockets between two ends that keep the rules or break them: tracked tunnels and guarded ones.

mod end;
mod frame;
mod mouth;
mod plan;
mod run;
mod witness;

/// How many seeds are run where nothing else is said.
const RUNS: u64 = 1000;

#[test]
fn websockets_pass_whole_and_end_in_words() {
    super::seeds(RUNS, run::run);
}
