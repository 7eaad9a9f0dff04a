//! What waits for a disk or a resolver: a few threads, a bounded queue of plain jobs, answers to whoever asked.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::files::{Below, FileFault, Found, Opener, Patience, Piece, warm};
use super::look::leads_to;
use super::names::ask_system;
use super::passwords::Puzzle;
use super::queue::{QueueReceiver, QueueSender, queue};
use super::tokens::{TokenAnswer, Tokens};
use crate::base::FileKind;

/// Something to do that may wait for a disk or a resolver.
#[derive(Debug)]
pub enum Job {
    /// Make a file without a name, which is gone when it is closed.
    Create {
        /// In this directory; `None` is the system's for temporary files.
        directory: Option<Arc<Path>>,
    },
    /// Write `bytes` at `offset`.
    Write {
        /// What to write to.
        file: Arc<File>,
        /// Where the first byte goes.
        offset: u64,
        /// All of it, or it is an error.
        bytes: Vec<u8>,
    },
    /// Read up to `len` bytes from `offset`; fewer only at the end of the file.
    Read {
        /// What to read from.
        file: Arc<File>,
        /// Where the first byte is.
        offset: u64,
        /// At most so many bytes.
        len: usize,
    },
    /// Find what a token stands for.
    Find {
        /// Lines of `TOKEN: ADDR`.
        file: Arc<Path>,
        /// The token.
        token: String,
    },
    /// Look what a path leads to.
    Look {
        /// The path, in bytes.
        path: Box<[u8]>,
        /// What it is to be.
        kind: FileKind,
    },
    /// Open a file to be served; see [`Opener::open`].
    Open(Box<Wanted>),
    /// Bring bytes of a file into memory.
    Warm {
        /// Of which file.
        file: OwnedFd,
        /// Which bytes.
        piece: Piece,
    },
    /// Find out whether a password is right.
    Verify(Puzzle),
    /// Close, which for a large file without a name takes time. Has no answer.
    Close {
        /// Closed if nobody else has it.
        file: Arc<File>,
    },
}

/// [`Below`] as a thread can have it.
#[derive(Debug)]
pub struct Wanted {
    root: Arc<Path>,
    name: Vec<u8>,
    slash: bool,
    single: bool,
    suffixes: [Option<&'static str>; 3],
}

impl Wanted {
    /// The same file, below `root`.
    pub fn of(root: &Arc<Path>, below: &Below<'_>) -> Wanted {
        let Below { name, slash, single, suffixes, .. } = *below;
        Wanted { root: Arc::clone(root), name: name.to_vec(), slash, single, suffixes }
    }

    fn open(&self) -> Result<Found, FileFault> {
        let Wanted { root, name, slash, single, suffixes } = self;
        let (slash, single, suffixes) = (*slash, *single, *suffixes);
        let below = Below { root, name, slash, single, suffixes };
        Opener::default().open(&below, Patience::Endless)
    }
}

/// What became of a [`Job`].
#[derive(Debug)]
pub enum Done {
    /// The new file.
    Created(io::Result<Arc<File>>),
    /// What was to be written comes back empty, its memory to be used again.
    Written(io::Result<Vec<u8>>),
    /// What was read.
    Read(io::Result<Vec<u8>>),
    /// What the token stands for.
    Found(TokenAnswer),
    /// Whether the path leads to such a file.
    Looked(bool),
    /// The file.
    Opened(Result<Found, FileFault>),
    /// These bytes are in memory.
    Warmed(io::Result<Piece>),
    /// Whether the password is right.
    Verified(bool),
}

/// Where an answer goes. Called on an offload thread, which may wait.
pub trait Reply: Send + 'static {
    /// Hands over the answer for `owner`, which may be gone by now.
    fn reply(self, owner: u64, done: Done);
}

struct Order<R> {
    job: Job,
    owner: u64,
    reply: R,
}

/// The way to the threads; clone it for every worker. They end when the last clone is dropped and
/// the queue is empty.
pub struct Offload<R> {
    queue: QueueSender<Order<R>>,
}

impl<R: Reply> Offload<R> {
    /// Starts `threads` threads called `name`, before which `room` jobs may wait.
    pub fn start(name: &str, threads: usize, room: usize) -> io::Result<Offload<R>> {
        let tokens = Arc::new(Tokens::new(ask_system));
        let (queue, orders) = queue(room);
        let orders = Arc::new(Mutex::new(orders));
        for number in 0..threads.max(1) {
            let (orders, tokens) = (Arc::clone(&orders), Arc::clone(&tokens));
            let name = format!("{name}-{number}");
            thread::Builder::new().name(name).spawn(move || run(&orders, &tokens))?;
        }
        Ok(Offload { queue })
    }

    /// Has a job done, and the answer sent with `owner` on it. Never waits.
    ///
    /// # Errors
    /// The queue is full: here is the job.
    pub fn submit(&self, job: Job, owner: u64, reply: R) -> Result<(), Job> {
        let order = Order { job, owner, reply };
        self.queue.offer(order).map_err(|refused| refused.into_inner().job)
    }
}

impl<R> Clone for Offload<R> {
    fn clone(&self) -> Self {
        Offload { queue: self.queue.clone() }
    }
}

impl<R> fmt::Debug for Offload<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offload").finish_non_exhaustive()
    }
}

fn run<R: Reply>(orders: &Mutex<QueueReceiver<Order<R>>>, tokens: &Tokens) {
    loop {
        // One thread waits for the next job, the others for their turn to wait.
        let next = orders.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(Order { job, owner, reply }) = next else { return };
        if let Some(done) = carry_out(job, tokens) {
            reply.reply(owner, done);
        }
    }
}

fn carry_out(job: Job, tokens: &Tokens) -> Option<Done> {
    Some(match job {
        Job::Create { directory } => {
            let file = match directory {
                Some(directory) => tempfile::tempfile_in(directory),
                None => tempfile::tempfile(),
            };
            Done::Created(file.map(Arc::new))
        }
        Job::Write { file, offset, mut bytes } => {
            Done::Written(file.write_all_at(&bytes, offset).map(|()| {
                bytes.clear();
                bytes
            }))
        }
        Job::Read { file, offset, len } => Done::Read(read(&file, offset, len)),
        Job::Find { file, token } => Done::Found(tokens.find(&file, &token)),
        Job::Look { path, kind } => Done::Looked(leads_to(&path, kind)),
        Job::Open(wanted) => Done::Opened(wanted.open()),
        Job::Warm { file, piece } => Done::Warmed(warm(file.as_fd(), piece).map(|()| piece)),
        Job::Verify(puzzle) => Done::Verified(puzzle.solve()),
        Job::Close { file } => {
            drop(file);
            return None;
        }
    })
}

fn read(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut got = 0;
    while got < len {
        match file.read_at(&mut bytes[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(got);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::super::testing::PATIENCE;
    use super::*;

    struct To(Sender<(u64, Done)>);

    impl Reply for To {
        fn reply(self, owner: u64, done: Done) {
            self.0.send((owner, done)).unwrap();
        }
    }

    #[test]
    fn a_spooled_body_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let offload = Offload::start("test", 2, 8).unwrap();
        let (sender, answers) = channel();
        let ask = |job| {
            offload.submit(job, 7, To(sender.clone())).unwrap();
            answers.recv_timeout(PATIENCE).unwrap()
        };
        let place = Some(directory.path().into());
        let (7, Done::Created(Ok(file))) = ask(Job::Create { directory: place }) else { panic!() };
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "it has no name");
        for (offset, text) in [(0, "hello "), (6, "world")] {
            let (file, bytes) = (Arc::clone(&file), text.as_bytes().to_vec());
            let (_, done) = ask(Job::Write { file, offset, bytes });
            assert!(matches!(done, Done::Written(Ok(empty)) if empty.is_empty()));
        }
        for (offset, len, text) in [(0, 5, "hello"), (4, 100, "o world"), (50, 5, "")] {
            let (_, done) = ask(Job::Read { file: Arc::clone(&file), offset, len });
            assert!(matches!(done, Done::Read(Ok(bytes)) if bytes == text.as_bytes()), "{text}");
        }
        offload.submit(Job::Close { file }, 7, To(sender.clone())).unwrap();
    }

    #[test]
    fn errors_come_back_too() {
        let offload = Offload::start("test", 1, 1).unwrap();
        let (sender, answers) = channel();
        let directory = Some(Path::new("/nowhere/at/all").into());
        offload.submit(Job::Create { directory }, 1, To(sender)).unwrap();
        let (1, Done::Created(Err(error))) = answers.recv_timeout(PATIENCE).unwrap() else {
            panic!()
        };
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_full_queue_gives_the_job_back() {
        struct Stuck(Receiver<()>);
        impl Reply for Stuck {
            fn reply(self, _: u64, _: Done) {
                let _ = self.0.recv_timeout(PATIENCE);
            }
        }
        let offload = Offload::start("test", 1, 1).unwrap();
        let mut gates = Vec::new();
        let refused = (0..3).map(|_| {
            let (open, gate) = channel();
            gates.push(open);
            offload.submit(Job::Create { directory: None }, 0, Stuck(gate)).err()
        });
        let refused: Vec<_> = refused.flatten().collect();
        assert!(!refused.is_empty() && refused.len() < 3);
        assert!(matches!(refused[0], Job::Create { directory: None }));
    }
}
