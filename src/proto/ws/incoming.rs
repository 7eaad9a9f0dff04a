//! The messages of one direction, whatever the draft they come in.

use super::draft::Draft;
use super::frame::{FrameError, Rules};
use super::hixie::HixieReader;
use super::message::{Kind, Read, Reader};

/// Bytes in which it is written down where an [`Incoming`] stands.
pub const INCOMING_SAVED: usize = 24;

/// Reads messages in the draft it was made for; one of the two readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Of hybi-07 and later.
    Frames(Reader),
    /// Of hixie-75 and hixie-76.
    Hixie(HixieReader),
}

const _: () = assert!(size_of::<Incoming>() <= 24);

impl Incoming {
    /// For messages in `draft`, of which nothing has come yet.
    pub fn new(draft: Draft) -> Self {
        match draft {
            Draft::Hixie75 | Draft::Hixie76 => Self::Hixie(HixieReader::default()),
            _ => Self::Frames(Reader::default()),
        }
    }

    /// Where it stands, to be written down.
    pub fn saved(&self) -> [u8; INCOMING_SAVED] {
        match self {
            Self::Frames(reader) => reader.saved(),
            Self::Hixie(reader) => reader.saved(),
        }
    }

    /// One for messages in `draft` that stands where another did; `None` where none can.
    pub fn resume(draft: Draft, saved: [u8; INCOMING_SAVED]) -> Option<Self> {
        Some(if draft.has_frames() {
            Self::Frames(Reader::resume(saved)?)
        } else {
            Self::Hixie(HixieReader::resume(saved)?)
        })
    }

    /// Whether the next byte starts a message.
    pub fn at_message(&self) -> bool {
        match self {
            Self::Frames(reader) => reader.at_message(),
            Self::Hixie(reader) => reader.at_message(),
        }
    }

    /// What the message is made of that came last, or is still coming.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Frames(reader) => reader.kind(),
            Self::Hixie(_) => Kind::Text,
        }
    }

    /// Reads what comes next; see [`Reader::advance`] and [`HixieReader::advance`].
    pub fn advance(&mut self, bytes: &mut [u8], rules: &Rules) -> Result<Read, FrameError> {
        match self {
            Self::Frames(reader) => reader.advance(bytes, rules),
            Self::Hixie(reader) => reader.advance(bytes, rules),
        }
    }

    /// Checks text that came out of an inflater; see [`Reader::text`].
    pub fn text(&mut self, piece: &[u8], last: bool) -> Result<(), FrameError> {
        match self {
            Self::Frames(reader) => reader.text(piece, last),
            Self::Hixie(_) => Ok(()),
        }
    }
}
