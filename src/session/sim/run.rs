//! One run: everybody moves in drawn order until nobody can, then the time passes.

use std::time::Duration;

use super::client::Client;
use super::dice::Dice;
use super::invariants;
use super::plan::Ask;
use super::router::{Faults, Kernel, Router, id_in};
use super::upstream::{Book, Upstream};
use crate::session::testing::generation;

/// Moves after which a run does not end any more.
const MOVES: usize = 2_000_000;

struct Run {
    dice: Dice,
    router: Router,
    clients: Vec<(Client, usize)>,
    upstreams: Vec<Upstream>,
    book: Book,
    /// When the router begins to stop.
    drains_at: Option<u64>,
}

/// Runs one seed.
pub(super) fn run(seed: u64, verbose: bool) {
    let mut run = Run::draw(seed);
    if verbose {
        for (client, _) in &run.clients {
            eprintln!("{client:#?}");
        }
    }
    let mut moves = 0;
    while !run.is_over() {
        moves += 1;
        assert!(moves < MOVES, "it does not end");
        run.turn();
    }
    run.finish(verbose);
}

impl Run {
    fn draw(seed: u64) -> Run {
        let mut dice = Dice::new(seed);
        let faults = dice.pick(&[0, 0, 10, 40]);
        let outside = if faults > 0 { dice.pick(&[0, 10]) } else { 0 };
        let snapshot = dice.pick(&[0, 30]);
        let outer = Faults { dial: outside, disk: outside, snapshot, unseen: dice.pick(&[0, 50]) };
        let mut router = Router::new(generation(), outer, Dice::new(!seed));
        let mut book = Book::default();
        let (mut many, mut clients) = (Vec::new(), Vec::new());
        let mut id = 0;
        for _ in 0..1 + dice.below(3) {
            let mut asks = Vec::new();
            for _ in 0..1 + dice.below(5) {
                id += 1;
                let ask = Ask::draw(id, faults, &mut dice);
                book.asks.insert(id, ask.clone());
                if outside > 0 && matches!(ask.body, super::plan::Sent::Chunked(_)) {
                    book.tainted.insert(id);
                }
                let last = ask.upgrade || ask.route == "raw";
                asks.push(ask);
                if last {
                    break;
                }
            }
            many.push(asks);
        }
        if book.asks.values().any(|ask| ask.most() > 3_000) {
            router.kernel = Kernel::Much;
        }
        for asks in many {
            let wire = router.accept(&mut dice);
            clients.push((Client::new(asks, &mut dice), wire));
        }
        book.mortal = dice.chance(30);
        let drains_at = dice.chance(15).then(|| dice.below(3000) as u64);
        Run { dice, router, clients, upstreams: Vec::new(), book, drains_at }
    }

    fn is_over(&self) -> bool {
        self.router.sessions.iter().all(|session| session.closed.is_some())
            && self.clients.iter().all(|(client, _)| client.over)
    }

    /// Somebody moves; where nobody can, the time passes.
    fn turn(&mut self) {
        self.drain();
        if self.router.do_due(&mut self.dice) {
            return self.meet();
        }
        let (clients, servers) = (self.clients.len(), self.upstreams.len());
        let all = 2 * clients + servers;
        let first = self.dice.below(all);
        let moved = (0..all).any(|n| self.actor((first + n) % all, clients, false));
        if moved || (0..all).any(|n| self.actor(n, clients, true)) {
            if self.dice.chance(30) {
                self.router.sweep_idle(false, &mut self.dice);
            }
            return self.meet();
        }
        let now = self.router.now();
        let wakes = self.clients.iter().filter_map(|(client, _)| client.wakes());
        let wakes = wakes.chain(self.upstreams.iter().filter_map(Upstream::wakes));
        let wakes = wakes.chain(self.router.next_time()).chain(self.drains_at);
        let next = wakes.filter(|at| *at > now && *at < u64::MAX).min();
        let Some(next) = next else {
            let machines: Vec<_> = self.router.sessions.iter().map(|s| &s.machine).collect();
            panic!("nothing happens any more: {machines:#?} {:#?}", self.clients);
        };
        self.router.world.clock.advance(Duration::from_millis(next - now));
        self.drain();
        for key in 0..clients {
            self.router.drive(key, true, &mut self.dice);
        }
        self.meet();
    }

    fn drain(&mut self) {
        if self.drains_at.is_some_and(|at| at <= self.router.now()) {
            self.drains_at = None;
            self.router.world.draining = true;
            for key in 0..self.clients.len() {
                self.router.drive(key, true, &mut self.dice);
            }
        }
    }

    fn actor(&mut self, n: usize, clients: usize, all: bool) -> bool {
        let now = self.router.now();
        if n < clients {
            return self.router.drive(n, all, &mut self.dice);
        }
        if n < 2 * clients {
            let (client, wire) = &mut self.clients[n - clients];
            return client.step(now, &mut self.router.wires[*wire], &mut self.dice);
        }
        let upstream = &mut self.upstreams[n - 2 * clients];
        let wire = &mut self.router.wires[upstream.wire];
        upstream.step(now, wire, &mut self.book, &mut self.dice)
    }

    /// Takes note of what the router did.
    fn meet(&mut self) {
        for (wire, route) in std::mem::take(&mut self.router.opened) {
            let mortal = self.book.mortal;
            self.upstreams.push(Upstream::new(wire, &route, mortal, &mut self.dice));
        }
        self.book.tainted.extend(self.router.tainted.drain(..));
        for bytes in self.router.vanished.drain(..) {
            self.book.lost.extend(id_in(&bytes));
        }
    }

    fn finish(mut self, verbose: bool) {
        self.router.sweep_idle(true, &mut self.dice);
        self.meet();
        let drained = self.router.world.draining;
        let clients: Vec<Client> = self.clients.into_iter().map(|(client, _)| client).collect();
        if verbose {
            eprintln!("{}", String::from_utf8_lossy(&self.router.world.log));
            for (session, client) in self.router.sessions.iter().zip(&clients) {
                eprintln!("{:?} {:?} at {}", session.closed, client, self.router.now());
            }
            eprintln!("{:?}", self.router.world.counters);
        }
        invariants::at_the_end(&mut self.router, &clients, &self.book, drained);
    }
}
