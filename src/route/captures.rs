//! Where the groups of a match are: plain positions, so that a result borrows nothing.

use std::ops::Range;

use super::program::Slots;

/// The positions of `$0` to `$9` in the subject that was matched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Captures {
    spans: [(u32, u32); 10],
}

/// A group that took no part in the match.
const ABSENT: (u32, u32) = (u32::MAX, u32::MAX);

impl Captures {
    /// No groups at all, not even the whole match.
    pub const NONE: Captures = Captures { spans: [ABSENT; 10] };

    /// Only the whole match.
    pub(super) fn whole(range: Range<usize>) -> Captures {
        let mut captures = Captures::NONE;
        captures.spans[0] = span(range.start, range.end);
        captures
    }

    /// What a search left; the whole match begins at `start` where a literal before it was compared apart.
    pub(super) fn from_slots(slots: &Slots, start: Option<usize>) -> Captures {
        let mut captures = Captures::NONE;
        for (pair, to) in slots.chunks_exact(2).zip(&mut captures.spans) {
            if let [Some(start), Some(end)] = pair {
                *to = span(start.get(), end.get());
            }
        }
        if let Some(start) = start {
            captures.spans[0].0 = span(start, 0).0;
        }
        captures
    }

    /// Where group `n` is; `None` when it took no part in the match or `n` is above 9.
    pub fn get(&self, n: usize) -> Option<Range<usize>> {
        match self.spans.get(n) {
            Some(&found) if found != ABSENT => Some(found.0 as usize..found.1 as usize),
            _ => None,
        }
    }

    /// The text of group `n` in the subject it was matched in; empty when there is none.
    pub fn text<'a>(&self, n: usize, subject: &'a [u8]) -> &'a [u8] {
        self.get(n).and_then(|range| subject.get(range)).unwrap_or_default()
    }
}

/// Subjects are parts of a request head and far below 4 GiB.
fn span(start: usize, end: usize) -> (u32, u32) {
    let number = |value| u32::try_from(value).unwrap_or(u32::MAX - 1);
    (number(start), number(end))
}
