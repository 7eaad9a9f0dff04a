//! What request heads and response heads have in common on the wire: where they may start, how much
//! of them is looked at, and where their lines must end.

use httparse::Header;

/// A part of a head that is too large to be looked at as a whole: only the first `end` bytes are,
/// and when they do not settle the matter, the answer is `error`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<E> {
    pub(super) end: usize,
    pub(super) error: E,
}

impl<E> Cut<E> {
    /// The bytes to look at.
    pub(super) fn window<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(..self.end).unwrap_or(bytes)
    }

    /// The verdict on a head that is not complete within the window.
    pub(super) fn incomplete<T>(self, bytes: &[u8]) -> Result<Option<T>, E> {
        if bytes.len() >= self.end { Err(self.error) } else { Ok(None) }
    }
}

/// Whether every line of a complete head ends in CRLF: the two bytes before each field's name, and
/// the last four, are enough to know, since a parsed line contains neither CR nor LF.
pub(super) fn lines_end_in_crlf(head: &[u8], fields: &[Header<'_>]) -> bool {
    let base = head.as_ptr().addr();
    head.ends_with(b"\r\n\r\n")
        && fields.iter().all(|field| {
            let start = field.name.as_ptr().addr().wrapping_sub(base);
            head.get(start.wrapping_sub(2)..start) == Some(b"\r\n")
        })
}
