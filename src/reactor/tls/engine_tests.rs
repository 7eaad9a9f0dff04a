//! Handshake messages in many records, in many reads.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, ServerConnection};

use super::super::testing::{Authority, Site, client, terms};
use super::*;

const NAME: &str = "a.example";

/// An engine of ours, to which bytes come in pieces of `step`, and what it says.
struct Here<E> {
    engine: E,
    incoming: Vec<u8>,
    noted: usize,
    outgoing: Vec<u8>,
    step: usize,
    open: bool,
}

impl<E: Engine> Here<E> {
    fn new(engine: E, step: usize) -> Self {
        let (incoming, outgoing) = (Vec::new(), Vec::new());
        Here { engine, incoming, noted: 0, outgoing, step, open: false }
    }

    fn arrive(&mut self, bytes: &[u8]) {
        let Here { engine, incoming, noted, outgoing, step, open } = self;
        for piece in bytes.chunks(*step) {
            incoming.extend_from_slice(piece);
            if !*open {
                let buffers = Buffers { incoming, noted, outgoing };
                *open = buffers.advance(engine).unwrap();
            }
        }
    }
}

const STEPS: [usize; 5] = [1, 7, 40, 100, 1 << 20];

#[test]
fn a_message_in_many_records_may_come_in_many_reads() {
    let (site, authority) = (Site::new(), Authority::new("all"));
    let mut own = site.present("a", &authority.issue(&[NAME]));
    own.clients = Some((site.write("ca.pem", &authority.pem), true));
    let server = site.config(&[terms(":443", own)], 0, NAME);
    let me = authority.issue(&["me"]);
    let name = ServerName::try_from(NAME).unwrap();
    for (step, version) in STEPS.into_iter().flat_map(|step| [(step, &TLS12), (step, &TLS13)]) {
        let mut config = client(&authority, version, Some(&me));
        config.max_fragment_size = Some(32);
        let mut there = ClientConnection::new(Arc::new(config), name.clone()).unwrap();
        let mut hello = Vec::new();
        there.write_tls(&mut hello).unwrap();
        let engine = UnbufferedServerConnection::new(Arc::clone(&server)).unwrap();
        let mut here = Here::new(engine, 1 << 20);
        here.arrive(&hello);
        here.step = step;
        for _ in 0..2 {
            there.read_tls(&mut &std::mem::take(&mut here.outgoing)[..]).unwrap();
            there.process_new_packets().unwrap();
            let mut bytes = Vec::new();
            while there.wants_write() {
                there.write_tls(&mut bytes).unwrap();
            }
            here.arrive(&bytes);
        }
        assert!(here.open, "{version:?} in pieces of {step}");
    }
}

#[test]
fn so_may_those_of_a_server() {
    let (site, authority) = (Site::new(), Authority::new("all"));
    let own = site.present("a", &authority.issue(&[NAME]));
    let mut config = (*site.config(&[terms(":443", own)], 0, NAME)).clone();
    config.max_fragment_size = Some(32);
    let name = ServerName::try_from(NAME).unwrap();
    for (step, version) in STEPS.into_iter().flat_map(|step| [(step, &TLS12), (step, &TLS13)]) {
        let ours = Arc::new(client(&authority, version, None));
        let engine = UnbufferedClientConnection::new(ours, name.clone()).unwrap();
        let mut here = Here::new(engine, step);
        let mut there = ServerConnection::new(Arc::new(config.clone())).unwrap();
        let Here { engine, incoming, noted, outgoing, .. } = &mut here;
        let begun = Buffers { incoming, noted, outgoing }.advance(engine);
        assert_eq!(begun, Ok(false));
        for _ in 0..2 {
            let bytes = std::mem::take(&mut here.outgoing);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                there.read_tls(&mut rest).unwrap();
                there.process_new_packets().unwrap();
            }
            let mut bytes = Vec::new();
            while there.wants_write() {
                there.write_tls(&mut bytes).unwrap();
            }
            here.arrive(&bytes);
        }
        assert!(here.open, "{version:?} in pieces of {step}");
    }
}
