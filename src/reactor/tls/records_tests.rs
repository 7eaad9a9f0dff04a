//! An open connection with rustls at its other end, over a socket pair.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, SupportedCipherSuite};

use super::super::acceptor::{Acceptor, Profile};
use super::super::handshake::{Handshake, Progress};
use super::super::keys::TrafficLog;
use super::*;
use crate::base::RuleId;
use crate::buf::{Copied, Segment, Stub};
use crate::reactor::Ending;
use crate::reactor::testing::unix_pair;

/// A certificate for `localhost`, made for this run.
fn configs(suite: SupportedCipherSuite) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut provider = provider::default_provider();
    provider.cipher_suites = vec![suite];
    let provider = Arc::new(provider);
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    server.enable_secret_extraction = true;
    server.key_log = Arc::new(TrafficLog);
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// Our end, open, and rustls' at the other.
struct Pair {
    stream: Stream,
    ready: Readiness,
    records: Records,
    rx: Rx,
    tx: Tx,
    pool: Pool,
    scratch: Scratch,
    client: ClientConnection,
    socket: UnixStream,
}

impl Pair {
    fn new(suite: SupportedCipherSuite) -> Pair {
        let (server, client) = configs(suite);
        let profile = Profile { config: server, rule: RuleId::nth(0) };
        let mut handshake = Handshake::accept(Arc::new(Acceptor::new(Arc::new(profile), vec![])));
        let (stream, mut socket) = unix_pair();
        socket.set_nonblocking(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(client, name).unwrap();
        let (mut ready, mut rx, pool) = (Readiness::OPEN, Rx::default(), Pool::new(8 << 20));
        for _ in 0..20 {
            exchange(&mut client, &mut socket);
            ready.readable = true;
            match handshake.advance(&stream, &mut ready, &mut rx, &pool) {
                Progress::Waiting => {}
                Progress::Failed(fault) => panic!("{fault}"),
                Progress::Open(open) => {
                    let (records, agreed) = *open;
                    assert_eq!(agreed.server_name.as_deref(), Some("localhost"));
                    let (tx, scratch) = (Tx::default(), Scratch::default());
                    return Pair { stream, ready, records, rx, tx, pool, scratch, client, socket };
                }
            }
        }
        panic!("no end of the handshake");
    }

    /// Sends what is queued; what the client reads.
    fn send(&mut self) -> Vec<u8> {
        let mut read = Vec::new();
        while !self.tx.is_empty() || self.records.is_behind() {
            self.ready.writable = true;
            let Pair { records, stream, ready, tx, scratch, pool, .. } = self;
            let flushed = records.flush(stream, ready, tx, scratch, pool, Millis(5));
            assert_ne!(flushed, Flushed::Broken);
            self.read_all(&mut read);
        }
        self.read_all(&mut read);
        read
    }

    /// rustls reads no further while there is something to be taken from it.
    fn read_all(&mut self, read: &mut Vec<u8>) {
        loop {
            let before = read.len();
            exchange(&mut self.client, &mut self.socket);
            match self.client.reader().read_to_end(read) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            if read.len() == before {
                return;
            }
        }
    }

    /// Reads until there is nothing more for now; what it brought, and how it ended.
    fn receive(&mut self) -> (Vec<u8>, Result<Filled, Fault>) {
        let mut read = Vec::new();
        loop {
            exchange(&mut self.client, &mut self.socket);
            self.ready.readable = true;
            let Pair { records, stream, ready, rx, scratch, pool, .. } = self;
            let filled = records.fill(stream, ready, rx, scratch, pool);
            while !self.rx.is_empty() {
                read.extend_from_slice(self.rx.bytes());
                self.rx.consume(self.rx.bytes().len());
            }
            self.records.settle(&self.pool);
            if !matches!(filled, Ok(Filled::Bytes(_))) {
                return (read, filled);
            }
        }
    }

    /// Lets `bytes` arrive as if the client had sent them.
    fn arrive(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// What the client would send for `bytes`.
    fn sealed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.client.writer().write_all(bytes).unwrap();
        let mut out = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut out).unwrap();
        }
        out
    }
}

fn exchange(client: &mut ClientConnection, socket: &mut UnixStream) {
    while client.wants_write() {
        match client.write_tls(socket) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    while client.wants_read() {
        match client.read_tls(socket) {
            Ok(0) => break,
            Ok(_) => drop(client.process_new_packets().unwrap()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

#[test]
fn every_suite_carries_bytes_both_ways() {
    // Our certificate is of an elliptic curve; suites for RSA protect records in the same ways.
    let fits = |suite: &&SupportedCipherSuite| !format!("{suite:?}").contains("_RSA_");
    for suite in provider::ALL_CIPHER_SUITES.iter().filter(fits) {
        let mut pair = Pair::new(*suite);
        for len in [1, 125, 4_000, 16_383, 16_384, 16_385, 70_000, 300_000] {
            let bytes = text(len);
            pair.tx.put(&bytes, Copied::Payload, &pair.pool);
            assert!(pair.send() == bytes, "{len} bytes to the client, {suite:?}");
            for piece in bytes.chunks(30_000) {
                pair.client.writer().write_all(piece).unwrap();
                let (read, filled) = pair.receive();
                assert!(read == piece, "{len} bytes from the client, {suite:?}");
                assert_eq!(filled, Ok(Filled::Nothing));
            }
        }
        assert_eq!(pair.pool.taken(), 0, "an idle connection holds no block");
    }
}

#[test]
fn any_split_of_the_wire_gives_the_same_bytes() {
    for step in [1, 2, 3, 5, 7, 64, 1_000, 16_405, 17_000] {
        let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
        let sent = if step < 64 { text(600) } else { text(40_000) };
        let mut wire = pair.sealed(b"first");
        wire.extend(pair.sealed(&sent));
        wire.extend(pair.sealed(b"last"));
        let mut read = Vec::new();
        for piece in wire.chunks(step) {
            pair.arrive(piece);
            read.extend(pair.receive().0);
        }
        assert!(read == [b"first", &sent[..], b"last"].concat(), "in steps of {step}");
        assert_eq!(pair.pool.taken(), 0);
    }
}

#[test]
fn small_pieces_share_a_record_and_large_ones_have_their_own() {
    let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
    for piece in [&b"head"[..], &b"line"[..]] {
        pair.tx.queue(Segment::Stub(Stub::new(piece)));
    }
    pair.tx.queue(Segment::Stub(Stub::new(&text(3_000))));
    let Pair { records, tx, scratch, .. } = &mut pair;
    let before = tx.len();
    let (sealed, plain) = records.sealer.seal(tx, &mut scratch.made().sealed, Millis(5)).unwrap();
    assert_eq!((plain, sealed), (before, before + 22), "one record: 5 bytes of header, 17 behind");
}

#[test]
fn a_flight_begins_with_small_records() {
    let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
    for (now, long) in [(5, false), (6, true), (2_000, false)] {
        pair.tx.put(&text(60_000), Copied::Payload, &pair.pool);
        let Pair { records, tx, scratch, .. } = &mut pair;
        let sealed = &mut scratch.made().sealed;
        records.sealer.seal(tx, sealed, Millis(now)).unwrap();
        let first = usize::from(u16::from_be_bytes([sealed[3], sealed[4]]));
        assert_eq!(first > 1_400, long, "{first} bytes at {now} ms");
        tx.clear();
    }
}

#[test]
fn keys_are_updated_when_asked_and_as_often_as_asked() {
    let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_256_GCM_SHA384);
    for round in 0..5 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(b"under the next keys").unwrap();
        assert_eq!(pair.receive().0, b"under the next keys", "round {round}");
        pair.tx.put(b"and ours", Copied::Payload, &pair.pool);
        assert_eq!(pair.send(), b"and ours", "round {round}");
        assert!(!pair.records.sealer.owes_update);
    }
}

#[test]
fn updates_without_end_are_cut() {
    let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
    for _ in 0..40 {
        pair.client.refresh_traffic_keys().unwrap();
    }
    assert_eq!(pair.receive().1, Err(Fault::TooMany));
}

#[test]
fn the_end_is_told_both_ways() {
    let mut pair = Pair::new(provider::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256);
    pair.client.writer().write_all(b"goodbye").unwrap();
    pair.client.send_close_notify();
    assert_eq!(pair.receive(), (b"goodbye".to_vec(), Ok(Filled::Finished)));
    pair.records.close(&pair.pool);
    pair.records.close(&pair.pool);
    assert_eq!(pair.send(), b"");
    assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn all_may_be_said_with_the_end_of_the_handshake() {
    let (server, client) = configs(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
    let profile = Profile { config: server, rule: RuleId::nth(0) };
    let mut handshake = Handshake::accept(Arc::new(Acceptor::new(Arc::new(profile), vec![])));
    let (stream, mut socket) = unix_pair();
    socket.set_nonblocking(true).unwrap();
    let mut client = ClientConnection::new(client, "localhost".try_into().unwrap()).unwrap();
    let (mut ready, mut rx, pool) = (Readiness::OPEN, Rx::default(), Pool::new(8 << 20));
    exchange(&mut client, &mut socket);
    assert!(matches!(handshake.advance(&stream, &mut ready, &mut rx, &pool), Progress::Waiting));
    // The client's Finished, new keys, its request, its goodbye and its FIN arrive at once.
    client.read_tls(&mut socket).unwrap();
    client.process_new_packets().unwrap();
    client.refresh_traffic_keys().unwrap();
    client.refresh_traffic_keys().unwrap();
    client.writer().write_all(b"all of it").unwrap();
    client.send_close_notify();
    exchange(&mut client, &mut socket);
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    (ready.readable, ready.end) = (true, Ending::Closing);
    let Progress::Open(open) = handshake.advance(&stream, &mut ready, &mut rx, &pool) else {
        panic!("not open");
    };
    let (mut records, _) = *open;
    assert_eq!(rx.bytes(), b"all of it");
    assert!(ready.readable, "the end is there to be read");
    let filled = records.fill(&stream, &mut ready, &mut rx, &mut Scratch::default(), &pool);
    assert_eq!(filled, Ok(Filled::Finished));
}

#[test]
fn a_connection_cut_short_is_no_end() {
    let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
    let sealed = pair.sealed(b"half of it");
    pair.arrive(&sealed[..sealed.len() - 3]);
    pair.socket.shutdown(std::net::Shutdown::Write).unwrap();
    pair.ready.end = Ending::Closing;
    assert_eq!(pair.receive(), (Vec::new(), Ok(Filled::Truncated)));
}

#[test]
fn a_record_that_was_changed_does_not_open() {
    let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
    let mut sealed = pair.sealed(b"something");
    *sealed.last_mut().unwrap() ^= 1;
    pair.arrive(&sealed);
    assert_eq!(pair.receive(), (Vec::new(), Err(Fault::BadRecordMac)));
    assert!(pair.records.is_behind(), "an alert says so");
}

#[test]
fn what_is_no_record_is_refused() {
    for (bytes, fault) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], Fault::BadVersion),
        (&[23, 3, 3, 0xff, 0xff][..], Fault::RecordOverflow),
        (&[20, 3, 3, 0, 1, 1][..], Fault::UnexpectedMessage),
        (&[23, 3, 3, 0, 3, 1, 2, 3][..], Fault::BadRecordMac),
    ] {
        let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
        pair.arrive(bytes);
        assert_eq!(pair.receive().1, Err(fault), "{bytes:?}");
    }
}

#[test]
fn what_the_socket_does_not_take_waits_and_is_not_forgotten() {
    let mut pair = Pair::new(provider::cipher_suite::TLS13_AES_128_GCM_SHA256);
    let sent = text(3_000_000);
    let mut queued = 0;
    let mut read = Vec::new();
    while read.len() < sent.len() {
        let next = (queued + 100_000).min(sent.len());
        pair.tx.put(&sent[queued..next], Copied::Payload, &pair.pool);
        queued = next;
        // Nobody reads: the socket fills, and sealed bytes stay behind.
        for _ in 0..4 {
            pair.ready.writable = true;
            let Pair { records, stream, ready, tx, scratch, pool, .. } = &mut pair;
            if !tx.is_empty() {
                records.flush(stream, ready, tx, scratch, pool, Millis(5));
            }
        }
        if pair.records.is_behind() || queued == sent.len() {
            assert!(!pair.records.is_behind() || !pair.tx.is_empty(), "what waits is seen to wait");
            read.extend(pair.send());
        }
    }
    assert!(read == sent);
}

#[test]
fn an_open_connection_is_small() {
    assert!(size_of::<Records>() <= 448, "{}", size_of::<Records>());
}
