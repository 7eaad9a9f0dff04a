//! The way of long payloads that nobody has to see: through a pipe, without being copied.
//!
//! The pipe is empty whenever this is over: what the other side does not take is read out of it and queued. So one is
//! enough for all sessions of a worker. What waits for a slow reader otherwise stays in the socket it came from.

use crate::base::Millis;
use crate::reactor::{Bulk, Ending, Filled, Flushed, Kind, Pipe, Transport};
use crate::session::{Client, Port, Side};

use super::drive::{Parts, note_break, note_end};
use super::entry::Conn;
use super::world::World;

/// Bytes that go through it at once, at most: about what a window and a queue hold.
const MOST: u64 = 128 << 10;
/// Bytes of a frame for which its header is looked at by itself. With fewer that costs as much as it saves.
const FRAME: u64 = 16 << 10;
/// Bytes of what is left of something for which the pipe is worth it.
const REST: u64 = 4 << 10;
/// Bytes of the longest header of a frame (RFC 6455 section 5.2).
const HEADER: usize = 14;

/// Where bytes come from and where they go.
struct Way<'a> {
    side: Side,
    from: &'a mut Conn,
    to: &'a mut Conn,
    source: &'a mut Port,
    sink: &'a mut Port,
    machine: &'a mut Client,
    world: &'a mut World,
}

impl Parts<'_> {
    /// Hands over what has come of one side and may go over unseen, where that is much; bytes moved. `None`: it has to
    /// be read.
    pub(super) fn splice(&mut self, side: Side) -> Option<usize> {
        if !self.conns[side as usize].as_ref()?.bulk.is_set() {
            return None;
        }
        let [Some(client), Some(upstream)] = &mut self.conns else { return None };
        let [client_port, upstream_port] = &mut self.session.ports;
        let (from, to, source, sink) = match side {
            Side::Client => (client, upstream, client_port, upstream_port),
            Side::Upstream => (upstream, client, upstream_port, client_port),
        };
        let machine = &mut self.session.machine;
        let way = Way { side, from, to, source, sink, machine, world: &mut *self.world };
        let moved = way.splice();
        if moved.is_some_and(|n| n > 0) {
            self.session.active = self.world.clock.now();
        }
        moved
    }
}

impl Way<'_> {
    fn splice(mut self) -> Option<usize> {
        let open = self.source.is_open() && self.sink.is_open() && self.source.rx.is_empty();
        if !open || !is_bare(self.from) || !is_bare(self.to) {
            return None;
        }
        if self.side == Side::Upstream && self.machine.awaits_response() {
            // With its head not much of a body is read: the rest need not be seen.
            self.from.bulk = Bulk::default();
            return None;
        }
        let now = self.world.clock.now();
        let free = self.sink.tx.is_empty() && self.to.ready.writable;
        let mut header = [0; HEADER];
        let (next, reach) = match self.machine.reach(self.side, &[], now) {
            Some(reach) => (&[][..], Some(reach).filter(|reach| *reach >= REST)),
            None if free => {
                let n = self.from.stream.peek(&mut header).unwrap_or(0);
                let next = header.get(..n).unwrap_or_default();
                let reach = self.machine.reach(self.side, next, now);
                (next, reach.filter(|reach| *reach >= FRAME))
            }
            None => return None,
        };
        let most = reach?.min(MOST) as usize;
        if !free {
            // It stays where it is until that has left, unless signs of life are looked for in it.
            return (!self.machine.listens()).then_some(0);
        }
        let mut pipe = self.world.pipe.take().or_else(|| Pipe::new().ok())?;
        let moved = self.move_through(&mut pipe, next, most, now);
        if pipe.is_empty() {
            self.world.pipe = Some(pipe);
        }
        moved
    }

    fn move_through(
        &mut self,
        pipe: &mut Pipe,
        next: &[u8],
        most: usize,
        now: Millis,
    ) -> Option<usize> {
        let n = match pipe.fill(&self.from.stream, &mut self.from.ready, most) {
            Filled::Bytes(n) => n,
            Filled::Nothing => return Some(0),
            // A read says so again.
            Filled::Finished => return None,
            end => {
                note_end(self.source, end);
                return Some(1);
            }
        };
        let counters = &self.world.counters;
        let (received, sent) = match self.side {
            Side::Client => (&counters.client_in, &counters.upstream_out),
            Side::Upstream => (&counters.upstream_in, &counters.client_out),
        };
        received.add(n as u64);
        self.source.received = now;
        self.from.bulk.note(n == most || n as u64 >= FRAME);
        self.machine.pass_unseen(self.side, next, n as u64, now);
        match pipe.flush(&self.to.stream, &mut self.to.ready) {
            Flushed::Bytes(n) => {
                sent.add(n as u64);
                self.sink.tx_begun = true;
                self.sink.sent = now;
            }
            Flushed::Nothing => {}
            broken => note_break(self.sink, broken),
        }
        let World { pool, .. } = &mut *self.world;
        if !self.sink.tx_broken && pipe.take_back(pool, |piece| self.sink.tx.queue(piece)).is_err()
        {
            note_break(self.sink, Flushed::Broken);
        }
        Some(n)
    }
}

/// Nothing lies between the socket and the session, and it is of the kind that hands over the memory its bytes are in.
fn is_bare(conn: &Conn) -> bool {
    let whole = conn.ready.end != Ending::Broken && conn.stream.kind() == Kind::Tcp;
    whole && matches!(conn.transport, Transport::Plain)
}
