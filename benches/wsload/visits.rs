//! The loop over HTTP connections: requests on connections that stay, at a rate or as fast as it goes, or a new connection for each.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::connection::Fault;
use crate::inflating::Room;
use crate::options::{Mode, Options};
use crate::pacer::Pacer;
use crate::report::{self, Report};
use crate::run::{DRAIN, OPENING_TIME, PACER, own_cpu};
use crate::stream::Stream;
use crate::tls::Terms;
use crate::visit::Visit;

/// A run under way. Where connections stay it is measured from when each has had one answer.
pub(crate) struct Visits {
    options: Options,
    terms: Option<Terms>,
    request: Vec<u8>,
    poll: Poll,
    visits: Vec<Option<Visit>>,
    room: Room,
    report: Report,
    epoch: Instant,
    started: Instant,
    /// Where connections stay: what is asked, and when.
    open: Option<Open>,
}

/// Requests on connections that stay: at once when the one before is answered, or, at a rate, when they are due, whatever has
/// become of those before.
#[derive(Default)]
struct Open {
    /// All connections are there, and what follows is measured.
    begun: bool,
    pacer: Option<Pacer>,
    /// Connections that have nothing to do; who has waited longest is the next.
    idle: VecDeque<usize>,
    /// When those were due that found no connection.
    overdue: VecDeque<u64>,
}

impl Visits {
    /// Sets up a run; nothing is opened before [`Visits::go`].
    pub(crate) fn new(options: Options) -> io::Result<Visits> {
        let close = if options.mode == Mode::Handshakes { "Connection: close\r\n" } else { "" };
        let Options { host, path, .. } = &options;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{close}\r\n").into_bytes();
        Ok(Visits {
            terms: options.terms()?,
            request,
            poll: Poll::new()?,
            visits: (0..options.connections).map(|_| None).collect(),
            room: Room::new(0),
            report: Report::new(),
            epoch: Instant::now(),
            started: Instant::now(),
            open: (options.mode == Mode::Get).then(Open::default),
            options,
        })
    }

    /// Runs to the end.
    pub(crate) fn go(mut self) -> io::Result<Report> {
        for index in 0..self.visits.len() {
            self.connect(index)?;
        }
        let mut events = Events::with_capacity(1024);
        while let Some(left) = self.left() {
            match self.poll.poll(&mut events, Some(left)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                if event.token() == PACER {
                    self.pace()?;
                    continue;
                }
                let Token(index) = event.token();
                if let Err(fault) = self.turn(index, event) {
                    self.fail(index, &fault);
                }
            }
            self.start()?;
        }
        self.report.seconds = self.started.elapsed().as_secs_f64();
        self.report.cpu = own_cpu();
        Ok(self.report)
    }

    /// How long may be waited; `None` at the end. What is under way at a rate comes home before.
    fn left(&mut self) -> Option<Duration> {
        if self.visits.iter().all(Option::is_none) {
            return None;
        }
        let passed = self.started.elapsed();
        let left = self.options.duration.unwrap_or_default().saturating_sub(passed);
        let Some(open) = &mut self.open else { return (!left.is_zero()).then_some(left) };
        if !open.begun {
            return OPENING_TIME.checked_sub(passed);
        }
        if !left.is_zero() {
            return Some(left);
        }
        // Without one something is always under way.
        self.options.rate?;
        open.pacer = None;
        let done =
            open.overdue.is_empty() && open.idle.len() == self.visits.iter().flatten().count();
        if done {
            return None;
        }
        let over = passed.saturating_sub(self.options.duration.unwrap_or_default()) > DRAIN;
        if over {
            self.report.fault("answers missing at the end");
        }
        (!over).then_some(Duration::from_millis(10))
    }

    /// Begins to ask, once every connection has had an answer.
    fn start(&mut self) -> io::Result<()> {
        let now = self.now();
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.begun || open.idle.len() < self.visits.len() {
            return Ok(());
        }
        report::begun(&self.options);
        open.begun = true;
        self.started = Instant::now();
        self.report.received = 0;
        if let Some(rate) = self.options.rate {
            open.pacer = Some(Pacer::new(rate, now, self.poll.registry(), PACER)?);
            return self.pace();
        }
        for index in std::mem::take(&mut open.idle) {
            self.ask(index, now);
        }
        Ok(())
    }

    /// Asks what is due.
    fn pace(&mut self) -> io::Result<()> {
        loop {
            let now = self.now();
            let Some(open) = &mut self.open else { return Ok(()) };
            let Some(pacer) = &mut open.pacer else { return Ok(()) };
            let Some((_, due)) = pacer.due(now) else { return pacer.wait(now) };
            match open.idle.pop_front() {
                Some(index) => self.ask(index, due),
                None => open.overdue.push_back(due),
            }
        }
    }

    fn ask(&mut self, index: usize, due: u64) {
        let Some(visit) = &mut self.visits[index] else { return };
        visit.ask(due);
        if let Err(fault) = visit.flush(&self.request) {
            self.fail(index, &fault);
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn connect(&mut self, index: usize) -> io::Result<()> {
        let begun = self.now();
        let session = self.terms.as_ref().map(|terms| terms.session(index)).transpose()?;
        let mut socket = TcpStream::connect(self.options.server(index))?;
        socket.set_nodelay(true)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(index), both)?;
        self.visits[index] = Some(Visit::new(Stream::new(socket, session), begun));
        Ok(())
    }

    fn fail(&mut self, index: usize, fault: &Fault) {
        self.report.fault(&fault.to_string());
        self.visits[index] = None;
        if let Some(open) = &mut self.open {
            open.idle.retain(|idle| *idle != index);
        }
    }

    fn turn(&mut self, index: usize, event: &Event) -> Result<(), Fault> {
        let Some(Some(visit)) = self.visits.get_mut(index) else { return Ok(()) };
        let hung_up = event.is_read_closed() || event.is_error();
        if event.is_readable() || hung_up {
            let seen = visit.read(&mut self.room, hung_up)?;
            self.report.received += seen.bytes;
            if seen.answers > 0 && self.options.mode == Mode::Get {
                self.done(index);
            }
            if seen.ended {
                return self.ended(index);
            }
        }
        let Some(Some(visit)) = self.visits.get_mut(index) else { return Ok(()) };
        visit.flush(&self.request)
    }

    /// An answer is whole; the next question goes out on the same connection, when it is due.
    fn done(&mut self, index: usize) {
        let now = self.now();
        let Some(visit) = &mut self.visits[index] else { return };
        let mut next = Some(now);
        if let Some(open) = &mut self.open {
            if !open.begun || self.options.rate.is_some() {
                next = open.overdue.pop_front();
            }
            if next.is_none() {
                open.idle.push_back(index);
            }
            if !open.begun {
                return;
            }
        }
        self.report.operations += 1;
        self.report.latency.saturating_record(now.saturating_sub(visit.begun));
        if let Some(begun) = next {
            visit.ask(begun);
        }
    }

    /// A connection has had its answer and is over; the next begins.
    fn ended(&mut self, index: usize) -> Result<(), Fault> {
        let Some(visit) = self.visits[index].take() else { return Ok(()) };
        if self.open.is_some() {
            // At a rate every connection stays.
            return Err(Fault::Ended);
        }
        self.report.visited(visit.is_resumed());
        self.report.operations += 1;
        self.report.latency.saturating_record(self.now() - visit.begun);
        drop(visit);
        self.connect(index)?;
        Ok(())
    }
}
