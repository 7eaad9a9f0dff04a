//! Files of users, each read when it is first asked for and anew when it has changed.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use zeroize::Zeroizing;

use super::puzzle::{Puzzle, Standing};
use super::users::{Fault, Users};
use super::verified::Verified;
use crate::reactor::stamp::Stamp;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);
/// The largest file read, in bytes.
const FILE_MAX: u64 = 16 << 20;
/// The longest password that is compared, in bytes: the work some hashes make grows with its square. htpasswd takes 255.
const PASSWORD_MAX: usize = 255;
/// The most faults of a file that are told.
const FAULTS_MAX: usize = 20;

/// A file of users.
#[derive(Debug)]
pub struct UserFile {
    path: PathBuf,
    users: ArcSwap<Users>,
    /// What it looked like when it was read; `None` to read it again.
    stamp: Mutex<Option<Stamp>>,
    verified: Arc<Verified>,
}

/// All files that are in use, across configurations.
#[derive(Debug, Default)]
pub struct UserFiles {
    files: Arc<Mutex<HashMap<PathBuf, Weak<UserFile>>>>,
    verified: Mutex<Option<Arc<Verified>>>,
    watched: AtomicBool,
}

impl UserFiles {
    /// The file at `path`, read now. What is wrong with its lines comes with it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(&self, path: &Path) -> io::Result<(Arc<UserFile>, Vec<String>)> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(path).and_then(Weak::upgrade) {
            let told = file.read()?;
            return Ok((file, told));
        }
        let file = Arc::new(UserFile {
            path: path.to_owned(),
            users: ArcSwap::default(),
            stamp: Mutex::new(None),
            verified: self.verified()?,
        });
        let told = file.read()?;
        files.retain(|_, file| file.strong_count() > 0);
        files.insert(path.to_owned(), Arc::downgrade(&file));
        Ok((file, told))
    }

    /// Has the files looked at every second, on a thread of its own, once there is one.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn watch(&self) -> io::Result<()> {
        let none = self.files.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if none || self.watched.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let files = Arc::downgrade(&self.files);
        thread::Builder::new().name("passwords".into()).spawn(move || {
            while let Some(files) = files.upgrade() {
                let files: Vec<_> = {
                    let files = files.lock().unwrap_or_else(PoisonError::into_inner);
                    files.values().filter_map(Weak::upgrade).collect()
                };
                files.iter().for_each(|file| file.look());
                drop(files);
                thread::sleep(LOOK);
            }
        })?;
        Ok(())
    }

    fn verified(&self) -> io::Result<Arc<Verified>> {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verified) = &*verified {
            return Ok(Arc::clone(verified));
        }
        let made = Verified::new().map_err(|_| io::Error::other("there are no random numbers"))?;
        Ok(Arc::clone(verified.insert(Arc::new(made))))
    }
}

impl UserFile {
    /// What is known of a name and a password, without any waiting.
    pub fn judge(&self, name: &[u8], password: &[u8]) -> Standing {
        if password.len() > PASSWORD_MAX {
            return Standing::Wrong;
        }
        let users = self.users.load();
        let found = users.hash_of(name);
        let Some(hash) = found.or_else(|| users.slowest()) else { return Standing::Wrong };
        let mark = self.verified.mark(name, hash.text(), password);
        if found.is_some() && self.verified.has(&mark, Instant::now()) {
            return Standing::Right;
        }
        Standing::Unsolved(Puzzle {
            hash: Arc::clone(hash),
            password: Zeroizing::new(password.to_vec()),
            mark,
            in_vain: found.is_none(),
            verified: Arc::clone(&self.verified),
        })
    }

    /// Reads it; what is wrong with its lines is returned. One that cannot be read lets nobody in.
    fn read(&self) -> io::Result<Vec<String>> {
        let read = self.try_read();
        if read.is_err() {
            self.users.store(Arc::default());
            *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        read
    }

    fn try_read(&self) -> io::Result<Vec<String>> {
        // Opening a pipe would wait for its other end.
        if !fs::metadata(&self.path)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let file = File::open(&self.path)?;
        let data = file.metadata()?;
        let mut text = Zeroizing::new(Vec::new());
        file.take(FILE_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > FILE_MAX {
            return Err(io::Error::other("it is longer than 16 MiB"));
        }
        let (users, faults) = Users::parse(&text);
        self.users.store(Arc::new(users));
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = Stamp::settled(&data);
        Ok(self.told(&faults))
    }

    fn told(&self, faults: &[Fault]) -> Vec<String> {
        let place = self.path.display();
        let lines = faults.iter().take(FAULTS_MAX);
        let mut told: Vec<String> =
            lines.map(|(line, fault)| format!("{place}:{line}: {fault}")).collect();
        if faults.len() > FAULTS_MAX {
            told.push(format!("{place}: {} more faults", faults.len() - FAULTS_MAX));
        }
        told
    }

    /// Reads it anew if it is not what it was.
    fn look(&self) {
        let known = *self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fs::metadata(&self.path).ok().map(|data| Stamp::of(&data));
        if known.is_some() && known == now {
            return;
        }
        let had = !self.users.load().is_empty();
        match self.read() {
            Ok(told) => {
                if known.is_some() || !had {
                    tracing::info!("{}: read anew", self.path.display());
                    told.iter().for_each(|line| tracing::warn!("{line}"));
                }
            }
            Err(error) if had => {
                tracing::error!("{}: {error}: nobody is let in", self.path.display());
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::tests::WRITTEN;
    use super::*;

    fn solved(file: &UserFile, name: &str, password: &str) -> Option<bool> {
        match file.judge(name.as_bytes(), password.as_bytes()) {
            Standing::Right => Some(true),
            Standing::Wrong => Some(false),
            Standing::Unsolved(puzzle) => {
                assert!(password.is_empty() || !format!("{puzzle:?}").contains(password));
                puzzle.solve();
                None
            }
        }
    }

    #[test]
    fn what_was_found_right_is_known_until_the_file_says_something_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        let files = UserFiles::default();
        assert!(files.open(&path).is_err() && files.open(directory.path()).is_err());
        fs::write(&path, format!("joe:{}\nbad:x\n", WRITTEN[1])).unwrap();
        let (file, told) = files.open(&path).unwrap();
        assert_eq!(told.len(), 1);
        assert!(told[0].ends_with("users:2: bad cannot log in: expected a hash of bcrypt ($2y$...), $6$, $5$, $apr1$, $1$ or {SHA}; htpasswd -B makes one"));
        assert_eq!(solved(&file, "joe", "s3cret é"), None);
        assert_eq!(solved(&file, "joe", "s3cret é"), Some(true), "it is remembered");
        for (name, password) in [("joe", "x"), ("ann", "s3cret é"), ("", "")] {
            assert_eq!(solved(&file, name, password), None);
            assert_eq!(solved(&file, name, password), None, "wrong ones are not");
        }
        assert_eq!(solved(&file, "joe", &"x".repeat(PASSWORD_MAX)), None);
        assert_eq!(solved(&file, "joe", &"x".repeat(PASSWORD_MAX + 1)), Some(false));
        let (again, _) = files.open(&path).unwrap();
        assert!(Arc::ptr_eq(&file, &again), "another configuration has the same");
        fs::write(&path, format!("joe:{}\n", WRITTEN[2])).unwrap();
        file.look();
        assert_eq!(solved(&file, "joe", "s3cret é"), None, "with another hash it counts no more");
        fs::remove_file(&path).unwrap();
        file.look();
        assert_eq!(solved(&file, "joe", "s3cret é"), Some(false), "nobody is let in");
    }
}
