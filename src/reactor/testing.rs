//! Loopback sockets and a poll for this folder's tests, all with deadlines.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::base::Address;

use super::{Kind, Readiness, Stream, dial};

/// How long anything on loopback may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A stream of ours and the blocking socket at its other end.
pub(super) fn tcp_pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    (Stream::new(ours.into(), Kind::Tcp), peer)
}

/// The same, where it was us who connected.
pub(super) fn dialled_pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = dial(&Address::Ip(listener.local_addr().unwrap())).unwrap();
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    (ours, peer)
}

/// The same with unix sockets.
pub(super) fn unix_pair() -> (Stream, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    (Stream::new(ours.into(), Kind::Unix), peer)
}

/// A poll and what it said.
pub(super) struct Watch {
    pub(super) poll: Poll,
    events: Events,
}

impl Watch {
    pub(super) fn new() -> Watch {
        Watch { poll: Poll::new().unwrap(), events: Events::with_capacity(64) }
    }

    /// Polls once; takes the events of `token` into `readiness` and says how many there were.
    pub(super) fn turn(
        &mut self,
        token: u64,
        readiness: &mut Readiness,
        timeout: Duration,
    ) -> usize {
        self.poll.poll(&mut self.events, Some(timeout)).unwrap();
        let ours = self.events.iter().filter(|event| event.token().0 as u64 == token);
        ours.map(|event| readiness.event(event)).count()
    }

    /// Polls until `enough` says so.
    pub(super) fn until(
        &mut self,
        token: u64,
        readiness: &mut Readiness,
        enough: impl Fn(&Readiness) -> bool,
    ) {
        let end = Instant::now() + PATIENCE;
        while !enough(readiness) {
            assert!(Instant::now() < end, "no such event in time: {readiness:?}");
            self.turn(token, readiness, Duration::from_millis(100));
        }
    }
}
