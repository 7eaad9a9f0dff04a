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
fn what_is_not_there_or_over_is_said() {
    let (from, source) = tcp_pair();
    let mut pipe = Pipe::new().unwrap();
    let mut ready = Readiness::OPEN;
    assert_eq!(pipe.fill(&from, &mut ready, 1000), Filled::Nothing);
    assert!(!ready.readable);
    drop(source);
    let end = Instant::now() + PATIENCE;
    while pipe.fill(&from, &mut ready, 1000) != Filled::Finished {
        assert!(Instant::now() < end);
    }
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

/// What a socket does not take comes back in order: into blocks, and without any into memory of its own.
fn taken_back(pool: &Pool) {
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
fn what_is_not_taken_comes_back() {
    taken_back(&Pool::new(1 << 20));
}

#[test]
fn what_is_not_taken_comes_back_without_blocks() {
    let pool = Pool::new(1);
    let _all: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
    taken_back(&pool);
}
