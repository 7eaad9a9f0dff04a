//! The way of long payloads that nobody has to see: through a pipe, without being copied.
//!
//! The pipe is empty whenever this is over: what the other side does not take is read out of it and queued. So one is
//! enough for all sessions of a worker. What waits for a slow reader otherwise stays in the socket it came from.

use std::time::Duration;

use crate::base::Millis;
use crate::buf::{BLOCK, HIGH_WATER, Segment};
use crate::proto::ws::HEAD_MAX;
use crate::reactor::{Bulk, Ending, Filled, Flushed, Kind, Pipe, Transport, fill_some};
use crate::session::{Client, Port, Side};

use super::drive::{Parts, note_break, note_end};
use super::entry::Conn;
use super::world::World;

/// Bytes that are taken from a socket at once, at most.
const MOST: usize = 128 << 10;
/// Bytes of a frame for which its beginning is read by itself. With fewer that costs as much as it saves.
const FRAME: u64 = 64 << 10;
/// Bytes of that beginning. With a header alone the pages of a frame would be more than one packet has places for (Linux:
/// 17), and what is left over would be sent by itself, where pacing is in use by a timer.
const BEGINNING: usize = 4 << 10;
/// Bytes of what is left of something for which the pipe is worth it.
const REST: u64 = 4 << 10;
/// How long nothing is tried where there was no pipe to be had, or the system refused to use it.
const PAUSE: Duration = Duration::from_secs(10);

// What comes out of it again finds room in a queue.
const _: () = assert!(BEGINNING + MOST <= HIGH_WATER);

/// What has become of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spliced {
    /// So many bytes were received and sent, or an end.
    Moved(usize),
    /// Nothing is received until what is queued on the other side has left.
    Waits,
    /// It has to be read.
    No,
}

/// The pipe of a worker.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    /// Empty; made when there is need of one.
    pipe: Option<Pipe>,
    /// There was none to be had, or the system refused to use it: until then nothing is tried.
    not_before: Millis,
}

impl Pipes {
    fn take(&mut self, now: Millis) -> Option<Pipe> {
        if self.pipe.is_none() && now >= self.not_before {
            self.pipe = Pipe::new().ok();
            if self.pipe.is_none() {
                self.not_before = now + PAUSE;
            }
        }
        self.pipe.take()
    }

    /// Takes it back for others, unless there is something in it: what a peer that went away has not taken goes with
    /// the pipe, and the next one is new.
    fn put(&mut self, pipe: Pipe, now: Millis) {
        if pipe.is_refused() {
            self.not_before = now + PAUSE;
        } else if pipe.is_empty() {
            self.pipe = Some(pipe);
        }
    }
}

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
    /// Hands over what has come of one side and may go over unseen, where that is much.
    pub(super) fn splice(&mut self, side: Side) -> Spliced {
        let [Some(client), Some(upstream)] = &mut self.conns else { return Spliced::No };
        let [client_port, upstream_port] = &mut self.session.ports;
        let (from, to, source, sink) = match side {
            Side::Client => (client, upstream, client_port, upstream_port),
            Side::Upstream => (upstream, client, upstream_port, client_port),
        };
        if !from.bulk.is_set() {
            return Spliced::No;
        }
        let machine = &mut self.session.machine;
        Way { side, from, to, source, sink, machine, world: &mut *self.world }.splice()
    }

    /// Looks at what a read of one side has brought: where it begins a long frame, or goes on with one, the next one is
    /// expected to be long.
    pub(super) fn expect_frames(&mut self, side: Side) {
        let Some(from) = &mut self.conns[side as usize] else { return };
        let machine = &self.session.machine;
        if !from.bulk.is_set() || !machine.follows_frames() || !is_bare(from) {
            return;
        }
        let came = self.session.ports[side as usize].rx.bytes();
        let next = came.get(..HEAD_MAX).unwrap_or(came);
        let reach = machine.reach(side, next, self.world.clock.now());
        if reach.is_some_and(|reach| reach >= FRAME) {
            from.bulk.set_framed(true);
        }
    }
}

impl Way<'_> {
    fn splice(mut self) -> Spliced {
        let open = self.source.is_open() && self.sink.is_open() && self.source.rx.is_empty();
        if !open || !is_bare(self.from) || !is_bare(self.to) {
            return Spliced::No;
        }
        if self.side == Side::Upstream && self.machine.awaits_response() {
            // With its head not much of a body is read: the rest need not be seen.
            self.from.bulk = Bulk::default();
            return Spliced::No;
        }
        let now = self.world.clock.now();
        let reach = self.machine.reach(self.side, &[], now);
        if reach.is_some_and(|reach| reach < REST) || reach.is_none() && !self.from.bulk.is_framed()
        {
            return Spliced::No;
        }
        if !self.sink.tx.is_empty() || !self.to.ready.writable {
            // Where frames are followed what is left lying could be a sign of life.
            return if self.machine.follows_frames() { Spliced::No } else { Spliced::Waits };
        }
        // Whatever goes in must find room in memory if it has to come out again, beside the block of a beginning.
        if self.world.pool.spare() < HIGH_WATER + BLOCK {
            return Spliced::No;
        }
        let Some(mut pipe) = self.world.pipes.take(now) else { return Spliced::No };
        let spliced = match reach {
            Some(reach) => self.move_through(&mut pipe, &[], reach, now),
            None => self.move_frame(&mut pipe, now),
        };
        self.world.pipes.put(pipe, now);
        spliced
    }

    /// The same where a frame is to begin: its beginning, with the header, goes into the pipe as a copy, for what comes of
    /// the socket may be memory that its sender can change.
    fn move_frame(&mut self, pipe: &mut Pipe, now: Millis) -> Spliced {
        let Conn { stream, ready, .. } = &mut *self.from;
        let block = match fill_some(stream, ready, BEGINNING, &self.world.pool) {
            Ok(block) => block,
            // There was no block.
            Err(Filled::Nothing) if ready.readable => return Spliced::No,
            Err(Filled::Nothing) => return Spliced::Moved(0),
            Err(end) => return self.end(end),
        };
        self.note_received(block.len(), now);
        let reach = self.machine.reach(self.side, block.bytes(), now).unwrap_or(0);
        if reach >= FRAME && pipe.put(block.bytes()) {
            return self.move_through(pipe, block.bytes(), reach, now);
        }
        self.from.bulk.set_framed(false);
        let n = block.len();
        self.source.rx.push(Segment::Block(block));
        Spliced::Moved(n)
    }

    /// Moves what is there of the next `reach` bytes, of which `next` were read and are in the pipe.
    fn move_through(&mut self, pipe: &mut Pipe, next: &[u8], reach: u64, now: Millis) -> Spliced {
        let most = (reach - next.len() as u64).min(MOST as u64) as usize;
        let taken = match pipe.fill(&self.from.stream, &mut self.from.ready, most) {
            Filled::Bytes(n) => n,
            Filled::Nothing if next.is_empty() => return Spliced::No,
            end if next.is_empty() => return self.end(end),
            Filled::Nothing => 0,
            // What is in the pipe still goes over.
            end => {
                note_end(self.source, end);
                0
            }
        };
        self.note_received(taken, now);
        self.from.bulk.note(taken == most || taken >= BLOCK);
        let n = next.len() + taken;
        self.machine.pass_unseen(self.side, next, n as u64, now);
        let mut moved = n;
        match pipe.flush(&self.to.stream, &mut self.to.ready) {
            Flushed::Bytes(n) => {
                self.world.sent(self.side.other()).add(n as u64);
                self.sink.tx_begun = true;
                self.sink.sent = now;
                moved += n;
            }
            Flushed::Nothing => {}
            broken => {
                note_break(self.sink, broken);
                return Spliced::Moved(moved);
            }
        }
        if pipe.take_back(&self.world.pool, |piece| self.sink.tx.queue(piece)).is_err() {
            note_break(self.sink, Flushed::Broken);
        }
        Spliced::Moved(moved)
    }

    fn end(&mut self, end: Filled) -> Spliced {
        note_end(self.source, end);
        Spliced::Moved(1)
    }

    fn note_received(&mut self, n: usize, now: Millis) {
        self.world.received(self.side).add(n as u64);
        self.source.received = now;
    }
}

/// Nothing lies between the socket and the session, and it is of the kind that hands over the memory its bytes are in.
fn is_bare(conn: &Conn) -> bool {
    let whole = conn.ready.end != Ending::Broken && conn.stream.kind() == Kind::Tcp;
    whole && matches!(conn.transport, Transport::Plain)
}
