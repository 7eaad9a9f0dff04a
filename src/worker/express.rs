//! The short way of most bytes of a tunnel: one read, one look, one write, and no queue.
//!
//! What is not that simple goes the long way, `drive_on`: then this has done nothing, or has put what it read, or
//! could not write, where that finds it.

use crate::base::Key;
use crate::buf::Segment;
use crate::reactor::{Ending, Filled, Flushed, Transport, fill_block, offer};
use crate::session::Side;

use super::drive::{Parts, note_break, note_end};
use super::entry::{Conn, Session};
use super::turn::Worker;

impl Worker {
    /// Hands on what has come of one side of a session, or advances it where that is not so simple.
    pub(super) fn pass_on(&mut self, key: Key, side: Side) {
        let is_tunnel = |session: &Session| session.machine.tunnel().is_some();
        if !self.sessions.get(key).is_some_and(is_tunnel) {
            return self.drive(key);
        }
        self.guarded(key, |worker| {
            let passed = worker.parts(key).is_some_and(|mut parts| parts.hand_over(side));
            if !passed {
                worker.drive_on(key);
            }
        });
    }
}

impl Conn {
    /// Whether what it brings next may go the short way: bytes as they are, and not very many.
    pub(super) fn goes_straight(&self) -> bool {
        self.ready.readable && !self.bulk.is_set() && is_plain(self)
    }
}

impl Parts<'_> {
    /// Hands on what has come of one side, where nothing waits; false where more is to be done.
    fn hand_over(&mut self, side: Side) -> bool {
        let [Some(client), Some(upstream)] = &mut self.conns else { return false };
        let (from, to): (&mut Conn, &mut Conn) = match side {
            Side::Client => (client, upstream),
            Side::Upstream => (upstream, client),
        };
        let ready = to.ready.writable && is_plain(to);
        let session = &mut *self.session;
        let clear = session.ports.iter().all(|port| port.is_clear());
        if !ready || !clear {
            return false;
        }
        let now = self.world.clock.now();
        let [client, upstream] = &mut session.ports;
        let (source, sink) = match side {
            Side::Client => (client, upstream),
            Side::Upstream => (upstream, client),
        };
        let mut block =
            match fill_block(&from.stream, &mut from.ready, &mut from.bulk, &self.world.pool) {
                Ok(block) => block,
                Err(Filled::Nothing) => return false,
                Err(end) => {
                    note_end(source, end);
                    return false;
                }
            };
        session.active = now;
        source.received = now;
        self.world.received(side).add(block.len() as u64);
        if !session.machine.passes(side, block.bytes(), now) {
            source.rx.push(Segment::Block(block));
            return false;
        }
        match offer(&to.stream, &mut to.ready, block.bytes()) {
            Flushed::Bytes(n) => {
                self.world.sent(side.other()).add(n as u64);
                sink.tx_begun = true;
                sink.sent = now;
                block.consume(n);
            }
            Flushed::Nothing => {}
            broken => {
                note_break(sink, broken);
                return false;
            }
        }
        if block.is_empty() {
            return !from.ready.readable;
        }
        sink.tx.push(Segment::Block(block), &self.world.pool);
        false
    }
}

/// Nothing lies between the socket and the tunnel, and no end is in sight.
fn is_plain(conn: &Conn) -> bool {
    matches!(conn.transport, Transport::Plain) && conn.ready.end == Ending::Open
}
