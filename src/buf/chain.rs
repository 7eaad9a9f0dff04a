//! A queue of segments: one inline, several in a box.

use std::collections::VecDeque;
use std::mem;

use super::{RX_BLOCKS, Segment};

/// Segments in order. Empty ones are never kept; with at most one segment nothing is allocated.
#[derive(Debug, Default)]
pub struct Chain {
    held: Held,
}

/// Mostly there is one segment or none.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    One(Segment),
    /// At least two. Boxed, so that a chain is no larger than its one segment: a session has four.
    #[allow(clippy::box_collection)]
    Many(Box<VecDeque<Segment>>),
}

impl Chain {
    /// Whether there is no byte.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self.held, Held::Nothing)
    }

    /// Number of bytes in all segments.
    #[inline]
    pub fn len(&self) -> usize {
        self.sum(Segment::len)
    }

    /// Memory the segments keep, in bytes.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.sum(Segment::capacity)
    }

    #[inline]
    fn sum(&self, of: impl Fn(&Segment) -> usize) -> usize {
        match &self.held {
            Held::Nothing => 0,
            Held::One(segment) => of(segment),
            Held::Many(all) => all.iter().map(of).sum(),
        }
    }

    /// Whether there is more than one segment.
    #[inline]
    pub fn is_split(&self) -> bool {
        matches!(self.held, Held::Many(_))
    }

    /// The segments, first to last.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &Segment> + Clone {
        let (one, many) = match &self.held {
            Held::Nothing => (None, None),
            Held::One(segment) => (Some(segment), None),
            Held::Many(all) => (None, Some(all.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// The first segment.
    #[inline]
    pub fn front(&self) -> Option<&Segment> {
        match &self.held {
            Held::Nothing => None,
            Held::One(segment) => Some(segment),
            Held::Many(all) => all.front(),
        }
    }

    /// The first segment.
    #[inline]
    pub fn front_mut(&mut self) -> Option<&mut Segment> {
        match &mut self.held {
            Held::Nothing => None,
            Held::One(segment) => Some(segment),
            Held::Many(all) => all.front_mut(),
        }
    }

    /// The last segment.
    #[inline]
    pub fn back_mut(&mut self) -> Option<&mut Segment> {
        match &mut self.held {
            Held::Nothing => None,
            Held::One(segment) => Some(segment),
            Held::Many(all) => all.back_mut(),
        }
    }

    /// Puts a segment at the end; an empty one is dropped.
    pub fn push(&mut self, segment: Segment) {
        if segment.is_empty() {
            return;
        }
        match &mut self.held {
            Held::Nothing => self.held = Held::One(segment),
            Held::Many(all) => all.push_back(segment),
            Held::One(_) => {
                // Room for as many as one read brings, behind a head and a residue.
                let mut all = VecDeque::with_capacity(RX_BLOCKS + 2);
                if let Held::One(first) = mem::take(&mut self.held) {
                    all.push_back(first);
                }
                all.push_back(segment);
                self.held = Held::Many(Box::new(all));
            }
        }
    }

    /// Puts all segments of another chain at the end, which then is empty.
    #[inline]
    pub fn take_over(&mut self, other: &mut Chain) {
        if self.is_empty() {
            return mem::swap(self, other);
        }
        while let Some(segment) = other.pop() {
            self.push(segment);
        }
    }

    /// Takes the first segment off.
    pub fn pop(&mut self) -> Option<Segment> {
        let Held::Many(all) = &mut self.held else {
            return match mem::take(&mut self.held) {
                Held::One(segment) => Some(segment),
                _ => None,
            };
        };
        let segment = all.pop_front();
        if all.len() == 1
            && let Some(last) = all.pop_front()
        {
            self.held = Held::One(last);
        }
        segment
    }

    /// Drops the first `n` bytes, which must be there.
    pub fn consume(&mut self, mut n: usize) {
        // Mostly it is all of one, or its beginning.
        if let Held::One(segment) = &mut self.held {
            let here = segment.len();
            if n < here {
                return segment.consume(n);
            }
            if n == here {
                self.held = Held::Nothing;
                return;
            }
        }
        while n > 0 {
            let Some(front) = self.front_mut() else {
                panic!("consumed {n} bytes more than there are");
            };
            let here = front.len();
            if n < here {
                front.consume(n);
                return;
            }
            n -= here;
            self.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_drops_what_is_consumed() {
        let mut chain = Chain::default();
        for text in [&b"one"[..], b"", b"two", b"three"] {
            chain.push(Segment::Fixed(text));
        }
        assert_eq!(chain.len(), 11);
        chain.consume(4);
        assert_eq!(chain.front().map(Segment::bytes), Some(&b"wo"[..]));
        chain.consume(2);
        assert!(!chain.is_split(), "the box is given back with its last segment");
        assert_eq!(chain.pop().map(|s| s.len()), Some(5));
        assert!(chain.is_empty() && chain.pop().is_none());
    }

    #[test]
    fn is_small() {
        assert_eq!(size_of::<Chain>(), 24);
    }
}
