//! A pipe between real sockets: nothing is lost, whatever the other one takes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::super::testing::{PATIENCE, tcp_pair};
use super::*;

/// More than a socket on loopback takes by itself.
const MUCH: usize = 16 << 20;

/// Bytes of which each piece differs from the others.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// What comes until `len` bytes are there, into the pipe.
fn fill(pipe: &mut Pipe, from: &Stream, len: usize) {
    let end = Instant::now() + PATIENCE;
    let (mut left, mut ready) = (len, Readiness::OPEN);
    while left > 0 {
        assert!(Instant::now() < end, "{left} bytes did not come in time");
        match pipe.fill(from, &mut ready, left) {
            Filled::Bytes(n) => left -= n,
            Filled::Nothing => std::thread::yield_now(),
            end => panic!("{end:?}"),
        }
    }
}

fn read(peer: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut got = vec![0; len];
    peer.read_exact(&mut got).unwrap();
    got
}

#[test]
fn bytes_go_through() {
    let ((from, mut source), (to, mut sink)) = (tcp_pair(), tcp_pair());
    let mut pipe = Pipe::new().unwrap();
    let bytes = pattern(100_000);
    source.write_all(&bytes).unwrap();
    fill(&mut pipe, &from, 60_000);
    assert!(!pipe.is_empty());
    let mut ready = Readiness::OPEN;
    assert_eq!(pipe.flush(&to, &mut ready), Flushed::Bytes(60_000));
    assert!(pipe.is_empty() && ready.writable);
    fill(&mut pipe, &from, 40_000);
    assert_eq!(pipe.flush(&to, &mut ready), Flushed::Bytes(40_000));
    assert!(read(&mut sink, 100_000) == bytes);
}

#[test]
fn a_copy_goes_before_what_comes() {
    let ((from, mut source), (to, mut sink)) = (tcp_pair(), tcp_pair());
    let mut pipe = Pipe::new().unwrap();
    source.write_all(b"payload").unwrap();
    assert!(pipe.put(b"header "));
    fill(&mut pipe, &from, 7);
    assert_eq!(pipe.flush(&to, &mut { Readiness::OPEN }), Flushed::Bytes(14));
    assert_eq!(read(&mut sink, 14), b"header payload");
}

#[test]
fn one_that_must_be_small_takes_smaller_steps() {
    let ((from, mut source), (to, mut sink)) = (tcp_pair(), tcp_pair());
    let mut pipe = Pipe::new().unwrap();
    let page = fcntl_setpipe_size(&pipe.into, 1).unwrap();
    let bytes = pattern(10 * page);
    source.write_all(&bytes).unwrap();
    assert!(pipe.put(b"header "));
    assert_eq!(pipe.fill(&from, &mut { Readiness::OPEN }, page), Filled::Nothing, "it is full");
    let (mut ready, mut sent, end) = (Readiness::OPEN, 0, Instant::now() + PATIENCE);
    while sent < bytes.len() + 7 {
        assert!(Instant::now() < end);
        match pipe.flush(&to, &mut ready) {
            Flushed::Bytes(n) => sent += n,
            broken => panic!("{broken:?}"),
        }
        assert!(pipe.is_empty());
        let filled = pipe.fill(&from, &mut ready, bytes.len());
        assert!(matches!(filled, Filled::Bytes(_) | Filled::Nothing));
    }
    let got = read(&mut sink, sent);
    assert!(got.strip_prefix(b"header ") == Some(&bytes[..]));
}

#[test]
fn only_a_read_says_why_nothing_comes() {
    let (from, mut source) = tcp_pair();
    let mut pipe = Pipe::new().unwrap();
    let mut ready = Readiness::OPEN;
    assert_eq!(pipe.fill(&from, &mut ready, 1000), Filled::Nothing);
    // An urgent byte is in the way of everything behind it, which a read steps over.
    socket2::SockRef::from(&source).send_out_of_band(b"!").unwrap();
    source.write_all(b"more").unwrap();
    let end = Instant::now() + PATIENCE;
    let mut room = [0; 8];
    while from.read(&mut room).ok() != Some(4) {
        assert!(Instant::now() < end);
        assert_eq!(pipe.fill(&from, &mut ready, 1000), Filled::Nothing);
    }
    drop(source);
    while from.read(&mut room).ok() != Some(0) {
        assert!(Instant::now() < end);
        assert_eq!(pipe.fill(&from, &mut ready, 1000), Filled::Nothing);
    }
    assert!(ready.readable && pipe.is_empty());
}

#[test]
fn a_reset_is_said_at_once() {
    let (from, source) = tcp_pair();
    socket2::SockRef::from(&source).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(source);
    let (mut pipe, end) = (Pipe::new().unwrap(), Instant::now() + PATIENCE);
    while pipe.fill(&from, &mut { Readiness::OPEN }, 1000) != Filled::Reset {
        assert!(Instant::now() < end);
    }
}

#[test]
fn what_is_no_socket_is_refused_and_harmless() {
    let mut pipe = Pipe::new().unwrap();
    let directory = Stream::new(std::fs::File::open("/").unwrap().into(), super::super::Kind::Tcp);
    assert_eq!(pipe.fill(&directory, &mut { Readiness::OPEN }, 1000), Filled::Nothing);
    assert!(pipe.is_refused(), "it is not tried again");
}

#[test]
fn a_peer_that_is_gone_is_an_error() {
    let ((from, mut source), (to, sink)) = (tcp_pair(), tcp_pair());
    drop(sink);
    let mut pipe = Pipe::new().unwrap();
    let mut ready = Readiness::OPEN;
    let end = Instant::now() + PATIENCE;
    // The first bytes are what its host answers with a reset.
    loop {
        assert!(Instant::now() < end);
        source.write_all(b"more").unwrap();
        fill(&mut pipe, &from, 4);
        if pipe.flush(&to, &mut ready) == Flushed::Broken {
            break;
        }
    }
    assert!(!pipe.is_empty());
}

#[test]
fn what_is_not_taken_comes_back() {
    let pool = &Pool::new(1 << 20);
    let ((from, mut source), (to, mut sink)) = (tcp_pair(), tcp_pair());
    let bytes = pattern(MUCH);
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || source.write_all(&sent));
    let mut pipe = Pipe::new().unwrap();
    let (mut ready, mut given, mut kept) = (Readiness::OPEN, 0, Vec::new());
    while kept.is_empty() {
        fill(&mut pipe, &from, 128 << 10);
        let before = pipe.held;
        match pipe.flush(&to, &mut ready) {
            Flushed::Bytes(n) => given += n,
            Flushed::Nothing => assert!(!ready.writable && pipe.held == before),
            broken => panic!("{broken:?}"),
        }
        pipe.take_back(pool, |piece| kept.extend_from_slice(piece.bytes())).unwrap();
        assert!(pipe.is_empty());
        assert!(given < MUCH, "the socket takes everything");
    }
    assert!(read(&mut sink, given) == bytes[..given]);
    assert!(kept == bytes[given..given + kept.len()]);
    drop((from, sink));
    let _ = writer.join().unwrap();
}

#[test]
fn without_blocks_it_keeps_what_it_has() {
    let (from, mut source) = tcp_pair();
    let pool = Pool::new(1);
    let _all: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
    assert_eq!(pool.spare(), 0);
    let mut pipe = Pipe::new().unwrap();
    source.write_all(b"bytes").unwrap();
    fill(&mut pipe, &from, 5);
    assert!(pipe.take_back(&pool, |_| {}).is_err() && !pipe.is_empty());
}
