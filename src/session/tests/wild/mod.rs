//! WebSockets that end here, between peers of all drafts that do everything a stranger may do.
//!
//! Each run is a function of its seed: `SEED=7 cargo test wild` runs one, `RUNS=100000` more of them.

mod peer;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::peer::Peer;
use super::terminated::{CLIENT, UPSTREAM, echo, joined, joined_old};
use super::*;
use crate::base::{Millis, Rng};
use crate::buf::{BLOCK, RX_BLOCKS};
use crate::proto::ws::{Draft, Sender};

/// How many seeds are run where nothing else is said.
const RUNS: u64 = 400;
/// What one message may add beyond the high-water mark.
const SLACK: usize = 700 << 10;

#[test]
fn websockets_keep_their_promises() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SEED") {
        return run(seed);
    }
    let fails = |seed: &u64| catch_unwind(AssertUnwindSafe(|| run(*seed))).is_err();
    let failed: Vec<u64> = (0..number("RUNS").unwrap_or(RUNS)).filter(fails).take(10).collect();
    assert!(failed.is_empty(), "replay one of these runs with SEED=N: {failed:?}");
}

struct Run {
    bench: Bench,
    rng: Rng,
    peers: [Peer; 2],
    /// Nothing is done wrong, nobody vanishes, nothing takes long.
    tame: bool,
    /// There is no upstream.
    alone: bool,
}

fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let draft = match rng.below(8) {
        n @ 0..=4 => Draft::ALL[n as usize],
        _ => Draft::Rfc6455,
    };
    let offers = draft == Draft::Rfc6455 && rng.below(2) == 0;
    let more = if offers { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let (mut bench, far, alone) = match rng.below(5) {
        0 => (echo(draft, more).0, draft, true),
        1 => (joined_old(draft, more), Draft::Hixie76, false),
        _ => (joined("guard", draft, more, "").0, Draft::Rfc6455, false),
    };
    bench.actions();
    let peers = [
        Peer::new(draft, Sender::Client, offers, far),
        Peer::new(far, Sender::Server, false, draft),
    ];
    let tame = rng.below(2) == 0;
    let mut run = Run { bench, peers, tame, alone, rng };
    for _ in 0..run.rng.below(150) {
        run.step();
        run.check();
    }
    if tame {
        run.ends_well();
    } else {
        run.ends_somehow();
    }
    run.compare();
    let Run { mut bench, .. } = run;
    bench.ports = Default::default();
    bench.client = Client::new(peer(), Millis(0));
    assert_eq!(bench.world.pool.taken(), 0, "blocks are left");
}

impl Run {
    fn step(&mut self) {
        let side = if self.alone || self.rng.below(2) == 0 { CLIENT } else { UPSTREAM };
        let tame = self.tame;
        match self.rng.below(if tame { 30 } else { 36 }) {
            0..=9 => self.peers[side as usize].says(&mut self.rng, tame),
            10..=19 => self.arrives(side),
            20..=26 => self.takes(side),
            27 => self.bench.wait(Duration::from_millis(self.rng.below(200))),
            28 => self.moves(),
            30 => self.bench.wait(Duration::from_millis(self.rng.below(40_000))),
            31 if self.rng.below(4) == 0 => self.bench.ends(side, RxEnd::Finished),
            32 if self.rng.below(4) == 0 => self.bench.ends(side, RxEnd::Reset),
            33 if self.rng.below(4) == 0 => self.bench.breaks(side),
            34 if self.rng.below(4) == 0 => self.leaves(),
            _ => self.bench.advance(),
        }
    }

    fn leaves(&mut self) {
        let reasons = [CloseReason::OutOfMemory, CloseReason::MaxAge, CloseReason::Drained];
        let reason = reasons[self.rng.below(3) as usize];
        let now = self.bench.world.clock.now();
        self.bench.client.leave(reason, now);
        self.bench.advance();
    }

    /// Some of what a peer has said arrives, where there is room.
    fn arrives(&mut self, side: Side) {
        let port = &self.bench.ports[side as usize];
        let outbox = &mut self.peers[side as usize].outbox;
        if port.rx.room() == 0 || port.rx_end.is_some() || outbox.is_empty() {
            return;
        }
        let most = (outbox.len() as u64).min(16 << 10);
        let most = if self.rng.below(2) == 0 { most } else { most.min(8) };
        let n = 1 + self.rng.below(most) as usize;
        let bytes: Vec<u8> = outbox.drain(..n).collect();
        self.bench.arrives(side, bytes);
    }

    /// A peer takes some of what waits for it.
    fn takes(&mut self, side: Side) {
        let port = &mut self.bench.ports[side as usize];
        if port.tx_broken || port.tx.is_empty() {
            return;
        }
        let there = port.tx.bytes().len() as u64;
        let n = 1 + self.rng.below(there) as usize;
        let bytes = port.tx.bytes()[..n].to_vec();
        port.tx.sent(n);
        port.tx_begun = true;
        let now = self.bench.world.clock.now();
        (port.sent, self.bench.active) = (now, now);
        self.peers[side as usize].hears(&bytes, &mut self.rng);
        self.bench.advance();
    }

    /// It is written down and taken up again.
    fn moves(&mut self) {
        let Bench { client, ports, world, .. } = &mut self.bench;
        let now = world.clock.now();
        let Some(written) = client.snapshot(ports, now) else { return };
        let routes = world.generation.routes.clone();
        let find = |name: &str| routes.iter().find(|route| &*route.name == name).cloned();
        (*client, *ports) = Client::restore(&written, now, find).expect("whole");
    }

    fn check(&mut self) {
        let now = self.bench.world.clock.now();
        let past = self.bench.deadline().is_some_and(|at| at <= now);
        assert!(!past || self.bench.closed().is_some(), "a deadline that has passed");
        for port in &self.bench.ports {
            let (rx, tx) = capacity(port);
            assert!(rx <= (RX_BLOCKS + 1) * BLOCK, "{rx} bytes received and not consumed");
            assert!(tx <= HIGH_WATER + SLACK, "{tx} bytes queued");
        }
    }

    /// What was said is heard, in its order, as far as it goes.
    fn compare(&self) {
        let pairs = if self.alone { &[(0, 0)][..] } else { &[(0, 1), (1, 0)][..] };
        for &(from, to) in pairs {
            let (said, heard) = (&self.peers[from].said, &self.peers[to].heard);
            let both = said.len().min(heard.len());
            assert!(said[..both] == heard[..both], "another message than was said");
            assert!(heard.len() <= said.len() || self.peers[from].spoiled, "one nobody said");
            assert!(heard.len() == said.len() || !self.tame, "{} of {}", heard.len(), said.len());
        }
    }

    /// All that was said arrives, until nobody has anything to say.
    fn flows(&mut self) {
        for _ in 0..20_000 {
            let ports = &self.bench.ports;
            if ports.iter().all(|port| port.tx.is_empty())
                && self.peers.iter().all(|peer| peer.outbox.is_empty())
            {
                return;
            }
            for side in [CLIENT, UPSTREAM] {
                self.arrives(side);
                self.takes(side);
                self.check();
            }
        }
        panic!("it does not flow");
    }

    /// One says Close, the other answers.
    fn ends_well(&mut self) {
        self.flows();
        let first = if self.alone || self.rng.below(2) == 0 { CLIENT } else { UPSTREAM };
        self.closes(first);
        if !self.alone {
            self.closes(first.other());
        }
        assert!(self.peers.iter().all(|peer| peer.heard_close || !peer.can_hear_close(self.alone)));
        self.bench.ends(CLIENT, RxEnd::Finished);
        assert_eq!(self.bench.closed(), Some(CloseReason::Done));
    }

    fn closes(&mut self, side: Side) {
        self.peers[side as usize].says_close(&mut self.rng);
        if self.peers[side as usize].outbox.is_empty() {
            self.bench.ends(side, RxEnd::Finished);
        }
        self.flows();
    }

    /// Both fall silent, or end; time brings it to its end.
    fn ends_somehow(&mut self) {
        let silent = self.rng.below(2) == 0;
        for _ in 0..60 {
            for side in [CLIENT, UPSTREAM] {
                while !self.bench.ports[side as usize].tx.is_empty()
                    && !self.bench.ports[side as usize].tx_broken
                {
                    self.takes(side);
                }
                if !silent && self.bench.ports[side as usize].rx_end.is_none() {
                    self.bench.ends(side, RxEnd::Finished);
                }
            }
            self.check();
            if self.bench.closed().is_some() {
                return;
            }
            let now = self.bench.world.clock.now();
            let deadline = self.bench.deadline().expect("a deadline");
            self.bench.wait(deadline - now);
        }
        panic!("it does not end");
    }
}
