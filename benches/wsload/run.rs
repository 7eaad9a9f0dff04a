//! The loop of the load generator: one thread, one poll, all connections.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::connection::{Connection, Fault};
use crate::handshake::Handshake;
use crate::inflating::Room;
use crate::message::Message;
use crate::options::{Mode, Options};
use crate::pacer::Pacer;
use crate::report::{self, Report};
use crate::stream::Stream;
use crate::tls::Terms;

/// Connections being opened at a time.
const OPENING_MAX: usize = 64;
/// How long messages under way may still take when the time is over.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);
/// The most that opening all connections may take.
pub(crate) const OPENING_TIME: Duration = Duration::from_secs(60);
const STDIN: Token = Token(usize::MAX - 1);
pub(crate) const PACER: Token = Token(usize::MAX - 2);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Connections are opened; nothing is measured yet.
    Opening,
    Running,
    /// The time is over; what is under way comes home.
    Draining,
}

/// A run under way.
pub(crate) struct Run {
    options: Options,
    terms: Option<Terms>,
    poll: Poll,
    connections: Vec<Option<Connection>>,
    message: Message,
    room: Room,
    report: Report,
    phase: Phase,
    epoch: Instant,
    started: Instant,
    opening: usize,
    open: usize,
    /// Sets the pace of an open-loop run.
    pacer: Option<Pacer>,
    seed: u64,
}

impl Run {
    /// Sets up a run; nothing is opened before [`Run::go`].
    pub(crate) fn new(options: Options, seed: u64) -> io::Result<Run> {
        let key = (seed as u32).to_le_bytes();
        Ok(Run {
            terms: options.terms()?,
            message: Message::new(&options, key),
            poll: Poll::new()?,
            connections: (0..options.connections).map(|_| None).collect(),
            room: Room::new(options.size),
            report: Report::new(),
            phase: Phase::Opening,
            epoch: Instant::now(),
            started: Instant::now(),
            opening: 0,
            open: 0,
            pacer: None,
            seed,
            options,
        })
    }

    /// Runs to the end.
    pub(crate) fn go(mut self) -> io::Result<Report> {
        let mut events = Events::with_capacity(1024);
        let mut next = 0;
        loop {
            while self.phase == Phase::Opening
                && self.opening < OPENING_MAX
                && next < self.connections.len()
            {
                self.connect(next)?;
                next += 1;
            }
            let Some(timeout) = self.step()? else { break };
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    STDIN => self.stdin()?,
                    PACER => self.pace()?,
                    Token(index) => self.turn(index, event),
                }
            }
        }
        self.report.cpu = own_cpu();
        Ok(self.report)
    }

    /// Moves between the phases; returns how long may be waited, `None` at the end.
    fn step(&mut self) -> io::Result<Option<Duration>> {
        if self.phase == Phase::Opening {
            if self.open < self.connections.len() {
                if self.report.faults > 0 || self.epoch.elapsed() > OPENING_TIME {
                    self.report.fault("not all connections could be opened");
                    return Ok(None);
                }
                return Ok(Some(Duration::from_millis(100)));
            }
            self.start()?;
        }
        let end = self.started + self.options.duration.unwrap_or(Duration::from_secs(86_400));
        let now = Instant::now();
        if self.phase == Phase::Running && now >= end {
            self.phase = Phase::Draining;
            self.pacer = None;
            if self.options.mode != Mode::Echo {
                self.report.seconds = (now - self.started).as_secs_f64();
                return Ok(None);
            }
        }
        if self.phase == Phase::Draining {
            let done =
                self.connections.iter().flatten().all(|connection| connection.pending() == 0);
            if done || now > end + DRAIN || self.open == 0 {
                if !done {
                    self.report.fault("echoes missing at the end");
                }
                self.report.seconds = self.started.elapsed().as_secs_f64();
                return Ok(None);
            }
            return Ok(Some(Duration::from_millis(10)));
        }
        if self.open == 0 && self.options.mode != Mode::Churn {
            self.report.fault("no connection is left");
            return Ok(None);
        }
        Ok(Some(end - now))
    }

    /// All connections are there (in churn mode: have been once).
    fn start(&mut self) -> io::Result<()> {
        self.phase = Phase::Running;
        self.started = Instant::now();
        match self.options.mode {
            Mode::Idle => {
                println!("ready {}", self.open);
                let stdin = io::stdin();
                let mut source = SourceFd(&stdin.as_raw_fd());
                match self.poll.registry().register(&mut source, STDIN, Interest::READABLE) {
                    // A file cannot be polled: then only the duration ends the hold.
                    Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
            Mode::Churn | Mode::Get | Mode::Handshakes => {}
            Mode::Echo => self.begin()?,
        }
        Ok(())
    }

    /// The first messages go out.
    fn begin(&mut self) -> io::Result<()> {
        report::begun(&self.options);
        match self.options.rate {
            Some(rate) => {
                self.pacer = Some(Pacer::new(rate, self.now(), self.poll.registry(), PACER)?);
                self.pace()?;
            }
            None => {
                for index in 0..self.connections.len() {
                    for _ in 0..self.options.depth {
                        self.allow(index, self.now());
                    }
                    self.flush(index);
                }
            }
        }
        Ok(())
    }

    /// Gives out the messages that are due.
    fn pace(&mut self) -> io::Result<()> {
        if self.phase != Phase::Running {
            return Ok(());
        }
        loop {
            let now = self.now();
            let Some(pacer) = &mut self.pacer else { return Ok(()) };
            let Some((number, due)) = pacer.due(now) else { return pacer.wait(now) };
            let index = (number % self.connections.len() as u64) as usize;
            self.allow(index, due);
            self.flush(index);
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn connect(&mut self, index: usize) -> io::Result<()> {
        self.opening += 1;
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let seed = u128::from(self.seed) << 64 | index as u128;
        let Options { host, path, deflate, .. } = &self.options;
        let handshake = Handshake::new(host, path, *deflate, seed);
        let begun = self.now();
        let session = self.terms.as_ref().map(|terms| terms.session(index)).transpose()?;
        let mut socket = TcpStream::connect(self.options.server(index))?;
        socket.set_nodelay(true)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(index), both)?;
        let stream = Stream::new(socket, session);
        self.connections[index] = Some(Connection::new(stream, handshake, begun));
        Ok(())
    }

    fn turn(&mut self, index: usize, event: &Event) {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return };
        let mut result = Ok(Default::default());
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            let hung_up = event.is_read_closed() || event.is_error();
            result = connection.read(&self.message, &mut self.room, hung_up);
        }
        let progress = match result {
            Ok(progress) => progress,
            Err(fault) => return self.fail(index, &fault),
        };
        self.report.pings += progress.pings;
        if self.phase != Phase::Opening {
            self.report.received += progress.bytes;
        }
        if progress.opened {
            self.opened(index);
        }
        for _ in 0..progress.echoes {
            self.echoed(index);
        }
        if progress.ended {
            return self.ended(index);
        }
        self.flush(index);
    }

    fn opened(&mut self, index: usize) {
        self.opening -= 1;
        let connection = self.connections[index].as_ref();
        self.report.visited(connection.and_then(Connection::is_resumed));
        match self.options.mode {
            Mode::Echo => self.open += 1,
            _ => self.allow(index, self.now()),
        }
    }

    fn echoed(&mut self, index: usize) {
        let now = self.now();
        let Some(connection) = &mut self.connections[index] else { return };
        let due = connection.sent_at.pop_front().unwrap_or(now);
        match self.options.mode {
            Mode::Churn => connection.close(),
            Mode::Idle => self.open += 1,
            _ => {
                if self.options.rate.is_none() && self.phase == Phase::Running {
                    connection.allow(now);
                }
            }
        }
        if self.options.mode != Mode::Churn {
            self.report.operations += 1;
            self.report.latency.saturating_record(now - due);
        }
    }

    /// A life in churn mode is over; the next begins.
    fn ended(&mut self, index: usize) {
        let Some(connection) = self.connections[index].take() else { return };
        match self.phase {
            Phase::Opening => self.open += 1,
            _ => {
                self.report.operations += 1;
                self.report.latency.saturating_record(self.now() - connection.begun);
            }
        }
        drop(connection);
        if let Err(error) = self.connect(index) {
            self.report.fault(&format!("connect: {error}"));
        }
    }

    fn allow(&mut self, index: usize, due: u64) {
        if let Some(connection) = &mut self.connections[index] {
            connection.allow(due);
        }
    }

    fn flush(&mut self, index: usize) {
        let Some(connection) = &mut self.connections[index] else { return };
        if let Err(fault) = connection.flush(&mut self.message) {
            self.fail(index, &fault);
        }
    }

    fn fail(&mut self, index: usize, fault: &Fault) {
        self.report.fault(&fault.to_string());
        self.connections[index] = None;
        match self.phase {
            Phase::Opening => self.opening = self.opening.saturating_sub(1),
            _ => self.open = self.open.saturating_sub(1),
        }
    }

    /// The end of stdin ends the hold of an idle run; anything else asks how many pings have come.
    fn stdin(&mut self) -> io::Result<()> {
        match io::stdin().read(&mut [0; 64])? {
            0 => self.options.duration = Some(Duration::ZERO),
            _ => println!("pings {}", self.report.pings),
        }
        Ok(())
    }
}

/// Seconds of CPU of this process so far.
pub(crate) fn own_cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
