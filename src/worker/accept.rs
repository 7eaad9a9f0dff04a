//! Where client connections come from, and what happens when there are too many of them.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Key, Millis};
use crate::reactor::tls::{Acceptor, Handshake};
use crate::reactor::{AcceptFault, Bulk, Listener, Readiness, Stream, Transport};
use crate::session::{Client, CloseReason, Peer, Port};

use super::entry::{Conn, Role, Session};
use super::mail::Mail;
use super::renew::Welcome;
use super::turn::Worker;

/// Connections accepted from one listener in a turn.
const BUDGET: usize = 64;
/// TLS handshakes waiting to be begun, beyond which clients wait in the kernel, where they cost less.
const WAITING: usize = 16;
/// Times that budget is had when a listener is closed: a full backlog.
const LAST: usize = 64;
/// How long accepting rests when descriptors ran out and none could be freed.
const PAUSE: Duration = Duration::from_millis(100);
/// Idle connections closed at once to make room.
const SHED: usize = 32;

/// A listening socket of a worker.
#[derive(Debug)]
pub struct Door {
    /// The socket.
    pub listener: Listener,
    /// Which of [`Generation::listeners`](crate::session::Generation::listeners) it is.
    pub number: u16,
    /// The port clients connect to, 0 for a unix socket.
    pub port: u16,
    /// How it meets clients.
    pub welcome: Welcome,
    /// More may wait there.
    pub(super) waiting: bool,
    /// What the poll calls it.
    pub(super) token: u64,
}

impl Door {
    /// A door nobody has knocked at.
    pub fn new(listener: Listener, number: u16, port: u16, welcome: Welcome) -> Door {
        Door { listener, number, port, welcome, waiting: true, token: 0 }
    }
}

/// A connection just accepted.
#[derive(Debug)]
pub struct Arrival {
    stream: Stream,
    peer: Peer,
    met: Met,
}

/// How a connection is met: as its listener welcomes at that moment.
#[derive(Debug)]
enum Met {
    Plain,
    Tls(Arc<Acceptor>),
    ToHttps(NonZeroU16),
}

impl Welcome {
    fn meet(&self) -> Met {
        match self {
            Welcome::Plain => Met::Plain,
            Welcome::Tls(tls) => Met::Tls(tls.load_full()),
            Welcome::ToHttps(port) => Met::ToHttps(*port),
        }
    }
}

impl Worker {
    /// Accepts from every listener where somebody may wait.
    pub(super) fn accept_all(&mut self) {
        if self.accept_after > self.world.clock.now() {
            return;
        }
        for door in 0..self.doors.len() {
            if self.doors[door].waiting {
                self.accept_from(door, WAITING);
            }
        }
    }

    /// Accepts everybody who waits at a listener that is to be closed.
    pub(super) fn let_in_all(&mut self, door: usize) {
        for _ in 0..LAST {
            self.doors[door].waiting = true;
            self.accept_from(door, usize::MAX);
            if !self.doors[door].waiting {
                return;
            }
        }
    }

    /// Accepts a turn's worth, unless that many TLS handshakes wait to be begun.
    fn accept_from(&mut self, door: usize, most: usize) {
        for _ in 0..BUDGET {
            let is_tls = matches!(self.doors[door].welcome, Welcome::Tls(_));
            if is_tls && self.handshakes.waiting() >= most {
                return;
            }
            if self.peers.full() && self.shed_clients() == 0 {
                return self.pause_accepting("max-connections is reached");
            }
            match self.doors[door].listener.accept() {
                Ok((stream, from)) => {
                    let (ip, port) = (from.ip(), from.port().unwrap_or(0));
                    let Door { number: listener, port: server_port, welcome, .. } =
                        &self.doors[door];
                    let met = welcome.meet();
                    let secure = matches!(met, Met::Tls(_));
                    let (listener, server_port) = (*listener, *server_port);
                    let peer = Peer { ip, port, server_port, listener, secure };
                    self.place(Arrival { stream, peer, met });
                }
                Err(error) => match AcceptFault::of(&error) {
                    AcceptFault::Blocked => {
                        self.doors[door].waiting = false;
                        return self.all_accepted();
                    }
                    AcceptFault::Exhausted if self.shed() == 0 => {
                        return self.pause_accepting("out of descriptors");
                    }
                    AcceptFault::Exhausted | AcceptFault::Client => {}
                    AcceptFault::Broken => {
                        tracing::error!(%error, "a listening socket is broken");
                        self.doors[door].waiting = false;
                        return;
                    }
                },
            }
        }
    }

    /// Stops accepting for a moment; says so once until nobody waits any more.
    fn pause_accepting(&mut self, why: &'static str) {
        self.accept_after = self.world.clock.now() + PAUSE;
        self.world.counters.accept_pauses.add(1);
        if !self.accept_paused {
            self.accept_paused = true;
            tracing::warn!(worker = self.index, "accepting pauses: {why}");
        }
    }

    /// Nobody waits any more: a pause is over, and would be said again.
    fn all_accepted(&mut self) {
        if self.accept_paused {
            self.accept_paused = false;
            tracing::info!(worker = self.index, "accepting again");
        }
    }

    /// Gives a new connection to the worker with clearly fewer, or keeps it.
    fn place(&mut self, arrival: Arrival) {
        self.world.counters.accepted.add(1);
        let lighter = self.peers.lighter(self.index);
        let Some(index) = lighter else {
            self.peers.loads[self.index].up();
            return self.adopt(arrival);
        };
        self.peers.loads[index].up();
        let kept = self.peers.outboxes[index].push(Mail::Accepted(arrival));
        if let Err(Mail::Accepted(arrival)) = kept {
            self.peers.loads[index].down();
            self.peers.loads[self.index].up();
            self.adopt(arrival);
        }
    }

    /// Makes a session of an accepted connection, which is counted already.
    pub(super) fn adopt(&mut self, arrival: Arrival) {
        let now = self.world.clock.now();
        let Arrival { stream, peer, met } = arrival;
        let (machine, transport) = match met {
            Met::Plain => (Client::new(peer, now), Transport::Plain),
            Met::ToHttps(port) => (Client::redirected(peer, port, now), Transport::Plain),
            Met::Tls(acceptor) => {
                (Client::greeted(peer, now), Transport::handshake(Handshake::accept(acceptor)))
            }
        };
        let (machine, role) = match self.world.generation.proxy_protocol.hold(peer.ip) {
            true => (machine.behind_proxy(now), Role::Greeting),
            false => (machine, Role::Client),
        };
        let conn_key = self.conns.insert(Conn {
            stream,
            transport,
            // What has come says its event, and while draining there may be no time for that.
            ready: Readiness { readable: self.world.draining, ..Readiness::OPEN },
            bulk: Bulk::default(),
            finished: false,
            queued: false,
            role,
            session: None,
        });
        let wheel = &mut self.wheel;
        let key = self.sessions.insert_with(|key| Session {
            machine,
            ports: [Port::default(), Port::default()],
            conns: [Some(conn_key), None],
            timer: wheel.add(key),
            armed: Millis::NEVER,
            active: now,
            held: 0,
            begun: false,
            queued: false,
        });
        self.world.counters.sessions.add(1);
        self.world.counters.clients.add(1);
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        conn.session = Some(key);
        if let Err(error) = conn.stream.register(self.poll.registry(), conn_key.to_u64()) {
            tracing::warn!(%error, "a connection could not be watched");
            return self.remove(key);
        }
        if self.world.draining {
            return self.drive(key);
        }
        self.rest(key);
    }

    /// A client connection is gone.
    pub(super) fn client_closed(&mut self) {
        self.peers.loads[self.index].down();
        self.world.counters.closed.add(1);
        self.world.counters.clients.sub(1);
        // Its descriptor may be what accepting waits for.
        self.accept_after = Millis::default();
    }

    /// Frees descriptors: idle upstream connections first, then idle clients; how many.
    pub(super) fn shed(&mut self) -> usize {
        let idle = self.idle.expire(self.world.clock.now(), true);
        if !idle.is_empty() {
            idle.iter().for_each(|conn| self.hang_up(*conn, None));
            return idle.len();
        }
        self.shed_clients()
    }

    /// Closes those clients that have been idle longest; how many.
    fn shed_clients(&mut self) -> usize {
        let mut idle: Vec<(Millis, Key)> = self
            .sessions
            .iter()
            .filter_map(|(key, session)| {
                Some((session.machine.idle_since(&session.ports[0])?, key))
            })
            .collect();
        if idle.len() > SHED {
            idle.select_nth_unstable_by_key(SHED, |(since, _)| *since);
            idle.truncate(SHED);
        }
        for (_, key) in &idle {
            self.world.counters.close_reason(CloseReason::Shed as usize);
            self.remove(*key);
        }
        idle.len()
    }
}
