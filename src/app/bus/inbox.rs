//! What has come from the bus and is not looked at yet: bounded, for nobody there waits for us.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Bytes it holds, at most.
const MOST: usize = 16 << 20;
/// What one message takes besides what it says.
const OVERHEAD: usize = 100;
/// The longest packet that there is ever room for, in bytes.
pub(super) const LONGEST: usize = MOST - OVERHEAD;

/// Something that has come.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A packet.
    Packet(Vec<u8>),
    /// The connection has ended.
    Over(String),
}

/// Where a connection puts what comes.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    sender: UnboundedSender<Arrival>,
    shared: Arc<Shared>,
}

/// Where it is taken out.
#[derive(Debug)]
pub(super) struct Inbox {
    receiver: UnboundedReceiver<Arrival>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    /// Something was too much.
    spilled: AtomicBool,
}

/// One for a new connection.
pub(super) fn inbox() -> (Slot, Inbox) {
    let (sender, receiver) = unbounded_channel();
    let shared = Arc::new(Shared::default());
    (Slot { sender, shared: Arc::clone(&shared) }, Inbox { receiver, shared })
}

impl Slot {
    /// Puts a packet in, or remembers that there was no room.
    pub(super) fn put(&self, packet: Vec<u8>) {
        let size = packet.len() + OVERHEAD;
        if self.shared.bytes.load(Ordering::Relaxed) + size > MOST {
            return self.spill();
        }
        self.shared.bytes.fetch_add(size, Ordering::Relaxed);
        // Nobody looks any more: the connection was given up.
        let _ = self.sender.send(Arrival::Packet(packet));
    }

    /// Something was lost on the way here.
    pub(super) fn spill(&self) {
        self.shared.spilled.store(true, Ordering::Relaxed);
    }

    /// The connection has ended.
    pub(super) fn end(&self, why: String) {
        let _ = self.sender.send(Arrival::Over(why));
    }
}

impl Inbox {
    /// Waits for what comes.
    pub(super) async fn next(&mut self) -> Option<Arrival> {
        let arrival = self.receiver.recv().await;
        self.count(arrival)
    }

    /// What is there already.
    pub(super) fn try_next(&mut self) -> Option<Arrival> {
        let arrival = self.receiver.try_recv().ok();
        self.count(arrival)
    }

    fn count(&self, arrival: Option<Arrival>) -> Option<Arrival> {
        if let Some(Arrival::Packet(packet)) = &arrival {
            self.shared.bytes.fetch_sub(packet.len() + OVERHEAD, Ordering::Relaxed);
        }
        arrival
    }

    /// Whether anything was lost for want of room since this was asked last.
    pub(super) fn has_spilled(&self) -> bool {
        self.shared.spilled.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_remembered() {
        let (slot, mut inbox) = inbox();
        for _ in 0..20 {
            slot.put(vec![0; 1 << 20]);
        }
        assert!(inbox.has_spilled());
        let mut count = 0;
        while let Some(Arrival::Packet(packet)) = inbox.try_next() {
            assert_eq!(packet.len(), 1 << 20);
            count += 1;
        }
        assert_eq!(count, 15);
        slot.put(vec![0; 1 << 20]);
        slot.end("it has closed".into());
        assert!(!inbox.has_spilled());
        assert!(matches!(inbox.try_next(), Some(Arrival::Packet(_))));
        assert!(matches!(inbox.try_next(), Some(Arrival::Over(_))));
        assert!(inbox.try_next().is_none());
    }
}
