//! UTF-8 validation of text that arrives in pieces, failing at the first byte that shows the fault.

/// How far text has come: the start of a character that a piece ended in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utf8 {
    /// The bytes of that character so far, and then zeros.
    open: [u8; 3],
}

/// Text is not UTF-8 (RFC 6455 section 8.1, code 1007).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("text that is not UTF-8")]
pub struct NotUtf8;

impl Utf8 {
    /// Takes the next piece of a text.
    ///
    /// What no further byte could make valid is refused, also inside a character that is cut.
    #[inline]
    pub fn advance(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while !self.is_whole() {
            let Some((next, rest)) = piece.split_first() else { return Ok(()) };
            self.complete(*next)?;
            piece = rest;
        }
        let Err(error) = simdutf8::compat::from_utf8(piece) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(NotUtf8);
        }
        let cut = piece.get(error.valid_up_to()..).unwrap_or_default();
        for (to, from) in self.open.iter_mut().zip(cut) {
            *to = *from;
        }
        Ok(())
    }

    /// Whether a text may end here, and the next one start.
    pub const fn is_whole(self) -> bool {
        // No character that takes more than one byte starts with zero.
        self.open[0] == 0
    }

    /// The bytes of the character that is open, to be written down; zeros follow them.
    pub const fn open(self) -> [u8; 3] {
        self.open
    }

    /// Goes on where another stood; refuses what it cannot have said.
    pub fn resume(open: [u8; 3]) -> Result<Self, NotUtf8> {
        let mut utf8 = Self::default();
        let len = open.iter().take_while(|byte| **byte != 0).count();
        utf8.advance(open.get(..len).unwrap_or_default())?;
        if utf8.open == open { Ok(utf8) } else { Err(NotUtf8) }
    }

    /// Takes one more byte of the open character.
    fn complete(&mut self, next: u8) -> Result<(), NotUtf8> {
        let len = self.open.iter().take_while(|byte| **byte != 0).count();
        let [first, second, third] = self.open;
        let mut bytes = [first, second, third, 0];
        if let Some(byte) = bytes.get_mut(len) {
            *byte = next;
        }
        match std::str::from_utf8(bytes.get(..=len).unwrap_or_default()) {
            Ok(_) => self.open = [0; 3],
            Err(error) if error.error_len().is_some() => return Err(NotUtf8),
            Err(_) => [self.open[0], self.open[1], self.open[2], _] = bytes,
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The twin: the table of Unicode 3.9 (well-formed byte sequences), one byte at a time. What it
    /// gives is where the first byte lies that no text has there, and whether the text is whole.
    fn naive(text: &[u8]) -> (Option<usize>, bool) {
        let mut next: Vec<(u8, u8)> = Vec::new();
        for (at, &byte) in text.iter().enumerate() {
            if let Some((low, high)) = next.pop() {
                if !(low..=high).contains(&byte) {
                    return (Some(at), false);
                }
                continue;
            }
            let tail = (0x80, 0xbf);
            next = match byte {
                0x00..=0x7f => vec![],
                0xc2..=0xdf => vec![tail],
                0xe0 => vec![tail, (0xa0, 0xbf)],
                0xe1..=0xec | 0xee | 0xef => vec![tail, tail],
                0xed => vec![tail, (0x80, 0x9f)],
                0xf0 => vec![tail, tail, (0x90, 0xbf)],
                0xf1..=0xf3 => vec![tail, tail, tail],
                0xf4 => vec![tail, tail, (0x80, 0x8f)],
                _ => return (Some(at), false),
            };
        }
        (None, next.is_empty())
    }

    /// Byte by byte: the offset of the refusal, and whether the text is whole.
    fn bytewise(text: &[u8]) -> (Option<usize>, bool) {
        let mut utf8 = Utf8::default();
        for (at, byte) in text.iter().enumerate() {
            if utf8.advance(std::slice::from_ref(byte)).is_err() {
                return (Some(at), false);
            }
            assert_eq!(Utf8::resume(utf8.open()), Ok(utf8));
        }
        (None, utf8.is_whole())
    }

    #[test]
    fn fails_at_the_byte_that_shows_the_fault() {
        for (text, at) in [
            (&b"abc\xff"[..], 3),
            (b"\xc0", 0),
            (b"\xe0\x9f", 1),
            (b"\xed\xa0", 1),
            (b"\xf4\x90", 1),
            (b"\xf0\x90\x80\x41", 3),
            (b"\x80", 0),
            (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80", 12),
        ] {
            assert_eq!(bytewise(text), (Some(at), false), "{text:02x?}");
        }
    }

    #[test]
    fn a_text_may_not_end_inside_a_character() {
        for text in ["ä", "€", "𝄞", "\u{10ffff}"] {
            let mut utf8 = Utf8::default();
            for (i, byte) in text.as_bytes().iter().enumerate() {
                utf8.advance(std::slice::from_ref(byte)).unwrap();
                assert_eq!(utf8.is_whole(), i + 1 == text.len());
            }
        }
    }

    #[test]
    fn zero_is_a_character() {
        assert_eq!(bytewise(b"a\0b"), (None, true));
        assert_eq!(bytewise(b"\xe2\0"), (Some(1), false));
    }

    #[test]
    fn every_pair_and_every_triple_with_a_wide_lead_agree_with_the_table() {
        for lead in 0..=255u8 {
            for second in 0..=255u8 {
                assert_eq!(bytewise(&[lead, second]), naive(&[lead, second]));
                for third in [0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff] {
                    let text = [lead, second, third, 0x80];
                    assert_eq!(bytewise(&text), naive(&text), "{text:02x?}");
                }
            }
        }
    }

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let broken = (".{0,40}", any::<(usize, u8)>()).prop_map(|(text, (at, byte))| {
            let mut bytes = text.into_bytes();
            if !bytes.is_empty() {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            bytes
        });
        prop_oneof![".{0,100}".prop_map(String::into_bytes), broken, any::<Vec<u8>>()]
    }

    proptest! {
        #[test]
        fn any_split_agrees_with_the_table(text in texts(), cuts in proptest::collection::vec(0usize..300, 0..6)) {
            prop_assert_eq!(bytewise(&text), naive(&text));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.push(text.len());
            cuts.sort_unstable();
            let (fault, whole) = naive(&text);
            let mut utf8 = Utf8::default();
            let mut from = 0;
            for to in cuts {
                let piece = utf8.advance(&text[from..to]);
                prop_assert_eq!(piece.is_err(), fault.is_some_and(|at| at < to), "{}..{}", from, to);
                if piece.is_err() {
                    return Ok(());
                }
                from = to;
            }
            prop_assert_eq!(utf8.is_whole(), whole);
        }
    }
}
