//! Files that are served: opened and read in the turn where the kernel has them in memory, else by the offload
//! threads.

use std::sync::Arc;

use crate::base::Key;
use crate::buf::{BLOCK, Segment};
use crate::proto::http::Coding;
use crate::reactor::{
    self, Below, FileFault as Fault, Found, Job, OpenFile, Patience, Progress, Transport, Wanted,
};
use crate::session::{FileFault, FileState, Input, Sought};

use super::turn::Worker;

/// Pieces up to this size are read into blocks, also where they could go straight to the socket: then they leave
/// with what is queued in front of them.
const SMALL: u64 = 16 << 10;
/// The end of a larger piece that is read as well. What is read goes out only if the file is what it was: so one
/// that changed is never sent to its end.
const TAIL: u64 = 1 << 10;

/// The file of one session.
#[derive(Debug)]
pub(super) struct Served {
    file: OpenFile,
    /// A thread brings bytes of it into memory.
    warming: bool,
}

impl Worker {
    /// Opens the file that a session waits for.
    pub(super) fn open_file(&mut self, key: Key) {
        let mut result = self.open_now(key);
        if matches!(result, Some(Err(Fault::Exhausted))) && self.shed() > 0 {
            result = self.open_now(key);
        }
        match result {
            None => {}
            Some(Err(Fault::NotNow)) => self.open_later(key),
            Some(result) => {
                let input = self.keep_file(key, result);
                self.answer(key, input);
            }
        }
    }

    fn open_now(&mut self, key: Key) -> Option<Result<Found, Fault>> {
        let sought = self.sessions.get(key)?.machine.sought()?;
        Some(self.opener.open(&below(&sought), Patience::None))
    }

    fn open_later(&mut self, key: Key) {
        let sought = self.sessions.get(key).and_then(|session| session.machine.sought());
        let Some(sought) = sought else { return };
        let job = Job::Open(Box::new(Wanted::of(sought.root, &below(&sought))));
        if self.offload.submit(job, key.to_u64(), self.courier.clone()).is_err() {
            self.answer(key, Input::FileFailed(FileFault::Overloaded));
        }
    }

    /// A thread has opened the file of a session, or not.
    pub(super) fn file_opened(&mut self, key: Key, result: Result<Found, Fault>) {
        if self.sessions.get(key).is_some() {
            let input = self.keep_file(key, result);
            self.answer_and_drive(key, input);
        }
    }

    fn keep_file(&mut self, key: Key, result: Result<Found, Fault>) -> Input {
        match result {
            Ok(found) => {
                let state = state(&found);
                let served = Served { file: OpenFile::from(found), warming: false };
                self.files.insert(key, served);
                Input::Opened(state)
            }
            Err(fault) => {
                if let Fault::Failed(error) = &fault {
                    tracing::warn!(%error, "a file cannot be opened");
                }
                Input::FileFailed(match fault {
                    Fault::Missing => FileFault::Missing,
                    Fault::Directory => FileFault::Directory,
                    Fault::Forbidden => FileFault::Forbidden,
                    Fault::Exhausted | Fault::NotNow => FileFault::Overloaded,
                    Fault::Failed(_) => FileFault::Failed,
                })
            }
        }
    }

    /// Sends what comes next of a session's file, or puts it behind what is queued; bytes sent.
    pub(super) fn send_file(&mut self, key: Key) -> usize {
        let (progress, straight) = match self.next_bytes(key) {
            Some(next) => next,
            None => return 0,
        };
        let Some(session) = self.sessions.get_mut(key) else { return 0 };
        match progress {
            Progress::Bytes(n) => {
                session.machine.sent(n);
                if !straight {
                    return 0;
                }
                session.ports[0].tx_begun = true;
                session.ports[0].sent = self.world.clock.now();
                self.world.counters.client_out.add(n as u64);
                n
            }
            Progress::Full => 0,
            Progress::Broken => {
                session.ports[0].tx_broken = true;
                1
            }
            Progress::Cold(piece) => {
                session.machine.waits_for_disk();
                self.warm(key, piece);
                0
            }
            Progress::Changed => {
                self.answer(key, Input::FileFailed(FileFault::Changed));
                1
            }
            Progress::Failed(error) => {
                tracing::warn!(%error, "a file cannot be read");
                self.answer(key, Input::FileFailed(FileFault::Failed));
                1
            }
        }
    }

    /// Takes one step with what comes next; whether it went straight to the socket.
    fn next_bytes(&mut self, key: Key) -> Option<(Progress, bool)> {
        let session = self.sessions.get_mut(key)?;
        let piece = session.machine.piece()?;
        let served = self.files.get_mut(&key).filter(|served| !served.warming)?;
        let conn = self.conns.get_mut(session.conns[0]?)?;
        let port = &mut session.ports[0];
        if port.tx_broken {
            return None;
        }
        let mut piece = reactor::Piece { offset: piece.offset, len: piece.len };
        if matches!(conn.transport, Transport::Plain) && piece.len > SMALL {
            if !port.tx.is_empty() || !conn.ready.writable {
                return None;
            }
            piece.len -= TAIL;
            return Some((served.file.send(&conn.stream, &mut conn.ready, piece), true));
        }
        // A slow reader holds a block and its record, however large the file.
        if port.tx.capacity() > BLOCK || conn.transport.is_behind() {
            return None;
        }
        let Some(mut block) = self.world.pool.take() else {
            self.starved.push(key);
            return None;
        };
        let progress =
            served.file.read(reactor::Piece { len: piece.len.min(SMALL), ..piece }, &mut block);
        if let Progress::Bytes(_) = progress {
            port.tx.push(Segment::Block(block), &self.world.pool);
        }
        Some((progress, false))
    }

    /// Has bytes of a session's file brought into memory.
    fn warm(&mut self, key: Key, piece: reactor::Piece) {
        let Some(served) = self.files.get_mut(&key) else { return };
        let job = served.file.share().map(|file| Job::Warm { file, piece });
        let submitted = job
            .is_ok_and(|job| self.offload.submit(job, key.to_u64(), self.courier.clone()).is_ok());
        served.warming = submitted;
        if !submitted {
            // Too much is asked of the disk, or descriptors are short: it is looked at again soon.
            self.starved.push(key);
        }
    }

    /// They are in memory.
    pub(super) fn file_warmed(&mut self, key: Key, result: std::io::Result<reactor::Piece>) {
        let Some(served) = self.files.get_mut(&key) else { return };
        served.warming = false;
        match result {
            Ok(piece) => {
                served.file.warmed(piece);
                self.drive(key);
            }
            Err(error) => {
                tracing::warn!(%error, "a file cannot be read");
                self.answer_and_drive(key, Input::FileFailed(FileFault::Failed));
            }
        }
    }

    /// Closes the file of a session, where it has one.
    pub(super) fn close_file(&mut self, key: Key) {
        if self.files.is_empty() {
            return;
        }
        if let Some(served) = self.files.remove(&key).filter(|served| served.file.is_orphan()) {
            let file = Arc::new(served.file.into_file());
            // With a full queue it is closed here, which only takes its time.
            let _ = self.offload.submit(Job::Close { file }, key.to_u64(), self.courier.clone());
        }
    }
}

fn below<'a>(sought: &Sought<'a>) -> Below<'a> {
    let Sought { root, name, slash, single, codings } = *sought;
    let suffixes = codings.map(|coding| coding.map(Coding::suffix));
    Below { root, name, slash, single, suffixes }
}

fn state(found: &Found) -> FileState {
    let reactor::Stamp { size, seconds, nanos, inode } = found.stamp;
    let coding = Coding::ALL.into_iter().find(|coding| Some(coding.suffix()) == found.suffix);
    FileState { size, seconds, nanos, inode, coding, index: found.index }
}
