//! Ranges of a representation's bytes (RFC 9110 section 14).

use super::list;

/// Ranges that one request may ask for; with more of them it gets the whole.
pub const RANGES_MAX: usize = 16;

/// Some bytes of a representation; never none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteRange {
    /// The first of them.
    pub first: u64,
    /// How many.
    pub len: u64,
}

impl ByteRange {
    /// The last of them.
    pub const fn last(self) -> u64 {
        self.first + self.len - 1
    }
}

/// What a `Range` asks for. It lives for one call, on the stack.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Everything.
    Whole,
    /// These, in this order; none overlaps another.
    Parts(Parts),
    /// Nothing that there is: 416 (RFC 9110 section 15.5.17).
    Unsatisfiable,
}

/// At least one range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    all: [ByteRange; RANGES_MAX],
    len: usize,
}

impl Parts {
    /// All of them.
    pub fn all(&self) -> &[ByteRange] {
        self.all.get(..self.len).unwrap_or_default()
    }

    /// Adds one, unless there is no room or it overlaps another.
    fn add(&mut self, range: ByteRange) -> Option<()> {
        let overlaps =
            |other: &ByteRange| range.first <= other.last() && other.first <= range.last();
        if self.all().iter().any(overlaps) {
            return None;
        }
        *self.all.get_mut(self.len)? = range;
        self.len += 1;
        Some(())
    }
}

impl Ranges {
    /// What the value of a `Range` field asks of a representation of `size` bytes. What is not understood, what
    /// overlaps and what is too many pieces is answered with the whole, as section 14.2 allows: it costs no
    /// more than the file itself.
    pub fn of(value: &[u8], size: u64) -> Ranges {
        let parts = specs(value).and_then(|specs| parts(specs, size));
        match parts {
            None => Ranges::Whole,
            Some(parts) if parts.len == 0 => Ranges::Unsatisfiable,
            Some(parts) => Ranges::Parts(parts),
        }
    }
}

/// What stands behind `bytes=`.
fn specs(value: &[u8]) -> Option<&[u8]> {
    let (unit, specs) = value.split_at_checked("bytes".len())?;
    let specs = specs.strip_prefix(b"=")?;
    unit.eq_ignore_ascii_case(b"bytes").then_some(specs)
}

/// The satisfiable ranges; `None` where the whole is the answer.
fn parts(specs: &[u8], size: u64) -> Option<Parts> {
    let mut parts = Parts { all: [ByteRange::default(); RANGES_MAX], len: 0 };
    let mut asked = 0;
    for spec in list::elements(specs) {
        asked += 1;
        if asked > RANGES_MAX {
            return None;
        }
        match spec.split_first() {
            Some((b'-', suffix)) => {
                let len = number(suffix)?.min(size);
                match len {
                    0 if size == 0 => return None,
                    0 => {}
                    len => parts.add(ByteRange { first: size - len, len })?,
                }
            }
            _ => {
                let at = spec.iter().position(|byte| *byte == b'-')?;
                let (first, last) = spec.split_at_checked(at)?;
                let first = number(first)?;
                let last = match last.get(1..)? {
                    b"" => u64::MAX,
                    last => number(last)?,
                };
                if last < first {
                    return None;
                }
                if first < size {
                    parts.add(ByteRange { first, len: last.min(size - 1) - first + 1 })?;
                }
            }
        }
    }
    (asked > 0).then_some(parts)
}

/// `1*DIGIT`; what is too large is as large as can be.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, byte| match byte {
        b'0'..=b'9' => Some(sum.saturating_mul(10).saturating_add(u64::from(byte - b'0'))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(value: &str, size: u64) -> Option<Vec<(u64, u64)>> {
        match Ranges::of(value.as_bytes(), size) {
            Ranges::Whole => None,
            Ranges::Unsatisfiable => Some(Vec::new()),
            Ranges::Parts(parts) => Some(parts.all().iter().map(|r| (r.first, r.last())).collect()),
        }
    }

    #[test]
    fn what_is_asked_for_is_what_there_is() {
        for (value, parts) in [
            ("bytes=0-0", vec![(0, 0)]),
            ("bytes=0-9", vec![(0, 9)]),
            ("bytes=3-1000", vec![(3, 9)]),
            ("bytes=9-", vec![(9, 9)]),
            ("bytes=-1", vec![(9, 9)]),
            ("bytes=-1000", vec![(0, 9)]),
            ("Bytes=0-0 , 5-6,,8-", vec![(0, 0), (5, 6), (8, 9)]),
            ("bytes=8-9,0-1", vec![(8, 9), (0, 1)]),
            ("bytes=0-1,2-3", vec![(0, 1), (2, 3)]),
            ("bytes=0-1,50-60", vec![(0, 1)]),
            ("bytes=0-99999999999999999999999", vec![(0, 9)]),
            ("bytes=10-", vec![]),
            ("bytes=10-20,30-", vec![]),
            ("bytes=-0", vec![]),
            ("bytes=99999999999999999999999-", vec![]),
        ] {
            assert_eq!(asked(value, 10), Some(parts), "{value}");
        }
    }

    #[test]
    fn what_is_no_range_is_the_whole() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes 0-1",
            "items=0-1",
            "bytes=1",
            "bytes=-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0x1-2",
            "bytes=1--2",
            "bytes=--1",
            "bytes=0-1,x",
            "bytes = 0-1",
            "bytes=1 -2",
        ] {
            assert_eq!(asked(value, 10), None, "{value}");
        }
    }

    #[test]
    fn range_abuse_is_answered_with_the_whole() {
        assert_eq!(asked("bytes=0-,0-,0-,0-", 10), None);
        assert_eq!(asked("bytes=0-5,5-9", 10), None);
        assert_eq!(asked("bytes=0-1,-9", 10), None);
        let many = |n: usize| {
            let specs: Vec<_> = (0..n).map(|n| format!("{0}-{0}", n * 2)).collect();
            format!("bytes={}", specs.join(","))
        };
        assert_eq!(asked(&many(RANGES_MAX), 1000).map(|all| all.len()), Some(RANGES_MAX));
        assert_eq!(asked(&many(RANGES_MAX + 1), 1000), None);
        let beyond = format!("bytes={}", vec!["1000-"; RANGES_MAX + 1].join(","));
        assert_eq!(asked(&beyond, 10), None, "those that cannot be had count too");
    }

    #[test]
    fn an_empty_file_has_no_ranges() {
        assert_eq!(asked("bytes=0-", 0), Some(Vec::new()));
        assert_eq!(asked("bytes=-5", 0), None);
    }

    proptest! {
        #[test]
        fn parts_lie_inside_and_apart(value in "(bytes=)?[-0-9, ]{0,40}", size in 0u64..1000) {
            if let Ranges::Parts(parts) = Ranges::of(value.as_bytes(), size) {
                let mut seen = std::collections::HashSet::new();
                prop_assert!(!parts.all().is_empty());
                for range in parts.all() {
                    prop_assert!(range.len > 0 && range.last() < size);
                    for place in range.first..=range.last() {
                        prop_assert!(seen.insert(place));
                    }
                }
            }
        }
    }
}
