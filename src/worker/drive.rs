//! What happens to one session when something happened to it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mio::Registry;

use crate::base::{Key, Millis};
use crate::reactor::{Ending, Filled, Flushed, Line};
use crate::session::{CloseReason, Delivery, HeadTimeouts, Input, Port, RxEnd, Side, TxEnd};

use super::entry::{Conn, Role, Session};
use super::splice::Spliced;
use super::turn::Worker;
use super::world::World;

/// Bytes one session may move in a turn before others have theirs.
const BUDGET: usize = 512 << 10;
/// How often a session that waits for acknowledgements is looked at: there is no event for them.
const LOOK: Duration = Duration::from_millis(50);

impl Worker {
    /// Advances one session as far as it goes.
    pub(super) fn drive(&mut self, key: Key) {
        self.guarded(key, |worker| worker.drive_on(key, None));
    }

    /// Hands the answer to an action to a session, and advances it.
    pub(super) fn answer_and_drive(&mut self, key: Key, input: Input) {
        self.guarded(key, |worker| {
            worker.answer(key, input);
            worker.drive_on(key, None);
        });
    }

    /// Does something for one session. A panic in it is a bug, and costs this session only.
    pub(super) fn guarded(&mut self, key: Key, what: impl FnOnce(&mut Worker)) {
        if catch_unwind(AssertUnwindSafe(|| what(self))).is_ok() {
            return;
        }
        tracing::error!("a fault in one session; it is closed, the others go on");
        self.stir();
        self.world.actions.clear();
        if let Some(session) = self.sessions.get_mut(key) {
            let mut cx = self.world.cx(session.active);
            // Its state may be broken: without a line in the access log then.
            let close = || session.machine.close(CloseReason::Panic, &mut cx);
            let _ = catch_unwind(AssertUnwindSafe(close));
        }
        self.world.actions.clear();
        self.remove(key);
    }

    /// The same, within [`guarded`](Self::guarded). `side` as in [`receive`](Self::receive).
    pub(super) fn drive_on(&mut self, key: Key, side: Option<Side>) {
        // What an answer asked for comes first: it may part the session from a connection, of which nothing must be read then.
        if !self.world.actions.is_empty() {
            self.act(key);
        }
        let mut pass = Pass::default();
        self.receive(key, side, &mut pass);
        self.advance(key, &mut pass);
        self.finish(key, pass);
    }

    /// The first step of a pass: reads once from each connection that has something. `side` is the one of which bytes have
    /// come, where nothing else has.
    pub(super) fn receive(&mut self, key: Key, side: Option<Side>, pass: &mut Pass) {
        debug_assert!(
            self.world.actions.is_empty(),
            "nothing is read before what was asked for is done"
        );
        if let Some(side) = side
            && let Some(n) = self.take_in(key, side)
        {
            (pass.filled, pass.only) = (n, Some(side));
        } else if let Some(mut parts) = self.parts(key) {
            parts.session.begun = true;
            pass.filled = parts.fill(key);
        }
    }

    /// The second step: lets the machine go on, and does what it asks for.
    pub(super) fn advance(&mut self, key: Key, pass: &mut Pass) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.machine.advance(&mut session.ports, &mut self.world.cx(session.active));
        let (acted, grown) = (!self.world.actions.is_empty(), session.has_grown());
        pass.acted = acted;
        if acted {
            self.act(key);
        }
        if grown {
            self.count_messages(key);
        }
    }

    /// The third step: writes. Then passes until there is nothing to do, or others have their turn.
    pub(super) fn finish(&mut self, key: Key, mut pass: Pass) {
        if let Some(side) = pass.only
            && self.pass_over(key, side)
        {
            return;
        }
        let mut budget = BUDGET;
        loop {
            let Some(mut parts) = self.parts(key) else { return };
            parts.session.begun = false;
            let mut sent = 0;
            if parts.session.machine.piece().is_some() {
                sent = self.send_file(key);
                self.act(key);
                let Some(again) = self.parts(key) else { return };
                parts = again;
            }
            let flushed = sent + parts.flush();
            if parts.session.machine.closed().is_some() {
                return self.remove(key);
            }
            let moved = pass.filled + flushed;
            if moved > 0 {
                parts.session.active = parts.world.clock.now();
            }
            if parts.is_through(pass.acted) || !pass.acted && moved == 0 {
                break;
            }
            budget = budget.saturating_sub(moved);
            if budget == 0 {
                self.queue_again(key);
                break;
            }
            pass = Pass::default();
            self.receive(key, None, &mut pass);
            self.advance(key, &mut pass);
        }
        self.rest(key);
    }

    /// The session waits for the world: it gives back what it need not keep, sets its timer, and what its
    /// messages hold is counted.
    pub(super) fn rest(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        for port in &mut session.ports {
            port.rx.settle(&self.world.pool);
            port.tx.settle(&self.world.pool);
        }
        session.machine.settle(&self.world.pool);
        let timeouts = HeadTimeouts::of(&self.world.generation);
        let deadline = session
            .machine
            .deadline(session.active, &session.ports, &timeouts)
            .unwrap_or(Millis::NEVER);
        let asked = session.ports.iter().any(|port| port.delivery == Delivery::Asked);
        let look = if asked { self.world.clock.now() + LOOK } else { Millis::NEVER };
        session.arm(deadline.min(look), &mut self.wheel);
        if session.holds() != session.held {
            self.count_messages(key);
        }
    }

    /// Puts the session on the list of those that go on before the next poll.
    pub(super) fn queue_again(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key)
            && !session.queued
        {
            session.queued = true;
            self.again.push(key);
        }
    }

    /// A session and what it touches, borrowed apart.
    pub(super) fn parts(&mut self, key: Key) -> Option<Parts<'_>> {
        let session = self.sessions.get_mut(key)?;
        let conns = match session.conns {
            [Some(client), Some(upstream)] => self.conns.get_pair_mut(client, upstream).into(),
            [client, upstream] => {
                let one = client.or(upstream).and_then(|conn| self.conns.get_mut(conn));
                if client.is_some() { [one, None] } else { [None, one] }
            }
        };
        Some(Parts {
            session,
            conns,
            world: &mut self.world,
            registry: self.poll.registry(),
            starved: &mut self.starved,
        })
    }

    /// Closes what is left of a session.
    pub(super) fn remove(&mut self, key: Key) {
        let Some(session) = self.sessions.remove(key) else { return };
        self.channels.hub.leave(key);
        self.messages -= u64::from(session.held);
        self.wheel.remove(session.timer);
        self.drop_spool(key);
        self.close_file(key);
        let [client, upstream] = session.conns;
        if let Some(conn) = client.and_then(|conn| self.conns.remove(conn)) {
            self.part_from(conn, session.ports[0].tx_end);
            self.client_closed();
        }
        if let Some(conn) = upstream {
            self.hang_up(conn, session.ports[1].tx_end);
        }
        self.world.counters.sessions.sub(1);
    }
}

/// What the steps of a pass have done for a session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pass {
    /// Bytes read.
    filled: usize,
    /// Whether the machine asked for something.
    acted: bool,
    /// The side that all of them are of, where nothing else was there to be seen.
    only: Option<Side>,
}

/// A session, its connections, and what of the worker the two need.
pub(super) struct Parts<'a> {
    pub(super) session: &'a mut Session,
    pub(super) conns: [Option<&'a mut Conn>; 2],
    pub(super) world: &'a mut World,
    registry: &'a Registry,
    starved: &'a mut Vec<Key>,
}

impl Parts<'_> {
    /// Reads once from each connection that has something and whose window has room; bytes read.
    fn fill(&mut self, key: Key) -> usize {
        let mut total = 0;
        for side in [Side::Client, Side::Upstream] {
            let Some(conn) = &mut self.conns[side as usize] else { continue };
            let port = &mut self.session.ports[side as usize];
            port.closing = conn.ready.end == Ending::Closing;
            // Of a client on whose behalf somebody is asked nothing is read meanwhile.
            let asking = side == Side::Client && self.session.machine.is_asking();
            let idle = asking || port.is_drained();
            if conn.ready.end == Ending::Broken && idle && !port.is_gone() {
                // Nobody reads any more, and there may be nothing to write that would tell.
                port.tx_broken = true;
                if port.tx_begun {
                    port.tx.clear();
                }
                total += 1;
            }
            if !conn.is_readable() || port.rx_end.is_some() {
                continue;
            }
            if side == Side::Client && !self.session.machine.wants_client_bytes(port) {
                continue;
            }
            match self.splice(side) {
                Spliced::Moved(n) => {
                    total += n;
                    continue;
                }
                Spliced::Waits => continue,
                Spliced::No => {}
            }
            let Some(conn) = &mut self.conns[side as usize] else { continue };
            let port = &mut self.session.ports[side as usize];
            let Conn { stream, transport, ready, bulk, .. } = &mut **conn;
            let World { pool, records: scratch, .. } = &mut *self.world;
            let line = Line { stream, ready, pool, scratch };
            match transport.fill(line, bulk, &mut port.rx) {
                Filled::Bytes(n) => {
                    total += n;
                    port.received = self.world.clock.now();
                    self.world.received(side).add(n as u64);
                    self.expect_frames(side);
                }
                Filled::Nothing if conn.ready.readable && port.rx.room() > 0 => {
                    self.starved.push(key);
                }
                Filled::Nothing => {}
                end => {
                    note_end(port, end);
                    total += 1;
                }
            }
        }
        if total > 0 {
            self.session.active = self.world.clock.now();
        }
        total
    }

    /// Writes what the connections take; bytes written.
    fn flush(&mut self) -> usize {
        let mut total = 0;
        for side in [Side::Upstream, Side::Client] {
            let Some(conn) = &mut self.conns[side as usize] else { continue };
            if matches!(conn.role, Role::Dialling(_)) {
                continue;
            }
            let port = &mut self.session.ports[side as usize];
            let n = flush_port(conn, port, self.world);
            if n > 0 {
                total += n;
                port.sent = self.world.clock.now();
                self.world.sent(side).add(n as u64);
            }
            let queued = !port.tx.is_empty() || conn.transport.is_behind();
            let file = side == Side::Client && self.session.machine.piece().is_some();
            let waits = (queued || file && !conn.ready.writable) && !port.tx_broken;
            let Some(token) = self.session.conns[side as usize] else { continue };
            if !conn.ready.readable {
                conn.transport.settle(&self.world.pool);
            }
            // Where that fails, the timer still ends the session.
            let _ = conn.stream.want_write(self.registry, token.to_u64(), waits);
        }
        total
    }

    /// Whether another pass would find nothing to do: no connection has more to read, and neither what has
    /// just left nor what the machine has asked for in this pass is what it waits for.
    fn is_through(&self, acted: bool) -> bool {
        let machine = &self.session.machine;
        let rests = machine.rests(&self.session.ports) && !(acted && machine.tunnel().is_some());
        rests && !self.conns.iter().flatten().any(|conn| conn.is_readable())
    }
}

/// Writes until the queue is empty or the stream takes no more, then what shall follow the last byte.
fn flush_port(conn: &mut Conn, port: &mut Port, world: &mut World) -> usize {
    let mut total = flush_queue(conn, port, world);
    if port.tx_end == Some(TxEnd::Finish) && port.tx.is_empty() && !conn.finished {
        conn.transport.close(&world.pool);
        flush_queue(conn, port, world);
        if !conn.transport.is_behind() || port.tx_broken {
            conn.finished = true;
            let _ = conn.stream.shutdown_write();
            // Whoever waits for its last byte to leave looks again.
            total += 1;
        }
    }
    let left = port.tx.is_empty() && !conn.transport.is_behind();
    if port.delivery == Delivery::Asked && left && conn.stream.is_delivered() {
        port.delivery = Delivery::Done;
        total += 1;
    }
    total
}

/// Writes until the queue is empty or the stream takes no more.
pub(super) fn flush_queue(conn: &mut Conn, port: &mut Port, world: &mut World) -> usize {
    let mut total = 0;
    let Conn { stream, transport, ready, .. } = conn;
    if !transport.is_open() {
        return 0;
    }
    while (!port.tx.is_empty() || transport.is_behind()) && !port.tx_broken && ready.writable {
        let World { pool, records: scratch, clock, .. } = &mut *world;
        let line = Line { stream, ready, pool, scratch };
        match transport.flush(line, &mut port.tx, clock.now()) {
            Flushed::Bytes(n) => {
                port.tx_begun |= n > 0;
                total += n;
            }
            Flushed::Nothing => {}
            broken => {
                note_break(port, broken);
                total += 1;
            }
        }
    }
    total
}

/// A read has brought an end.
pub(super) fn note_end(port: &mut Port, end: Filled) {
    port.rx_end = Some(match end {
        // The kernel tells an error once, and a write may have heard of it first.
        Filled::Finished if !port.tx_broken => RxEnd::Finished,
        _ => RxEnd::Reset,
    });
    port.lost |= end == Filled::Lost;
}

/// A write has found the connection broken.
pub(super) fn note_break(port: &mut Port, broken: Flushed) {
    port.tx_broken = true;
    port.lost |= broken == Flushed::Lost;
    if port.tx_begun {
        port.tx.clear();
    }
}
