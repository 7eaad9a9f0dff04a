//! Channels on this core, and the letters about them to the others.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::Key;
use crate::channel::{Batch, Effect, Full, Hub, Letter, Person, Publication, Saying};
use crate::session::{CloseReason, Input};

use super::abroad::Abroad;
use super::drive::flush_queue;
use super::entry::{Conn, Session};
use super::mail::Mail;
use super::turn::Worker;
use super::world::World;

/// Bytes of messages that are delivered together, at most, and a message.
const TOGETHER: usize = 32 << 10;
/// Letters waiting for one core, beyond which nothing more is read of those who publish here.
const CROWDED: usize = 256;
/// Letters waiting for one core, beyond which what is published is not sent there.
const LATE: usize = 65_536;

/// What a worker knows of channels.
#[derive(Debug)]
pub(super) struct Channels {
    pub(super) hub: Hub,
    /// What came together for one circle, and is delivered together.
    pending: Vec<Arc<Publication>>,
    circle: u32,
    /// Bytes of it.
    size: usize,
    /// Letters for each core behind those that its outbox has room for.
    late: Vec<VecDeque<Letter>>,
    /// Sessions whose messages are not read before other cores have caught up.
    pub(super) waiting: Vec<Key>,
    /// Other instances, where there are any.
    pub(super) abroad: Option<Abroad>,
}

impl Channels {
    /// Those of core `me` of `cores`; at `now` in milliseconds since 1970; at most so many bytes are kept for those who
    /// come later.
    pub(super) fn new(me: usize, cores: usize, kept: usize, now: u64) -> Channels {
        let late = (0..cores).map(|_| VecDeque::new()).collect();
        let hub = Hub::new(me, cores, kept, now);
        let (pending, waiting) = (Vec::new(), Vec::new());
        Channels { hub, pending, circle: 0, size: 0, late, waiting, abroad: None }
    }
}

impl Worker {
    /// A session joins a channel, or is told that there is no room for one more.
    pub(super) fn join(&mut self, key: Key, channel: &Arc<str>, person: Option<Arc<Person>>) {
        let most = self.world.generation.channels;
        let Some(session) = self.sessions.get_mut(key) else { return };
        match self.channels.hub.join(channel, key, most) {
            Ok(name) => {
                session.machine.joined(&name);
                if let Some(person) = person {
                    self.channels.hub.introduce(&name, key, person);
                }
            }
            Err(Full) => {
                session.machine.leave(CloseReason::TooManyChannels, self.world.clock.now());
                self.queue_again(key);
            }
        }
    }

    /// Somebody here publishes.
    pub(super) fn publish(&mut self, saying: Saying, asker: Option<Key>) {
        self.world.counters.published.add(1);
        self.channels.hub.publish(saying, asker);
    }

    /// Sends what is to be said to other cores, and reads what we say to ourselves.
    pub(super) fn post_letters(&mut self) {
        for (core, late) in self.channels.late.iter_mut().enumerate() {
            let Some(outbox) = self.peers.outboxes.get_mut(core) else { continue };
            while let Some(letter) = late.pop_front() {
                if let Err(Mail::Channel(letter)) = outbox.push(Mail::Channel(letter)) {
                    late.push_front(letter);
                    break;
                }
            }
        }
        loop {
            // Whom a letter closes has left its channels.
            self.channels.hub.tell_homes();
            let Some((core, letter)) = self.channels.hub.next_letter() else { break };
            match core == self.index {
                true => self.read_letter(letter),
                false => self.send_letter(core, letter),
            }
        }
        self.fan_out();
    }

    fn send_letter(&mut self, core: usize, letter: Letter) {
        let Some(outbox) = self.peers.outboxes.get_mut(core) else { return };
        let Some(late) = self.channels.late.get_mut(core) else { return };
        let mut left = Some(letter);
        if late.is_empty()
            && let Some(letter) = left.take()
            && let Err(Mail::Channel(letter)) = outbox.push(Mail::Channel(letter))
        {
            left = Some(letter);
        }
        match left {
            Some(Letter::Published(..)) if late.len() >= LATE => {
                self.world.counters.channel_dropped.add(1);
            }
            left => late.extend(left),
        }
        self.world.crowded |= outbox.len() + late.len() >= CROWDED;
    }

    /// Reads a letter of another core, or of our own.
    pub(super) fn read_letter(&mut self, letter: Letter) {
        match self.channels.hub.take(letter, self.world.clock.wall_millis()) {
            Some(Effect::Deliver(publication, circle)) => {
                let waits = &self.channels;
                let joins = waits.pending.first().is_some_and(|first| {
                    first.channel == publication.channel && waits.circle == circle
                });
                if !joins || waits.size >= TOGETHER {
                    self.fan_out();
                }
                self.channels.circle = circle;
                self.channels.size += publication.payload.len();
                self.channels.pending.push(publication);
            }
            Some(Effect::Tell(key, answer)) => {
                // What was published before goes before it.
                self.fan_out();
                self.answer_and_drive(key, Input::Told(answer));
            }
            Some(Effect::Miss(keys)) => {
                self.fan_out();
                self.miss(keys);
            }
            None => {}
        }
    }

    /// What came together goes to all of its circle, each of whom is written to once.
    #[inline]
    pub(super) fn fan_out(&mut self) {
        if !self.channels.pending.is_empty() {
            self.fan_out_pending();
        }
    }

    fn fan_out_pending(&mut self) {
        let pending = std::mem::take(&mut self.channels.pending);
        self.channels.size = 0;
        let Some(first) = pending.first() else { return };
        let mut batch = Batch::new(&pending);
        let now = self.world.clock.now();
        let (mut reached, mut dropped) = (0, 0);
        let Worker { channels, sessions, conns, world, again, .. } = self;
        for &key in channels.hub.circle(&first.channel, channels.circle) {
            let Some(session) = sessions.get_mut(key) else { continue };
            dropped += session.machine.hear(&mut batch, &mut session.ports, now);
            reached += pending.len() as u64;
            let conn = session.conns[0].and_then(|conn| conns.get_mut(conn));
            let is_said = conn.is_some_and(|conn| say(conn, session, world));
            if !is_said && !std::mem::replace(&mut session.queued, true) {
                again.push(key);
            }
        }
        self.world.counters.delivered.add(reached);
        self.world.counters.channel_dropped.add(dropped);
    }

    /// Lets those go on who had to wait for other cores, once these have caught up.
    pub(super) fn make_room(&mut self) {
        if !self.world.crowded {
            return;
        }
        let few = self.peers.outboxes.iter().all(|outbox| outbox.len() < CROWDED / 2);
        let few = few && self.channels.abroad.as_ref().is_none_or(Abroad::rests);
        if few && self.channels.late.iter().all(VecDeque::is_empty) {
            self.world.crowded = false;
            for key in std::mem::take(&mut self.channels.waiting) {
                self.queue_again(key);
            }
        }
    }
}

/// Writes to a client what it has just heard, while it lies at hand; false where something is left to be done.
fn say(conn: &mut Conn, session: &mut Session, world: &mut World) -> bool {
    let Session { machine, ports, active, .. } = session;
    let port = &mut ports[0];
    if port.tx_end.is_some() {
        return false;
    }
    let sent = flush_queue(conn, port, world);
    if sent > 0 {
        port.sent = world.clock.now();
        *active = port.sent;
        world.counters.client_out.add(sent as u64);
    }
    if !conn.ready.readable {
        conn.transport.settle(&world.pool);
    }
    let is_through = port.tx.is_empty() && !conn.transport.is_behind() && !port.tx_broken;
    is_through && machine.rests(ports)
}
