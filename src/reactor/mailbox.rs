//! Mail between threads: bounded, the sender never waits, nothing is dropped unsaid.
//!
//! A batch wakes the receiver's poll once: the first item after it last looked does, the others see
//! that it is awake.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;

use super::queue::{QueueReceiver, QueueSender, queue};

/// An item that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused<T> {
    /// There is no room now.
    Full(T),
    /// The receiver has ended: there will never be room.
    Gone(T),
}

impl<T> Refused<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Refused::Full(item) | Refused::Gone(item) => item,
        }
    }
}

/// The receiver's end, with the thread that polls.
pub struct Mailbox<T> {
    items: QueueReceiver<T>,
    awake: Arc<AtomicBool>,
}

/// A sender's end; clone it for every thread.
pub struct Sender<T> {
    items: QueueSender<T>,
    awake: Arc<AtomicBool>,
    waker: Arc<dyn Wake>,
}

/// What wakes the thread that reads a mailbox.
pub trait Wake: Send + Sync {
    /// Wakes it, or has it not sleep next time.
    ///
    /// # Errors
    /// When the system refuses that.
    fn wake(&self) -> io::Result<()>;
}

impl Wake for Waker {
    fn wake(&self) -> io::Result<()> {
        Waker::wake(self)
    }
}

impl<T> Mailbox<T> {
    /// A mailbox with room for `room` items, whose reader is woken by `waker`.
    pub fn new(room: usize, waker: Arc<dyn Wake>) -> (Sender<T>, Mailbox<T>) {
        let (sender, receiver) = queue(room);
        let awake = Arc::new(AtomicBool::new(false));
        let mailbox = Mailbox { items: receiver, awake: Arc::clone(&awake) };
        (Sender { items: sender, awake, waker }, mailbox)
    }

    /// Moves at most `budget` items to the end of `into`, without waiting; called in each turn that the waker has begun.
    /// True when there may be more: then no wake-up comes for them, and the next turn must not sleep.
    pub fn drain(&self, into: &mut Vec<T>, budget: usize) -> bool {
        // Before looking: who sends after this wakes, and of who sent before this we see the item.
        self.awake.swap(false, Ordering::AcqRel);
        self.items.drain(into, budget)
    }
}

impl<T> Sender<T> {
    /// Puts an item in without waking anybody.
    pub fn offer(&self, item: T) -> Result<(), Refused<T>> {
        self.items.offer(item)
    }

    /// Wakes the receiver unless it was woken since it last looked.
    pub fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel) && self.waker.wake().is_err() {
            // The next item tries again.
            self.awake.store(false, Ordering::Release);
        }
    }

    /// Puts an item in and wakes the receiver.
    pub fn send(&self, item: T) -> Result<(), Refused<T>> {
        self.offer(item)?;
        self.wake();
        Ok(())
    }

    /// Waits for room: for threads that are no reactor's. Gives the item back when the receiver
    /// has ended.
    pub fn send_waiting(&self, item: T) -> Result<(), T> {
        match self.offer(item) {
            Ok(()) => {}
            Err(Refused::Gone(item)) => return Err(item),
            Err(Refused::Full(item)) => {
                self.wake();
                self.items.offer_waiting(item)?;
            }
        }
        self.wake();
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender {
            items: self.items.clone(),
            awake: Arc::clone(&self.awake),
            waker: Arc::clone(&self.waker),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

/// What one worker has for another: gathered during a turn, sent at its end with one wake-up.
#[derive(Debug)]
pub struct Outbox<T> {
    to: Sender<T>,
    waiting: VecDeque<T>,
    room: usize,
}

impl<T> Outbox<T> {
    /// An outbox in which `room` items may wait for room in the mailbox.
    pub fn new(to: Sender<T>, room: usize) -> Outbox<T> {
        Outbox { to, waiting: VecDeque::new(), room }
    }

    /// Takes an item, or gives it back when too many wait.
    pub fn push(&mut self, item: T) -> Result<(), T> {
        if self.waiting.len() >= self.room {
            return Err(item);
        }
        self.waiting.push_back(item);
        Ok(())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Sends what the mailbox takes, in order, and wakes its receiver once. `Ok(true)`: nothing
    /// waits any more. `Ok(false)`: try again next turn, and do not sleep long before it.
    ///
    /// # Errors
    /// The receiver has ended: here is all that waited.
    pub fn flush(&mut self) -> Result<bool, VecDeque<T>> {
        if self.waiting.is_empty() {
            return Ok(true);
        }
        while let Some(item) = self.waiting.pop_front() {
            match self.to.offer(item) {
                Ok(()) => {}
                Err(Refused::Full(item)) => {
                    self.waiting.push_front(item);
                    break;
                }
                Err(Refused::Gone(item)) => {
                    self.waiting.push_front(item);
                    return Err(std::mem::take(&mut self.waiting));
                }
            }
        }
        self.to.wake();
        Ok(self.waiting.is_empty())
    }
}

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
