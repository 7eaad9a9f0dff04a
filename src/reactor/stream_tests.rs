//! The calls of a stream, each against a socket of the standard library.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use super::super::testing::{tcp_pair, unix_pair};
use super::*;

/// Waits until there is something to read.
fn settle(stream: &Stream) {
    let end = std::time::Instant::now() + super::super::testing::PATIENCE;
    while stream.is_quiet() {
        assert!(std::time::Instant::now() < end, "nothing came in time");
        std::thread::yield_now();
    }
}

#[test]
fn eight_bytes() {
    assert_eq!((size_of::<Stream>(), size_of::<Option<Stream>>()), (8, 8));
}

#[test]
fn plain_and_vectored() {
    let (stream, mut peer) = tcp_pair();
    assert_eq!(stream.write(b"ab").unwrap(), 2);
    assert_eq!(stream.writev(&[IoSlice::new(b"cd"), IoSlice::new(b"efg")]).unwrap(), 5);
    let mut got = [0; 7];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"abcdefg");

    let blocked = stream.read(&mut [0; 8]).unwrap_err();
    assert_eq!(blocked.kind(), ErrorKind::WouldBlock);
    peer.write_all(b"12345").unwrap();
    settle(&stream);
    let (mut one, mut two) = ([0; 2], [0; 8]);
    let mut rooms = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    assert_eq!(stream.readv(&mut rooms).unwrap(), 5);
    assert_eq!((&one, &two[..3]), (b"12", &b"345"[..]));
}

#[test]
fn writing_to_a_closed_peer_is_an_error() {
    let (stream, peer) = unix_pair();
    drop(peer);
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(stream.writev(&[IoSlice::new(b"x")]).unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn half_closed_and_aborted() {
    let (stream, mut peer) = tcp_pair();
    stream.shutdown_write().unwrap();
    assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
    peer.write_all(b"still").unwrap();
    settle(&stream);
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 5);

    let (stream, mut peer) = tcp_pair();
    stream.abort();
    assert_eq!(peer.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn quiet_means_no_byte_no_end_no_error() {
    let (stream, mut peer) = tcp_pair();
    assert!(stream.is_quiet());
    peer.write_all(b"x").unwrap();
    settle(&stream);
    assert!(!stream.is_quiet());
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
    assert!(stream.is_quiet());
    drop(peer);
    settle(&stream);
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);

    let (stream, peer) = unix_pair();
    assert!(stream.is_quiet());
    drop(peer);
    assert!(!stream.is_quiet());
}

#[test]
fn options_and_ends() {
    let (stream, peer) = tcp_pair();
    let ip = |address: std::io::Result<SocketAddr>| Peer::Ip(address.unwrap());
    assert_eq!(stream.peer().unwrap(), ip(peer.local_addr()));
    assert_eq!(stream.local().unwrap(), ip(peer.peer_addr()));
    stream.set_keepalive(Duration::from_secs(60), Duration::from_millis(10), 4).unwrap();
    assert!(sockopt::socket_keepalive(&stream).unwrap());
    assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), Duration::from_secs(60));
    assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), Duration::from_secs(1));
    stream.set_user_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 30_000);
    stream.set_keepalive(Duration::MAX, Duration::MAX, 4).unwrap();
    assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), Duration::from_secs(32_767));
    stream.set_user_timeout(Duration::MAX).unwrap();
    assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), i32::MAX as u32);
    assert!(stream.take_error().unwrap().is_none());

    let (stream, _peer) = unix_pair();
    stream.set_user_timeout(Duration::from_secs(1)).unwrap();
    stream.set_keepalive(Duration::from_secs(1), Duration::from_secs(1), 1).unwrap();
    assert_eq!(stream.peer().unwrap(), Peer::Unix);
    assert_eq!(stream.local().unwrap(), Peer::Unix);
}
