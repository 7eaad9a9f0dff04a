//! What a client is answered once it is known what its file is.

use std::io::Write as _;

use crate::buf::Copied;
use crate::proto::h1::{
    Boundary, FileHead, Share, encode_file, encode_last_part, encode_part, parse_request,
};
use crate::proto::http::{
    ByteRange, FieldStore, Fields, Media, Pairs, Ranges, Validators, Verdict,
};

use super::super::answer;
use super::super::cx::Cx;
use super::super::edits::split;
use super::super::port::Port;
use super::super::reason::CloseReason;
use super::super::response::KEPT;
use super::transfer::{FileFault, FileState, Piece, Step, Transfer};

/// Within this time after a change another one may leave no trace, in milliseconds (RFC 9110 section 8.8.2.2).
const FRESH: u64 = 1000;

impl Transfer {
    /// The file is open: the response begins.
    ///
    /// # Errors
    /// The bytes of the request are gone.
    pub(in crate::session) fn opened(
        &mut self,
        state: FileState,
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<(), CloseReason> {
        let Some(kept) = self.head.take() else { return Err(CloseReason::FileFailed) };
        let mut store = FieldStore::new();
        let Ok(Some(head)) = parse_request(kept.bytes(), &mut store, &KEPT) else {
            return Err(CloseReason::FileFailed);
        };
        if state.index {
            self.media = Media::of(b"index.html");
        }
        self.size = state.size;
        self.step = Step::Sending;
        self.record.first_byte = Some(cx.now);
        let mut tag = std::mem::take(&mut cx.scratch.expanded);
        tag.clear();
        put_tag(&state, &mut tag);
        self.reply(&state, &tag, head.fields, client, cx);
        cx.scratch.expanded = tag;
        Ok(())
    }

    fn reply(
        &mut self,
        state: &FileState,
        tag: &[u8],
        fields: Fields<'_, '_>,
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) {
        let (now, changed) = (cx.clock.wall_millis(), state.seconds.saturating_mul(1000));
        let changed = changed.saturating_add(u64::from(state.nanos / 1_000_000));
        let weak = changed.abs_diff(now) < FRESH;
        let validators = Validators { tag, weak, modified: state.seconds.min(now / 1000) };
        let share = match validators.judge(fields) {
            Verdict::Failed => return self.answer(412, "the file is another one now", client, cx),
            Verdict::NotModified => Share::Nothing,
            Verdict::Go { ranges } => match self.ranges(fields, ranges) {
                Ranges::Whole => Share::Whole,
                Ranges::Parts(parts) => self.parts(parts.all(), cx),
                Ranges::Unsatisfiable => return self.unsatisfiable(client, cx),
            },
        };
        match share {
            Share::Whole => self.piece = Piece { offset: 0, len: self.size },
            Share::Part(range) => self.piece = Piece { offset: range.first, len: range.len },
            Share::Parts(boundary, _) => self.boundary = Some(boundary),
            Share::Nothing => {}
        }
        let edits = self.edits.as_deref();
        let head = FileHead {
            share,
            media: self.media,
            coding: state.coding,
            varies: self.media.is_compressible(),
            size: self.size,
            validators,
            version: self.asked.version,
            keep_alive: self.keep,
            date: cx.clock.http_date(),
            extra: edits.map_or(Pairs::NONE, |edits| &edits.response),
            without: edits.map_or(Pairs::NONE, |edits| &edits.without),
        };
        if self.asked.is_head {
            (self.piece.len, self.boundary) = (0, None);
        }
        self.record.status = head.status();
        let out = &mut cx.scratch.out;
        out.clear();
        encode_file(&head, out);
        client.tx.put(out, Copied::Head, cx.pool);
        cx.counters.response(self.record.status);
    }

    /// What is asked for. Only GET has ranges, and one field says which (RFC 9110 section 14.2).
    fn ranges(&self, fields: Fields<'_, '_>, counted: bool) -> Ranges {
        let mut lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("range"));
        match (lines.next(), lines.next()) {
            (Some(line), None) if counted && !self.asked.is_head => {
                Ranges::of(line.value, self.size)
            }
            _ => Ranges::Whole,
        }
    }

    /// One part, or several and how long they are together with what stands between them.
    fn parts(&mut self, parts: &[ByteRange], cx: &mut Cx<'_>) -> Share {
        if let [part] = parts {
            return Share::Part(*part);
        }
        let boundary = Boundary(cx.rng.number());
        self.parts.clear();
        self.parts.extend(parts.iter().rev());
        let out = &mut cx.scratch.out;
        out.clear();
        parts.iter().for_each(|part| encode_part(boundary, self.media, *part, self.size, out));
        encode_last_part(boundary, out);
        let bytes: u64 = parts.iter().map(|part| part.len).sum();
        Share::Parts(boundary, out.len() as u64 + bytes)
    }

    fn unsatisfiable(&mut self, client: &mut Port, cx: &mut Cx<'_>) {
        let mut range = Vec::new();
        _ = write!(range, "bytes */{}", self.size);
        self.restore_edits(cx);
        cx.scratch.edits.response.push("Content-Range", &range);
        self.put_answer(416, "the file has no such bytes", client, cx);
    }

    /// Sends a client that asked for a directory without its slash there. It is told the last segment only: no
    /// path can be taken for a host.
    pub(in crate::session) fn redirect(&mut self, client: &mut Port, cx: &mut Cx<'_>) {
        let mut location = b"./".to_vec();
        if let Some(kept) = self.head.take() {
            let mut store = FieldStore::new();
            let Ok(Some(head)) = parse_request(kept.bytes(), &mut store, &KEPT) else { return };
            let merge = cx.generation.merge_slashes;
            let path = crate::proto::http::canonical(head.path, merge, &mut cx.scratch.path);
            let sent = path.map_or(head.path, |path| path.sent);
            location
                .extend_from_slice(sent.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
            location.push(b'/');
            if let (_, Some(query)) = split(head.target) {
                location.push(b'?');
                location.extend_from_slice(query);
            }
        }
        self.step = Step::Sending;
        self.restore_edits(cx);
        cx.scratch.edits.response.push("Location", &location);
        self.put_answer(301, "the directory is there", client, cx);
    }

    /// Answers with a sentence instead of the file.
    pub(in crate::session) fn answer(
        &mut self,
        status: u16,
        sentence: &str,
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) {
        self.restore_edits(cx);
        self.put_answer(status, sentence, client, cx);
    }

    fn put_answer(&mut self, status: u16, sentence: &str, client: &mut Port, cx: &mut Cx<'_>) {
        self.step = Step::Sending;
        self.record.status = status;
        let route = Some(&*self.route);
        answer::put(client, route, status, sentence, self.asked, self.keep, cx);
    }

    /// Puts the fields that rules have added where an answer of ours looks for them.
    fn restore_edits(&mut self, cx: &mut Cx<'_>) {
        cx.scratch.edits.clear();
        if let Some(edits) = &mut self.edits {
            std::mem::swap(edits, &mut cx.scratch.edits);
        }
    }
}

impl FileFault {
    /// Why it ends, then; `None`: the directory is somewhere else.
    pub(in crate::session) fn reason(self) -> Option<CloseReason> {
        match self {
            FileFault::Missing => Some(CloseReason::FileMissing),
            FileFault::Directory => None,
            FileFault::Forbidden => Some(CloseReason::FileForbidden),
            FileFault::Overloaded => Some(CloseReason::Overloaded),
            FileFault::Failed => Some(CloseReason::FileFailed),
            FileFault::Changed => Some(CloseReason::FileChanged),
        }
    }
}

/// Appends an entity tag that no other state of the file has, nor another file of that name.
fn put_tag(state: &FileState, out: &mut Vec<u8>) {
    let FileState { size, seconds, nanos, inode, coding, .. } = state;
    _ = write!(out, "\"{inode:x}-{size:x}-{seconds:x}.{nanos:x}");
    if let Some(coding) = coding {
        _ = write!(out, "-{}", coding.name());
    }
    out.push(b'"');
}
