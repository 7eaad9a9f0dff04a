//! Opening a file below a directory: no name and no symbolic link leads out of it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat2, statx,
};
use rustix::io::Errno;
use thiserror::Error;

/// What every directory that is asked for with a slash is answered with.
const INDEX: &[u8] = b"index.html";
/// How often a name is looked up anew when directories are moved under our feet.
const TRIES: usize = 16;

/// Which file is wanted. What is open is named by its descriptor from then on: nothing is looked up twice.
#[derive(Clone, Copy, Debug)]
pub struct Below<'a> {
    /// The directory. It is looked up anew for each file, links included, for it may be exchanged as a whole.
    pub root: &'a Path,
    /// The name below it; empty: the directory itself. Behind a slash at the end its index is meant.
    pub name: &'a [u8],
    /// A directory is answered with its index, though the name has no slash at its end.
    pub slash: bool,
    /// There is no index.
    pub single: bool,
    /// Ends of names of compressed files beside it, best first.
    pub suffixes: [Option<&'static str>; 3],
}

/// Whether one may wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// No: only what the kernel has in its caches is looked at.
    None,
    /// As long as it takes.
    Endless,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// When its bytes changed last: seconds since 1970, 0 for earlier.
    pub seconds: u64,
    /// And nanoseconds.
    pub nanos: u32,
    /// Its number in its file system.
    pub inode: u64,
}

/// A file to be served.
#[derive(Debug)]
pub struct Found {
    /// Open for reading.
    pub file: OwnedFd,
    /// Its state when it was opened.
    pub stamp: Stamp,
    /// It is a compressed file beside the one that is wanted; the end of its name.
    pub suffix: Option<&'static str>,
    /// It is the index of the directory that is wanted.
    pub index: bool,
}

/// Why there is no file.
#[derive(Debug, Error)]
pub enum FileFault {
    /// Nothing has that name, or what has it is no file, or it lies outside.
    #[error("there is no such file")]
    Missing,
    /// It is a directory, and was asked for without the slash.
    #[error("it is a directory")]
    Directory,
    /// Its rights do not allow it.
    #[error("it may not be read")]
    Forbidden,
    /// No descriptors or memory are left.
    #[error("out of descriptors or memory")]
    Exhausted,
    /// Not without waiting.
    #[error("it is not in memory")]
    NotNow,
    /// The directory cannot be opened, or the disk failed.
    #[error("{0}")]
    Failed(io::Error),
}

/// Opens files; it keeps the memory for their names.
#[derive(Debug, Default)]
pub struct Opener {
    name: Vec<u8>,
}

impl Opener {
    /// Opens the file that is wanted, or a compressed one beside it that is not older.
    ///
    /// # Errors
    /// [`FileFault::NotNow`] only without patience.
    pub fn open(&mut self, wanted: &Below<'_>, patience: Patience) -> Result<Found, FileFault> {
        let root = open_root(wanted.root, patience)?;
        self.name.clear();
        self.name.extend_from_slice(wanted.name);
        let is_directory = wanted.name.is_empty() || wanted.name.ends_with(b"/");
        if is_directory {
            if wanted.single {
                return Err(FileFault::Missing);
            }
            self.name.extend_from_slice(INDEX);
        }
        let mut index = is_directory;
        let (mut file, mut state) = open_below(&root, &self.name, patience)?;
        if kind(&state) == FileType::Directory && !wanted.single && !index {
            if !wanted.slash {
                return Err(FileFault::Directory);
            }
            index = true;
            self.name.push(b'/');
            self.name.extend_from_slice(INDEX);
            (file, state) = open_below(&root, &self.name, patience)?;
        }
        if kind(&state) != FileType::RegularFile {
            return Err(FileFault::Missing);
        }
        let mut found = Found { file, stamp: stamp(&state), suffix: None, index };
        self.prefer_compressed(&root, wanted, patience, &mut found)?;
        Ok(found)
    }

    /// Takes the first of the compressed files instead that is there and not older.
    fn prefer_compressed(
        &mut self,
        root: &OwnedFd,
        wanted: &Below<'_>,
        patience: Patience,
        found: &mut Found,
    ) -> Result<(), FileFault> {
        let len = self.name.len();
        for suffix in wanted.suffixes.into_iter().flatten() {
            self.name.truncate(len);
            self.name.extend_from_slice(suffix.as_bytes());
            match open_below(root, &self.name, patience) {
                Ok((file, state)) => {
                    let stamp = stamp(&state);
                    let is_file = kind(&state) == FileType::RegularFile;
                    if is_file && stamp.seconds >= found.stamp.seconds {
                        *found = Found { file, stamp, suffix: Some(suffix), ..*found };
                        return Ok(());
                    }
                }
                Err(fault @ (FileFault::NotNow | FileFault::Exhausted)) => return Err(fault),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

fn open_root(root: &Path, patience: Patience) -> Result<OwnedFd, FileFault> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = tried(|| openat2(CWD, root, flags, Mode::empty(), cached(patience)));
    opened.map_err(|error| match error {
        Errno::AGAIN | Errno::INVAL if patience == Patience::None => FileFault::NotNow,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => FileFault::Exhausted,
        // Without its directory nothing is missing: all is wrong.
        error => FileFault::Failed(error.into()),
    })
}

/// Opens a name below a directory, and says what is there.
fn open_below(
    root: &OwnedFd,
    name: &[u8],
    patience: Patience,
) -> Result<(OwnedFd, Statx), FileFault> {
    // A pipe without a writer must not be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let inside = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | cached(patience);
    let fault = |error| match error {
        Errno::AGAIN | Errno::INVAL if patience == Patience::None => FileFault::NotNow,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => FileFault::Exhausted,
        Errno::ACCESS | Errno::PERM => FileFault::Forbidden,
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::LOOP
        | Errno::XDEV
        | Errno::NAMETOOLONG
        | Errno::NXIO
        | Errno::NODEV
        | Errno::INVAL => FileFault::Missing,
        error => FileFault::Failed(error.into()),
    };
    let file = tried(|| openat2(root, name, flags, Mode::empty(), inside)).map_err(fault)?;
    let state = state_of(&file, patience).map_err(fault)?;
    Ok((file, state))
}

/// What is known of an open file; without patience not from the other end of a network.
pub(super) fn state_of(file: impl AsFd, patience: Patience) -> rustix::io::Result<Statx> {
    let sync = match patience {
        Patience::None => AtFlags::STATX_DONT_SYNC,
        Patience::Endless => AtFlags::empty(),
    };
    statx(file, c"", AtFlags::EMPTY_PATH | sync, StatxFlags::BASIC_STATS)
}

pub(super) fn stamp(state: &Statx) -> Stamp {
    Stamp {
        size: state.stx_size,
        seconds: u64::try_from(state.stx_mtime.tv_sec).unwrap_or(0),
        nanos: state.stx_mtime.tv_nsec,
        inode: state.stx_ino,
    }
}

fn kind(state: &Statx) -> FileType {
    FileType::from_raw_mode(u32::from(state.stx_mode))
}

fn cached(patience: Patience) -> ResolveFlags {
    match patience {
        Patience::None => ResolveFlags::CACHED,
        Patience::Endless => ResolveFlags::empty(),
    }
}

/// Calls again while a signal interrupts, and a few times where a lookup met a move.
fn tried(mut call: impl FnMut() -> rustix::io::Result<OwnedFd>) -> rustix::io::Result<OwnedFd> {
    for _ in 1..TRIES {
        match call() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
    call()
}
