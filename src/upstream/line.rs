//! Who waits for a seat: a line for each group, in which all workers stand.
//!
//! A worker knows its own sessions only, and says since when the first of them waits. Whoever has a seat to give looks
//! whose is the oldest: so the line is one, though nobody holds it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::base::Millis;

/// All lines together, so that whoever rises from a seat sees in one look whether anybody waits.
#[derive(Debug, Default)]
pub struct Hall {
    waiting: AtomicU32,
    risen: AtomicBool,
}

impl Hall {
    /// A seat is free: noted where somebody waits.
    pub(super) fn risen(&self) {
        // In one order with `Line::join`, after which there is another look: one of the two sees the other.
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.risen.store(true, Ordering::SeqCst);
        }
    }

    /// Whether a seat has become free since the last call.
    pub fn has_risen(&self) -> bool {
        self.risen.load(Ordering::Relaxed) && self.risen.swap(false, Ordering::SeqCst)
    }
}

/// The line of one group.
#[derive(Debug, Default)]
pub struct Line {
    waiting: AtomicU32,
    /// Since when the first of each worker waits.
    heads: OnceLock<Box<[AtomicU64]>>,
    hall: Arc<Hall>,
}

/// A session's place in a line, left when it is dropped.
#[derive(Debug)]
pub struct Queued(Arc<Line>);

impl Line {
    /// A line in this hall, with nobody in it.
    pub(super) fn new(hall: &Arc<Hall>) -> Line {
        Line { hall: Arc::clone(hall), ..Line::default() }
    }

    /// How many wait.
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place in it, unless `most` wait already. Who has one looks once more whether there is a seat.
    pub fn join(self: &Arc<Line>, most: u32) -> Option<Queued> {
        let one_more = |waiting: u32| (waiting < most).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        self.hall.waiting.fetch_add(1, Ordering::SeqCst);
        Some(Queued(Arc::clone(self)))
    }

    /// Says since when the first session of a worker waits, of so many workers.
    pub fn publish(&self, worker: usize, workers: usize, since: Option<Millis>) {
        let heads = self
            .heads
            .get_or_init(|| (0..workers).map(|_| AtomicU64::new(Millis::NEVER.get())).collect());
        if let Some(head) = heads.get(worker) {
            head.store(since.unwrap_or(Millis::NEVER).get(), Ordering::Relaxed);
        }
    }

    /// The worker whose first session has waited longest; of equals it is `me`.
    pub fn oldest(&self, me: usize) -> Option<usize> {
        let heads = self.heads.get().map(|heads| &**heads).unwrap_or_default();
        let since = |worker: usize| heads.get(worker).map(|head| head.load(Ordering::Relaxed));
        let waits = (0..heads.len()).filter(|worker| since(*worker) < Some(Millis::NEVER.get()));
        waits.min_by_key(|worker| (since(*worker), *worker != me))
    }
}

impl Queued {
    /// The line it is in.
    pub fn line(&self) -> &Arc<Line> {
        &self.0
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.hall.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_as_it_may_be() {
        let line = Arc::new(Line::default());
        let two = [line.join(2), line.join(2)];
        assert!(two.iter().all(Option::is_some) && line.join(2).is_none());
        assert_eq!(line.waiting(), 2);
        drop(two);
        assert_eq!((line.waiting(), line.hall.waiting.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn a_seat_is_noted_once_and_only_where_somebody_waits() {
        let hall = Arc::new(Hall::default());
        let line = Arc::new(Line::new(&hall));
        hall.risen();
        assert!(!hall.has_risen());
        let queued = line.join(1);
        hall.risen();
        assert!(hall.has_risen() && !hall.has_risen());
        drop(queued);
    }

    #[test]
    fn who_has_waited_longest_is_next() {
        let line = Line::default();
        assert_eq!(line.oldest(0), None);
        line.publish(1, 3, Some(Millis(50)));
        assert_eq!(line.oldest(0), Some(1));
        line.publish(2, 3, Some(Millis(50)));
        assert_eq!((line.oldest(2), line.oldest(1)), (Some(2), Some(1)));
        line.publish(0, 3, Some(Millis(49)));
        assert_eq!(line.oldest(2), Some(0));
        (0..3).for_each(|worker| line.publish(worker, 3, None));
        assert_eq!(line.oldest(1), None);
    }
}
