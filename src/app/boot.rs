//! From a compiled configuration to running workers, and from a signal to stopped ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use mio::{Poll, Waker};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::account::{Account, Accounts};
use super::admin::{AdminSocket, Office};
use super::certificates::{self, Certificates};
use super::reload::Running;
use super::site::Maker;
use super::{bus, doors, instances, systemd};
use crate::base::{Clock, Counters, Problem};
use crate::config::{Config, LogTo, Workers};
use crate::proto::instances::Secret;
use crate::reactor::{self, Alarm, Mailbox, Names, Offload, Outbox, Sender};
use crate::session::Generation;
use crate::session::admin::UpstreamStatus;
use crate::worker::{
    ALARM_TOKEN, Courier, Load, LogBook, LogTarget, MAIL_TOKEN, Mail, Peers, Setup, Worker,
};

/// Letters a mailbox has room for.
const MAILBOX: usize = 4096;
/// Threads for the disk, and jobs that may wait for them.
const OFFLOAD: (usize, usize) = (2, 1024);
/// Threads that look up tokens, which may wait for a resolver, and look-ups that may wait for them.
const LOOKUPS: (usize, usize) = (2, 1024);
/// Passwords that may wait to be compared with their hashes, by half as many threads as there are cores: whoever
/// sends wrong ones by the thousand takes no more than that.
const PASSWORDS: usize = 64;
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
    /// The process may not become who it should.
    #[error(
        "cannot become {0}: {1}; only root can, so start as root, or as that user without user and group"
    )]
    Account(Account, std::io::Error),
    /// Other instances cannot be waited for.
    #[error("channel-listen: cannot listen on {0}: {1}")]
    Instances(String, std::io::Error),
    /// A worker ended before it was told to.
    #[error("a worker failed")]
    Worker,
}

/// A compiled configuration that is to run.
pub(super) struct Ready {
    pub(super) maker: Maker,
    pub(super) config: Config,
    pub(super) accounts: Accounts,
    pub(super) generation: Arc<Generation>,
    pub(super) certificates: Arc<Certificates>,
    /// What other instances know too, where there are any.
    pub(super) secret: Option<Secret>,
    /// The bus, where there is one.
    pub(super) bus: Option<bus::Target>,
}

/// Runs until stopped by a signal.
///
/// # Errors
/// When something it needs cannot be had; nothing was started then.
pub(super) fn run(ready: Ready) -> Result<(), BootError> {
    let Ready { maker, config, accounts, generation, certificates, secret, bus } = ready;
    let system = |what| move |error| BootError::System(what, error);
    let descriptors =
        reactor::raise_descriptors().map_err(system("cannot raise the descriptor limit"))?;
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2])
        .map_err(system("cannot listen for signals"))?;
    let count = worker_count(config.workers);
    let options = doors::options(&config, &accounts);
    let spots = doors::spots(&config, &certificates);
    let doors = doors::open(&spots, count, &options, &generation, systemd::inherited())?;
    doors::announce(&doors);
    let others = instances::prepare(&config)?;
    let shared = bus::prepare(bus.as_ref())?;
    let owner = accounts.own.as_ref().map(Account::owner).unwrap_or_default();
    let admin = AdminSocket::open(&config.admin, owner)?;
    let target = log_target(&config);
    let book = LogBook::open(target.clone()).map_err(|error| BootError::Log(target, error))?;
    if let Some(account) = &accounts.own {
        settle_as(account, &config, &maker)?;
    }
    maker.names().iter().for_each(|names| settle(names));
    let offload = Offload::start("offload", OFFLOAD.0, OFFLOAD.1)
        .map_err(system("cannot start the disk threads"))?;
    let lookups = Offload::start("lookup", LOOKUPS.0, LOOKUPS.1)
        .map_err(system("cannot start the threads for tokens"))?;
    let passwords = Offload::start("password", worker_count(Workers::Auto).div_ceil(2), PASSWORDS)
        .map_err(system("cannot start the threads for passwords"))?;
    maker.watch().map_err(system("cannot watch files of users"))?;
    // Each worker has a poll, a waker and an alarm, and may have a pipe.
    let reserve = RESERVE + 5 * count as u64;
    let possible = (descriptors - reserve.min(descriptors / 2)) / 2;
    let most = config.max_connections.unwrap_or(possible);

    let mut polls = Vec::new();
    for _ in 0..count {
        let poll = Poll::new().map_err(system("cannot make a poll"))?;
        let waker =
            Waker::new(poll.registry(), MAIL_TOKEN).map_err(system("cannot make a waker"))?;
        let alarm =
            Alarm::new(poll.registry(), ALARM_TOKEN).map_err(system("cannot make a timer"))?;
        let (sender, mailbox) = Mailbox::new(MAILBOX, Arc::new(waker));
        polls.push((poll, alarm, sender, mailbox));
    }
    let senders: Vec<Sender<Mail>> = polls.iter().map(|(_, _, sender, _)| sender.clone()).collect();
    let loads: Arc<[Load]> = (0..count).map(|_| Load::default()).collect();
    let (over, ended) = channel();
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut all_counters = Vec::new();
    let abroad = others.as_ref().map(instances::Prepared::sender);
    let abroad = abroad.or(shared.as_ref().map(bus::Prepared::sender));
    for (index, ((poll, alarm, sender, mailbox), doors)) in polls.into_iter().zip(doors).enumerate()
    {
        let counters = Arc::new(Counters::new());
        all_counters.push(Arc::clone(&counters));
        let setup = Setup {
            index,
            poll,
            alarm,
            doors,
            mailbox,
            peers: Peers {
                outboxes: senders.iter().map(|to| Outbox::new(to.clone(), MAILBOX)).collect(),
                loads: Arc::clone(&loads),
                most: u32::try_from(most).unwrap_or(u32::MAX),
            },
            generation: Arc::clone(&generation),
            log: book.sink(Arc::clone(&counters)),
            counters,
            offload: offload.clone(),
            lookups: lookups.clone(),
            passwords: passwords.clone(),
            courier: Courier(sender),
            spool_dir: config.spool_dir.as_deref().map(Arc::<Path>::from),
            memory: MEMORY,
            abroad: abroad.map(|abroad| Outbox::new(abroad.clone(), MAILBOX)),
            recalls: bus.as_ref().is_some_and(bus::Target::keeps),
        };
        let over = over.clone();
        let spawned =
            std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                let work = || match Worker::new(setup) {
                    Ok(worker) => worker.run(),
                    Err(error) => tracing::error!(%error, "a worker cannot watch its listeners"),
                };
                reactor::never_cancelled();
                // Whatever becomes of it, whoever waits for it is told.
                let _ = catch_unwind(AssertUnwindSafe(work));
                let _ = over.send(Event::Ended);
            });
        threads.push(spawned.map_err(system("cannot start a worker"))?);
    }
    let draining = Arc::new(AtomicBool::new(false));
    let shown = Arc::new(ArcSwap::new(Arc::clone(&certificates)));
    let followed = Arc::new(ArcSwap::new(Arc::clone(&generation)));
    if let Some(admin) = &admin {
        let office = Office {
            workers: senders.clone(),
            counters: all_counters,
            draining: Arc::clone(&draining),
            drain: {
                let over = over.clone();
                Box::new(move || _ = over.send(Event::Drain))
            },
            certificates: {
                let shown = Arc::clone(&shown);
                Box::new(move || shown.load().status())
            },
            upstreams: {
                let followed = Arc::clone(&followed);
                Box::new(move || groups(&followed.load()))
            },
            instances: {
                let board = others.as_ref().map(|others| Arc::clone(others.board()));
                Box::new(move || board.as_ref().map(instances::status))
            },
            bus: {
                let board = shared.as_ref().map(|shared| Arc::clone(shared.board()));
                Box::new(move || board.as_ref().map(bus::status))
            },
            check: {
                let source = maker.source().clone();
                Box::new(move || Maker::new(source.clone(), None).compile().problems)
            },
            reload: {
                let over = over.clone();
                Box::new(move || ask_reload(&over))
            },
        };
        admin.serve(office).map_err(system("cannot start the admin socket"))?;
    }
    let watched = Some(&certificates).filter(|certificates| certificates.is_any());
    let watch = watched.map(certificates::watch).transpose();
    let watch = watch.map_err(system("cannot watch certificates"))?;
    let others = others
        .zip(secret)
        .map(|(others, secret)| others.start(&config, secret, maker.names(), senders.clone()));
    let others = others.transpose().map_err(system("cannot start the thread for instances"))?;
    let shared = shared.zip(bus).map(|(shared, bus)| shared.start(bus, senders.clone()));
    let shared = shared.transpose().map_err(system("cannot start the thread for the bus"))?;
    watch_signals(signals, over)?;
    systemd::ready();
    // What reading the command line and the configuration took.
    reactor::give_back();
    let running = Running {
        maker,
        config,
        certificates: shown,
        generation: followed,
        watch,
        spots,
        workers: senders,
        book,
        most: possible,
    };
    let as_told = control(&ended, running, &draining);
    for thread in threads {
        // A worker that panicked has said so.
        let _ = thread.join();
    }
    if let Some(others) = others {
        others.end();
    }
    if let Some(shared) = shared {
        shared.end();
    }
    if as_told { Ok(()) } else { Err(BootError::Worker) }
}

/// Becomes who the configuration says, and says what that one will not be able to do.
fn settle_as(account: &Account, config: &Config, maker: &Maker) -> Result<(), BootError> {
    if rustix::process::geteuid().is_root() {
        account.take_log(config);
    }
    let changed = account.assume();
    if changed.map_err(|error| BootError::Account(account.clone(), error))? {
        tracing::info!("running as {account}");
        let problems = Maker::new(maker.source().clone(), None).compile().problems;
        account.look_around(config, &problems);
    }
    Ok(())
}

/// Groups of servers as they are now.
fn groups(generation: &Generation) -> Vec<UpstreamStatus> {
    let now = Clock::new().now();
    generation.groups.all.iter().map(|group| UpstreamStatus::of(group, now)).collect()
}

/// Asks the controlling thread for a reload, and waits for what came of it.
fn ask_reload(over: &mpsc::Sender<Event>) -> Vec<Problem> {
    let (tell, told) = channel();
    // It ends before the admin socket does only when the process ends.
    let _ = over.send(Event::Reload(tell));
    told.recv().unwrap_or_else(|_| vec![Problem::error(None, "the router is stopping")])
}

/// What the controlling thread is told.
enum Event {
    Signal(i32),
    /// Somebody asked for it by the admin socket.
    Drain,
    /// Somebody asked for it, and wants to know what came of it.
    Reload(mpsc::Sender<Vec<Problem>>),
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
fn control(events: &Receiver<Event>, mut running: Running, draining: &AtomicBool) -> bool {
    let mut left = running.workers.len();
    let tell = |running: &Running, mail: fn(&Clock, Duration) -> Mail| {
        let clock = Clock::new();
        for worker in &running.workers {
            // A worker that has ended needs no telling.
            let _ = worker.send_waiting(mail(&clock, running.config.times.drain));
        }
    };
    let begin = || draining.store(true, Ordering::Relaxed);
    let is_draining = || draining.load(Ordering::Relaxed);
    let mut as_told = true;
    while left > 0 {
        match events.recv() {
            Ok(Event::Ended) => {
                left -= 1;
                if !is_draining() {
                    begin();
                    as_told = false;
                    tracing::error!("a worker ended by itself; stopping");
                    tell(&running, |clock, drain| Mail::Drain(clock.now() + drain));
                }
            }
            Ok(Event::Signal(SIGTERM | SIGINT)) if is_draining() => {
                tracing::info!("stopping at once");
                tell(&running, |_, _| Mail::Stop);
            }
            Ok(Event::Drain) if is_draining() => {}
            Ok(Event::Signal(SIGTERM | SIGINT) | Event::Drain) => {
                begin();
                systemd::stopping();
                let drain = running.config.times.drain;
                tracing::info!(?drain, "draining; a second signal stops at once");
                tell(&running, |clock, drain| Mail::Drain(clock.now() + drain));
            }
            Ok(Event::Signal(SIGUSR1)) => running.book.reopen(),
            Ok(Event::Signal(SIGHUP)) if is_draining() => {
                tracing::warn!("reload: it is stopping, and nothing is read any more");
            }
            Ok(Event::Signal(SIGHUP)) => drop(running.reload()),
            Ok(Event::Reload(asked)) if is_draining() => drop(asked),
            Ok(Event::Reload(asked)) => {
                // Whoever asked may be gone.
                let _ = asked.send(running.reload());
            }
            Ok(Event::Signal(_)) => tracing::warn!("upgrade: not in this version"),
            Err(_) => return as_told,
        }
    }
    as_told
}

/// Waits for the addresses of names, but not for ever.
pub(super) fn settle(names: &Names) {
    for cell in names.settle(PATIENCE) {
        tracing::warn!("{} has no address yet; it is looked up again and again", cell.host());
    }
}

pub(super) fn worker_count(workers: Workers) -> usize {
    match workers {
        Workers::Count(n) => usize::from(n).max(1),
        Workers::Auto => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

/// What this host calls itself.
pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

pub(super) fn log_target(config: &Config) -> LogTarget {
    match &config.log.to {
        LogTo::Stdout => LogTarget::Stdout,
        LogTo::Stderr => LogTarget::Stderr,
        LogTo::File(path) => LogTarget::File(path.clone()),
        LogTo::Syslog(syslog) => LogTarget::Syslog(syslog.clone(), host_name()),
    }
}
