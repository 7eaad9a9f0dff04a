//! One run: everybody moves in drawn order until nobody can, then the time passes.

use std::sync::Arc;
use std::time::Duration;

use super::end::End;
use super::plan::{Fault, Plan};
use super::witness::{WAYS, Witness};
use crate::session::sim::dice::Dice;
use crate::session::sim::router::{Faults, Kernel, Router};
use crate::session::testing::generation;
use crate::session::{CloseReason, Side};

/// Moves after which a run does not end any more.
const MOVES: usize = 3_000_000;
/// Milliseconds a session may outlive both its ends.
const AFTERLIFE: u64 = 6_000;

struct Run {
    plan: Plan,
    dice: Dice,
    router: Router,
    ends: [End; 2],
    wires: [Option<usize>; 2],
    witnesses: [Witness; 2],
    leaves_at: Option<u64>,
    /// Frames that were printed: said and heard, by end.
    told: [[usize; 2]; 2],
    /// Since when both ends are gone.
    alone_since: Option<u64>,
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    reason: CloseReason,
    log: String,
    heard: [Vec<Vec<u8>>; 2],
}

/// Runs one seed.
pub(super) fn run(seed: u64, verbose: bool) {
    let mut dice = Dice::new(seed);
    let plan = Plan::draw(&mut dice);
    if verbose {
        eprintln!("{plan:#?}");
    }
    let often = dice.pick(&[0, 30]);
    let go = |often| Run::new(seed, plan.clone(), often).go(verbose);
    if plan.twin {
        assert_eq!(
            go(0),
            go(30),
            "being written down and taken up, or not seen, changes what happens"
        );
    } else {
        go(often);
    }
}

impl Run {
    fn new(seed: u64, plan: Plan, often: usize) -> Run {
        let mut dice = Dice::new(seed ^ 0x5eed);
        let mut generation = generation();
        generation.routes.iter_mut().for_each(|route| {
            let route = Arc::get_mut(route).expect("nobody else has it");
            if let Some(settings) = &mut route.websockets {
                settings.rules = plan.rules;
                settings.upstream = None;
            }
        });
        let faults = Faults { snapshot: often, unseen: often, ..Faults::default() };
        let mut router = Router::new(generation, faults, Dice::new(!seed));
        let longest = plan.manners.iter().map(|manner| manner.longest).max();
        router.kernel = match longest {
            _ if plan.twin => Kernel::All,
            Some(..2_000) if !plan.guard => Kernel::Any,
            _ => Kernel::Much,
        };
        let client = router.accept(&mut dice);
        Run {
            ends: [End::new(Side::Client, &plan), End::new(Side::Upstream, &plan)],
            wires: [Some(client), None],
            witnesses: [Witness::new(plan.guard), Witness::new(plan.guard)],
            leaves_at: plan.leaves.map(|(at, _)| at),
            told: [[0; 2]; 2],
            alone_since: None,
            plan,
            dice,
            router,
        }
    }

    fn go(mut self, verbose: bool) -> Outcome {
        let mut moves = 0;
        while !self.is_over() {
            moves += 1;
            assert!(moves < MOVES, "it does not end");
            self.turn();
            if verbose {
                self.tell();
            }
            for (witness, (from, to)) in self.witnesses.iter_mut().zip(WAYS) {
                witness.compare(&self.ends[from as usize], &self.ends[to as usize]);
            }
        }
        self.finish(verbose)
    }

    /// Prints what was said and heard since the last time.
    fn tell(&mut self) {
        for (at, side) in [Side::Client, Side::Upstream].into_iter().enumerate() {
            let (end, now) = (&self.ends[at], self.router.now());
            let [said, heard] = &mut self.told[at];
            for frame in end.mouth.frames.iter().skip(*said) {
                eprintln!("{now} {} says {:?}", side.word(), frame.frame);
            }
            for frame in end.heard.iter().skip(*heard) {
                eprintln!("{now} {} hears {:?}", side.word(), frame.frame);
            }
            [*said, *heard] = [end.mouth.frames.len(), end.heard.len()];
        }
    }

    fn is_over(&self) -> bool {
        let upstream = self.wires[1].is_none() || self.ends[1].over;
        self.router.sessions[0].closed.is_some() && self.ends[0].over && upstream
    }

    /// Somebody moves; where nobody can, the time passes.
    fn turn(&mut self) {
        let now = self.router.now();
        if self.leaves_at.is_some_and(|at| at <= now)
            && let Some((_, reason)) = self.plan.leaves
        {
            self.leaves_at = None;
            self.router.leave(0, reason, &mut self.dice.fork());
        }
        if !self.router.do_due(&mut self.dice.fork()) {
            let first = self.dice.below(3);
            let moved = (0..3).any(|n| self.actor((first + n) % 3, false));
            if !moved && !(0..3).any(|n| self.actor(n, true)) {
                self.wait();
            }
        }
        for (wire, _) in self.router.opened.drain(..) {
            self.wires[1] = Some(wire);
        }
        self.look_for_the_dead();
    }

    fn actor(&mut self, n: usize, all: bool) -> bool {
        if n == 2 {
            return self.router.drive(0, all, &mut self.dice.fork());
        }
        let Some(wire) = self.wires[n] else { return false };
        let now = self.router.now();
        self.ends[n].step(now, &mut self.router.wires[wire], &mut self.dice)
    }

    /// The time passes until something happens. That the router looks whether it has something to do
    /// is nothing: how often it does must not show.
    fn wait(&mut self) {
        loop {
            let now = self.router.now();
            let others: Vec<u64> =
                self.ends.iter().flat_map(End::wakes).chain(self.leaves_at).collect();
            let all = others.iter().copied().chain(self.router.next_time());
            let Some(next) = all.filter(|at| *at > now && *at < u64::MAX).min() else {
                let machine = &self.router.sessions[0].machine;
                panic!("nothing happens any more: {machine:#?} {:#?}", self.ends);
            };
            self.router.world.clock.advance(Duration::from_millis(next - now));
            let mut dice = Dice::new(next);
            let due = self.router.do_due(&mut dice);
            if due || self.router.drive(0, true, &mut dice) || others.contains(&next) {
                return;
            }
        }
    }

    /// A session does not outlive its ends by long.
    fn look_for_the_dead(&mut self) {
        let gone =
            |wire: &Option<usize>| wire.is_some_and(|at| self.router.wires[at].peer_is_gone());
        if self.wires.iter().all(gone) && self.router.sessions[0].closed.is_none() {
            let since = *self.alone_since.get_or_insert(self.router.now());
            let alone = self.router.now() - since;
            assert!(alone <= AFTERLIFE, "{alone} ms and both are gone");
        }
    }

    fn finish(mut self, verbose: bool) -> Outcome {
        let log = String::from_utf8(std::mem::take(&mut self.router.world.log)).expect("text");
        let reason = self.router.sessions[0].closed.expect("its end");
        if verbose {
            eprintln!("{reason:?} at {}\n{log}", self.router.now());
        }
        assert_eq!(self.router.world.pool.taken(), 0, "blocks are left");
        assert!(self.router.wires.iter().all(|wire| wire.router_is_gone()), "a connection is left");
        let opened = log.contains(" 101 ");
        let lines = log.lines().count();
        assert!(if opened { lines == 2 } else { lines < 2 }, "a line for each end: {log}");
        let reasons = if opened { self.plan.reasons() } else { self.plan.refusals() };
        assert!(reasons.contains(&reason), "{reason:?} instead of {reasons:?}");
        let fine = self.plan.is_fine();
        for (witness, (from, to)) in self.witnesses.iter().zip(WAYS) {
            witness.finish(&self.ends[from as usize], &self.ends[to as usize], fine);
        }
        if fine {
            assert_eq!(reason, CloseReason::Done);
            let [client, upstream] = &self.ends;
            let said = |end: &End| end.mouth.messages.len();
            let (up, down) = (said(client), said(upstream));
            let counts = format!(" messages_in={up} messages_out={down} ");
            assert!(log.contains(&counts), "{counts}: {log}");
        }
        self.check_fault(reason);
        let heard = self.ends.map(|end| end.heard.into_iter().map(|heard| heard.bytes).collect());
        Outcome { reason, log, heard }
    }

    /// Whoever broke a rule, where nothing else went wrong, hears which one, and is named for it.
    fn check_fault(&self, reason: CloseReason) {
        let Some(side) = self.plan.only_fault() else { return };
        let Some(fault) = self.ends[side as usize].mouth.broke else { return };
        if self.plan.manners[side.other() as usize].closes {
            return;
        }
        let told = self.witnesses[side.other() as usize].told;
        // An upstream that goes on sending may lose it to the reset that follows.
        let lost = side == Side::Upstream && told.is_none();
        assert!(lost || told == Some(fault.code(self.plan.version)), "{told:?} for {fault:?}");
        let expected = match (side, fault) {
            (Side::Client, Fault::TooLarge) => CloseReason::MessageTooLarge,
            (Side::Client, _) => CloseReason::ClientFrames,
            (Side::Upstream, _) => CloseReason::UpstreamFrames,
        };
        assert_eq!(reason, expected);
    }
}
