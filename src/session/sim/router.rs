//! What a worker does, without sockets: fills and flushes ports, carries out actions, keeps idle
//! connections, temporary files and deadlines.

use std::collections::HashMap;
use std::sync::Arc;

use super::dice::Dice;
use super::invariants;
use super::wire::{Got, Wire};
use crate::base::Millis;
use crate::buf::{RX_BLOCKS, Segment, Stub};
use crate::session::testing::{World, peer};
use crate::session::*;
use crate::upstream::ServerId;

/// One client connection and the upstream connection it has.
pub(super) struct Session {
    pub(super) machine: Client,
    pub(super) ports: [Port; 2],
    pub(super) wires: [Option<usize>; 2],
    finished: [bool; 2],
    dialling: Option<Dialling>,
    active: Millis,
    /// It was a tunnel at some time.
    pub(super) tunnelled: bool,
    pub(super) closed: Option<CloseReason>,
}

struct Dialling {
    due: u64,
    works: bool,
    ours: bool,
    /// The name of the route it is for.
    route: String,
}

/// What the disk is to do, and when it has.
struct Job {
    due: u64,
    session: usize,
    order: SpoolOrder,
}

/// How often, in a hundred, what goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) dial: usize,
    pub(super) disk: usize,
    /// Tunnels are written down and taken up so often.
    pub(super) snapshot: usize,
    /// What may go over unseen does so often.
    pub(super) unseen: usize,
}

/// How much the kernel holds and shows at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Little or much.
    Any,
    /// Never so little that large things take for ever.
    Much,
    /// All, so that nothing ever waits for room.
    All,
}

/// The worker of one run.
pub(super) struct Router {
    pub(super) world: World,
    pub(super) sessions: Vec<Session>,
    pub(super) wires: Vec<Wire>,
    /// Upstream connections nobody serves yet: wire and route.
    pub(super) opened: Vec<(usize, String)>,
    idle: Vec<(ServerId, usize)>,
    spools: HashMap<usize, Vec<u8>>,
    jobs: Vec<Job>,
    faults: Faults,
    /// Requests whose dial or disk failed.
    pub(super) tainted: Vec<u64>,
    /// What was written to connections that had died.
    pub(super) vanished: Vec<Vec<u8>>,
    pub(super) spooled: u64,
    pub(super) kernel: Kernel,
    /// When tunnels are written down and bytes go over unseen, by chance of its own: nothing else may depend on it.
    whim: Dice,
}

impl Router {
    pub(super) fn new(generation: Generation, faults: Faults, whim: Dice) -> Router {
        Router {
            world: World::new(generation),
            sessions: Vec::new(),
            wires: Vec::new(),
            opened: Vec::new(),
            idle: Vec::new(),
            spools: HashMap::new(),
            jobs: Vec::new(),
            faults,
            tainted: Vec::new(),
            vanished: Vec::new(),
            spooled: 0,
            kernel: Kernel::Any,
            whim,
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.world.clock.now().get()
    }

    /// A client connects; its wire.
    pub(super) fn accept(&mut self, dice: &mut Dice) -> usize {
        let now = self.world.clock.now();
        let wire = self.wire(dice);
        self.sessions.push(Session {
            machine: Client::new(peer(), now),
            ports: Default::default(),
            wires: [Some(wire), None],
            finished: [false; 2],
            dialling: None,
            active: now,
            tunnelled: false,
            closed: None,
        });
        wire
    }

    fn wire(&mut self, dice: &mut Dice) -> usize {
        self.wires.push(Wire::new(self.kernel, dice));
        self.wires.len() - 1
    }

    /// Advances one session as far as what the kernel shows of it allows; whether anything happened.
    /// `all`: the kernel shows everything.
    pub(super) fn drive(&mut self, key: usize, all: bool, dice: &mut Dice) -> bool {
        if self.sessions[key].closed.is_some() {
            return false;
        }
        self.snapshot(key);
        let shown = |dice: &mut Dice| match all {
            true => usize::MAX,
            false => dice.pick(&[0, 1, 10, 300, 20_000, usize::MAX]),
        };
        let mut reads = [shown(dice), shown(dice)];
        let takes_all = all || self.kernel == Kernel::All;
        let mut writes = if takes_all { [usize::MAX; 2] } else { [shown(dice), shown(dice)] };
        let mut anything = false;
        loop {
            let filled = self.fill(key, &mut reads, dice);
            let session = &mut self.sessions[key];
            if filled > 0 {
                session.active = self.world.clock.now();
            }
            session.machine.advance(&mut session.ports, &mut self.world.cx(session.active));
            let acted = self.act(key, dice);
            let flushed = self.flush(key, &mut writes);
            if self.sessions[key].machine.closed().is_some() {
                self.remove(key, dice);
                return true;
            }
            let moved = filled + flushed > 0;
            if moved {
                self.sessions[key].active = self.world.clock.now();
            }
            anything |= moved || acted;
            if self.is_through(key, &reads, acted) || !acted && !moved {
                break;
            }
        }
        let session = &mut self.sessions[key];
        for port in &mut session.ports {
            port.rx.settle(&self.world.pool);
            port.tx.settle(&self.world.pool);
        }
        invariants::after_a_turn(session, &self.world);
        if let Some(deadline) = self.deadline(key) {
            assert!(
                deadline > self.now(),
                "a deadline in the past: {:?}",
                self.sessions[key].machine
            );
        }
        anything
    }

    /// Whether another pass is not worth a worker's while. If so, it must find nothing to do.
    fn is_through(&mut self, key: usize, reads: &[usize; 2], acted: bool) -> bool {
        let session = &mut self.sessions[key];
        if acted && session.machine.tunnel().is_some() {
            return false;
        }
        let readable = session.wires.iter().zip(reads).any(|(wire, shown)| {
            wire.is_some_and(|wire| *shown > 0 && self.wires[wire].is_readable())
        });
        if readable || !session.machine.rests(&session.ports) {
            return false;
        }
        let queued = |session: &Session| session.ports.each_ref().map(|port| port.tx.len());
        let before = queued(session);
        session.machine.advance(&mut session.ports, &mut self.world.cx(session.active));
        assert_eq!(queued(session), before, "what rests has something to say");
        assert!(session.machine.closed().is_none() && self.world.actions.is_empty());
        true
    }

    /// Writes a tunnel down and takes it up again, with new ports.
    fn snapshot(&mut self, key: usize) {
        let session = &mut self.sessions[key];
        if session.machine.tunnel().is_none() || !self.whim.chance(self.faults.snapshot) {
            return;
        }
        let now = self.world.clock.now();
        let written = session.machine.snapshot(&session.ports, now).expect("a tunnel");
        let routes = &self.world.generation.routes;
        let route = |name: &str| routes.iter().find(|route| *route.name == *name).map(Arc::clone);
        let (machine, ports) = Client::restore(&written, now, route).expect("a tunnel");
        (session.machine, session.ports) = (machine, ports);
    }

    fn fill(&mut self, key: usize, shown: &mut [usize; 2], dice: &mut Dice) -> usize {
        let mut total = 0;
        for side in [Side::Client, Side::Upstream] {
            let at = side as usize;
            let session = &mut self.sessions[key];
            if session.wires[at].is_none() {
                continue;
            }
            let port = &session.ports[at];
            let wants = side == Side::Upstream || session.machine.wants_client_bytes(port);
            if port.rx_end.is_some() || !wants || shown[at] == 0 {
                continue;
            }
            let most = dice.pick(&[1, 100, 10_000, 20_000, 20_000]);
            // A block that is partly full must not show in what is read.
            let most = if self.kernel == Kernel::All { most.min(2_000) } else { most };
            let most = most.min(shown[at]);
            if let Some(n) = self.pass_unseen(key, side, most) {
                total += n;
                shown[at] -= n;
                continue;
            }
            let Session { ports, wires, .. } = &mut self.sessions[key];
            let (port, Some(wire)) = (&mut ports[at], wires[at]) else { continue };
            let wire = &mut self.wires[wire];
            let room = port.rx.room();
            let got = match port.rx.tail_block() {
                Some(tail) => {
                    let got = wire.router_read(most.min(tail.room()));
                    if let Got::Bytes(bytes) = &got {
                        tail.append(bytes);
                    }
                    got
                }
                None if room == 0 => continue,
                None => {
                    let mut block = self.world.pool.take().expect("a block");
                    let got = wire.router_read(most.min(block.room()));
                    if let Got::Bytes(bytes) = &got {
                        block.append(bytes);
                        port.rx.push(Segment::Block(block));
                    }
                    got
                }
            };
            match got {
                Got::Bytes(bytes) => {
                    total += bytes.len();
                    port.received = self.world.clock.now();
                    shown[at] = shown[at].saturating_sub(bytes.len());
                }
                Got::Nothing => {}
                Got::End | Got::Reset => {
                    let end = if got == Got::End { RxEnd::Finished } else { RxEnd::Reset };
                    port.rx_end = Some(end);
                    total += 1;
                }
            }
            assert!(port.rx.iter().count() <= 2 * RX_BLOCKS);
        }
        total
    }

    /// Hands at most `most` bytes of one side over without the machine's having them, where it may be so.
    fn pass_unseen(&mut self, key: usize, side: Side, most: usize) -> Option<usize> {
        let now = self.world.clock.now();
        let Session { machine, ports, wires, .. } = &mut self.sessions[key];
        let (from, to) = (wires[side as usize]?, wires[side.other() as usize]?);
        let open = ports.iter().all(Port::is_open) && ports[side as usize].rx.is_empty();
        if !open || !self.whim.chance(self.faults.unseen) {
            return None;
        }
        if !ports[side.other() as usize].tx.is_empty() {
            // It waits where it is.
            let waits = machine.reach(side, &[], now).is_some_and(|reach| reach > 0);
            return (waits && !machine.follows_frames()).then_some(0);
        }
        let n = most.min(self.wires[from].readable());
        let next = self.wires[from].next(n.min(14));
        let reach = machine.reach(side, &[], now).or_else(|| machine.reach(side, &next, now))?;
        // Where nothing may depend on it, as much must pass as would have been read.
        let whole = self.kernel == Kernel::All;
        let n = if whole { n } else { n.min(usize::try_from(reach).unwrap_or(usize::MAX)) };
        if n == 0 || reach < n as u64 {
            return None;
        }
        let Got::Bytes(bytes) = self.wires[from].router_read(n) else { return None };
        machine.pass_unseen(side, &next, n as u64, now);
        ports[side as usize].received = now;
        let sink = &mut ports[side.other() as usize];
        match self.wires[to].router_write(&bytes, usize::MAX) {
            Some(taken) => {
                sink.tx_begun |= taken > 0;
                sink.sent = now;
                if taken < bytes.len() {
                    sink.tx.queue(Segment::Stub(Stub::new(&bytes[taken..])));
                }
            }
            None => sink.tx_broken = true,
        }
        Some(n)
    }

    fn flush(&mut self, key: usize, shown: &mut [usize; 2]) -> usize {
        let session = &mut self.sessions[key];
        let mut total = 0;
        for side in [Side::Upstream, Side::Client] {
            let at = side as usize;
            let Some(wire) = session.wires[at] else { continue };
            let port = &mut session.ports[at];
            let wire = &mut self.wires[wire];
            while !port.tx.is_empty() && !port.tx_broken && shown[at] > 0 {
                match wire.router_write(port.tx.bytes(), shown[at]) {
                    Some(0) => break,
                    Some(n) => {
                        port.tx.sent(n);
                        port.tx_begun = true;
                        port.sent = self.world.clock.now();
                        total += n;
                        shown[at] = shown[at].saturating_sub(n);
                    }
                    None => {
                        port.tx_broken = true;
                        if port.tx_begun {
                            port.tx.clear();
                        }
                        total += 1;
                    }
                }
            }
            if port.tx_end == Some(TxEnd::Finish) && port.tx.is_empty() && !session.finished[at] {
                session.finished[at] = true;
                wire.router_finish();
                total += 1;
            }
            if port.delivery == Delivery::Asked && port.tx.is_empty() && wire.is_delivered() {
                port.delivery = Delivery::Done;
                total += 1;
            }
        }
        total
    }

    fn act(&mut self, key: usize, dice: &mut Dice) -> bool {
        let mut acted = false;
        while !self.world.actions.is_empty() {
            acted = true;
            for action in std::mem::take(&mut self.world.actions) {
                match action {
                    Action::Dial(reuse) => {
                        let place = self.sessions[key].machine.dialled_place();
                        let (route, server) = place.expect("a server was chosen");
                        let route = Arc::clone(route);
                        self.dial(key, &route, server, reuse, dice);
                    }
                    Action::Find { .. } | Action::DialFound => panic!("no route has tokens"),
                    Action::Look(_) | Action::Verify(_) => panic!("no rule asks for anything"),
                    Action::Endpoint => panic!("no route sends PROXY"),
                    Action::Queue => panic!("no group has a queue"),
                    Action::OpenFile | Action::CloseFile => panic!("no route has files"),
                    Action::Join(..)
                    | Action::Leave(_)
                    | Action::Publish { .. }
                    | Action::Ask { .. }
                    | Action::AwaitRoom => {
                        panic!("no route has channels");
                    }
                    Action::Hangup => self.hang_up(key, dice),
                    Action::Watch { .. } => {}
                    Action::Park(server) => {
                        let wire = self.sessions[key].wires[1].take().expect("a connection");
                        self.idle.push((server, wire));
                    }
                    Action::Spool(SpoolOrder::Drop) => _ = self.spools.remove(&key),
                    Action::Spool(order) => {
                        self.spools.entry(key).or_default();
                        let due = self.now() + dice.below(300) as u64;
                        self.jobs.push(Job { due, session: key, order });
                    }
                }
            }
        }
        acted
    }

    fn input(&mut self, key: usize, input: Input) {
        let session = &mut self.sessions[key];
        let mut cx = self.world.cx(session.active);
        session.machine.input(input, &mut session.ports, &mut cx);
    }

    fn dial(&mut self, key: usize, route: &Route, server: u16, reuse: Reuse, dice: &mut Dice) {
        let session = &self.sessions[key];
        assert!(session.wires[1].is_none(), "a dial while connected");
        assert!(session.dialling.is_none(), "a dial while dialling");
        let server = route.target.server(server).expect("a server").id;
        if let Some(wire) = self.check_out(server, reuse, dice) {
            self.attach(key, wire);
            return self.input(key, Input::Dialled { reused: true });
        }
        let route_name = route.name.to_string();
        let mut dialling =
            Dialling { due: self.now(), works: true, ours: false, route: route_name };
        if dice.chance(self.faults.dial) {
            self.tainted.extend(asked(&self.sessions[key].ports[1]));
            dialling.works = false;
            dialling.ours = dice.chance(10);
            dialling.due = dice.pick(&[self.now(), self.now(), self.now() + 100, u64::MAX]);
        } else if dice.chance(60) {
            dialling.due += dice.below(1000) as u64;
        }
        let due = dialling.due;
        self.sessions[key].dialling = Some(dialling);
        if due <= self.now() {
            self.dialled(key, dice);
        }
    }

    /// An idle connection to a server. That it has died may not be known yet, but bytes are: what an
    /// event has said of an idle connection is dealt with before it is used.
    fn check_out(&mut self, server: ServerId, reuse: Reuse, dice: &mut Dice) -> Option<usize> {
        if reuse == Reuse::Never {
            return None;
        }
        while let Some(at) = self.idle.iter().rposition(|(id, _)| *id == server) {
            let (_, wire) = self.idle.remove(at);
            let state = &self.wires[wire];
            if state.readable() == 0 && (reuse == Reuse::Any || !state.peer_is_gone()) {
                return Some(wire);
            }
            self.close(wire, false, dice);
        }
        None
    }

    /// A dial is decided.
    fn dialled(&mut self, key: usize, dice: &mut Dice) {
        let Some(dialling) = self.sessions[key].dialling.take() else { return };
        if !dialling.works {
            return self.input(key, Input::DialFailed { ours: dialling.ours });
        }
        assert!(self.sessions[key].machine.dialled_server().is_some(), "a dial that is waited for");
        let wire = self.wire(dice);
        self.opened.push((wire, dialling.route));
        self.attach(key, wire);
        self.input(key, Input::Dialled { reused: false });
    }

    fn attach(&mut self, key: usize, wire: usize) {
        let session = &mut self.sessions[key];
        session.wires[1] = Some(wire);
        session.finished[1] = false;
        session.ports[1].tx_broken = false;
        session.ports[1].tx_begun = false;
    }

    fn hang_up(&mut self, key: usize, dice: &mut Dice) {
        self.sessions[key].dialling = None;
        if let Some(wire) = self.sessions[key].wires[1].take() {
            self.close(wire, false, dice);
        }
    }

    fn close(&mut self, wire: usize, abort: bool, dice: &mut Dice) {
        let wire = &mut self.wires[wire];
        wire.router_close(abort, dice);
        self.vanished.push(std::mem::take(&mut wire.vanished));
    }

    fn remove(&mut self, key: usize, dice: &mut Dice) {
        assert!(self.world.actions.is_empty(), "{:?}", self.world.actions);
        let session = &mut self.sessions[key];
        session.closed = session.machine.closed();
        let abort = session.ports[0].tx_end == Some(TxEnd::Abort);
        session.ports = Default::default();
        let client = session.wires[0].take().expect("a client");
        self.close(client, abort, dice);
        self.hang_up(key, dice);
        self.spools.remove(&key);
    }

    /// When a session must be looked at even if nothing happens.
    fn deadline(&self, key: usize) -> Option<u64> {
        let session = &self.sessions[key];
        let timeouts = HeadTimeouts::of(&self.world.generation);
        session.machine.deadline(session.active, &session.ports, &timeouts).map(Millis::get)
    }

    /// Does what is due by the clock; whether there was anything.
    pub(super) fn do_due(&mut self, dice: &mut Dice) -> bool {
        let now = self.now();
        let due = |session: &Session| session.dialling.as_ref().is_some_and(|dial| dial.due <= now);
        if let Some(key) = self.sessions.iter().position(due) {
            self.dialled(key, dice);
            self.act(key, dice);
            self.drive(key, false, dice);
            return true;
        }
        let Some(at) = self.jobs.iter().position(|job| job.due <= now) else { return false };
        let job = self.jobs.remove(at);
        let Some(file) = self.spools.get_mut(&job.session) else { return true };
        let input = match job.order {
            _ if dice.chance(self.faults.disk) => Input::SpoolFailed,
            SpoolOrder::Append(bytes) => {
                file.extend(&bytes);
                self.spooled += bytes.len() as u64;
                Input::Spooled(bytes.len())
            }
            SpoolOrder::Read { offset, len } => {
                Input::Unspooled(file[offset as usize..][..len].to_vec())
            }
            SpoolOrder::Drop => return true,
        };
        self.input(job.session, input);
        self.act(job.session, dice);
        self.drive(job.session, false, dice);
        true
    }

    /// The next time at which something happens by itself.
    pub(super) fn next_time(&self) -> Option<u64> {
        let live = || (0..self.sessions.len()).filter(|key| self.sessions[*key].closed.is_none());
        let deadlines = live().filter_map(|key| self.deadline(key));
        let dials = self.sessions.iter().filter_map(|session| session.dialling.as_ref());
        let jobs = self.jobs.iter().map(|job| job.due);
        deadlines.chain(dials.map(|dial| dial.due)).chain(jobs).min()
    }

    /// A tunnel is ended from outside.
    pub(super) fn leave(&mut self, key: usize, reason: CloseReason, dice: &mut Dice) {
        let now = self.world.clock.now();
        if self.sessions[key].machine.leave(reason, now) {
            self.drive(key, true, dice);
        }
    }

    /// The worker notices idle connections that have something to say.
    pub(super) fn sweep_idle(&mut self, all: bool, dice: &mut Dice) {
        for (server, wire) in std::mem::take(&mut self.idle) {
            let dead = self.wires[wire].peer_is_gone() || self.wires[wire].readable() > 0;
            match all || dead {
                true => self.close(wire, false, dice),
                false => self.idle.push((server, wire)),
            }
        }
    }
}

/// The number of the request whose head waits in a port.
fn asked(port: &Port) -> Option<u64> {
    id_in(port.tx.bytes())
}

/// The number of the request whose head stands in `bytes`.
pub(super) fn id_in(bytes: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(bytes);
    let name = crate::session::testing::ROUTES.iter().filter_map(|name| {
        let at = text.find(&format!("/{name}/"))?;
        Some((at, name.len() + 2))
    });
    let (at, len) = name.min()?;
    let digits: String = text[at + len..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
