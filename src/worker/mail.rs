//! What workers are told from outside, and how they reach each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::base::{Key, Millis};
use crate::channel::Letter;
use crate::reactor::{Done, Outbox, Reply, Sender};
use crate::upstream::Line;

use super::accept::Arrival;
use super::inspect::Ask;
use super::renew::Renewal;

/// One letter in a worker's mailbox.
#[derive(Debug)]
pub enum Mail {
    /// A connection another worker accepted and hands over, unread.
    Accepted(Arrival),
    /// The answer to a job of a session.
    Done(Key, Done),
    /// A seat may be free for the first of its sessions in this line.
    Seat(Arc<Line>),
    /// About channels.
    Channel(Letter),
    /// A question about itself.
    Ask(Ask),
    /// Go over to a new configuration.
    Renew(Box<Renewal>),
    /// Stop accepting and let sessions end until then.
    Drain(Millis),
    /// Stop at once.
    Stop,
}

/// How the answer to a job comes back.
#[derive(Clone, Debug)]
pub struct Courier(pub Sender<Mail>);

impl Reply for Courier {
    fn reply(self, owner: u64, done: Done) {
        if let Some(key) = Key::from_u64(owner) {
            // A worker that has ended needs no answer.
            let _ = self.0.send_waiting(Mail::Done(key, done));
        }
    }
}

/// All workers as one of them sees them.
#[derive(Debug)]
pub struct Peers {
    /// Where to write to each of them.
    pub outboxes: Vec<Outbox<Mail>>,
    /// Live client connections of each.
    pub loads: Arc<[Load]>,
    /// Most client connections of all together.
    pub most: u32,
}

/// A number on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Load(AtomicU32);

impl Load {
    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// The number.
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Peers {
    /// A worker with clearly fewer connections than `me`, if there is one.
    pub(super) fn lighter(&self, me: usize) -> Option<usize> {
        let mine = self.loads.get(me)?.get();
        let (index, load) =
            self.loads.iter().map(Load::get).enumerate().min_by_key(|(_, load)| *load)?;
        (mine > load + 4 + load / 8).then_some(index)
    }

    /// Sends what was gathered in this turn; true when some of it must wait for room.
    pub(super) fn flush(&mut self) -> bool {
        // Mail to a worker that has ended is lost with it.
        let mut waits = false;
        for outbox in &mut self.outboxes {
            waits |= matches!(outbox.flush(), Ok(false));
        }
        waits
    }

    /// Whether no further client connection may be accepted.
    pub(super) fn full(&self) -> bool {
        self.loads.iter().map(Load::get).sum::<u32>() >= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(loads: &[u32]) -> Peers {
        let loads: Vec<_> = loads.iter().map(|n| Load(AtomicU32::new(*n))).collect();
        Peers { outboxes: Vec::new(), loads: loads.into(), most: 100 }
    }

    #[test]
    fn only_a_clear_difference_moves_a_connection() {
        assert_eq!(peers(&[3, 0]).lighter(0), None);
        assert_eq!(peers(&[5, 0]).lighter(0), Some(1));
        assert_eq!(peers(&[85, 80]).lighter(0), None);
        assert_eq!(peers(&[95, 80]).lighter(0), Some(1));
        assert_eq!(peers(&[0, 80]).lighter(0), None);
    }

    #[test]
    fn the_bound_is_for_all_together() {
        assert!(!peers(&[50, 49]).full());
        assert!(peers(&[50, 50]).full());
    }
}
