//! Connections to servers: an idle one where there is one, else a fresh dial.

use std::net::SocketAddr;

use mio::event::Event;

use crate::base::Key;
use crate::reactor::tls::{Connector, Handshake};
use crate::reactor::{self, Bulk, DialError, NameCell, Readiness, Stream, Transport};
use crate::session::{Input, Reuse, Side};
use crate::upstream::ServerId;

use super::entry::{Conn, Role};
use super::turn::Worker;

impl Worker {
    /// Connects a session's upstream port to the server its machine has chosen; the answer may come before this returns.
    pub(super) fn dial_server(&mut self, key: Key, reuse: Reuse) {
        let session = self.sessions.get(key);
        let Some(server) = session.and_then(|session| session.machine.dialled_server()) else {
            return self.answer(key, Input::DialFailed { ours: false });
        };
        let (id, cell) = (server.id, server.cell.clone());
        if let Some(conn) = self.idle_connection(id, cell.as_deref(), reuse) {
            self.world.counters.reuses.add(1);
            self.attach(key, conn, Role::Upstream);
            return self.answer(key, Input::Dialled { reused: true });
        }
        self.dial_address(key, 0);
    }

    /// An idle connection to a server that may be used again.
    fn idle_connection(
        &mut self,
        server: ServerId,
        cell: Option<&NameCell>,
        reuse: Reuse,
    ) -> Option<Key> {
        if reuse == Reuse::Never {
            return None;
        }
        loop {
            let key = self.idle.check_out(server, &self.conns)?;
            let quiet = |conn: &Conn| reuse == Reuse::Any || conn.stream.is_quiet();
            // A name may lead elsewhere by now.
            let fits = |conn: &Conn| cell.is_none_or(|cell| cell.has(|| address(conn)));
            if self.conns.get(key).is_some_and(|conn| quiet(conn) && fits(conn)) {
                return Some(key);
            }
            self.hang_up(key, None);
        }
    }

    /// Begins a dial to the address of number `attempt` among those the server has.
    pub(super) fn dial_address(&mut self, key: Key, attempt: u8) {
        let session = self.sessions.get(key);
        let address = session.and_then(|session| session.machine.dialling(attempt));
        let Some(address) = address else {
            return self.answer(key, Input::DialFailed { ours: false });
        };
        let mut result = reactor::dial(&address);
        if matches!(result, Err(DialError::Exhausted(_))) && self.shed() > 0 {
            result = reactor::dial(&address);
        }
        let stream = match result {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%address, %error, "dial failed");
                let ours = matches!(error, DialError::Exhausted(_));
                return self.answer(key, Input::DialFailed { ours });
            }
        };
        self.world.counters.dials.add(1);
        let Some(conn) = self.adopt_upstream(stream, key, attempt) else {
            return self.answer(key, Input::DialFailed { ours: true });
        };
        self.attach(key, conn, Role::Dialling(attempt));
        // A unix socket is connected already.
        self.dial_event(conn);
    }

    fn adopt_upstream(&mut self, stream: Stream, session: Key, attempt: u8) -> Option<Key> {
        let conn = self.conns.insert(Conn {
            stream,
            transport: Transport::Plain,
            ready: Readiness::NONE,
            bulk: Bulk::default(),
            finished: false,
            queued: false,
            role: Role::Dialling(attempt),
            session: Some(session),
        });
        self.world.counters.upstreams.add(1);
        let entry = self.conns.get_mut(conn)?;
        if entry.stream.register(self.poll.registry(), conn.to_u64()).is_err() {
            self.hang_up(conn, None);
            return None;
        }
        Some(conn)
    }

    /// Looks whether a dial is decided.
    pub(super) fn dial_event(&mut self, conn_key: Key) {
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        let Role::Dialling(attempt) = conn.role else { return };
        let Some(key) = conn.session else { return };
        if !conn.transport.is_open() {
            return self.queue_handshake(conn_key);
        }
        match reactor::connected(&conn.stream, conn.ready) {
            Ok(false) => {}
            Ok(true) => {
                conn.ready.writable = true;
                let session = self.sessions.get(key);
                let server = session.and_then(|session| session.machine.dialled_server());
                match server.and_then(|server| server.connector.clone()) {
                    Some(connector) => self.greet_server(key, conn_key, attempt, &connector),
                    None => self.dialled(key, conn_key),
                }
            }
            Err(error) => {
                tracing::debug!(%error, "dial failed");
                self.not_dialled(key, conn_key, attempt);
            }
        }
    }

    /// Begins the TLS handshake with a server that is connected.
    fn greet_server(&mut self, key: Key, conn_key: Key, attempt: u8, connector: &Connector) {
        let mut prelude = Vec::new();
        if let Some(session) = self.sessions.get(key) {
            session.machine.introduction(&mut prelude);
        }
        match (Handshake::dial(connector, prelude), self.conns.get_mut(conn_key)) {
            (Ok(handshake), Some(conn)) => {
                conn.transport = Transport::handshake(handshake);
                self.queue_handshake(conn_key);
            }
            (Ok(_), None) => {}
            (Err(fault), _) => {
                tracing::warn!(%fault, "a TLS handshake with a server cannot begin");
                self.not_dialled(key, conn_key, attempt);
            }
        }
    }

    /// The session's upstream port is connected.
    pub(super) fn dialled(&mut self, key: Key, conn_key: Key) {
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        conn.role = Role::Upstream;
        self.together.dialled = true;
        self.answer(key, Input::Dialled { reused: false });
    }

    /// A dial came to nothing: the next address, if there is one.
    pub(super) fn not_dialled(&mut self, key: Key, conn_key: Key, attempt: u8) {
        self.world.counters.upstream_failures.add(1);
        self.hang_up(conn_key, None);
        if let Some(session) = self.sessions.get_mut(key) {
            session.conns[1] = None;
        }
        self.dial_address(key, attempt.saturating_add(1));
    }

    /// Whatever an idle connection has to say, it is not the answer to a next request.
    pub(super) fn drop_idle(&mut self, conn_key: Key) {
        if self.conns.get(conn_key).is_some_and(|conn| conn.role == Role::Idle) {
            self.stir();
            self.hang_up(conn_key, None);
        }
    }

    /// An event of a connection.
    pub(super) fn conn_event(&mut self, conn_key: Key, event: &Event) {
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        conn.ready.event(event);
        let session = conn.session;
        if conn.role == Role::Greeting {
            self.stir();
            let greeted = session.map(|key| (key, conn_key));
            return greeted.into_iter().for_each(|(key, conn)| self.greet(key, conn));
        }
        if !conn.transport.is_open() {
            self.stir();
            return self.queue_handshake(conn_key);
        }
        match conn.role {
            // Parked since events were asked for: whatever it says is no answer to a next request.
            Role::Idle if conn.ready.readable || conn.ready.is_closing() => {
                self.drop_idle(conn_key)
            }
            Role::Idle | Role::Greeting => {}
            Role::Dialling(_) => {
                self.stir();
                if let Some(key) = session {
                    self.guarded(key, |worker| {
                        worker.dial_event(conn_key);
                        worker.drive_on(key, None);
                    });
                }
            }
            Role::Client | Role::Upstream => {
                let side = if conn.role == Role::Client { Side::Client } else { Side::Upstream };
                let straight = conn.goes_straight();
                let Some(key) = session else { return };
                let Some(session) = self.sessions.get(key) else { return };
                let tunnel = session.machine.tunnel().is_some();
                // What has begun goes on before what happens next.
                if session.begun {
                    self.go_through();
                }
                match (straight, tunnel) {
                    (true, true) => self.pass_on(key, side),
                    (true, false) => self.begin(key, Some(side)),
                    (false, _) => self.begin(key, None),
                }
            }
        }
    }

    /// Keeps a clean upstream connection for another request to its server.
    pub(super) fn park(&mut self, conn_key: Key, server: ServerId) {
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        if conn.ready.readable && conn.stream.is_quiet() {
            // The last read was full, or the end of a long body has gone over unseen: nothing was read behind it.
            conn.ready.read_blocked();
        }
        let quiet = !conn.ready.readable && !conn.ready.is_closing() && conn.transport.is_quiet();
        let clean = quiet && !self.world.draining;
        conn.role = Role::Idle;
        conn.session = None;
        if !clean || !self.idle.put(server, conn_key, &self.conns, self.world.clock.now()) {
            self.hang_up(conn_key, None);
        }
    }
}

/// Where a connection leads.
fn address(conn: &Conn) -> Option<SocketAddr> {
    match conn.stream.peer().ok()? {
        reactor::Peer::Ip(address) => Some(address),
        reactor::Peer::Unix => None,
    }
}
