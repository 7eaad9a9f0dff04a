//! Readiness on real sockets: an end with data, an end after data, a reset, a full socket.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use rustix::net::sockopt;

use super::super::testing::{Watch, dialled_pair, tcp_pair, unix_pair};
use super::super::{Kind, Stream};
use super::*;

const TOKEN: u64 = 1 << 32;

/// Reads as a worker does: only while it is worth a try. What came, and whether the end was seen.
fn read_all(stream: &Stream, readiness: &mut Readiness) -> (Vec<u8>, bool) {
    let (mut all, mut room) = (Vec::new(), [0; 1000]);
    while readiness.readable {
        match stream.read(&mut room) {
            Ok(got) => {
                readiness.read_result(room.len(), got);
                all.extend(&room[..got]);
                if got == 0 {
                    return (all, true);
                }
            }
            Err(error) => {
                readiness.read_blocked();
                return (all, error.kind() != ErrorKind::WouldBlock);
            }
        }
    }
    (all, false)
}

fn registered(stream: &Stream) -> Watch {
    let watch = Watch::new();
    stream.register(watch.poll.registry(), TOKEN).unwrap();
    watch
}

#[test]
fn one_byte_each() {
    assert_eq!(size_of::<Readiness>(), 3);
}

#[test]
fn a_short_read_needs_no_second() {
    let (stream, mut peer) = tcp_pair();
    let (mut watch, mut readiness) = (registered(&stream), Readiness::NONE);
    peer.write_all(b"hello").unwrap();
    watch.until(TOKEN, &mut readiness, |ready| ready.readable);
    let mut room = [0; 64];
    let got = stream.read(&mut room).unwrap();
    readiness.read_result(room.len(), got);
    assert_eq!((got, readiness.readable, readiness.is_closing()), (5, false, false));
    peer.write_all(b"again").unwrap();
    watch.until(TOKEN, &mut readiness, |ready| ready.readable);
    assert_eq!(read_all(&stream, &mut readiness), (b"again".to_vec(), false));
}

#[test]
fn a_full_read_is_followed_by_another() {
    let mut readiness = Readiness::OPEN;
    readiness.read_result(10, 10);
    assert!(readiness.readable);
    readiness.read_result(0, 0);
    assert!(readiness.readable);
    readiness.read_result(10, 9);
    assert!(!readiness.readable);
}

#[test]
fn an_end_that_comes_with_data_is_read_from_one_event() {
    let (stream, mut peer) = tcp_pair();
    peer.write_all(b"last words").unwrap();
    drop(peer);
    std::thread::sleep(Duration::from_millis(20));
    let (mut watch, mut readiness) = (registered(&stream), Readiness::NONE);
    watch.until(TOKEN, &mut readiness, |ready| ready.readable);
    assert_eq!(readiness.end, Ending::Closing);
    assert_eq!(read_all(&stream, &mut readiness), (b"last words".to_vec(), true));
    assert!(!readiness.readable);
}

#[test]
fn data_behind_urgent_data_is_read_from_one_event() {
    let (stream, mut peer) = tcp_pair();
    peer.write_all(b"before").unwrap();
    socket2::SockRef::from(&peer).send_out_of_band(b"!").unwrap();
    peer.write_all(b"behind").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let (mut watch, mut readiness) = (registered(&stream), Readiness::NONE);
    watch.until(TOKEN, &mut readiness, |ready| ready.readable);
    assert_eq!(read_all(&stream, &mut readiness), (b"beforebehind".to_vec(), false));
    assert!(!readiness.readable && !readiness.is_closing());
}

#[test]
fn an_end_after_data_is_an_event_of_its_own() {
    let (stream, mut peer) = tcp_pair();
    let (mut watch, mut readiness) = (registered(&stream), Readiness::NONE);
    peer.write_all(b"data").unwrap();
    watch.until(TOKEN, &mut readiness, |ready| ready.readable);
    assert_eq!(read_all(&stream, &mut readiness), (b"data".to_vec(), false));
    assert!(!readiness.is_closing());
    peer.shutdown(Shutdown::Write).unwrap();
    watch.until(TOKEN, &mut readiness, |ready| ready.is_closing());
    assert_eq!(read_all(&stream, &mut readiness), (Vec::new(), true));
    // The other direction is as open as before.
    assert!(readiness.writable);
    assert_eq!(stream.write(b"answer").unwrap(), 6);
    let mut answer = [0; 6];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
}

#[test]
fn a_reset_ends_both_directions() {
    let (stream, peer) = tcp_pair();
    let (mut watch, mut readiness) = (registered(&stream), Readiness::NONE);
    Stream::new(peer.into(), Kind::Tcp).abort();
    watch.until(TOKEN, &mut readiness, |ready| ready.end == Ending::Broken);
    assert!(readiness.readable && readiness.writable);
    let error = stream.read(&mut [0; 16]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn data_before_a_reset_does_not_hide_it() {
    let (stream, mut peer) = tcp_pair();
    peer.write_all(b"data").unwrap();
    let (mut watch, mut readiness) = (registered(&stream), Readiness::NONE);
    watch.until(TOKEN, &mut readiness, |ready| ready.readable);
    Stream::new(peer.into(), Kind::Tcp).abort();
    watch.until(TOKEN, &mut readiness, |ready| ready.is_closing());
    assert!(read_all(&stream, &mut readiness).1);
}

/// Writes until it is full, lets the peer read all, and expects the edge.
fn full_and_free_again(mut stream: Stream, mut peer: impl Read) {
    let (mut watch, mut readiness) = (registered(&stream), Readiness::OPEN);
    if stream.kind() == Kind::Tcp {
        sockopt::set_socket_send_buffer_size(&stream, 32 * 1024).unwrap();
    }
    let chunk = [7; 10_000];
    let mut sent = 0;
    while readiness.writable {
        match stream.write(&chunk) {
            Ok(taken) => {
                readiness.write_result(chunk.len(), taken);
                sent += taken;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                readiness.write_blocked();
            }
        }
    }
    // The edge of having been writable before is none of the one we wait for.
    watch.turn(TOKEN, &mut Readiness::default(), Duration::ZERO);
    stream.want_write(watch.poll.registry(), TOKEN, true).unwrap();
    let mut room = vec![0; 1 << 16];
    while sent > 0 {
        sent -= peer.read(&mut room).unwrap();
    }
    watch.until(TOKEN, &mut readiness, |ready| ready.writable);
    assert!(stream.write(&chunk).is_ok());
}

#[test]
fn a_full_tcp_socket_tells_when_it_is_free() {
    let (stream, peer) = tcp_pair();
    full_and_free_again(stream, peer);
}

#[test]
fn a_full_socket_that_was_dialled_tells_when_it_is_free() {
    let (stream, peer) = dialled_pair();
    full_and_free_again(stream, peer);
}

#[test]
fn a_socket_that_was_dialled_says_nothing_of_writing_unasked() {
    let (stream, peer) = dialled_pair();
    let (mut watch, mut readiness) = (registered(&stream), Readiness::OPEN);
    assert_eq!(stream.write(b"x").unwrap(), 1);
    assert_eq!(watch.turn(TOKEN, &mut readiness, Duration::from_millis(20)), 0);
    drop(peer);
    watch.until(TOKEN, &mut readiness, |ready| ready.is_closing());
}

#[test]
fn a_full_unix_socket_tells_when_it_is_free() {
    let (stream, peer) = unix_pair();
    full_and_free_again(stream, peer);
}

#[test]
fn a_unix_socket_is_woken_for_writing_only_on_demand() {
    let (mut stream, mut peer) = unix_pair();
    let (mut watch, mut readiness) = (registered(&stream), Readiness::OPEN);
    let registry = watch.poll.registry().try_clone().unwrap();
    let brief = Duration::from_millis(20);
    assert_eq!(stream.write(b"x").unwrap(), 1);
    peer.read_exact(&mut [0; 1]).unwrap();
    assert_eq!(watch.turn(TOKEN, &mut readiness, brief), 0);
    stream.want_write(&registry, TOKEN, true).unwrap();
    assert_eq!(watch.turn(TOKEN, &mut readiness, brief), 1);
    stream.want_write(&registry, TOKEN, false).unwrap();
    stream.write(b"x").unwrap();
    peer.read_exact(&mut [0; 1]).unwrap();
    assert_eq!(watch.turn(TOKEN, &mut readiness, brief), 0);
}
