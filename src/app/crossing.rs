//! Workers on their way to a new configuration: who has gone over, and who takes longer.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::Problem;

/// The workers that have not gone over yet, as far as they still run.
#[derive(Debug)]
pub(super) struct Crossing {
    away: BTreeSet<usize>,
    over: Receiver<usize>,
}

impl Crossing {
    /// Of so many workers; each says its number when it is over, and drops its sender when it ends.
    pub(super) fn new(workers: usize, over: Receiver<usize>) -> Crossing {
        Crossing { away: (0..workers).collect(), over }
    }

    /// Waits for all, but no longer than `patience`. Whether all that run have gone over.
    pub(super) fn wait(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while !self.away.is_empty() {
            match self.over.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(worker) => drop(self.away.remove(&worker)),
                Err(RecvTimeoutError::Timeout) => return false,
                // Those that are left have ended.
                Err(RecvTimeoutError::Disconnected) => self.away.clear(),
            }
        }
        true
    }

    /// Says which have not.
    pub(super) fn problem(&self, patience: Duration) -> Problem {
        let all: Vec<String> = self.away.iter().map(usize::to_string).collect();
        let who = match all.len() {
            1 => "worker",
            _ => "workers",
        };
        let (all, seconds) = (all.join(", "), patience.as_secs());
        let said = format!(
            "{who} {all}: busy for {seconds}s, and will go over afterwards; until then the old configuration holds there"
        );
        Problem::warning(None, said)
    }

    /// Waits for the rest on a thread of its own, and does `then`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn follow(mut self, then: fn()) -> std::io::Result<()> {
        let wait = move || {
            while !self.wait(Duration::from_secs(3600)) {}
            then();
        };
        thread::Builder::new().name("reload".into()).spawn(wait).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    static DONE: AtomicBool = AtomicBool::new(false);

    #[test]
    fn who_takes_longer_is_named_and_waited_for() {
        let (tell, over) = channel();
        let mut crossing = Crossing::new(3, over);
        tell.send(1).unwrap();
        assert!(!crossing.wait(Duration::from_millis(10)));
        let said = crossing.problem(Duration::from_secs(5));
        assert!(
            !said.is_error() && said.to_string().contains("workers 0, 2: busy for 5s"),
            "{said}"
        );
        crossing.follow(|| DONE.store(true, Ordering::SeqCst)).unwrap();
        tell.send(0).unwrap();
        assert!(!DONE.load(Ordering::SeqCst));
        tell.send(2).unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        while !DONE.load(Ordering::SeqCst) {
            assert!(Instant::now() < until, "nobody says that it is done");
            thread::yield_now();
        }
    }

    #[test]
    fn nobody_waits_for_a_worker_that_has_ended() {
        let (tell, over) = channel();
        tell.send(0).unwrap();
        drop(tell);
        assert!(Crossing::new(2, over).wait(Duration::from_secs(3600)));
    }
}
