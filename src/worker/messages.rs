//! Memory that messages hold while they are put together, and what is done when it is too much.

use crate::base::Key;
use crate::session::CloseReason;

use super::turn::Worker;

impl Worker {
    /// Counts what the messages of one session hold now.
    pub(super) fn count_messages(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let held = session.holds();
        if held == session.held {
            return;
        }
        let before = std::mem::replace(&mut session.held, held);
        self.messages += u64::from(held);
        self.messages -= u64::from(before);
        if self.messages > self.world.generation.websocket_memory {
            self.relieve();
        }
    }

    /// Ends the sessions that hold most, until an eighth of `websockets-memory` is free again: all
    /// have to be looked at, which must not be worth an attacker's while.
    fn relieve(&mut self) {
        let limit = self.world.generation.websocket_memory;
        let all: Vec<Key> = self.sessions.keys().collect();
        let held = |worker: &Worker, key| worker.sessions.get(key).map_or(0, |s| s.held);
        let mut holders: Vec<(u32, Key)> = all
            .into_iter()
            .map(|key| (held(self, key), key))
            .filter(|(held, _)| *held > 0)
            .collect();
        holders.sort_unstable_by_key(|(held, _)| std::cmp::Reverse(*held));
        let now = self.world.clock.now();
        for (held, key) in holders {
            if self.messages <= limit - limit / 8 {
                return;
            }
            let Some(session) = self.sessions.get_mut(key) else { continue };
            session.machine.leave(CloseReason::OutOfMemory, now);
            session.held = 0;
            self.messages -= u64::from(held);
            self.queue_again(key);
        }
    }
}
