//! A worker asked about itself from outside: it answers in pieces, so that nobody waits long for it.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use crate::base::{Key, Millis};
use crate::session::admin::{Filter, Inside, Live};
use crate::session::{CloseReason, TxEnd};

use super::turn::Worker;

/// Sessions looked at for one letter.
const LOOKS: usize = 512;
/// Sessions closed for one letter: each is written to.
const CLOSES: u64 = 64;

/// A question, and where its answer goes. Nobody waits for it longer than until then.
#[derive(Debug)]
pub struct Ask {
    /// What is asked.
    pub question: Question,
    /// When the answer is of no use any more: it is not given, and nothing is closed.
    pub until: Millis,
    /// Where the answer goes, with the worker's number.
    pub reply: Sender<(usize, Reply)>,
}

/// What a worker can be asked. Walks begin at a place of its sessions, 0 for all, and go on where an
/// answer says.
#[derive(Clone, Debug)]
pub enum Question {
    /// What only it knows.
    Inside,
    /// Tunnels that a filter takes.
    List {
        /// Where to begin.
        from: u32,
        /// Which.
        filter: Arc<Filter>,
    },
    /// To close tunnels that a filter takes.
    Kill {
        /// Where to begin.
        from: u32,
        /// Which.
        filter: Arc<Filter>,
    },
}

/// The answer. A walk that is not over says where to go on.
#[derive(Debug)]
pub enum Reply {
    /// To [`Question::Inside`].
    Inside(Inside),
    /// To [`Question::List`].
    Listed(Vec<Live>, Option<u32>),
    /// To [`Question::Kill`]: how many are being closed that were not before.
    Killed(u64, Option<u32>),
}

impl Worker {
    /// Answers a question; one that nobody waits for any more is dropped.
    pub(super) fn inspect(&mut self, ask: Ask) {
        if self.world.clock.now() > ask.until {
            return;
        }
        let reply = match ask.question {
            Question::Inside => Reply::Inside(Inside {
                blocks: self.world.pool.taken(),
                bytes: self.world.pool.held(),
                messages: self.messages,
            }),
            Question::List { from, filter } => self.list(from, &filter),
            Question::Kill { from, filter } => self.kill(from, &filter),
        };
        // Whoever asked may have gone.
        let _ = ask.reply.send((self.index, reply));
    }

    fn list(&self, from: u32, filter: &Filter) -> Reply {
        let now = self.world.clock.now();
        let mut walk = Walk { at: Some(from) };
        let mut found = Vec::new();
        for key in (0..LOOKS).map_while(|_| walk.next(|at| self.sessions.key_from(at))) {
            if let Some(session) = self.sessions.get(key)
                && filter.takes(&session.machine)
            {
                found.extend(session.machine.live(&session.ports, session.active, now));
            }
        }
        Reply::Listed(found, walk.at)
    }

    fn kill(&mut self, from: u32, filter: &Filter) -> Reply {
        let mut walk = Walk { at: Some(from) };
        let mut closed = 0;
        for _ in 0..LOOKS {
            let Some(key) = walk.next(|at| self.sessions.key_from(at)) else { break };
            let is_meant = self.sessions.get(key).is_some_and(|session| {
                let tunnel = session.machine.tunnel();
                let stays = tunnel.is_some_and(|tunnel| !tunnel.is_leaving());
                stays && filter.takes(&session.machine)
            });
            if is_meant {
                self.guarded(key, |worker| worker.kill_one(key));
                closed += 1;
            }
            if closed == CLOSES {
                break;
            }
        }
        Reply::Killed(closed, walk.at)
    }

    /// Both ends of a tunnel are told in their own words, or reset where there are none.
    fn kill_one(&mut self, key: Key) {
        let now = self.world.clock.now();
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.machine.leave(CloseReason::Killed, now) {
            return self.drive_on(key, None);
        }
        let mut cx = self.world.cx(session.active);
        session.machine.close(CloseReason::Killed, &mut cx);
        session.ports[0].tx_end = Some(TxEnd::Abort);
        self.world.actions.clear();
        self.remove(key);
    }
}

/// A walk over places, some of which are empty; over when there is nowhere to go on.
struct Walk {
    at: Option<u32>,
}

impl Walk {
    /// The next key, as `find` has it: the first at or after a place.
    fn next(&mut self, find: impl FnOnce(u32) -> Option<Key>) -> Option<Key> {
        let key = self.at.and_then(find);
        self.at = key.and_then(|key| key.index().checked_add(1));
        key
    }
}
