//! The fields of a parsed head, and the place on the caller's stack in which they live.

use super::Known;
use std::mem::MaybeUninit;
use std::ops::Range;

/// The most fields a head can have, whatever the configured limit.
pub const FIELDS_MAX: usize = 256;

/// One field line: the name as it came (a token), the value without the spaces around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as the sender wrote it.
    pub name: &'a str,
    /// The value: no CR, LF, NUL or other control but tabs; bytes above 0x7f are possible.
    pub value: &'a [u8],
    /// What the name means to us.
    pub known: Known,
}

/// Room for the fields of one head. It costs nothing to make: only what is parsed is written.
#[derive(Debug)]
pub struct FieldStore<'a> {
    lines: [MaybeUninit<httparse::Header<'a>>; FIELDS_MAX],
    known: [Known; FIELDS_MAX],
}

impl<'a> FieldStore<'a> {
    /// An empty store.
    #[inline]
    pub const fn new() -> Self {
        Self {
            lines: [const { MaybeUninit::uninit() }; FIELDS_MAX],
            known: [Known::Other; FIELDS_MAX],
        }
    }

    /// The two halves for a parser: where lines go, at most `max_fields` of them, and where their
    /// classification goes.
    #[allow(clippy::type_complexity)]
    pub(in crate::proto) fn parts(
        &mut self,
        max_fields: usize,
    ) -> (&mut [MaybeUninit<httparse::Header<'a>>], &mut [Known]) {
        let (lines, _) = self.lines.split_at_mut(max_fields.min(FIELDS_MAX));
        (lines, &mut self.known)
    }
}

impl Default for FieldStore<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// The fields of one head, in the order in which they came.
#[derive(Clone, Copy)]
pub struct Fields<'s, 'a> {
    head: &'a [u8],
    lines: &'s [httparse::Header<'a>],
    known: &'s [Known],
    present: u64,
}

impl<'s, 'a> Fields<'s, 'a> {
    /// Classifies the lines of a head, which lie in its bytes.
    pub(in crate::proto) fn classify(
        head: &'a [u8],
        lines: &'s [httparse::Header<'a>],
        known: &'s mut [Known],
    ) -> Self {
        let mut present = 0;
        for (line, known) in lines.iter().zip(known.iter_mut()) {
            *known = Known::classify(line.name);
            present |= known.bit();
        }
        Self { head, lines, known, present }
    }

    /// All fields in order.
    pub fn iter(self) -> impl Iterator<Item = Field<'a>> + Clone + use<'s, 'a> {
        self.lines.iter().zip(self.known).map(|(line, known)| Field {
            name: line.name,
            value: line.value,
            known: *known,
        })
    }

    /// Where the line of one of these fields stands in the head, its end included; `None` where it is not written as we
    /// write lines, `name: value` and CRLF.
    pub(in crate::proto) fn place(self, field: Field<'_>) -> Option<Range<usize>> {
        let base = self.head.as_ptr().addr();
        let start = field.name.as_ptr().addr().wrapping_sub(base);
        let colon = start.wrapping_add(field.name.len());
        let value = field.value.as_ptr().addr().wrapping_sub(base);
        let end = value.wrapping_add(field.value.len());
        let has = |at: usize, what: &[u8; 2]| self.head.get(at..at.wrapping_add(2)) == Some(what);
        let plain = value == colon.wrapping_add(2) && has(colon, b": ") && has(end, b"\r\n");
        plain.then(|| start..end + 2)
    }

    /// The bytes of the head that they were parsed from.
    pub(in crate::proto) fn head(self) -> &'a [u8] {
        self.head
    }

    /// Whether there is a field of this kind; one comparison, no search.
    pub const fn has(self, known: Known) -> bool {
        self.present & known.bit() != 0
    }

    /// The values of all fields of this kind.
    pub fn all(self, known: Known) -> impl Iterator<Item = &'a [u8]> + Clone + use<'s, 'a> {
        let lines = if self.has(known) { self.lines } else { &[] };
        lines
            .iter()
            .zip(self.known)
            .filter(move |(_, is)| **is == known)
            .map(|(line, _)| line.value)
    }

    /// The value of the first field of this kind.
    pub fn get(self, known: Known) -> Option<&'a [u8]> {
        self.all(known).next()
    }

    /// The value of the first field of this name, whatever its case.
    pub fn find(self, name: &str) -> Option<&'a [u8]> {
        self.lines.iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.lines.is_empty()
    }
}

impl std::fmt::Debug for Fields<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|field| (field.name, field.value.escape_ascii().to_string())))
            .finish()
    }
}
