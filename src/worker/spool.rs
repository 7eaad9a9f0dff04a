//! Temporary files of sessions: what is asked of them in order, done by the offload threads.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use crate::base::Key;
use crate::reactor::{Done, Job};
use crate::session::{Input, SpoolOrder};

use super::turn::Worker;

/// The file of one session.
#[derive(Debug, Default)]
pub(super) struct SpoolFile {
    /// `None` until it was made.
    file: Option<Arc<File>>,
    /// Bytes in it.
    len: u64,
    /// What waits for the file to be made.
    waiting: VecDeque<SpoolOrder>,
    /// Bytes being written.
    writing: usize,
}

impl Worker {
    /// Carries out an order of a session.
    pub(super) fn spool(&mut self, key: Key, order: SpoolOrder) {
        if matches!(order, SpoolOrder::Drop) {
            return self.drop_spool(key);
        }
        let made = self.spools.contains_key(&key);
        let spool = self.spools.entry(key).or_default();
        let job = match (&spool.file, order) {
            (None, order) => {
                spool.waiting.push_back(order);
                if made {
                    return;
                }
                Job::Create { directory: self.spool_dir.clone() }
            }
            (Some(file), SpoolOrder::Append(bytes)) => {
                spool.writing = bytes.len();
                Job::Write { file: Arc::clone(file), offset: spool.len, bytes }
            }
            (Some(file), SpoolOrder::Read { offset, len }) => {
                Job::Read { file: Arc::clone(file), offset, len }
            }
            (Some(_), SpoolOrder::Drop) => return,
        };
        if self.offload.submit(job, key.to_u64(), self.courier.clone()).is_err() {
            self.answer(key, Input::SpoolFailed);
        }
    }

    /// A job of a session is done.
    pub(super) fn spooled(&mut self, key: Key, done: Done) {
        let Some(spool) = self.spools.get_mut(&key) else { return };
        let input = match done {
            Done::Created(Ok(file)) => {
                spool.file = Some(file);
                let waiting = std::mem::take(&mut spool.waiting);
                waiting.into_iter().for_each(|order| self.spool(key, order));
                return;
            }
            Done::Written(Ok(_)) => {
                let n = std::mem::take(&mut spool.writing);
                spool.len += n as u64;
                Input::Spooled(n)
            }
            Done::Read(Ok(bytes)) if !bytes.is_empty() => Input::Unspooled(bytes),
            Done::Found(_)
            | Done::Looked(_)
            | Done::Verified(_)
            | Done::Opened(_)
            | Done::Warmed(_) => return,
            Done::Read(Ok(_)) => Input::SpoolFailed,
            Done::Created(Err(error)) | Done::Written(Err(error)) | Done::Read(Err(error)) => {
                tracing::error!(%error, "a request body cannot be spooled");
                Input::SpoolFailed
            }
        };
        self.answer_and_drive(key, input);
    }

    /// Closes the file of a session, where there is one.
    pub(super) fn drop_spool(&mut self, key: Key) {
        if self.spools.is_empty() {
            return;
        }
        if let Some(file) = self.spools.remove(&key).and_then(|spool| spool.file) {
            // With a full queue it is closed here, which only takes its time.
            let _ = self.offload.submit(Job::Close { file }, key.to_u64(), self.courier.clone());
        }
    }
}
