//! Reads the messages of one direction piece by piece: unmasked in place, text checked as it comes.

use super::control::Control;
use super::frame::{FrameError, Opcode, Rules};
use super::incoming::INCOMING_SAVED;
use super::mask::{mask, rotate};
use super::sequence::{Next, Sequence};
use super::utf8::Utf8;

/// What a message is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8.
    #[default]
    Text,
    /// Bytes.
    Binary,
}

impl Kind {
    /// The opcode of its first frame.
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

/// Where in the messages of one direction the next byte lies.
///
/// The caller shows the bytes that come next in pieces of any size and does what each [`Read`] says.
/// Whole messages are put together by whoever wants them whole: nothing is stored here, and a message
/// above the limit is refused at the header that announces it. After a fault a reader is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// Payload of the frame up to its end.
    left: u64,
    sequence: Sequence,
    /// The mask key as it stands at the next byte.
    key: [u8; 4],
    utf8: Utf8,
    content: Content,
}

const _: () = assert!(size_of::<Reader>() <= 24);

/// What the message at hand is made of, and how: one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Content {
    #[default]
    Text,
    Binary,
    DeflatedText,
    DeflatedBinary,
}

impl Content {
    const fn new(kind: Kind, deflated: bool) -> Self {
        match (kind, deflated) {
            (Kind::Text, false) => Self::Text,
            (Kind::Binary, false) => Self::Binary,
            (Kind::Text, true) => Self::DeflatedText,
            (Kind::Binary, true) => Self::DeflatedBinary,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Text | Self::DeflatedText => Kind::Text,
            Self::Binary | Self::DeflatedBinary => Kind::Binary,
        }
    }

    const fn deflated(self) -> bool {
        matches!(self, Self::DeflatedText | Self::DeflatedBinary)
    }
}

/// What lies at the start of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A part of a message.
    Data(Data),
    /// A whole control frame.
    Control(Control),
    /// So many bytes mean nothing: they are dropped.
    Skip(usize),
    /// Nothing can be said before this many bytes lie in one piece.
    Need(usize),
}

/// A part of a message: `framing` bytes to be dropped, and `payload` bytes behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data {
    /// Bytes in front of the payload.
    pub framing: usize,
    /// Bytes of payload, unmasked; text that is not deflated was checked.
    pub payload: usize,
    /// What the message is made of.
    pub kind: Kind,
    /// The message is deflated; what comes out of it, if text, is for [`Reader::text`] to check.
    pub deflated: bool,
    /// The message starts here.
    pub first: bool,
    /// The message ends here.
    pub last: bool,
}

impl Reader {
    /// Whether the next byte starts a message.
    pub const fn at_message(&self) -> bool {
        self.left == 0 && !self.sequence.is_open()
    }

    /// What the message is made of that came last, or is still coming.
    pub const fn kind(&self) -> Kind {
        self.content.kind()
    }

    /// Where it stands, to be written down.
    pub(super) fn saved(&self) -> [u8; INCOMING_SAVED] {
        let mut saved = [0; INCOMING_SAVED];
        let flags = u8::from(self.sequence.is_open())
            | u8::from(self.content.kind() == Kind::Binary) << 1
            | u8::from(self.content.deflated()) << 2;
        let [a, b, c] = self.utf8.open();
        let parts = [
            &self.left.to_le_bytes()[..],
            &self.sequence.open().unwrap_or(0).to_le_bytes(),
            &self.key,
            &[a, b, c, flags],
        ];
        for (to, from) in saved.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        saved
    }

    /// One that stands where another did.
    pub(super) fn resume(saved: [u8; INCOMING_SAVED]) -> Option<Self> {
        let (left, rest) = saved.split_first_chunk::<8>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (key, rest) = rest.split_first_chunk::<4>()?;
        let [a, b, c, flags, ..] = *rest else { return None };
        if flags > 7 {
            return None;
        }
        let open = (flags & 1 != 0).then(|| u64::from_le_bytes(*size));
        let kind = if flags & 2 != 0 { Kind::Binary } else { Kind::Text };
        Some(Self {
            left: u64::from_le_bytes(*left),
            sequence: Sequence::resume(open),
            key: *key,
            utf8: Utf8::resume([a, b, c]).ok()?,
            content: Content::new(kind, flags & 4 != 0),
        })
    }

    /// Reads what comes next, at most to the end of a frame, and unmasks it in place.
    pub fn advance(&mut self, bytes: &mut [u8], rules: &Rules) -> Result<Read, FrameError> {
        let (mut framing, mut first) = (0, false);
        if self.left == 0 {
            let was_open = self.sequence.is_open();
            match self.sequence.next(bytes, rules)? {
                Next::Data(head, len) => {
                    (framing, first) = (len, !was_open);
                    self.left = head.payload;
                    self.key = head.mask.unwrap_or_default();
                    if first {
                        let kind =
                            if head.opcode == Opcode::Text { Kind::Text } else { Kind::Binary };
                        self.content = Content::new(kind, head.rsv1);
                    }
                }
                Next::Control(control) => return Ok(Read::Control(control)),
                Next::Need(least) => return Ok(Read::Need(least)),
            }
        } else if bytes.is_empty() {
            return Ok(Read::Need(1));
        }
        let behind = bytes.get_mut(framing..).unwrap_or_default();
        let payload = self.left.min(behind.len() as u64) as usize;
        let piece = behind.get_mut(..payload).unwrap_or_default();
        mask(piece, self.key, 0);
        self.key = rotate(self.key, payload as u64);
        self.left -= payload as u64;
        let last = self.at_message();
        if self.content == Content::Text && rules.draft.refuses_bad_text() {
            self.text(piece, last)?;
        }
        let (kind, deflated) = (self.content.kind(), self.content.deflated());
        Ok(Read::Data(Data { framing, payload, kind, deflated, first, last }))
    }

    /// Checks the next piece of a text message that came out of an inflater; `last` ends it.
    pub fn text(&mut self, piece: &[u8], last: bool) -> Result<(), FrameError> {
        self.utf8.advance(piece).map_err(|_| FrameError::NotUtf8)?;
        if last && !self.utf8.is_whole() { Err(FrameError::NotUtf8) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
