//! Sessions that wait for a seat: who is told when there may be one.
//!
//! A seat that is given back is noted in the [`Hall`](crate::upstream::Hall). The worker that sees the note, at the
//! latest in its upkeep, gives the seat to the session that has waited longest: its own by driving it, that
//! of another by a letter. Whatever is lost between them is found by the look that each worker with a line of its own
//! takes every 100 ms.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Key, Millis};
use crate::session::Input;
use crate::upstream::Line;

use super::mail::Mail;
use super::turn::Worker;

/// Between two looks of a worker whose sessions wait: seats come back by other ways too, as when a mark expires.
const LOOK: Duration = Duration::from_millis(100);

/// The lines in which sessions of one worker stand.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Own>,
    /// Somebody has joined and must have another look.
    joined: bool,
    due: Option<Millis>,
}

/// This worker's part of a line, with the time since when each waits: one that stands there anew has another.
#[derive(Debug)]
struct Own {
    line: Arc<Line>,
    waiting: VecDeque<(Key, Millis)>,
}

impl Lines {
    /// When there must be a look.
    pub(super) fn due(&self) -> Option<Millis> {
        if self.joined { Some(Millis::default()) } else { self.due }
    }
}

impl Worker {
    /// A session waits for a seat from now on.
    pub(super) fn queue(&mut self, key: Key) {
        let machine = self.sessions.get(key).map(|session| &session.machine);
        let Some((line, since)) = machine.and_then(|machine| machine.queued()) else { return };
        let line = Arc::clone(line);
        self.lines.joined = true;
        match self.lines.lines.iter_mut().find(|own| Arc::ptr_eq(&own.line, &line)) {
            Some(own) => own.waiting.push_back((key, since)),
            None => {
                let waiting = VecDeque::from([(key, since)]);
                self.lines.lines.push(Own { line, waiting });
            }
        }
    }

    /// Looks after lines where a seat may have become free.
    pub(super) fn seat_waiting(&mut self) {
        if self.world.generation.groups.hall.has_risen() {
            let generation = Arc::clone(&self.world.generation);
            for line in generation.groups.all.iter().filter_map(|group| group.line.as_ref()) {
                if line.waiting() > 0 {
                    self.seat_line(line);
                }
            }
        }
        let now = self.world.clock.now();
        if !self.lines.joined && self.lines.due.is_none_or(|due| now < due) {
            return;
        }
        self.lines.joined = false;
        let all: Vec<_> = self.lines.lines.iter().map(|own| Arc::clone(&own.line)).collect();
        all.iter().for_each(|line| self.seat_line(line));
        self.lines.lines.retain(|own| !own.waiting.is_empty());
        self.lines.due = (!self.lines.lines.is_empty()).then_some(now + LOOK);
    }

    /// Lets those sit down who have waited longest, for as long as there are seats; when the next is another
    /// worker's, that one goes on.
    pub(super) fn seat_line(&mut self, line: &Arc<Line>) {
        loop {
            let first = self.first(line);
            line.publish(self.index, self.peers.outboxes.len(), first.map(|(_, since)| since));
            match line.oldest(self.index) {
                Some(worker) if worker != self.index => {
                    // With no room for letters, it is found by its own look.
                    if let Some(outbox) = self.peers.outboxes.get_mut(worker) {
                        let _ = outbox.push(Mail::Seat(Arc::clone(line)));
                    }
                    return;
                }
                _ => {}
            }
            let Some((key, since)) = first else { return };
            self.answer_and_drive(key, Input::Seat);
            if self.waits_since(key, line) == Some(since) {
                return;
            }
        }
    }

    /// The first of its own in a line; those who have left are forgotten.
    fn first(&mut self, line: &Arc<Line>) -> Option<(Key, Millis)> {
        let at = self.lines.lines.iter().position(|own| Arc::ptr_eq(&own.line, line))?;
        while let Some((key, since)) = self.lines.lines.get(at)?.waiting.front().copied() {
            if self.waits_since(key, line) == Some(since) {
                return Some((key, since));
            }
            self.lines.lines.get_mut(at)?.waiting.pop_front();
        }
        None
    }

    /// Since when a session waits in a line, if it does.
    fn waits_since(&self, key: Key, line: &Arc<Line>) -> Option<Millis> {
        let (stands, since) = self.sessions.get(key)?.machine.queued()?;
        Arc::ptr_eq(stands, line).then_some(since)
    }
}
