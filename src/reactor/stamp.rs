//! What a file looks like from outside, to see whether it has changed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// A file that changed so shortly before it was read may change again without a newer time.
const RACY: Duration = Duration::from_secs(1);

/// Two looks at a file that has not changed give the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    file: (u64, u64),
    len: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of a file that looks like this.
    pub(super) fn of(data: &Metadata) -> Stamp {
        Stamp {
            file: (data.dev(), data.ino()),
            len: data.len(),
            written: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }

    /// The same, unless the file is so new that it may change and still look like this.
    pub(super) fn settled(data: &Metadata) -> Option<Stamp> {
        let age = data.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        age.is_some_and(|age| age > RACY).then(|| Stamp::of(data))
    }
}
