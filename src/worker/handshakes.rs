//! TLS handshakes: work that costs thousands of times what passing a message does, and so takes turns.

use std::collections::VecDeque;

use crate::base::Key;
use crate::reactor::tls::{HandshakeFault, Progress};
use crate::reactor::{Tls, Transport};
use crate::session::{CloseReason, Secure};

use super::entry::{Conn, Role};
use super::turn::Worker;

/// Connections whose handshake can go on.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    /// Those that go first: what is left to do is little, and what was done would be lost.
    begun: VecDeque<Key>,
    /// Those that have not.
    fresh: VecDeque<Key>,
}

impl Handshakes {
    /// Whether none can go on.
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.fresh.is_empty()
    }

    /// How many have not been begun.
    pub(super) fn waiting(&self) -> usize {
        self.fresh.len()
    }

    fn next(&mut self) -> Option<Key> {
        self.begun.pop_front().or_else(|| self.fresh.pop_front())
    }
}

impl Worker {
    /// Something happened to a connection in its handshake: it goes on when its turn comes.
    pub(super) fn queue_handshake(&mut self, conn_key: Key) {
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        let Some(handshake) = conn.transport.handshake_mut() else { return };
        if std::mem::replace(&mut conn.queued, true) {
            return;
        }
        match handshake.goes_first() {
            true => self.handshakes.begun.push_back(conn_key),
            false => self.handshakes.fresh.push_back(conn_key),
        }
    }

    /// Goes on with one handshake: a poll more for each costs a hundredth of it, and nobody else waits for more than one.
    pub(super) fn shake_hands(&mut self) {
        let Some(conn_key) = self.handshakes.next() else { return };
        if let Some(key) = self.conns.get(conn_key).and_then(|conn| conn.session) {
            self.guarded(key, |worker| worker.shake_hand(key, conn_key));
        }
    }

    fn shake_hand(&mut self, key: Key, conn_key: Key) {
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        conn.queued = false;
        let side = usize::from(conn.role != Role::Client);
        let Conn { transport, stream, ready, .. } = conn;
        let Some(handshake) = transport.handshake_mut() else { return };
        let rx = &mut session.ports[side].rx;
        match handshake.advance(stream, ready, rx, &self.world.pool) {
            Progress::Waiting => {
                let behind = transport.is_behind();
                // Where that fails, the timer still ends the session.
                let _ = conn.stream.want_write(self.poll.registry(), conn_key.to_u64(), behind);
            }
            Progress::Open(open) => {
                let (records, agreed) = *open;
                *transport = Transport::Tls(Box::new(Tls::Open(records)));
                match &agreed.profile {
                    Some((profile, names)) => {
                        let certificate = agreed.certificate.clone();
                        let (rule, names) = (profile.rule, names.clone());
                        let secure = Secure { rule, names, certificate };
                        session.machine.opened(secure, self.world.clock.now());
                    }
                    None => self.dialled(key, conn_key),
                }
                self.drive_on(key, None);
            }
            Progress::Failed(fault) => match conn.role {
                Role::Dialling(attempt) => {
                    let server = session.machine.dialled_server().map(|server| &server.address);
                    let server = server.map(tracing::field::display);
                    tracing::warn!(server, %fault, "a TLS handshake with a server failed");
                    self.not_dialled(key, conn_key, attempt);
                    self.drive_on(key, None);
                }
                _ => self.client_handshake_failed(key, conn_key, &fault),
            },
        }
    }

    /// A client and we do not agree. It was told why, and gets to read it.
    fn client_handshake_failed(&mut self, key: Key, conn_key: Key, fault: &HandshakeFault) {
        tracing::debug!(%fault, "a TLS handshake with a client failed");
        let Some(session) = self.sessions.get_mut(key) else { return };
        let mut cx = self.world.cx(session.active);
        if matches!(fault, HandshakeFault::Gone) {
            session.machine.close(CloseReason::TlsHandshake, &mut cx);
            return self.remove(key);
        }
        session.machine.not_opened(&mut cx);
        if let Some(conn) = self.conns.get_mut(conn_key) {
            conn.transport = Transport::Plain;
            // What came after the fault may be waiting in the socket.
            conn.ready.readable = true;
        }
        self.drive_on(key, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_those_that_were_begun_first() {
        let [old, new, begun] = [1, 2, 3].map(|n| Key::from_u64(n << 32 | n).expect("a key"));
        let mut waiting = Handshakes::default();
        assert!(waiting.is_empty() && waiting.next().is_none());
        waiting.fresh.extend([old, new]);
        waiting.begun.push_back(begun);
        assert_eq!(waiting.waiting(), 2);
        assert_eq!([(); 3].map(|()| waiting.next()), [begun, old, new].map(Some));
        assert!(waiting.is_empty());
    }
}
