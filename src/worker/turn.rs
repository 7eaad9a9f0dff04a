//! The loop of a worker: poll, events, upkeep; and what letters ask for.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token};

use crate::base::{Clock, Counters, Key, Millis, Rng, Slab, Wheel};
use crate::buf::Pool;
use crate::channel::Bulletin;
use crate::reactor::{Alarm, Coarse, Done, Mailbox, Offload, Opener, Outbox, tls};
use crate::session::{CloseReason, Generation, Input, Scratch};
use crate::upstream;

use super::accept::Door;
use super::channels::Channels;
use super::chores::Chores;
use super::entry::{Conn, Session};
use super::files::Served;
use super::handshakes::Handshakes;
use super::idle::Idle;
use super::lines::Lines;
use super::logbook::LogSink;
use super::mail::{Courier, Mail, Peers};
use super::probes::Probes;
use super::splice::Pipes;
use super::spool::SpoolFile;
use super::together::{self, Together};
use super::world::World;

/// Events of a turn, at most: what is done once a turn waits for no more.
const EVENTS: usize = 1024;
/// Events taken from the kernel at once where there are no idle connections: few, so that what it has just looked at of a
/// socket is still in the nearest cache when the socket is read. A thousand cost one to three percent of a message more.
const FEW: usize = together::MOST;
/// The last part of a drain in which both ends of a tunnel are told and may answer, at most.
const GOODBYE: Duration = Duration::from_secs(2);
/// Letters read in a turn.
const LETTERS: usize = 256;
/// Tokens that are not connections: no key is below 2^32.
const MAIL: Token = Token(0);
const ALARM: Token = Token(1);
const DOORS: u64 = 2;
const KEYS: usize = 1 << 32;

/// What a worker is made of.
#[derive(Debug)]
pub struct Setup {
    /// Its number, from 0.
    pub index: usize,
    /// Its poll.
    pub poll: Poll,
    /// What ends the poll's waits; with `ALARM_TOKEN`.
    pub alarm: Alarm,
    /// Its listening sockets.
    pub doors: Vec<Door>,
    /// Its mailbox; `token` woke it.
    pub mailbox: Mailbox<Mail>,
    /// All workers.
    pub peers: Peers,
    /// The configuration.
    pub generation: Arc<Generation>,
    /// Where access lines go.
    pub log: LogSink,
    /// Its figures.
    pub counters: Arc<Counters>,
    /// Threads that may block.
    pub offload: Offload<Courier>,
    /// Threads that may wait for a resolver as well.
    pub lookups: Offload<Courier>,
    /// Threads that compare passwords with hashes.
    pub passwords: Offload<Courier>,
    /// How their answers come back.
    pub courier: Courier,
    /// `spool-dir`.
    pub spool_dir: Option<Arc<Path>>,
    /// Bytes of blocks it may take from the system.
    pub memory: usize,
    /// Where it tells other instances what is published, where there are any.
    pub abroad: Option<Outbox<Bulletin>>,
    /// Whoever does tells hubs what is kept there.
    pub recalls: bool,
}

/// One worker.
#[derive(Debug)]
pub struct Worker {
    pub(super) index: usize,
    pub(super) poll: Poll,
    pub(super) alarm: Alarm,
    coarse: Coarse,
    /// More has happened since the last upkeep, or may have, than that bytes went straight on.
    pub(super) stirred: bool,
    pub(super) doors: Vec<Door>,
    /// What the next listener is called by the poll.
    pub(super) next_door: u64,
    mailbox: Mailbox<Mail>,
    letters: Vec<Mail>,
    /// Letters are left for the next turn, or outboxes have not got rid of theirs.
    pub(super) more_mail: bool,
    pub(super) peers: Peers,
    pub(super) offload: Offload<Courier>,
    pub(super) lookups: Offload<Courier>,
    pub(super) passwords: Offload<Courier>,
    pub(super) courier: Courier,
    pub(super) spool_dir: Option<Arc<Path>>,
    pub(super) conns: Slab<Conn>,
    pub(super) sessions: Slab<Session>,
    pub(super) wheel: Wheel,
    pub(super) idle: Idle,
    pub(super) spools: HashMap<Key, SpoolFile>,
    /// Files that are being served.
    pub(super) files: HashMap<Key, Served>,
    pub(super) opener: Opener,
    pub(super) handshakes: Handshakes,
    pub(super) lines: Lines,
    pub(super) probes: Probes,
    /// Who has joined which channel.
    pub(super) channels: Channels,
    pub(super) world: World,
    /// Sessions that are in the middle of a pass.
    pub(super) together: Together,
    /// Sessions that stopped early and go on before the next poll.
    pub(super) again: Vec<Key>,
    /// Memory that parts of messages hold in all sessions together, in bytes.
    pub(super) messages: u64,
    /// Sessions that found no block to read into.
    pub(super) starved: Vec<Key>,
    pub(super) accept_after: Millis,
    pub(super) accept_paused: bool,
    /// Until then nothing is said of bad PROXY headers.
    pub(super) silent_on_proxies: Millis,
    pub(super) chores: Chores,
    /// Set while stopping: when what is left is closed.
    pub(super) drain_until: Option<Millis>,
    /// When the tunnels that are left are told.
    pub(super) goodbye_at: Option<Millis>,
    stopped: bool,
}

/// The token a worker's mailbox wakes it with.
pub const MAIL_TOKEN: Token = MAIL;

/// The token of a worker's alarm.
pub const ALARM_TOKEN: Token = ALARM;

impl Worker {
    /// A worker ready to run on the calling thread.
    ///
    /// # Errors
    /// When a listening socket cannot be watched.
    pub fn new(setup: Setup) -> io::Result<Worker> {
        let mut scratch = Scratch::default();
        // Numbers of tunnels are unique in the process: the worker is in the upper bits.
        scratch.next_tunnel = ((setup.index as u64) << 40) + 1;
        let mut clock = Clock::new();
        let coarse = Coarse::beside(&mut clock);
        let (cores, kept) = (setup.peers.loads.len(), setup.generation.channel_memory);
        let mut channels = Channels::new(setup.index, cores, kept, clock.wall_millis());
        channels.look_abroad(setup.abroad, setup.recalls);
        let world = World {
            clock,
            pool: Pool::new(setup.memory),
            records: tls::Scratch::default(),
            pipes: Pipes::default(),
            counters: setup.counters,
            generation: setup.generation,
            upstreams: upstream::State::new(setup.index),
            actions: Vec::new(),
            rng: Rng::from_system(),
            scratch,
            log: Vec::new(),
            crowded: false,
            draining: false,
        };
        let mut worker = Worker {
            index: setup.index,
            alarm: setup.alarm,
            coarse,
            stirred: true,
            poll: setup.poll,
            doors: Vec::new(),
            next_door: DOORS,
            mailbox: setup.mailbox,
            letters: Vec::new(),
            more_mail: false,
            peers: setup.peers,
            offload: setup.offload,
            lookups: setup.lookups,
            passwords: setup.passwords,
            courier: setup.courier,
            spool_dir: setup.spool_dir,
            conns: Slab::new(),
            sessions: Slab::new(),
            wheel: Wheel::new(),
            idle: Idle::default(),
            spools: HashMap::new(),
            files: HashMap::new(),
            opener: Opener::default(),
            handshakes: Handshakes::default(),
            lines: Lines::default(),
            probes: Probes::default(),
            channels,
            world,
            together: Together::default(),
            again: Vec::new(),
            messages: 0,
            starved: Vec::new(),
            accept_after: Millis::default(),
            accept_paused: false,
            silent_on_proxies: Millis::default(),
            chores: Chores::new(setup.log),
            drain_until: None,
            goodbye_at: None,
            stopped: false,
        };
        for door in setup.doors {
            worker.open_door(door)?;
        }
        worker.plan_probes();
        Ok(worker)
    }

    /// Runs until stopped, or until everything has ended after a drain.
    pub fn run(mut self) {
        let mut events = [FEW, EVENTS].map(Events::with_capacity);
        while !self.is_over() {
            self.turn(&mut events);
        }
        self.close_doors();
        self.close_all();
        self.chores.write_log(&mut self.world.log);
    }

    fn turn(&mut self, [few, all]: &mut [Events; 2]) {
        let mut timeout = self.begin_wait();
        let (mut mail, mut taken) = (self.more_mail, 0);
        while taken < EVENTS {
            // An idle connection that has ended must not be used again: all ends are looked at before any request is.
            let idle = !self.idle.is_empty();
            let events = if idle { &mut *all } else { &mut *few };
            match self.poll.poll(events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => break,
                Err(error) => {
                    // Nothing sensible is left to be done without events.
                    tracing::error!(%error, worker = self.index, "poll failed");
                    self.stopped = true;
                    return;
                }
            }
            // To say when bytes went straight on a glance will do.
            match self.stirred {
                true => self.world.clock.tick(),
                false => self.world.clock.glance(self.coarse.now()),
            }
            let count = events.iter().count();
            mail |= self.take_events(events, count);
            taken += count;
            if idle || count < FEW {
                break;
            }
            timeout = Some(Duration::ZERO);
        }
        if self.stirred {
            self.keep_up(mail);
        }
    }

    /// Does what the events ask for; true when there is mail.
    fn take_events(&mut self, events: &Events, count: usize) -> bool {
        if !self.idle.is_empty() {
            for event in events.iter() {
                // That it can be written is no news: it comes along with what was read in the turn before.
                let news = event.is_readable() || event.is_read_closed() || event.is_error();
                if let Some(key) = Key::from_u64(event.token().0 as u64).filter(|_| news) {
                    self.drop_idle(key);
                }
            }
        }
        self.begin_together(count);
        let mut mail = false;
        for event in events.iter() {
            match event.token() {
                MAIL => {
                    self.stir();
                    mail = true;
                }
                ALARM => {
                    self.alarm.rang();
                    self.stir();
                }
                Token(n) if n < KEYS => {
                    self.stir();
                    self.doors_event(n as u64);
                }
                Token(n) => {
                    if let Some(key) = Key::from_u64(n as u64) {
                        self.conn_event(key, event);
                    }
                }
            }
        }
        self.end_together();
        mail
    }

    fn doors_event(&mut self, token: u64) {
        if let Some(door) = self.doors.iter_mut().find(|door| door.token == token) {
            door.waiting = true;
        }
    }

    pub(super) fn read_mail(&mut self) {
        let mut letters = std::mem::take(&mut self.letters);
        self.more_mail = self.mailbox.drain(&mut letters, LETTERS);
        for letter in letters.drain(..) {
            match letter {
                Mail::Accepted(arrival) => self.adopt(arrival),
                Mail::Done(key, Done::Found(answer)) => self.looked_up(key, answer),
                Mail::Done(key, Done::Looked(there)) => {
                    self.answer_and_drive(key, Input::Looked(Some(there)));
                }
                Mail::Done(key, Done::Opened(result)) => self.file_opened(key, result),
                Mail::Done(key, Done::Warmed(result)) => self.file_warmed(key, result),
                Mail::Done(key, Done::Verified(right)) => {
                    self.answer_and_drive(key, Input::Verified(Some(right)));
                }
                Mail::Done(key, done) => self.spooled(key, done),
                Mail::Seat(line) => self.seat_line(&line),
                Mail::Channel(letter) => self.read_letter(letter),
                Mail::Ask(ask) => self.inspect(ask),
                Mail::Renew(renewal) => self.renew(*renewal),
                Mail::Drain(until) => self.drain(until),
                Mail::Stop => self.stopped = true,
            }
        }
        self.letters = letters;
    }

    /// Stops accepting; idle sessions end now, others when they are through.
    fn drain(&mut self, until: Millis) {
        self.accept_after = Millis::default();
        self.accept_all();
        self.close_doors();
        self.world.draining = true;
        self.drain_until = Some(until);
        let now = self.world.clock.now();
        let left = until - now;
        self.goodbye_at = Some(now + (left - GOODBYE.min(left / 2)));
        for conn in self.idle.expire(self.world.clock.now(), true) {
            self.hang_up(conn, None);
        }
        let all: Vec<Key> = self.sessions.keys().collect();
        for key in all {
            self.expect_bytes(key);
            self.drive(key);
        }
    }

    /// A request may lie in its client's socket already, though no event has said so: it is served before the end.
    fn expect_bytes(&mut self, key: Key) {
        let client = self.sessions.get(key).and_then(|session| session.conns[0]);
        if let Some(conn) = client.and_then(|conn| self.conns.get_mut(conn)) {
            conn.ready.readable = true;
        }
    }

    /// Stops listening; the files of unix sockets go with them.
    fn close_doors(&mut self) {
        for door in self.doors.drain(..) {
            door.listener.unlink();
        }
    }

    fn is_over(&self) -> bool {
        let late = self.drain_until.is_some_and(|until| self.world.clock.now() >= until);
        self.stopped || late || self.drain_until.is_some() && self.sessions.is_empty()
    }

    fn close_all(&mut self) {
        let all: Vec<Key> = self.sessions.keys().collect();
        for key in all {
            if let Some(session) = self.sessions.get_mut(key) {
                let mut cx = self.world.cx(session.active);
                session.machine.close(CloseReason::Drained, &mut cx);
            }
            self.world.actions.clear();
            self.remove(key);
        }
    }
}
