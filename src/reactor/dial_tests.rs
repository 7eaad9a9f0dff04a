//! Dialling what accepts, what refuses, what is behind and what is not there.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use super::super::testing::Watch;
use super::*;

fn dialled(address: &Address) -> Result<bool, DialError> {
    let stream = dial(address)?;
    if connected(&stream, Readiness::NONE)? {
        return Ok(true);
    }
    let (mut watch, mut readiness) = (Watch::new(), Readiness::NONE);
    stream.register(watch.poll.registry(), 5).unwrap();
    watch.until(5, &mut readiness, |ready| *ready != Readiness::NONE);
    connected(&stream, readiness)
}

#[test]
fn tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::Ip(listener.local_addr().unwrap());
    assert_eq!(dialled(&address), Ok(true));
    let stream = dial(&address).unwrap();
    assert_eq!(connected(&stream, Readiness::NONE), Ok(true), "on this machine it is at once");
    drop(listener);
    assert_eq!(dialled(&address), Err(DialError::Failed(Errno::CONNREFUSED)));
}

#[test]
fn tcp_that_nobody_answers_yet() {
    let fd = open(AddressFamily::INET).unwrap();
    rustix::net::bind(&fd, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    rustix::net::listen(&fd, 0).unwrap();
    let here: SocketAddr = rustix::net::getsockname(&fd).unwrap().try_into().unwrap();
    // A backlog that is full: who comes then gets no answer.
    let dials: Vec<Stream> = (0..4).map(|_| dial(&Address::Ip(here)).unwrap()).collect();
    assert_eq!(connected(&dials[0], Readiness::NONE), Ok(true));
    assert_eq!(connected(&dials[3], Readiness::NONE), Ok(false));
}

#[test]
fn a_second_write_is_not_held_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = dial(&Address::Ip(listener.local_addr().unwrap())).unwrap();
    let _peer = listener.accept().unwrap();
    for (bytes, prompt) in [(b"one", false), (b"two", true), (b"six", true)] {
        assert_eq!(stream.write(bytes).unwrap(), 3);
        assert_eq!(sockopt::tcp_nodelay(&stream).unwrap(), prompt, "{bytes:?}");
    }
}

#[test]
fn a_peer_that_accepts_and_leaves_was_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = dial(&Address::Ip(listener.local_addr().unwrap())).unwrap();
    drop(listener.accept().unwrap());
    let (mut watch, mut readiness) = (Watch::new(), Readiness::NONE);
    stream.register(watch.poll.registry(), 5).unwrap();
    watch.until(5, &mut readiness, |ready| ready.is_closing());
    assert_eq!(connected(&stream, readiness), Ok(true));
}

#[test]
fn unix() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let address = Address::Unix(path.clone());
    assert_eq!(dial(&address).unwrap_err(), DialError::Failed(Errno::NOENT));
    let listener = UnixListener::bind(&path).unwrap();
    let stream = dial(&address).unwrap();
    assert_eq!(stream.kind(), Kind::Unix);
    assert_eq!(connected(&stream, Readiness::NONE), Ok(true));
    drop(listener);
    assert_eq!(dial(&address).unwrap_err(), DialError::Failed(Errno::CONNREFUSED));
}

#[test]
fn a_full_backlog_is_told_apart() {
    let name = format!("tidegate-test-backlog-{}", std::process::id());
    let address = Address::Abstract(name.clone().into_bytes());
    let fd = open(AddressFamily::UNIX).unwrap();
    let at = SocketAddrUnix::new_abstract_name(name.as_bytes()).unwrap();
    rustix::net::bind(&fd, &at).unwrap();
    rustix::net::listen(&fd, 1).unwrap();
    let mut waiting = Vec::new();
    let error = loop {
        match dial(&address) {
            Ok(stream) => waiting.push(stream),
            Err(error) => break error,
        }
        assert!(waiting.len() < 10);
    };
    assert_eq!(error, DialError::Busy);
    assert_eq!(error.to_string(), "the unix socket's backlog is full");
}

#[test]
fn names_are_resolved_elsewhere() {
    let address = "localhost:80".parse().unwrap();
    assert_eq!(dial(&address).unwrap_err(), DialError::Unresolved);
}
