//! The machine of one file: from the question to the last byte.

use std::path::Path;
use std::sync::Arc;

use crate::base::Millis;
use crate::buf::{Copied, Segment};
use crate::proto::h1::{Boundary, encode_last_part, encode_part};
use crate::proto::http::{ByteRange, Coding, Media};

use super::super::access_log::Record;
use super::super::answer::Asked;
use super::super::cx::{Action, Cx};
use super::super::edits::Edits;
use super::super::peer::Peer;
use super::super::port::Port;
use super::super::reason::CloseReason;
use super::super::settings::{Files, Place, Route};

/// Which file is wanted: see [`Below`](crate::reactor::Below).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought<'a> {
    /// The directory.
    pub root: &'a Arc<Path>,
    /// The name below it.
    pub name: &'a [u8],
    /// A directory is answered with its index.
    pub slash: bool,
    /// There is no index.
    pub single: bool,
    /// Codings that the client would rather have, best first.
    pub codings: [Option<Coding>; 3],
}

/// A file that was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileState {
    /// Bytes of it.
    pub size: u64,
    /// When it changed last: seconds since 1970.
    pub seconds: u64,
    /// And nanoseconds.
    pub nanos: u32,
    /// Its number in its file system.
    pub inode: u64,
    /// How it is compressed, where it is one beside the file that was sought.
    pub coding: Option<Coding>,
    /// It is the index of the directory that was sought.
    pub index: bool,
}

/// Why there are no bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// There is none.
    Missing,
    /// It is a directory.
    Directory,
    /// It may not be read.
    Forbidden,
    /// We lack descriptors, memory or threads.
    Overloaded,
    /// The disk failed.
    Failed,
    /// It is not what it was.
    Changed,
}

/// Some bytes of the file, which go out behind what is queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Where they begin.
    pub offset: u64,
    /// How many.
    pub len: u64,
}

/// How far a transfer got in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Progress {
    /// Something must arrive or leave first.
    Wait,
    /// All of the response is handed over.
    Complete,
    /// It cannot go on.
    Failed(CloseReason),
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The file is being opened.
    Opening,
    /// The response has begun.
    Sending,
}

/// The state of one transfer. Boxed and reused; an idle connection has none.
#[derive(Debug)]
pub(in crate::session) struct Transfer {
    pub(in crate::session) route: Arc<Route>,
    pub(in crate::session) record: Record,
    /// Who asks.
    pub(in crate::session) peer: Peer,
    /// The request's head, kept until there is a file.
    pub(in crate::session) head: Option<Segment>,
    pub(super) asked: Asked,
    pub(super) name: Vec<u8>,
    pub(super) slash: bool,
    pub(super) codings: [Option<Coding>; 3],
    /// The client's connection may serve another request.
    pub(in crate::session) keep: bool,
    /// The client sends nothing behind this request.
    pub(in crate::session) last: bool,
    /// What rules have changed on the way here.
    pub(super) edits: Option<Box<Edits>>,
    pub(super) began: Millis,
    pub(super) step: Step,
    /// It is the disk that is waited for.
    pub(super) waits: bool,
    /// What the file is.
    pub(super) media: Media,
    /// Bytes of it.
    pub(super) size: u64,
    /// What goes out next.
    pub(super) piece: Piece,
    /// Parts that follow, last to first, and what stands between them.
    pub(super) parts: Vec<ByteRange>,
    pub(super) boundary: Option<Boundary>,
}

impl Transfer {
    fn files(&self) -> Option<&Files> {
        match &self.route.target.place {
            Place::Files(files) => Some(files),
            _ => None,
        }
    }

    /// The file that it waits for.
    pub(in crate::session) fn sought(&self) -> Option<Sought<'_>> {
        let files = self.files().filter(|_| self.step == Step::Opening)?;
        let (slash, codings) = (self.slash, self.codings);
        Some(Sought { root: &files.root, name: &self.name, slash, single: files.single, codings })
    }

    /// The bytes that come next; none of them once there is nothing to wait for.
    pub(in crate::session) fn piece(&self) -> Option<Piece> {
        (self.piece.len > 0).then_some(self.piece)
    }

    /// So many bytes of the piece are handed over.
    pub(in crate::session) fn sent(&mut self, n: usize) {
        let n = (n as u64).min(self.piece.len);
        self.piece.offset += n;
        self.piece.len -= n;
        self.record.bytes_out += n;
        self.waits = false;
    }

    /// The next bytes come from the disk, and are not there yet.
    pub(in crate::session) fn waits(&mut self) {
        self.waits = true;
    }

    /// Whether the response has begun.
    pub(in crate::session) fn has_begun(&self) -> bool {
        self.step != Step::Opening
    }

    /// Goes on as far as possible.
    pub(in crate::session) fn advance(&mut self, client: &mut Port, cx: &mut Cx<'_>) -> Progress {
        if client.is_gone() {
            return Progress::Failed(CloseReason::ClientGone);
        }
        if cx.now >= self.deadline(cx.active) {
            // The file may still come: nobody who asks next may be given that one.
            self.keep &= self.step != Step::Opening;
            let by_disk = self.step == Step::Opening || self.waits;
            let reason = if by_disk { CloseReason::FileFailed } else { CloseReason::ClientGone };
            return Progress::Failed(reason);
        }
        if self.step == Step::Opening || self.piece.len > 0 {
            return Progress::Wait;
        }
        let Some(boundary) = self.boundary else { return Progress::Complete };
        let out = &mut cx.scratch.out;
        out.clear();
        match self.parts.pop() {
            Some(range) => {
                encode_part(boundary, self.media, range, self.size, out);
                self.piece = Piece { offset: range.first, len: range.len };
            }
            None => {
                encode_last_part(boundary, out);
                self.boundary = None;
            }
        }
        self.record.bytes_out += out.len() as u64;
        client.tx.put(out, Copied::Head, cx.pool);
        match self.boundary {
            Some(_) => Progress::Wait,
            None => Progress::Complete,
        }
    }

    /// When it fails if nothing moves any more.
    pub(in crate::session) fn deadline(&self, active: Millis) -> Millis {
        active.max(self.began) + self.route.times.silence
    }

    /// Keeps what rules have changed.
    pub(in crate::session) fn edit(&mut self, edits: Box<Edits>) {
        self.edits = Some(edits);
    }

    /// Asks for the file.
    pub(in crate::session) fn ask(&mut self, head: Option<Segment>, cx: &mut Cx<'_>) {
        self.head = head;
        cx.actions.push(Action::OpenFile);
    }
}
