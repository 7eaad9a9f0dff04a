//! A bounded queue between threads that takes memory for what waits in it, not for what could.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::mailbox::Refused;

/// A queue in which `room` items may wait.
pub(super) fn queue<T>(room: usize) -> (QueueSender<T>, QueueReceiver<T>) {
    let (sender, receiver) = mpsc::channel();
    let room = Arc::new(Room { most: room, ..Room::default() });
    (
        QueueSender { items: sender, room: Arc::clone(&room) },
        QueueReceiver { items: receiver, room },
    )
}

/// The end items are put in at; clone it for every thread.
pub(super) struct QueueSender<T> {
    items: mpsc::Sender<T>,
    room: Arc<Room>,
}

/// The end items are taken out at.
pub(super) struct QueueReceiver<T> {
    items: mpsc::Receiver<T>,
    room: Arc<Room>,
}

/// How full a queue is, and who waits for room.
#[derive(Default)]
struct Room {
    most: usize,
    taken: AtomicUsize,
    /// The receiver has ended.
    gone: AtomicBool,
    /// How many senders wait for room; they say so before they look once more.
    waiting: AtomicUsize,
    line: Mutex<()>,
    freed: Condvar,
}

impl Room {
    fn enter(&self) -> bool {
        let one_more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok()
    }

    fn leave(&self, items: usize) {
        self.taken.fetch_sub(items, Ordering::SeqCst);
        self.call();
    }

    /// Whoever waits looks again.
    fn call(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Who is about to wait has the lock until it does.
            drop(self.line.lock().unwrap_or_else(PoisonError::into_inner));
            self.freed.notify_all();
        }
    }

    /// Waits for room; false when there will never be any.
    fn enter_waiting(&self) -> bool {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let entered = loop {
            if self.gone.load(Ordering::SeqCst) {
                break false;
            }
            if self.enter() {
                break true;
            }
            line = self.freed.wait(line).unwrap_or_else(PoisonError::into_inner);
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        entered
    }
}

impl<T> QueueSender<T> {
    /// Puts an item in, without waiting.
    pub(super) fn offer(&self, item: T) -> Result<(), Refused<T>> {
        if !self.room.enter() {
            let gone = self.room.gone.load(Ordering::SeqCst);
            return Err(if gone { Refused::Gone(item) } else { Refused::Full(item) });
        }
        self.items.send(item).map_err(|error| Refused::Gone(error.0))
    }

    /// Puts an item in when there is room; gives it back when the receiver has ended.
    pub(super) fn offer_waiting(&self, item: T) -> Result<(), T> {
        if !self.room.enter_waiting() {
            return Err(item);
        }
        self.items.send(item).map_err(|error| error.0)
    }
}

impl<T> Clone for QueueSender<T> {
    fn clone(&self) -> Self {
        QueueSender { items: self.items.clone(), room: Arc::clone(&self.room) }
    }
}

impl<T> QueueReceiver<T> {
    /// Moves at most `budget` items to the end of `into`, without waiting. True when there may be more.
    pub(super) fn drain(&self, into: &mut Vec<T>, budget: usize) -> bool {
        let before = into.len();
        let more = loop {
            if into.len() - before == budget {
                break true;
            }
            match self.items.try_recv() {
                Ok(item) => into.push(item),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break false,
            }
        };
        if into.len() > before {
            self.room.leave(into.len() - before);
        }
        more
    }

    /// Waits for the next item; `None` when no sender is left.
    pub(super) fn next(&self) -> Option<T> {
        let item = self.items.recv().ok()?;
        self.room.leave(1);
        Some(item)
    }
}

impl<T> Drop for QueueReceiver<T> {
    fn drop(&mut self) {
        self.room.gone.store(true, Ordering::SeqCst);
        self.room.call();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn room_is_made_by_taking_out() {
        let (sender, receiver) = queue(2);
        sender.offer(1).unwrap();
        sender.offer(2).unwrap();
        assert_eq!(sender.offer(3), Err(Refused::Full(3)));
        assert_eq!(receiver.next(), Some(1));
        sender.offer(3).unwrap();
        assert_eq!(sender.offer(4), Err(Refused::Full(4)));
        let mut got = Vec::new();
        assert!(receiver.drain(&mut got, 1));
        assert!(!receiver.drain(&mut got, 2));
        assert_eq!(got, [2, 3]);
        drop(sender);
        assert_eq!(receiver.next(), None);
    }

    #[test]
    fn who_waits_for_room_gets_it_or_learns_that_there_is_none() {
        let (sender, receiver) = queue(1);
        sender.offer(0).unwrap();
        let other = sender.clone();
        let waiting = thread::spawn(move || (1..100).try_for_each(|n| other.offer_waiting(n)));
        (0..100).for_each(|n| assert_eq!(receiver.next(), Some(n)));
        assert_eq!(waiting.join().unwrap(), Ok(()));
        sender.offer(0).unwrap();
        let other = sender.clone();
        let waiting = thread::spawn(move || other.offer_waiting(1));
        while sender.room.waiting.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        drop(receiver);
        assert_eq!(waiting.join().unwrap(), Err(1));
        assert_eq!(sender.offer(2), Err(Refused::Gone(2)));
    }
}
