//! The frames of hixie-75 and hixie-76: text between 00 and FF, everything else discarded.

use super::super::control::Control;
use super::super::draft::Draft;
use super::super::frame::{FrameError, FrameHead, Opcode, Rules};
use super::super::incoming::INCOMING_SAVED;
use super::super::message::{Data, Kind, Read};

/// The close of hixie-76, answered with the same; hixie-75 has none but FIN.
pub const HIXIE_CLOSE: [u8; 2] = [0xff, 0x00];

/// Appends a text message. No byte of UTF-8 is FF: what is text cannot end its own frame.
pub fn encode_hixie_text(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(0x00);
    out.extend_from_slice(text.as_bytes());
    out.push(0xff);
}

/// Reads the messages of one direction, as [`Reader`] does for the later drafts.
///
/// Text is not checked: in these drafts what is not UTF-8 is read as U+FFFD. After a fault a reader
/// is spent.
///
/// [`Reader`]: super::super::message::Reader
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HixieReader {
    place: Place,
    /// What the place counts.
    number: u64,
}

const _: () = assert!(size_of::<HixieReader>() <= 16);

/// Digits of the longest length: 2^63 has as many in base 128.
const DIGITS: u8 = 10;

/// Where the next byte lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Between two frames.
    #[default]
    Start,
    /// In the text of a message, which has so many bytes so far.
    Text,
    /// In a frame that runs to FF and is discarded, so many bytes so far.
    Discard,
    /// In the length of a frame, which has come to this, behind so many digits.
    Length(u8),
    /// In a frame that is discarded, so many bytes before its end.
    Counted,
}

impl HixieReader {
    /// Whether the next byte starts a frame, and with it a message.
    pub fn at_message(&self) -> bool {
        self.place == Place::Start
    }

    /// Where it stands, to be written down.
    pub(in super::super) fn saved(&self) -> [u8; INCOMING_SAVED] {
        let (tag, digits) = match self.place {
            Place::Start => (0, 0),
            Place::Text => (1, 0),
            Place::Discard => (2, 0),
            Place::Length(digits) => (3, digits),
            Place::Counted => (4, 0),
        };
        let mut saved = [0; INCOMING_SAVED];
        let parts = [&self.number.to_le_bytes()[..], &[tag, digits]];
        for (to, from) in saved.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        saved
    }

    /// One that stands where another did.
    pub(in super::super) fn resume(saved: [u8; INCOMING_SAVED]) -> Option<Self> {
        let (number, rest) = saved.split_first_chunk::<8>()?;
        let place = match *rest.first_chunk()? {
            [0, 0] => Place::Start,
            [1, 0] => Place::Text,
            [2, 0] => Place::Discard,
            [3, digits @ ..=DIGITS] => Place::Length(digits),
            [4, 0] => Place::Counted,
            _ => return None,
        };
        Some(Self { place, number: u64::from_le_bytes(*number) })
    }

    /// Reads what comes next. The end of a message comes as a part without payload.
    pub fn advance(&mut self, bytes: &[u8], rules: &Rules) -> Result<Read, FrameError> {
        let Some((&first, behind)) = bytes.split_first() else { return Ok(Read::Need(1)) };
        match self.place {
            Place::Start => self.start(first, behind, rules),
            Place::Text if first == 0xff => Ok(Read::Data(self.end_of_text())),
            Place::Text => self.text(bytes, 0, rules),
            Place::Discard => self.discard(bytes, rules),
            Place::Length(digits) => self.length(first, digits, rules),
            Place::Counted => {
                let here = self.number.min(bytes.len() as u64);
                self.counted(self.number - here);
                Ok(Read::Skip(here as usize))
            }
        }
    }

    fn start(&mut self, first: u8, behind: &[u8], rules: &Rules) -> Result<Read, FrameError> {
        self.number = 0;
        match first {
            0x00 => self.text(behind, 1, rules),
            0x01..=0x7f => {
                self.place = Place::Discard;
                Ok(Read::Skip(1))
            }
            0xff if rules.draft == Draft::Hixie76 => match behind.first() {
                None => Ok(Read::Need(2)),
                Some(0x00) => {
                    let head = FrameHead::new(Opcode::Close, 0);
                    Ok(Read::Control(Control { head, len: HIXIE_CLOSE.len() }))
                }
                Some(_) => Ok(self.binary()),
            },
            _ => Ok(self.binary()),
        }
    }

    fn binary(&mut self) -> Read {
        self.place = Place::Length(0);
        Read::Skip(1)
    }

    /// Text at the start of `bytes`, with `framing` bytes in front of them.
    fn text(&mut self, bytes: &[u8], framing: usize, rules: &Rules) -> Result<Read, FrameError> {
        self.place = Place::Text;
        let payload = memchr::memchr(0xff, bytes).unwrap_or(bytes.len());
        self.grow(payload, rules)?;
        let (kind, deflated, first) = (Kind::Text, false, framing > 0);
        Ok(Read::Data(Data { framing, payload, kind, deflated, first, last: false }))
    }

    fn end_of_text(&mut self) -> Data {
        self.place = Place::Start;
        let (kind, deflated) = (Kind::Text, false);
        Data { framing: 1, payload: 0, kind, deflated, first: false, last: true }
    }

    fn discard(&mut self, bytes: &[u8], rules: &Rules) -> Result<Read, FrameError> {
        let end = memchr::memchr(0xff, bytes);
        if end.is_some() {
            self.place = Place::Start;
        }
        let len = end.map_or(bytes.len(), |end| end + 1);
        self.grow(len, rules)?;
        Ok(Read::Skip(len))
    }

    /// One byte of a length in base 128, the highest first; `digits` came before it.
    fn length(&mut self, byte: u8, digits: u8, rules: &Rules) -> Result<Read, FrameError> {
        let length = self.number.checked_mul(128).filter(|_| digits < DIGITS);
        let length = length.ok_or(FrameError::LengthOverflow)? | u64::from(byte & 0x7f);
        if length > rules.max_message {
            return Err(FrameError::TooLarge);
        }
        if byte & 0x80 != 0 {
            (self.place, self.number) = (Place::Length(digits + 1), length);
        } else {
            self.counted(length);
        }
        Ok(Read::Skip(1))
    }

    fn counted(&mut self, left: u64) {
        self.place = if left == 0 { Place::Start } else { Place::Counted };
        self.number = left;
    }

    fn grow(&mut self, n: usize, rules: &Rules) -> Result<(), FrameError> {
        self.number = self.number.saturating_add(n as u64);
        if self.number > rules.max_message { Err(FrameError::TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::super::frame::Sender;
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules { draft: Draft::Hixie76, ..Rules::new(Sender::Client, 100) };

    #[derive(Debug, PartialEq, Eq)]
    enum Seen {
        Text(Vec<u8>),
        Close,
    }

    fn read(stream: &[u8], step: usize, rules: &Rules) -> (Vec<Seen>, Option<FrameError>, usize) {
        let (mut reader, mut seen, mut open) = (HixieReader::default(), Vec::new(), Vec::new());
        let (mut at, mut arrived) = (0, 0);
        loop {
            match reader.advance(&stream[at..arrived], rules) {
                Ok(Read::Data(data)) => {
                    let start = at + data.framing;
                    at = start + data.payload;
                    open.extend_from_slice(&stream[start..at]);
                    if data.last {
                        assert!(reader.at_message());
                        seen.push(Seen::Text(std::mem::take(&mut open)));
                    }
                }
                Ok(Read::Control(control)) => {
                    seen.push(Seen::Close);
                    at += control.len;
                }
                Ok(Read::Skip(n)) => at += n,
                Ok(Read::Need(_)) if arrived == stream.len() => return (seen, None, at),
                Ok(Read::Need(least)) => {
                    assert!(arrived - at < least);
                    arrived = (arrived + step).min(stream.len());
                }
                Err(fault) => return (seen, Some(fault), 0),
            }
        }
    }

    #[test]
    fn text_is_read_and_the_rest_discarded_at_any_split() {
        let mut stream = Vec::new();
        encode_hixie_text("hällo", &mut stream);
        stream.extend_from_slice(b"\x01other\xff\x80\x03abc\x85\x00\xfe\x81\x00");
        stream.resize(stream.len() + 128, 0xff);
        stream.extend_from_slice(b"\x00\xff\xff\x01x");
        stream.extend_from_slice(&HIXIE_CLOSE);
        let rules = Rules { max_message: 200, ..RULES };
        let expected = [Seen::Text("hällo".into()), Seen::Text(vec![]), Seen::Close];
        for step in 1..=stream.len() {
            let (seen, fault, at) = read(&stream, step, &rules);
            assert_eq!((&seen[..], fault, at), (&expected[..], None, stream.len()), "{step}");
        }
    }

    #[test]
    fn hixie_75_has_no_close() {
        let rules = Rules { draft: Draft::Hixie75, ..RULES };
        let (seen, fault, at) = read(b"\xff\x00\x00x\xff", 1, &rules);
        assert_eq!((seen, fault, at), (vec![Seen::Text(b"x".to_vec())], None, 5));
    }

    #[test]
    fn everything_has_a_limit() {
        let endless = |first: u8, fill: u8| {
            let mut stream = vec![first];
            stream.resize(200, fill);
            read(&stream, 7, &RULES).1
        };
        assert_eq!(endless(0x00, b'x'), Some(FrameError::TooLarge));
        assert_eq!(endless(0x01, b'x'), Some(FrameError::TooLarge));
        assert_eq!(endless(0x80, 0x80), Some(FrameError::LengthOverflow));
        assert_eq!(read(b"\x80\xff\xff", 9, &RULES).1, Some(FrameError::TooLarge));
        let unlimited = Rules { max_message: u64::MAX, ..RULES };
        let overflow =
            read(&[0x80, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255], 9, &unlimited);
        assert_eq!(overflow.1, Some(FrameError::LengthOverflow));
    }

    proptest! {
        #[test]
        fn any_garbage_reads_the_same_at_any_split(
            stream in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x80), Just(b'x')], 0..120),
            step in 1usize..20,
        ) {
            for draft in [Draft::Hixie75, Draft::Hixie76] {
                let rules = Rules { draft, ..RULES };
                let (seen, fault, at) = read(&stream, step, &rules);
                prop_assert_eq!((seen, fault, at), read(&stream, stream.len().max(1), &rules));
            }
        }
    }
}
