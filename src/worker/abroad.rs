//! What the channels of this core tell other instances, and what those who listen here have missed of theirs.

use crate::base::Key;
use crate::channel::{Bulletin, Losses};
use crate::reactor::Outbox;

use super::channels::Channels;
use super::turn::Worker;

/// Bulletins that wait, beyond which nothing more is read of those who publish here.
const CROWDED: usize = 256;

/// The way to the thread that talks to other instances.
#[derive(Debug)]
pub(super) struct Abroad {
    outbox: Outbox<Bulletin>,
    /// What did not go that way and is not told yet.
    losses: Losses,
}

impl Abroad {
    /// Whether little waits.
    pub(super) fn rests(&self) -> bool {
        self.outbox.len() < CROWDED / 2
    }
}

impl Channels {
    /// Tells other instances what is published here, by this outbox; what is kept on the way there is told to the hub where
    /// `recalls` says so.
    pub(super) fn look_abroad(&mut self, outbox: Option<Outbox<Bulletin>>, recalls: bool) {
        if let Some(outbox) = outbox {
            self.abroad = Some(Abroad { outbox, losses: Losses::default() });
            self.hub.link(recalls);
        }
    }
}

impl Worker {
    /// Sends what other instances are to be told; true when some of it must wait for room.
    pub(super) fn post_bulletins(&mut self) -> bool {
        let Some(Abroad { outbox, losses }) = &mut self.channels.abroad else { return false };
        // What is of interest waits in the hub; what was published cannot.
        while let Some(bulletin) = self.channels.hub.next_bulletin(outbox.len() < CROWDED) {
            let Bulletin::Said(publication, _) = &bulletin else {
                // There is room: not so many wait.
                let _ = outbox.push(bulletin);
                continue;
            };
            let channel = publication.channel.clone();
            if let Some(lost) = losses.take()
                && let Err(Bulletin::Lost(lost)) = outbox.push(Bulletin::Lost(lost))
            {
                losses.extend(&lost);
            }
            if !losses.is_empty() || outbox.push(bulletin).is_err() {
                losses.add(&channel);
                self.world.counters.channel_dropped.add(1);
            }
        }
        if outbox.len() < CROWDED
            && let Some(lost) = losses.take()
        {
            // There is room.
            let _ = outbox.push(Bulletin::Lost(lost));
        }
        // Something may have been held back.
        let crowded = outbox.len() >= CROWDED;
        self.world.crowded |= crowded;
        // To a thread that has ended nothing can be told.
        outbox.flush().is_ok_and(|all| crowded || !all)
    }

    /// These have missed something that was published at another instance.
    pub(super) fn miss(&mut self, keys: Vec<Key>) {
        for key in keys {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            if session.machine.miss() {
                self.queue_again(key);
            }
        }
    }
}
