//! How many sessions a server has, counted by all workers in one place that outlives generations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::line::Hall;

/// The seats of a server, on a cache line of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Seats {
    taken: AtomicU32,
    /// Somebody wants to know of requests too, and not only of tunnels.
    counted: AtomicBool,
    /// Where those wait who found none.
    hall: Arc<Hall>,
}

/// A session's place at a server: given back when it is dropped, however the session ends.
#[derive(Debug, Default)]
pub struct Seat(Option<Arc<Seats>>);

impl Seats {
    /// Seats whose being given back is noted in this hall.
    pub(super) fn new(hall: &Arc<Hall>) -> Seats {
        Seats { hall: Arc::clone(hall), ..Seats::default() }
    }

    /// How many sessions sit here.
    pub fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Has requests counted from now on, and not only tunnels: counting costs every request a little.
    pub(super) fn count(&self) {
        self.counted.store(true, Ordering::Relaxed);
    }

    /// Whether requests are counted.
    pub fn is_counted(&self) -> bool {
        self.counted.load(Ordering::Relaxed)
    }

    /// One more session sits here, whether there is room or not.
    pub fn sit(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// One that sat here goes.
    pub fn rise(&self) {
        self.taken.fetch_sub(1, Ordering::SeqCst);
        self.hall.risen();
    }

    /// A seat for a request, where `max` leaves one. It is none that counts where nobody wants to know.
    pub(super) fn try_take(self: &Arc<Seats>, max: u32) -> Option<Seat> {
        if !self.is_counted() {
            return Some(Seat::default());
        }
        let one_more = |taken: u32| (taken < max).then_some(taken + 1);
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Seat(Some(Arc::clone(self))))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(seats) = &self.0 {
            seats.rise();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_given_back_when_it_is_dropped() {
        let seats = Arc::new(Seats::default());
        seats.count();
        let two = [seats.try_take(2), seats.try_take(2)];
        assert!(two.iter().all(Option::is_some) && seats.try_take(2).is_none());
        seats.sit();
        assert_eq!(seats.taken(), 3);
        drop(two);
        assert_eq!(seats.taken(), 1);
        seats.rise();
        assert_eq!((seats.taken(), align_of::<Seats>()), (0, 128));
    }

    #[test]
    fn requests_are_not_counted_where_nobody_wants_to_know() {
        let seats = Arc::new(Seats::default());
        let seat = seats.try_take(1).expect("room");
        assert_eq!(seats.taken(), 0);
        seats.count();
        drop(seat);
        assert_eq!(seats.taken(), 0);
    }

    #[test]
    fn workers_never_take_more_than_there_are() {
        let seats = Arc::new(Seats::default());
        seats.count();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let seat = seats.try_take(3);
                        assert!(seats.taken() <= 3);
                        drop(seat);
                    }
                });
            }
        });
        assert_eq!(seats.taken(), 0);
    }
}
