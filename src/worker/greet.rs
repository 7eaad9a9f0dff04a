//! PROXY headers: what proxies say in front of a connection's first byte, before TLS too.
//!
//! The header is looked at where it lies, in the socket, and read when it is whole: what follows it stays for whoever
//! comes next, a TLS handshake or the machine.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use crate::base::Key;
use crate::proto::proxyproto::{self, BLOCK_MAX, Header, HeaderError};
use crate::session::CloseReason;

use super::entry::{Conn, Role};
use super::turn::Worker;

/// Between two lines on proxies that do not say for whom they connect.
const SILENCE: Duration = Duration::from_secs(60);

/// What became of a look at a header.
enum Look {
    Waiting,
    Said(Header),
    Bad(HeaderError),
    /// The proxy is gone: it came to see whether anybody listens, or broke off.
    Gone(CloseReason),
}

impl Worker {
    /// Something happened to a connection whose PROXY header is awaited.
    pub(super) fn greet(&mut self, key: Key, conn_key: Key) {
        self.guarded(key, |worker| worker.look_at_header(key, conn_key));
    }

    fn look_at_header(&mut self, key: Key, conn_key: Key) {
        let Some(conn) = self.conns.get_mut(conn_key) else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let reason = match look(conn) {
            Look::Waiting => return,
            Look::Said(header) => {
                conn.role = Role::Client;
                let open = conn.transport.is_open();
                session.machine.introduced(&header, self.world.clock.now());
                if !open {
                    self.queue_handshake(conn_key);
                }
                return self.drive_on(key, None);
            }
            Look::Bad(fault) => {
                let ip = session.machine.peer().ip;
                self.say_bad(ip, fault);
                CloseReason::ProxyHeader
            }
            Look::Gone(reason) => reason,
        };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let mut cx = self.world.cx(session.active);
        session.machine.close(reason, &mut cx);
        self.remove(key);
    }

    /// A proxy that is not set up shows at once, and one that is broken does not fill the log.
    fn say_bad(&mut self, ip: Option<IpAddr>, fault: HeaderError) {
        let peer = ip.map_or("unix".to_owned(), |ip| ip.to_canonical().to_string());
        let now = self.world.clock.now();
        if now < self.silent_on_proxies {
            return tracing::debug!(peer, "proxy-protocol: {fault}");
        }
        self.silent_on_proxies = now + SILENCE;
        tracing::warn!(
            peer,
            "proxy-protocol: {fault}; such connections are closed, and the next minute's not mentioned"
        );
    }
}

fn look(conn: &mut Conn) -> Look {
    let mut room = [0; BLOCK_MAX];
    let seen = match conn.stream.peek(&mut room) {
        Ok(0) => return Look::Gone(CloseReason::Done),
        Ok(seen) => seen,
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            conn.ready.readable = false;
            return Look::Waiting;
        }
        Err(_) => return Look::Gone(CloseReason::ClientGone),
    };
    match proxyproto::parse(room.get(..seen).unwrap_or_default()) {
        Ok(Some(header)) => {
            // It is there, as was just seen.
            let read = room.get_mut(..header.len).map(|room| conn.stream.read(room));
            match read {
                Some(Ok(read)) if read == header.len => Look::Said(header),
                _ => Look::Gone(CloseReason::ClientGone),
            }
        }
        Ok(None) if conn.ready.is_closing() => Look::Gone(CloseReason::ClientGone),
        Ok(None) => Look::Waiting,
        Err(fault) => Look::Bad(fault),
    }
}
