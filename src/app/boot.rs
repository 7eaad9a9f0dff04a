//! From a configuration to running workers, and from a signal to stopped ones.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::{Poll, Waker};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::admin::{AdminSocket, Office};
use super::certificates::{self, Certificates};
use super::systemd;
use crate::base::{Address, Clock, Counters, Problem};
use crate::config::{Config, LogTo, Workers};
use crate::reactor::tls::Connectors;
use crate::reactor::{
    self, ListenOptions, Listener, Mailbox, Names, Offload, Outbox, Sender, Sharing,
};
use crate::session::Generation;
use crate::upstream::Identities;
use crate::worker::{
    self, Courier, Door, Load, LogBook, LogTarget, MAIL_TOKEN, Mail, Peers, Resolved, Setup, Worker,
};

/// Letters a mailbox has room for.
const MAILBOX: usize = 4096;
/// Threads for the disk, and jobs that may wait for them.
const OFFLOAD: (usize, usize) = (2, 1024);
/// Threads that look up tokens, which may wait for a resolver, and look-ups that may wait for them.
const LOOKUPS: (usize, usize) = (2, 1024);
/// Between two look-ups of a name.
const RESOLVE: Duration = Duration::from_secs(30);
/// How long the start waits for names.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of blocks one worker may take from the system.
const MEMORY: usize = 1 << 30;
/// Descriptors that are neither a client's nor an upstream's.
const RESERVE: u64 = 64;

/// Why the router did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum BootError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] reactor::BindError),
    /// The system refuses something.
    #[error("{0}: {1}")]
    System(&'static str, std::io::Error),
    /// The access log cannot be opened.
    #[error("cannot open the access log {0}: {1}")]
    Log(LogTarget, std::io::Error),
    /// A worker ended before it was told to.
    #[error("a worker failed")]
    Worker,
}

/// Compiles a configuration's generation; what is wrong is added to `problems`.
pub(super) fn compile(
    config: &Config,
    connectors: &mut Connectors,
    problems: &mut Vec<Problem>,
) -> Option<Arc<Generation>> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let identities = &mut Identities::default();
    worker::build(config, identities, connectors, &host, problems).map(Arc::new)
}

/// Runs until stopped by a signal. `check` reads the configuration anew and says what is wrong with it.
///
/// # Errors
/// When something it needs cannot be had; nothing was started then.
pub(super) fn run(
    config: &Config,
    generation: &Arc<Generation>,
    certificates: Option<&Arc<Certificates>>,
    check: impl Fn() -> Vec<Problem> + Send + Sync + 'static,
) -> Result<(), BootError> {
    let system = |what| move |error| BootError::System(what, error);
    let descriptors =
        reactor::raise_descriptors().map_err(system("cannot raise the descriptor limit"))?;
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2])
        .map_err(system("cannot listen for signals"))?;
    let count = worker_count(config.workers);
    let options = ListenOptions { backlog: config.backlog, mode: None };
    let doors = open_doors(config, certificates, count, &options)?;
    let admin = AdminSocket::open(&config.admin)?;
    let target = log_target(config);
    let book = LogBook::open(target.clone()).map_err(|error| BootError::Log(target, error))?;
    let names = Names::start(RESOLVE).map_err(system("cannot start the resolver"))?;
    let resolved = Arc::new(resolve(config, &names));
    let offload = Offload::start("offload", OFFLOAD.0, OFFLOAD.1)
        .map_err(system("cannot start the disk threads"))?;
    let lookups = Offload::start("lookup", LOOKUPS.0, LOOKUPS.1)
        .map_err(system("cannot start the threads for tokens"))?;
    let most = config.max_connections.unwrap_or((descriptors - RESERVE.min(descriptors / 2)) / 2);

    let mut polls = Vec::new();
    for _ in 0..count {
        let poll = Poll::new().map_err(system("cannot make a poll"))?;
        let waker =
            Waker::new(poll.registry(), MAIL_TOKEN).map_err(system("cannot make a waker"))?;
        let (sender, mailbox) = Mailbox::new(MAILBOX, Arc::new(waker));
        polls.push((poll, sender, mailbox));
    }
    let senders: Vec<Sender<Mail>> = polls.iter().map(|(_, sender, _)| sender.clone()).collect();
    let loads: Arc<[Load]> = (0..count).map(|_| Load::default()).collect();
    let (over, ended) = channel();
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut all_counters = Vec::new();
    for (index, ((poll, sender, mailbox), doors)) in polls.into_iter().zip(doors).enumerate() {
        let counters = Arc::new(Counters::new());
        all_counters.push(Arc::clone(&counters));
        let setup = Setup {
            index,
            poll,
            doors,
            mailbox,
            peers: Peers {
                outboxes: senders.iter().map(|to| Outbox::new(to.clone(), MAILBOX)).collect(),
                loads: Arc::clone(&loads),
                most: u32::try_from(most).unwrap_or(u32::MAX),
            },
            generation: Arc::clone(generation),
            names: Arc::clone(&resolved),
            log: book.sink(Arc::clone(&counters)),
            counters,
            offload: offload.clone(),
            lookups: lookups.clone(),
            courier: Courier(sender),
            spool_dir: config.spool_dir.as_deref().map(Arc::<Path>::from),
            memory: MEMORY,
        };
        let over = over.clone();
        let spawned =
            std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                let work = || match Worker::new(setup) {
                    Ok(worker) => worker.run(),
                    Err(error) => tracing::error!(%error, "a worker cannot watch its listeners"),
                };
                // Whatever becomes of it, whoever waits for it is told.
                let _ = catch_unwind(AssertUnwindSafe(work));
                let _ = over.send(Event::Ended);
            });
        threads.push(spawned.map_err(system("cannot start a worker"))?);
    }
    let draining = Arc::new(AtomicBool::new(false));
    if let Some(admin) = &admin {
        let over = over.clone();
        let office = Office {
            workers: senders.clone(),
            counters: all_counters,
            draining: Arc::clone(&draining),
            drain: Box::new(move || _ = over.send(Event::Drain)),
            certificates: match certificates.cloned() {
                Some(certificates) => Box::new(move || certificates.status()),
                None => Box::new(Vec::new),
            },
            check: Box::new(check),
        };
        admin.serve(office).map_err(system("cannot start the admin socket"))?;
    }
    let watched = certificates.filter(|certificates| certificates.is_any());
    let files = watched.map(certificates::watch).transpose();
    let files = files.map_err(system("cannot watch certificates"))?;
    watch_signals(signals, over)?;
    systemd::ready();
    let reread = || match &files {
        Some(files) => {
            tracing::warn!("reload: not in this version; certificates are read anew");
            // Its thread ends no earlier than this one.
            let _ = files.send(());
        }
        None => tracing::warn!("reload: not in this version"),
    };
    let drain = config.times.drain;
    let as_told = control(&ended, &senders, drain, &book, &draining, &reread, count);
    for thread in threads {
        // A worker that panicked has said so.
        let _ = thread.join();
    }
    if as_told { Ok(()) } else { Err(BootError::Worker) }
}

/// What the controlling thread is told.
enum Event {
    Signal(i32),
    /// Somebody asked for it by the admin socket.
    Drain,
    Ended,
}

fn watch_signals(
    mut signals: Signals,
    over: std::sync::mpsc::Sender<Event>,
) -> Result<(), BootError> {
    let watch = move || {
        for signal in signals.forever() {
            if over.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    };
    let spawned = std::thread::Builder::new().name("signals".into()).spawn(watch);
    spawned.map(|_| ()).map_err(|error| BootError::System("cannot start the signal thread", error))
}

/// Acts on signals until all workers have ended. False when one of them did so untold: its listening
/// sockets are gone then, and with them a part of the clients, so the others are stopped too.
fn control(
    events: &Receiver<Event>,
    senders: &[Sender<Mail>],
    drain: Duration,
    book: &LogBook,
    draining: &AtomicBool,
    reread: &dyn Fn(),
    mut running: usize,
) -> bool {
    let tell = |mail: fn(&Clock, Duration) -> Mail| {
        let clock = Clock::new();
        for sender in senders {
            // A worker that has ended needs no telling.
            let _ = sender.send_waiting(mail(&clock, drain));
        }
    };
    let begin = || draining.store(true, Ordering::Relaxed);
    let is_draining = || draining.load(Ordering::Relaxed);
    let mut as_told = true;
    while running > 0 {
        match events.recv() {
            Ok(Event::Ended) => {
                running -= 1;
                if !is_draining() {
                    begin();
                    as_told = false;
                    tracing::error!("a worker ended by itself; stopping");
                    tell(|clock, drain| Mail::Drain(clock.now() + drain));
                }
            }
            Ok(Event::Signal(SIGTERM | SIGINT)) if is_draining() => {
                tracing::info!("stopping at once");
                tell(|_, _| Mail::Stop);
            }
            Ok(Event::Drain) if is_draining() => {}
            Ok(Event::Signal(SIGTERM | SIGINT) | Event::Drain) => {
                begin();
                tracing::info!(?drain, "draining; a second signal stops at once");
                tell(|clock, drain| Mail::Drain(clock.now() + drain));
            }
            Ok(Event::Signal(SIGUSR1)) => book.reopen(),
            Ok(Event::Signal(SIGHUP)) => reread(),
            Ok(Event::Signal(_)) => tracing::warn!("upgrade: not in this version"),
            Err(_) => return as_told,
        }
    }
    as_told
}

/// The listeners of each worker; those that cannot be bound twice are the first one's.
fn open_doors(
    config: &Config,
    certificates: Option<&Arc<Certificates>>,
    count: usize,
    options: &ListenOptions,
) -> Result<Vec<Vec<Door>>, BootError> {
    let mut doors: Vec<Vec<Door>> = (0..count).map(|_| Vec::new()).collect();
    let plain = config.listeners.iter().map(|address| (address, None));
    // Without certificates nobody is let in there, least of all without TLS.
    let presented = certificates.iter().flat_map(|certificates| certificates.doors());
    let secure = config.tls.listeners.iter().zip(presented);
    let secure = secure.map(|(listener, tls)| (&listener.address, Some(tls)));
    for (address, tls) in plain.chain(secure) {
        let door = |listener, port| {
            let mut door = Door::new(listener, port);
            door.tls = tls.cloned();
            door
        };
        let first = Listener::bind(&address.value, options)?;
        let port = first.local().port().unwrap_or(0);
        let shared = first.sharing() == Sharing::PerWorker;
        for worker in doors.iter_mut().skip(1).filter(|_| shared) {
            worker.push(door(first.another(options)?, port));
        }
        if let Some(worker) = doors.first_mut() {
            worker.push(door(first, port));
        }
    }
    doors.iter().take(1).flatten().for_each(announce);
    Ok(doors)
}

/// One line per listener, as the contract says.
fn announce(door: &Door) {
    let scheme = if door.tls.is_some() { "https" } else { "http" };
    match door.listener.local() {
        reactor::Peer::Ip(address) => {
            let shown = SocketAddr::new(address.ip(), address.port());
            tracing::info!("listening on {scheme}://{shown}");
        }
        reactor::Peer::Unix if door.tls.is_some() => {
            tracing::info!("listening on {} for https", door.listener.address());
        }
        reactor::Peer::Unix => tracing::info!("listening on {}", door.listener.address()),
    }
}

fn resolve(config: &Config, names: &Names) -> Resolved {
    let mut resolved = Resolved::default();
    for address in worker::addresses(config) {
        if let Address::Name { host, port } = address {
            resolved.insert(address.clone(), names.add(host, *port));
        }
    }
    for cell in names.settle(PATIENCE) {
        tracing::warn!("{} has no address yet; it is looked up again and again", cell.host());
    }
    resolved
}

fn worker_count(workers: Workers) -> usize {
    match workers {
        Workers::Count(n) => usize::from(n).max(1),
        Workers::Auto => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

fn log_target(config: &Config) -> LogTarget {
    match &config.log.to {
        LogTo::Stdout => LogTarget::Stdout,
        LogTo::Stderr => LogTarget::Stderr,
        LogTo::File(path) => LogTarget::File(path.clone()),
    }
}
