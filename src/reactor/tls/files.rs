//! The files TLS is made of: each is read once for all that name it, and how it looked is remembered.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

/// The longest file that is read: long lists of revoked certificates take tens of megabytes.
const FILE_MAX: u64 = 64 << 20;

/// What a file holds; overwritten when nobody needs it any more, for it may be a key.
type Content = Arc<Zeroizing<Vec<u8>>>;

/// Files that were read, and files that were looked for.
#[derive(Debug, Default)]
pub struct Files {
    seen: BTreeMap<PathBuf, Seen>,
}

#[derive(Debug)]
struct Seen {
    look: Look,
    content: Result<Content, String>,
}

/// How a file looks from outside: when it looks the same it was not changed.
#[derive(Debug, PartialEq, Eq)]
struct Look(Option<(u64, u64, u64, i64, i64)>);

impl Look {
    fn of(metadata: Option<&Metadata>) -> Look {
        Look(metadata.map(|m| (m.dev(), m.ino(), m.len(), m.mtime(), m.mtime_nsec())))
    }
}

impl Files {
    /// What `path` holds.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub(super) fn read(&mut self, path: &Path) -> Result<Content, String> {
        let seen = self.seen.entry(path.into()).or_insert_with(|| {
            let mut look = Look::of(None);
            let content = open(path, &mut look).map_err(|error| plain(&error));
            Seen { look, content: content.map(|content| Arc::new(Zeroizing::new(content))) }
        });
        seen.content.clone()
    }

    /// What `path` holds, or `None` where there is no such file.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub(super) fn read_if_there(&mut self, path: &Path) -> Result<Option<Content>, String> {
        let content = self.read(path);
        match self.seen.get(path) {
            Some(Seen { look: Look(None), content: Err(_) }) if !path.exists() => Ok(None),
            _ => content.map(Some),
        }
    }

    /// Whether any of them looks different by now.
    pub fn changed(&self) -> bool {
        let differs = |(path, seen): (&PathBuf, &Seen)| {
            Look::of(fs::metadata(path).ok().as_ref()) != seen.look
        };
        self.seen.iter().any(differs)
    }
}

/// Whether anybody but owner and group may read the file.
pub(super) fn open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

fn open(path: &Path, look: &mut Look) -> io::Result<Vec<u8>> {
    // Looked at first: opening a pipe would wait for whoever writes to it.
    let metadata = fs::metadata(path)?;
    *look = Look::of(Some(&metadata));
    if !metadata.is_file() {
        return Err(io::Error::other("is no file"));
    }
    let mut content = Vec::with_capacity(metadata.len().min(FILE_MAX) as usize + 1);
    File::open(path)?.take(FILE_MAX + 1).read_to_end(&mut content)?;
    match content.len() as u64 > FILE_MAX {
        true => Err(io::Error::other("is over 64 MiB")),
        false => Ok(content),
    }
}

/// An error without its number.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pem");
        let missing = folder.path().join("a.pem.ocsp");
        fs::write(&path, "one").unwrap();
        let read = || {
            let mut files = Files::default();
            let content = files.read(&path);
            assert_eq!(files.read_if_there(&missing), Ok(None).map(|none: Option<Content>| none));
            (files, content.unwrap())
        };
        let (files, content) = read();
        assert!(**content == b"one" && !files.changed());
        fs::write(&path, "three").unwrap();
        assert!(files.changed());
        let (files, content) = read();
        assert!(**content == b"three" && !files.changed());
        fs::write(folder.path().join("new"), "three").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert!(files.changed(), "another file under the same name");
        let (files, _) = read();
        fs::remove_file(&path).unwrap();
        assert!(files.changed());
    }

    #[test]
    fn a_file_that_appears_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pem.ocsp");
        let mut files = Files::default();
        assert_eq!(files.read(&path).unwrap_err(), "there is no such file");
        assert!(!files.changed());
        fs::write(&path, "").unwrap();
        assert!(files.changed());
        assert_eq!(Files::default().read(folder.path()).unwrap_err(), "is no file");
    }
}
