//! The loop of the thread that is linked to other instances.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::PoisonError;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::dialler::Dialler;
use super::wire::{Ended, Looked, Wire};
use super::{Board, DOOR, GOODBYE, MAIL};
use crate::base::{Clock, Millis};
use crate::channel::{Bulletin, Incoming, Instances, Letter, Link, LinkFault, Lost, home};
use crate::proto::instances::{Frame, Role, Secret, put_frame};
use crate::reactor::{Mailbox, Secure, SecureTerms, Sender};
use crate::session::admin::short;
use crate::worker::Mail;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(500);
/// Bytes that wait in a link before it gets more.
const FULL: usize = 128 << 10;
/// Connections that have not proven themselves, at most.
const STRANGERS: usize = 64;
/// Bulletins read in a turn.
const BULLETINS: usize = 1024;
/// How long nobody is there before that is said.
const ALONE: Duration = Duration::from_secs(3);
/// Between two lines about strangers.
const HUSH: Duration = Duration::from_secs(10);
/// Tokens of links.
const LINKS: u64 = 16;

/// What it is made of.
pub(super) struct Parts {
    pub(super) instances: Instances,
    pub(super) dialler: Dialler,
    pub(super) listener: Option<TcpListener>,
    pub(super) terms: SecureTerms,
    pub(super) secret: Secret,
    pub(super) poll: Poll,
    pub(super) mailbox: Mailbox<Bulletin>,
    pub(super) workers: Vec<Sender<Mail>>,
    pub(super) board: Board,
    pub(super) clock: Clock,
}

/// The thread.
pub(super) struct Line {
    parts: Parts,
    wires: HashMap<Link, Wire>,
    next: Link,
    /// Links with more to be read.
    again: HashSet<Link>,
    /// Somebody may wait to be accepted.
    knocks: bool,
    ticked: Millis,
    /// Since when nobody is there; `NEVER`: somebody is, or it was said.
    alone: Millis,
    silent: Millis,
    refused: u64,
    ending: Option<Millis>,
}

impl Line {
    pub(super) fn new(parts: Parts) -> Line {
        let alone = parts.clock.now();
        Line {
            parts,
            wires: HashMap::new(),
            next: LINKS,
            again: HashSet::new(),
            knocks: true,
            ticked: Millis::default(),
            alone,
            silent: Millis::default(),
            refused: 0,
            ending: None,
        }
    }

    /// Runs until it is told to end, and has told everything then.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        while !self.is_over() {
            if let Err(error) = self.turn(&mut events) {
                tracing::error!(%error, "links to other instances cannot be watched");
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        let told = || self.wires.values().all(|wire| wire.link.is_flushed());
        self.ending.is_some_and(|until| told() || self.parts.clock.now() >= until)
    }

    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        match self.parts.poll.poll(events, Some(self.timeout())) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => self.parts.clock.tick(),
        }
        let mut touched = std::mem::take(&mut self.again);
        for event in events.iter() {
            match event.token() {
                MAIL => {}
                DOOR => self.knocks = true,
                Token(link) => drop(touched.insert(link as Link)),
            }
        }
        self.accept();
        touched.into_iter().for_each(|link| self.advance(link));
        self.read_bulletins();
        let now = self.parts.clock.now();
        let calm = now >= self.ticked + TICK;
        if calm {
            self.ticked = now;
            self.dial();
            self.tend(now);
        } else if self.parts.dialler.next().is_some_and(|due| now >= due) {
            self.dial();
        }
        self.speak(calm);
        if calm {
            self.show();
        }
        Ok(())
    }

    fn timeout(&self) -> Duration {
        if !self.again.is_empty() {
            return Duration::ZERO;
        }
        let now = self.parts.clock.now();
        let due = self.parts.dialler.next().map_or(TICK, |due| due - now);
        due.min((self.ticked + TICK) - now).max(Duration::from_millis(1))
    }

    fn accept(&mut self) {
        while std::mem::take(&mut self.knocks) {
            let Some(listener) = &self.parts.listener else { return };
            let strangers = self.wires.values().filter(|wire| !wire.is_linked()).count();
            let Ok((stream, address)) = listener.accept() else { return };
            self.knocks = true;
            if strangers < STRANGERS {
                let link = Secure::accept(&self.parts.terms, stream);
                self.add(link, address, Role::Listener);
            }
        }
    }

    fn dial(&mut self) {
        let now = self.parts.clock.now();
        for address in self.parts.dialler.due(now) {
            let link = Secure::dial(&self.parts.terms, address);
            if let Some(link) = self.add(link, address, Role::Dialler) {
                self.parts.dialler.began(address, link);
            }
        }
    }

    fn add(&mut self, link: io::Result<Secure>, address: SocketAddr, role: Role) -> Option<Link> {
        let now = self.parts.clock.now();
        let watch = |stream: &mut TcpStream, number: Link| {
            let both = Interest::READABLE | Interest::WRITABLE;
            self.parts.poll.registry().register(stream, Token(number as usize), both)
        };
        let number = self.next;
        let added = link.and_then(|mut link| watch(&mut link.stream, number).map(|()| link));
        match added {
            Ok(link) => {
                self.next += 1;
                self.wires.insert(number, Wire::new(link, address, role, now));
                Some(number)
            }
            Err(error) => {
                if role == Role::Dialler
                    && self.parts.dialler.failed(address, &error.to_string(), now)
                {
                    tracing::warn!("no link to the instance at {address}: {error}");
                }
                None
            }
        }
    }

    /// Reads and writes what a link can take.
    fn advance(&mut self, number: Link) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let now = self.parts.clock.now();
        let instances = &self.parts.instances;
        match wire.advance(&self.parts.secret, now, |out| instances.greet(out)) {
            Ok(Looked::More) => drop(self.again.insert(number)),
            Ok(Looked::Done) => {}
            Err(ended) => return self.end(number, &ended),
        }
        let micros = self.parts.clock.wall_millis() * 1000;
        let mut came = Vec::new();
        let mut fault = None;
        while fault.is_none() {
            let Some(wire) = self.wires.get_mut(&number).filter(|wire| wire.is_linked()) else {
                break;
            };
            let is_hello = match wire.next() {
                Ok(Some(frame)) => {
                    let is_hello = matches!(frame, Frame::Hello { .. });
                    let taken = self.parts.instances.take(number, frame, micros, &mut came);
                    fault = taken.err();
                    is_hello && fault.is_none()
                }
                Ok(None) => break,
                Err(error) => {
                    fault = Some(error);
                    false
                }
            };
            if is_hello {
                self.linked(number);
            }
        }
        came.into_iter().for_each(|incoming| self.pass_on(incoming));
        if let Some(fault) = fault {
            self.end(number, &fault.into());
        }
    }

    /// Another instance is there.
    fn linked(&mut self, number: Link) {
        let Some(wire) = self.wires.get(&number) else { return };
        if let Some(id) = self.parts.instances.at(number) {
            tracing::info!("linked to instance {} at {}", short(&id), wire.address);
        }
        if wire.role == Role::Dialler {
            self.parts.dialler.reached(wire.address);
        }
        self.alone = Millis::NEVER;
        self.show();
    }

    /// A link is over, or came to nothing.
    fn end(&mut self, number: Link, ended: &Ended) {
        let Some(wire) = self.wires.remove(&number) else { return };
        let now = self.parts.clock.now();
        let Wire { address, role, .. } = wire;
        let id = self.parts.instances.at(number);
        let may_return = self.parts.instances.unlink(number, now);
        let myself = matches!(ended, Ended::Fault(LinkFault::Myself));
        let mut news = true;
        match role {
            Role::Dialler if myself => self.parts.dialler.is_myself(address, now),
            Role::Dialler => news = self.parts.dialler.failed(address, &ended.to_string(), now),
            Role::Listener if id.is_none() && !myself => {
                self.refused += 1;
                news = now >= self.silent;
                if news {
                    self.silent = now + HUSH;
                }
            }
            Role::Listener => {}
        }
        match id {
            _ if myself => {}
            Some(id) if may_return => {
                tracing::warn!("lost instance {} at {address}: {ended}", short(&id));
            }
            Some(id) => tracing::info!("instance {} at {address} has ended", short(&id)),
            None if news && role == Role::Dialler => {
                tracing::warn!("no link to the instance at {address}: {ended}");
            }
            None if news => tracing::warn!("no instance: {address} was closed: {ended}"),
            None => {}
        }
        if self.parts.instances.is_alone() && self.alone == Millis::NEVER {
            self.alone = now;
        }
        self.show();
    }

    /// What came from elsewhere goes to those here.
    fn pass_on(&self, incoming: Incoming) {
        let workers = &self.parts.workers;
        let send = |core: usize, letter: Letter| {
            if let Some(worker) = workers.get(core) {
                // A worker that has ended has nobody to hear it.
                let _ = worker.send_waiting(Mail::Channel(letter));
            }
        };
        match incoming {
            Incoming::Said(saying, origin) => {
                send(home(&saying.channel, workers.len()), Letter::Heard(saying, origin));
            }
            // Nothing is kept between here and there.
            Incoming::Recalled(..) => {}
            Incoming::Lost(Lost::Anywhere) => {
                tracing::warn!("messages of another instance may be lost, in any channel");
                (0..workers.len()).for_each(|core| send(core, Letter::Lost(Lost::Anywhere)));
            }
            Incoming::Lost(Lost::In(names)) => {
                tracing::warn!(
                    "messages of another instance are lost, in {} channels",
                    names.len()
                );
                for name in names {
                    let core = home(&name, workers.len());
                    send(core, Letter::Lost(Lost::In(vec![name])));
                }
            }
        }
    }

    fn read_bulletins(&mut self) {
        let mut bulletins = Vec::new();
        while self.ending.is_none() {
            let more = self.parts.mailbox.drain(&mut bulletins, BULLETINS);
            for bulletin in bulletins.drain(..) {
                if matches!(bulletin, Bulletin::End) {
                    self.say_goodbye();
                }
                self.parts.instances.tell(&bulletin);
            }
            // Queues are bounded: reading on does no harm.
            self.speak(false);
            if !more {
                return;
            }
        }
    }

    /// Says on each link what is to be said there, as far as it takes it.
    fn speak(&mut self, calm: bool) {
        let now = self.parts.clock.now();
        let links: Vec<Link> = self.parts.instances.talkative(calm).collect();
        for number in links {
            let mut result = Ok(());
            while let Some(wire) = self.wires.get_mut(&number)
                && wire.link.waiting() < FULL
                && result.is_ok()
            {
                let mut out = Vec::new();
                self.parts.instances.speak(number, calm, FULL, &mut out);
                if out.is_empty() {
                    break;
                }
                result = wire.say(&out, now);
            }
            if let Err(ended) = result {
                self.end(number, &ended);
            }
        }
    }

    /// What is due now and then.
    fn tend(&mut self, now: Millis) {
        let mut ends = Vec::new();
        for (number, wire) in &mut self.wires {
            let mut ended = wire.expired(now);
            if ended.is_none() && wire.is_quiet(now) && wire.link.waiting() < FULL {
                let mut out = Vec::new();
                put_frame(&Frame::Ping, &mut out);
                ended = wire.say(&out, now).err();
            }
            ends.extend(ended.map(|ended| (*number, ended)));
        }
        for (number, ended) in ends {
            self.end(number, &ended);
        }
        let forgotten = self.parts.instances.forget(now);
        if forgotten > 0 {
            tracing::warn!("{forgotten} instances have not come back");
            self.pass_on(Incoming::Lost(Lost::Anywhere));
        }
        if self.alone != Millis::NEVER && now >= self.alone + ALONE {
            self.alone = Millis::NEVER;
            tracing::warn!(
                "no other instance is there: channels are this one's alone until one is"
            );
        }
    }

    /// The others need not expect this one back.
    fn say_goodbye(&mut self) {
        let now = self.parts.clock.now();
        self.speak(true);
        for wire in self.wires.values_mut().filter(|wire| wire.is_linked()) {
            let mut out = Vec::new();
            put_frame(&Frame::Bye, &mut out);
            // One that is broken will not be missed.
            let _ = wire.say(&out, now);
        }
        self.ending = Some(now + GOODBYE);
    }

    fn show(&self) {
        let address = |link: Link| self.wires.get(&link).map(|wire| wire.address.to_string());
        let others = self.parts.instances.status().into_iter().map(|one| {
            let address = one.link.and_then(address);
            (one, address)
        });
        let others = others.collect();
        let mut board = self.parts.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.others = others;
        board.failing = self.parts.dialler.failing();
        board.refused = self.refused;
    }
}
