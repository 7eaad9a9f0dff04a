//! The end of a transfer: its line in the access log, and its memory kept for the next.

use super::super::access_log::Line;
use super::super::cx::{Action, Cx};
use super::super::reason::CloseReason;
use super::transfer::{Piece, Transfer};

/// Transfers kept for reuse, at most.
const SPARE: usize = 256;

impl Transfer {
    /// It is over: its file is closed.
    pub(in crate::session) fn end(mut self: Box<Self>, reason: CloseReason, cx: &mut Cx<'_>) {
        self.line(reason, cx);
        cx.actions.push(Action::CloseFile);
        cx.scratch.record = std::mem::take(&mut self.record);
        self.head = None;
        (self.piece, self.boundary) = (Piece::default(), None);
        if let Some(mut edits) = self.edits.take() {
            edits.clear();
            cx.scratch.spare_edits.push(edits);
        }
        if cx.scratch.spare_transfers.len() < SPARE {
            cx.scratch.spare_transfers.push(self);
        }
    }

    /// Writes its line.
    pub(in crate::session) fn line(&self, reason: CloseReason, cx: &mut Cx<'_>) {
        cx.counters.close_reason(reason as usize);
        let line = Line {
            peer: &self.peer,
            route: Some(&self.route),
            server: None,
            reason,
            tunnel: None,
            detail: None,
        };
        self.record.finish(&line, cx);
    }
}
