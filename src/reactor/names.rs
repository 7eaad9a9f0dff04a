//! Host names: resolved on a thread of their own, at start, again and again, and when an address is in doubt; read
//! without waiting.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::base::{Clock, Millis};

/// A name that did not resolve is tried again after this, if the interval is not shorter.
const RETRY: Duration = Duration::from_secs(5);

/// Between two look-ups of a name whose addresses are in doubt.
const DOUBT: Duration = Duration::from_secs(1);

/// How a name is looked up; it may wait for as long as it likes.
pub type Lookup = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// Looks a name up as the system does. Waits.
pub(super) fn ask_system(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// A name and the addresses it has at present. Dropping the last `Arc` ends its resolution.
#[derive(Debug)]
pub struct NameCell {
    host: String,
    port: u16,
    addresses: ArcSwap<Vec<SocketAddr>>,
    /// Looked up at least once, with or without success.
    tried: AtomicBool,
    failing: AtomicBool,
    /// When other addresses were found than before.
    changed: AtomicU64,
    /// Connections may have been made to addresses that it has no more.
    moved: AtomicBool,
    doubted: AtomicBool,
    resolver: Weak<Shared>,
}

impl NameCell {
    /// The name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also that of every address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All addresses, as the resolver ordered them; empty until it first succeeded.
    pub fn addresses(&self) -> Arc<Vec<SocketAddr>> {
        self.addresses.load_full()
    }

    /// One address: callers that count `turn` up get one after the other.
    pub fn address(&self, turn: usize) -> Option<SocketAddr> {
        let addresses = self.addresses.load();
        addresses.get(turn.checked_rem(addresses.len())?).copied()
    }

    /// Whether the last look-up failed; the addresses are those of the last that did not.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Whether other addresses were found after that time than before.
    pub fn has_changed_since(&self, then: Millis) -> bool {
        self.changed.load(Ordering::Relaxed) > then.get()
    }

    /// Whether `address` is one of it; true as long as it has had no others.
    pub fn has(&self, address: impl FnOnce() -> Option<SocketAddr>) -> bool {
        !self.moved.load(Ordering::Relaxed)
            || address().is_some_and(|address| {
                let is_it =
                    |one: &SocketAddr| one.ip().to_canonical() == address.ip().to_canonical();
                self.addresses.load().iter().any(is_it)
            })
    }

    /// No connection could be made: the name is looked up again soon.
    pub fn doubt(&self) {
        if !self.doubted.swap(true, Ordering::Relaxed)
            && let Some(resolver) = self.resolver.upgrade()
        {
            resolver.hurry(self);
        }
    }

    /// Remembers addresses, where they are others than before; their order is the resolver's affair.
    fn store(&self, addresses: Vec<SocketAddr>) {
        let before = self.addresses.load();
        if **before == addresses {
            return;
        }
        let same =
            before.len() == addresses.len() && addresses.iter().all(|one| before.contains(one));
        if !same && !before.is_empty() {
            let host = &self.host;
            tracing::info!(
                "{host} has other addresses: {}, before {}",
                shown(&addresses),
                shown(&before)
            );
            self.moved.store(true, Ordering::Relaxed);
        }
        self.addresses.store(Arc::new(addresses));
        if !same {
            self.changed.store(Clock::new().now().get().max(1), Ordering::Relaxed);
        }
    }

    /// Publishes what a look-up found; a failure keeps what was known, and is logged once.
    fn publish(&self, found: io::Result<Vec<SocketAddr>>) {
        let error = match found {
            Ok(addresses) if !addresses.is_empty() => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("{} resolves again", self.host);
                }
                return self.store(addresses);
            }
            Ok(_) => io::Error::from(io::ErrorKind::NotFound),
            Err(error) => error,
        };
        if !self.failing.swap(true, Ordering::Relaxed) {
            let known = self.addresses.load().len();
            tracing::warn!("{} does not resolve: {error}; {known} addresses known", self.host);
        }
    }
}

fn shown(addresses: &[SocketAddr]) -> String {
    let all: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    all.join(", ")
}

/// The resolver; its thread ends when it is dropped.
#[derive(Debug)]
pub struct Names {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    names: Vec<Entry>,
    ended: bool,
}

#[derive(Debug)]
struct Entry {
    cell: Weak<NameCell>,
    due: Instant,
    /// When it was looked up last.
    looked: Option<Instant>,
}

impl Names {
    /// Starts a resolver that asks the system, for each name every `interval`.
    pub fn start(interval: Duration) -> io::Result<Names> {
        Names::start_with(interval, ask_system)
    }

    /// The same, with another way to look up.
    pub fn start_with(interval: Duration, lookup: Lookup) -> io::Result<Names> {
        let shared =
            Arc::new(Shared { state: Mutex::new(State::default()), changed: Condvar::new() });
        let names = Names { shared: Arc::clone(&shared) };
        let run = move || shared.run(interval, lookup);
        thread::Builder::new().name("names".into()).spawn(run)?;
        Ok(names)
    }

    /// Resolves a name from now on. Asked twice for the same, it gives the same cell.
    pub fn add(&self, host: &str, port: u16) -> Arc<NameCell> {
        let mut state = self.shared.state();
        let known = state.names.iter().filter_map(|entry| entry.cell.upgrade());
        if let Some(cell) = { known }.find(|cell| cell.port == port && cell.host == host) {
            return cell;
        }
        let cell = Arc::new(NameCell {
            host: host.to_owned(),
            port,
            addresses: ArcSwap::default(),
            tried: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            changed: AtomicU64::new(0),
            moved: AtomicBool::new(false),
            doubted: AtomicBool::new(false),
            resolver: Arc::downgrade(&self.shared),
        });
        let cell_of = Arc::downgrade(&cell);
        state.names.push(Entry { cell: cell_of, due: Instant::now(), looked: None });
        self.shared.changed.notify_all();
        cell
    }

    /// Waits until every name was looked up, but not longer than `patience`; returns those that
    /// have no address. For the start only: it blocks.
    pub fn settle(&self, patience: Duration) -> Vec<Arc<NameCell>> {
        let untried = |state: &mut State| {
            let mut cells = state.names.iter().filter_map(|entry| entry.cell.upgrade());
            cells.any(|cell| !cell.tried.load(Ordering::Acquire))
        };
        let waited = self.shared.changed.wait_timeout_while(self.shared.state(), patience, untried);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let cells = state.names.iter().filter_map(|entry| entry.cell.upgrade());
        cells.filter(|cell| cell.addresses.load().is_empty()).collect()
    }
}

impl Drop for Names {
    /// Does not wait for the thread: a look-up may take long.
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a name looked up soon, but not at once again.
    fn hurry(&self, cell: &NameCell) {
        let mut state = self.state();
        let is_it = |entry: &&mut Entry| std::ptr::eq(entry.cell.as_ptr(), cell);
        if let Some(entry) = state.names.iter_mut().find(is_it) {
            let soon = entry.looked.map_or(entry.due, |looked| looked + DOUBT);
            entry.due = entry.due.min(soon);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn run(&self, interval: Duration, lookup: Lookup) {
        while let Some(cell) = self.next_due() {
            // What is doubted from here on is what is found now.
            cell.doubted.store(false, Ordering::Relaxed);
            cell.publish(lookup(&cell.host, cell.port));
            cell.tried.store(true, Ordering::Release);
            let after = if cell.is_failing() { interval.min(RETRY) } else { interval };
            let this = Arc::downgrade(&cell);
            let mut state = self.state();
            if let Some(entry) = state.names.iter_mut().find(|entry| entry.cell.ptr_eq(&this)) {
                let now = Instant::now();
                // A doubt that came up meanwhile keeps its turn.
                let after =
                    if cell.doubted.load(Ordering::Relaxed) { after.min(DOUBT) } else { after };
                (entry.looked, entry.due) = (Some(now), now + after);
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits for the name that is to be looked up next; `None` at the end.
    fn next_due(&self) -> Option<Arc<NameCell>> {
        let mut state = self.state();
        while !state.ended {
            state.names.retain(|entry| entry.cell.strong_count() > 0);
            let Some(next) = state.names.iter().min_by_key(|entry| entry.due) else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let wait = next.due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                match next.cell.upgrade() {
                    Some(cell) => return Some(cell),
                    None => continue,
                }
            }
            let waited = self.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
