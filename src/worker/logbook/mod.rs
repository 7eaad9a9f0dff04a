//! Logs: lines are collected, a thread writes them. The access log is one, and so is the diagnostic
//! log.
//!
//! Each worker hands its full buffer over for an empty one; neither waits for the disk. When the writer
//! cannot keep up, lines are dropped and counted. Nobody is stopped by a log that cannot be written:
//! not a worker, and not the end of the process.

mod output;
mod syslog;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::Counters;

use output::{Output, Unwritten, count};

pub use output::LogTarget;

/// Bytes waiting for the writer before lines are dropped.
const MOST: usize = 8 << 20;
/// How long the end waits for the last lines to be written: a pipe that nobody reads never takes them.
const PATIENCE: Duration = Duration::from_secs(2);

/// What workers and writer share.
#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    ready: Condvar,
    /// Lines that could not be written and that no counter knows of yet.
    unwritten: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    reopen: bool,
    /// Where lines go from here on.
    turn: Option<(LogTarget, Output)>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing thread.
#[derive(Debug)]
pub struct LogBook {
    shared: Arc<Shared>,
    /// Hangs up when the writer has ended.
    ended: Receiver<()>,
}

/// A worker's way to the writer.
#[derive(Clone, Debug)]
pub struct LogSink {
    shared: Arc<Shared>,
    counters: Arc<Counters>,
}

impl LogBook {
    /// Opens the target and starts the writer.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(target: LogTarget) -> io::Result<LogBook> {
        let output = Output::open(&target)?;
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        let (ending, ended) = channel();
        std::thread::Builder::new().name("log".into()).spawn(move || {
            write_on(&of_thread, target, output);
            drop(ending);
        })?;
        Ok(LogBook { shared, ended })
    }

    /// A way to the writer for one worker.
    pub fn sink(&self, counters: Arc<Counters>) -> LogSink {
        LogSink { shared: Arc::clone(&self.shared), counters }
    }

    /// Opens the file anew: it was moved away.
    pub fn reopen(&self) {
        self.shared.lock().reopen = true;
        self.shared.ready.notify_one();
    }
}

impl LogBook {
    /// Has lines go elsewhere from here on.
    ///
    /// # Errors
    /// When that cannot be opened; lines go on to where they went.
    pub fn turn_to(&self, target: LogTarget) -> io::Result<()> {
        let output = Output::open(&target)?;
        self.shared.lock().turn = Some((target, output));
        self.shared.ready.notify_one();
        Ok(())
    }
}

impl Drop for LogBook {
    /// Has what is waiting written, and the thread end, unless that takes too long.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.ready.notify_one();
        let _: Result<(), _> = self.ended.recv_timeout(PATIENCE);
    }
}

impl LogSink {
    /// Hands the lines over and leaves an empty buffer.
    pub fn hand_over(&self, lines: &mut Vec<u8>) {
        let mut waiting = self.shared.lock();
        if waiting.lines.is_empty() {
            std::mem::swap(&mut waiting.lines, lines);
        } else if waiting.lines.len() + lines.len() <= MOST {
            waiting.lines.extend_from_slice(lines);
        } else {
            self.counters.log_lost.add(count(lines));
        }
        drop(waiting);
        self.counters.log_lost.add(self.shared.unwritten.swap(0, Ordering::Relaxed));
        lines.clear();
        self.shared.ready.notify_one();
    }
}

/// The writer: until the log is closed and all is written. What cannot be written is said once, until
/// it works again: saying so may be what cannot be written.
fn write_on(shared: &Shared, mut target: LogTarget, mut output: Output) {
    let mut lines = Vec::new();
    let mut failing = false;
    loop {
        let Wishes { reopen, turn, closed } = take(shared, &mut lines);
        if let Some((to, opened)) = turn {
            (target, output) = (to, opened);
        } else if reopen {
            match Output::open(&target) {
                Ok(opened) => output = opened,
                Err(error) => tracing::error!(%error, "a log stays as it was: {target}"),
            }
        }
        match output.write_all(&lines) {
            Err(Unwritten { lines, error }) => {
                shared.unwritten.fetch_add(lines, Ordering::Relaxed);
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "a log cannot be written: {target}");
                }
            }
            Ok(()) if failing && !lines.is_empty() => {
                failing = false;
                tracing::info!("a log can be written again: {target}");
            }
            _ => {}
        }
        if closed {
            return;
        }
    }
}

/// What is wanted of the writer beside writing.
struct Wishes {
    reopen: bool,
    turn: Option<(LogTarget, Output)>,
    closed: bool,
}

/// Waits for lines or a wish; leaves the lines in `lines`.
fn take(shared: &Shared, lines: &mut Vec<u8>) -> Wishes {
    lines.clear();
    let mut waiting = shared.lock();
    let idle = |waiting: &mut Waiting| {
        waiting.lines.is_empty() && !waiting.reopen && waiting.turn.is_none() && !waiting.closed
    };
    while idle(&mut waiting) {
        waiting = shared.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
    }
    std::mem::swap(&mut waiting.lines, lines);
    let reopen = std::mem::take(&mut waiting.reopen);
    Wishes { reopen, turn: waiting.turn.take(), closed: waiting.closed }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn lines_arrive_in_order_and_reopening_follows_a_rename() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("access.log");
        let book = LogBook::open(LogTarget::File(path.clone())).expect("a log");
        let sink = book.sink(Arc::default());
        let mut lines = b"one\n".to_vec();
        sink.hand_over(&mut lines);
        assert!(lines.is_empty());
        while std::fs::read(&path).expect("a file") != b"one\n" {
            std::thread::yield_now();
        }
        std::fs::rename(&path, dir.path().join("old.log")).expect("renamed");
        book.reopen();
        while !path.exists() {
            std::thread::yield_now();
        }
        lines.extend_from_slice(b"two\n");
        sink.hand_over(&mut lines);
        drop(book);
        assert_eq!(std::fs::read(&path).expect("a file"), b"two\n");
    }

    #[test]
    fn the_end_does_not_wait_for_a_pipe_that_nobody_reads() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .expect("a pipe");
        let _unread = OpenOptions::new().read(true).write(true).open(&path).expect("opened");
        let book = LogBook::open(LogTarget::File(path)).expect("a log");
        book.sink(Arc::default()).hand_over(&mut vec![b'x'; 1 << 20]);
        drop(book);
    }

    #[test]
    fn a_full_disk_stops_nobody() {
        let book = LogBook::open(LogTarget::File("/dev/full".into())).expect("a log");
        let sink = book.sink(Arc::default());
        for _ in 0..3 {
            sink.hand_over(&mut b"line\n".to_vec());
            book.reopen();
        }
    }
}
