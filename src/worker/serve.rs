//! The short way of a request and of its response: one read, the machine, one write, and no look at what is not concerned.
//!
//! What comes of one side, where all else is at rest, is read here, and what the machine makes of it sent, as long as that
//! is all there is to do. Otherwise this has done nothing, or has left what it read, or could not write, where the long way
//! finds it.

use crate::base::{Key, Millis};
use crate::buf::Segment;
use crate::reactor::{Ending, Filled, Flushed, fill_block, offer};
use crate::session::{Delivery, HeadTimeouts, Port, Side};

use super::drive::{note_break, note_end};
use super::entry::Role;
use super::express::is_plain;
use super::turn::Worker;

impl Worker {
    /// Reads what has come of one side, where nothing waits and the other side has nothing to say; bytes read, or 1 for an
    /// end. `None`: nothing was read.
    ///
    /// What it need not ask that [`Parts::fill`](super::drive::Parts) does: a machine whose client's window is empty wants
    /// more of it, and what goes straight has no end in sight and is not much, so nothing of it goes through a pipe.
    pub(super) fn take_in(&mut self, key: Key, side: Side) -> Option<usize> {
        let session = self.sessions.get_mut(key)?;
        if let Some(other) = session.conns[side.other() as usize] {
            let ready = self.conns.get(other)?.ready;
            if ready.readable || ready.end != Ending::Open {
                return None;
            }
        }
        if !session.ports.iter().all(Port::is_clear) {
            return None;
        }
        // It need not be the connection that the event was for: what had begun went on in between.
        let from = self.conns.get_mut(session.conns[side as usize]?)?;
        if !from.goes_straight() || !matches!(from.role, Role::Client | Role::Upstream) {
            return None;
        }
        debug_assert!(
            side == Side::Upstream || session.machine.wants_client_bytes(&session.ports[0]),
            "a client with an empty window is read"
        );
        let source = &mut session.ports[side as usize];
        let filled = fill_block(&from.stream, &mut from.ready, &mut from.bulk, &self.world.pool);
        let now = self.world.clock.now();
        let n = match filled {
            Ok(block) => {
                let n = block.len();
                source.rx.push(Segment::Block(block));
                source.received = now;
                self.world.received(side).add(n as u64);
                n
            }
            Err(Filled::Nothing) => return None,
            Err(end) => {
                note_end(source, end);
                1
            }
        };
        (session.begun, session.active) = (true, now);
        Some(n)
    }

    /// Writes what a machine has made of bytes of one side for the other one, where that is one piece and all there is to
    /// do; false where more is.
    ///
    /// It stands for all that [`finish`](Worker::finish) does for a machine that serves requests and rests: what is added
    /// there has to be added here, or to keep a session from coming here.
    pub(super) fn pass_over(&mut self, key: Key, side: Side) -> bool {
        let other = side.other();
        let Some(session) = self.sessions.get_mut(key) else { return false };
        if let Some(from) = session.conns[side as usize]
            && self.conns.get(from).is_none_or(|from| from.ready.readable)
        {
            return false;
        }
        let to = session.conns[other as usize].and_then(|to| self.conns.get_mut(to));
        let Some(to) = to.filter(|to| is_plain(to) && to.ready.writable) else { return false };
        let rests = session.machine.serves() && session.machine.rests(&session.ports);
        let nothing_back = session.ports[side as usize].tx.is_empty();
        let sink = &mut session.ports[other as usize];
        let one_piece = !sink.tx.is_empty() && !sink.tx.is_split();
        let watched = to.ready.readable || sink.delivery != Delivery::Unasked;
        if matches!(to.role, Role::Dialling(_)) || !rests || !nothing_back || !one_piece || watched
        {
            return false;
        }
        match offer(&to.stream, &mut to.ready, sink.tx.bytes()) {
            Flushed::Bytes(n) => {
                sink.tx.sent(n);
                let now = self.world.clock.now();
                (sink.tx_begun, sink.sent, session.active) = (true, now, now);
                self.world.sent(other).add(n as u64);
            }
            Flushed::Nothing => {}
            broken => note_break(sink, broken),
        }
        if !sink.tx.is_empty() || sink.tx_broken {
            return false;
        }
        session.begun = false;
        let timeouts = HeadTimeouts::of(&self.world.generation);
        let deadline = session.machine.deadline(session.active, &session.ports, &timeouts);
        session.arm(deadline.unwrap_or(Millis::NEVER), &mut self.wheel);
        if session.held > 0 {
            self.count_messages(key);
        }
        true
    }
}
