//! A queue of segments: one inline, more in a box.

use std::collections::VecDeque;

use super::Segment;

/// Segments in order. Empty ones are never kept; with at most one segment nothing is allocated.
#[derive(Debug, Default)]
pub struct Chain {
    first: Option<Segment>,
    // Boxed, because a session has four of these and mostly no rest: 8 bytes instead of 32.
    #[allow(clippy::box_collection)]
    rest: Option<Box<VecDeque<Segment>>>,
}

impl Chain {
    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Number of bytes in all segments.
    pub fn len(&self) -> usize {
        self.sum(Segment::len)
    }

    /// Memory the segments keep, in bytes.
    pub fn capacity(&self) -> usize {
        self.sum(Segment::capacity)
    }

    /// Mostly there is one segment or none.
    #[inline]
    fn sum(&self, of: impl Fn(&Segment) -> usize) -> usize {
        let first = self.first.as_ref().map_or(0, &of);
        match &self.rest {
            Some(rest) => first + rest.iter().map(of).sum::<usize>(),
            None => first,
        }
    }

    /// Whether there is more than one segment.
    pub fn is_split(&self) -> bool {
        self.rest.is_some()
    }

    /// The segments, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &Segment> + Clone {
        self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    /// The first segment.
    pub fn front(&self) -> Option<&Segment> {
        self.first.as_ref()
    }

    /// The first segment.
    pub fn front_mut(&mut self) -> Option<&mut Segment> {
        self.first.as_mut()
    }

    /// The last segment.
    pub fn back_mut(&mut self) -> Option<&mut Segment> {
        match &mut self.rest {
            Some(rest) => rest.back_mut(),
            None => self.first.as_mut(),
        }
    }

    /// Puts a segment at the end; an empty one is dropped.
    pub fn push(&mut self, segment: Segment) {
        if segment.is_empty() {
            return;
        }
        match (&self.first, &mut self.rest) {
            (None, _) => self.first = Some(segment),
            (Some(_), Some(rest)) => rest.push_back(segment),
            (Some(_), None) => self.rest = Some(Box::new(VecDeque::from([segment]))),
        }
    }

    /// Takes the first segment off.
    pub fn pop(&mut self) -> Option<Segment> {
        let segment = self.first.take()?;
        if let Some(rest) = &mut self.rest {
            self.first = rest.pop_front();
            if rest.is_empty() {
                self.rest = None;
            }
        }
        Some(segment)
    }

    /// Drops the first `n` bytes, which must be there.
    pub fn consume(&mut self, mut n: usize) {
        while n > 0 {
            let Some(front) = &mut self.first else {
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
        assert_eq!(size_of::<Chain>(), 32);
    }
}
