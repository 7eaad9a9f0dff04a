//! The short way of most bytes of a tunnel: one read, one look, one write, and no queue.
//!
//! What is not that simple goes the long way, a pass: then this has done nothing, or has put what it read, or could not
//! write, where that finds it.

use crate::base::Key;
use crate::buf::{Block, Segment};
use crate::reactor::{Ending, Filled, Flushed, Transport, fill_block, offer};
use crate::session::Side;

use super::drive::{Parts, note_break, note_end};
use super::entry::Conn;
use super::turn::Worker;

impl Worker {
    /// Something has come of one side of a tunnel: it is handed on, or its session begun where that is not so simple.
    pub(super) fn pass_on(&mut self, key: Key, side: Side) {
        let mut passed = true;
        self.guarded(key, |worker| {
            let together = worker.is_together();
            let Some(mut parts) = worker.parts(key) else { return };
            match parts.fetch(side) {
                Some(block) if together => {
                    parts.session.begun = true;
                    worker.send_later(key, side, block);
                }
                Some(block) => passed = parts.send(side, block),
                None => passed = false,
            }
        });
        if !passed {
            self.begin(key, None);
        }
    }
}

impl Conn {
    /// Whether what it brings next may go the short way: bytes as they are, and not very many.
    pub(super) fn goes_straight(&self) -> bool {
        self.ready.readable && !self.bulk.is_set() && is_plain(self)
    }
}

impl Parts<'_> {
    /// Reads what has come of one side, and gives it back where all there is to do is to send it to the other one.
    fn fetch(&mut self, side: Side) -> Option<Block> {
        let [Some(client), Some(upstream)] = &mut self.conns else { return None };
        let (from, to): (&mut Conn, &mut Conn) = match side {
            Side::Client => (client, upstream),
            Side::Upstream => (upstream, client),
        };
        let ready = to.ready.writable && is_plain(to);
        let session = &mut *self.session;
        let clear = session.ports.iter().all(|port| port.is_clear());
        if !ready || !clear {
            return None;
        }
        let now = self.world.clock.now();
        let source = &mut session.ports[side as usize];
        let block =
            match fill_block(&from.stream, &mut from.ready, &mut from.bulk, &self.world.pool) {
                Ok(block) => block,
                Err(Filled::Nothing) => return None,
                Err(end) => {
                    note_end(source, end);
                    return None;
                }
            };
        session.active = now;
        source.received = now;
        self.world.received(side).add(block.len() as u64);
        // Where more is there it is not all.
        if from.ready.readable || !session.machine.passes(side, block.bytes(), now) {
            source.rx.push(Segment::Block(block));
            return None;
        }
        Some(block)
    }

    /// Sends what came of one side to the other; false where something is left to do.
    pub(super) fn send(&mut self, side: Side, mut block: Block) -> bool {
        let sink = &mut self.session.ports[side.other() as usize];
        let Some(to) = &mut self.conns[side.other() as usize] else { return false };
        match offer(&to.stream, &mut to.ready, block.bytes()) {
            Flushed::Bytes(n) => {
                self.world.sent(side.other()).add(n as u64);
                sink.tx_begun = true;
                sink.sent = self.world.clock.now();
                block.consume(n);
            }
            Flushed::Nothing => {}
            broken => {
                note_break(sink, broken);
                return false;
            }
        }
        let all = block.is_empty();
        if !all {
            sink.tx.queue(Segment::Block(block));
        }
        all
    }
}

/// Nothing lies between the socket and the tunnel, and no end is in sight.
pub(super) fn is_plain(conn: &Conn) -> bool {
    matches!(conn.transport, Transport::Plain) && conn.ready.end == Ending::Open
}
