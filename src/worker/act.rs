//! Carrying out what a machine asked for.

use std::net::SocketAddr;

use crate::base::{Key, Millis};
use crate::buf::Tx;
use crate::reactor::{self, Line};
use crate::session::{Action, Bounds, Client, Input, Port, Side, TxEnd};

use super::entry::{Conn, Role};
use super::turn::Worker;
use super::world::World;

impl Worker {
    /// Carries out the actions of one session.
    pub(super) fn act(&mut self, key: Key) {
        while !self.world.actions.is_empty() {
            // Mostly it is one.
            if self.world.actions.len() == 1 {
                if let Some(action) = self.world.actions.pop() {
                    self.act_one(key, action);
                }
                continue;
            }
            let mut actions = std::mem::take(&mut self.world.actions);
            for action in actions.drain(..) {
                self.act_one(key, action);
            }
            // Answers may have asked for more; else the vector's memory is used again.
            if self.world.actions.is_empty() {
                self.world.actions = actions;
                break;
            }
        }
    }

    fn act_one(&mut self, key: Key, action: Action) {
        match action {
            Action::Dial(reuse) => self.dial_server(key, reuse),
            Action::Find { file, token } => self.find(key, file, token),
            Action::DialFound => self.dial_address(key, 0),
            Action::Queue => self.queue(key),
            Action::Endpoint => {
                let address = self.endpoint(key);
                self.answer(key, Input::Endpoint(address));
            }
            Action::Hangup => {
                let end = self.sessions.get(key).and_then(|session| session.ports[1].tx_end);
                if let Some(conn) = self.take_upstream(key) {
                    self.hang_up(conn, end);
                }
            }
            Action::Park(server) => {
                if let Some(conn) = self.take_upstream(key) {
                    self.park(conn, server);
                }
            }
            Action::Watch { side, bounds } => self.watch(key, side, &bounds),
            Action::Join(channel, person) => self.join(key, &channel, person),
            Action::Leave(channel) => self.channels.hub.leave_one(&channel, key),
            Action::Publish { saying, ask } => self.publish(saying, ask.then_some(key)),
            Action::Ask { channel, since } => self.channels.hub.ask(channel, key, since),
            Action::AwaitRoom => self.channels.waiting.push(key),
            Action::Spool(order) => self.spool(key, order),
            Action::Look(question) => self.look(key, question),
            Action::OpenFile => self.open_file(key),
            Action::CloseFile => self.close_file(key),
            Action::Verify(puzzle) => self.verify(key, puzzle),
        }
    }

    /// The address that a session's client connected to.
    fn endpoint(&self, key: Key) -> Option<SocketAddr> {
        let conn = self.conns.get(self.sessions.get(key)?.conns[0]?)?;
        match conn.stream.local().ok()? {
            reactor::Peer::Ip(address) => Some(address),
            reactor::Peer::Unix => None,
        }
    }

    /// Lets the kernel look after the peer of a side.
    fn watch(&mut self, key: Key, side: Side, bounds: &Bounds) {
        let conn = self.sessions.get(key).and_then(|session| session.conns[side as usize]);
        let Some(conn) = conn.and_then(|conn| self.conns.get(conn)) else { return };
        let Bounds { idle, every, probes, patience } = *bounds;
        let probed = conn.stream.set_keepalive(idle, every, probes);
        if let Err(error) = probed.and_then(|()| conn.stream.set_user_timeout(patience)) {
            tracing::debug!(%error, "a connection's keepalive could not be set");
        }
    }

    /// Hands the answer to an action to the session's machine.
    pub(super) fn answer(&mut self, key: Key, input: Input) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let mut cx = self.world.cx(session.active);
        Client::input(&mut session.machine, input, &mut session.ports, &mut cx);
    }

    /// Parts the session from its upstream connection.
    fn take_upstream(&mut self, key: Key) -> Option<Key> {
        self.sessions.get_mut(key)?.conns[1].take()
    }

    /// Closes an upstream connection, as its port says.
    pub(super) fn hang_up(&mut self, conn: Key, end: Option<TxEnd>) {
        if let Some(conn) = self.conns.remove(conn) {
            self.part_from(conn, end);
            self.world.counters.upstreams.sub(1);
        }
    }

    /// Closes a socket, in TLS not without a word, or resets it.
    pub(super) fn part_from(&mut self, mut conn: Conn, end: Option<TxEnd>) {
        if end == Some(TxEnd::Abort) {
            return conn.stream.abort();
        }
        let World { pool, records: scratch, .. } = &mut self.world;
        if !conn.finished && conn.transport.is_open() && !conn.transport.is_behind() {
            conn.transport.close(pool);
            if conn.transport.is_behind() {
                let line = Line { stream: &conn.stream, ready: &mut conn.ready, pool, scratch };
                conn.transport.flush(line, &mut Tx::default(), Millis::default());
            }
        }
    }

    /// Gives the session an upstream connection.
    pub(super) fn attach(&mut self, key: Key, conn_key: Key, role: Role) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        conn.session = Some(key);
        conn.role = role;
        session.conns[1] = Some(conn_key);
        let port: &mut Port = &mut session.ports[1];
        port.tx_broken = false;
        port.tx_begun = false;
    }
}
