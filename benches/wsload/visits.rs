//! The loop over HTTP connections: requests on connections that stay, or a new connection for each.

use std::io;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::connection::Fault;
use crate::inflating::Room;
use crate::options::{Mode, Options};
use crate::report::Report;
use crate::run::own_cpu;
use crate::stream::Stream;
use crate::tls::Terms;
use crate::visit::Visit;

/// A run under way; everything is measured from the first connection on.
pub(crate) struct Visits {
    options: Options,
    terms: Option<Terms>,
    request: Vec<u8>,
    poll: Poll,
    visits: Vec<Option<Visit>>,
    room: Room,
    report: Report,
    epoch: Instant,
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
            options,
        })
    }

    /// Runs to the end.
    pub(crate) fn go(mut self) -> io::Result<Report> {
        let duration = self.options.duration.unwrap_or_default();
        for index in 0..self.visits.len() {
            self.connect(index)?;
        }
        let mut events = Events::with_capacity(1024);
        loop {
            let left = duration.saturating_sub(self.epoch.elapsed());
            if left == Duration::ZERO || self.visits.iter().all(Option::is_none) {
                break;
            }
            match self.poll.poll(&mut events, Some(left)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                let Token(index) = event.token();
                if let Err(fault) = self.turn(index, event) {
                    self.report.fault(&fault.to_string());
                    self.visits[index] = None;
                }
            }
        }
        self.report.seconds = self.epoch.elapsed().as_secs_f64();
        self.report.cpu = own_cpu();
        Ok(self.report)
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn connect(&mut self, index: usize) -> io::Result<()> {
        let begun = self.now();
        let session = self.terms.as_ref().map(|terms| terms.session(index)).transpose()?;
        let mut socket = TcpStream::connect(self.options.server)?;
        socket.set_nodelay(true)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(index), both)?;
        self.visits[index] = Some(Visit::new(Stream::new(socket, session), begun));
        Ok(())
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

    /// An answer is whole; the next question goes out on the same connection.
    fn done(&mut self, index: usize) {
        let now = self.now();
        let Some(visit) = &mut self.visits[index] else { return };
        self.report.operations += 1;
        self.report.latency.saturating_record(now - visit.begun);
        visit.ask(now);
    }

    /// A connection has had its answer and is over; the next begins.
    fn ended(&mut self, index: usize) -> Result<(), Fault> {
        let Some(visit) = self.visits[index].take() else { return Ok(()) };
        self.report.visited(visit.is_resumed());
        self.report.operations += 1;
        self.report.latency.saturating_record(self.now() - visit.begun);
        drop(visit);
        self.connect(index)?;
        Ok(())
    }
}
