//! The chunked transfer coding (RFC 9112 section 7.1): finding the payload in it, and writing it.

use crate::proto::http::list;
use thiserror::Error;

/// The most bytes of extensions in one chunk's line.
const EXTENSION_MAX: u16 = 4 << 10;
/// The most bytes of extensions in a body beyond what its payload's size excuses.
const EXTENSIONS_EXCESS_MAX: u32 = 16 << 10;
/// The most bytes of trailer fields.
const TRAILERS_MAX: u16 = 8 << 10;
/// The most digits of a chunk's size, leading zeros included.
const DIGITS_MAX: u8 = 16;

/// Why a chunked body is refused: the peer gets 400 or 502, its connection is closed, and the other
/// side of the exchange is aborted, for the end of the body is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum ChunkError {
    /// A chunk's line does not begin with hexadecimal digits, or goes on with something else than
    /// an extension or CRLF (RFC 9112 section 7.1).
    #[error("malformed chunk size")]
    Size,
    /// More than 16 digits, or 2^63 bytes and more (RFC 9112 section 7.1).
    #[error("chunk size too large")]
    SizeTooLarge,
    /// A control in a chunk extension (RFC 9112 section 7.1.1).
    #[error("malformed chunk extension")]
    Extension,
    /// Extensions beyond any use (RFC 9112 section 7.1.1).
    #[error("chunk extensions too large")]
    ExtensionTooLarge,
    /// A bare LF or a CR without LF where a line ends (RFC 9112 section 2.2).
    #[error("chunk line does not end in CRLF")]
    LineEnd,
    /// The payload is not followed by CRLF (RFC 9112 section 7.1).
    #[error("chunk data does not end in CRLF")]
    DataEnd,
    /// A trailer that is no field line (RFC 9112 section 7.1.2).
    #[error("malformed trailer")]
    Trailer,
    /// Trailers beyond any use (RFC 9112 section 7.1.2).
    #[error("trailers too large")]
    TrailersTooLarge,
}

/// What the bytes given to [`ChunkedDecoder::advance`] begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// So many bytes of framing come first, to be dropped.
    pub framing: usize,
    /// So many bytes of payload follow them.
    pub data: usize,
    /// The body is over behind these bytes.
    pub done: bool,
}

/// Finds the payload in a chunked body without copying it. Plain data: two bodies may share
/// nothing, and a decoder can be written down and taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkedDecoder {
    /// Bytes of payload still to come in this chunk; while its size is read, the size so far.
    remaining: u64,
    excess: u32,
    /// Bytes of the current chunk's extensions, or of all trailers.
    line: u16,
    digits: u8,
    place: Place,
}

/// Where in the grammar the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    LineStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    Done,
}

/// All of them, in an order that is written down.
const PLACES: [Place; 12] = [
    Place::Size,
    Place::Extension,
    Place::SizeLf,
    Place::Data,
    Place::DataCr,
    Place::DataLf,
    Place::LineStart,
    Place::TrailerName,
    Place::TrailerValue,
    Place::TrailerLf,
    Place::LastLf,
    Place::Done,
];

impl Default for ChunkedDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkedDecoder {
    /// At the start of a body.
    pub const fn new() -> Self {
        Self { remaining: 0, excess: 0, line: 0, digits: 0, place: Place::Size }
    }

    /// Its state in numbers.
    pub fn written(self) -> [u64; 2] {
        let place = PLACES.iter().position(|place| *place == self.place).unwrap_or_default();
        let small = u64::from(self.line) << 16 | u64::from(self.digits) << 8 | place as u64;
        [self.remaining, u64::from(self.excess) << 32 | small]
    }

    /// One that goes on where the other was; `None` where there is no such state.
    pub fn taken_up([remaining, rest]: [u64; 2]) -> Option<ChunkedDecoder> {
        let [place, digits, line @ .., e0, e1, e2, e3] = rest.to_le_bytes();
        let (line, excess) = (u16::from_le_bytes(line), u32::from_le_bytes([e0, e1, e2, e3]));
        let place = *PLACES.get(usize::from(place))?;
        let may_be =
            digits <= DIGITS_MAX && line <= TRAILERS_MAX && excess <= EXTENSIONS_EXCESS_MAX;
        may_be.then_some(ChunkedDecoder { remaining, excess, line, digits, place })
    }

    /// Whether the last chunk and the trailers have been seen: an end of the connection before
    /// that is a truncation.
    pub const fn is_done(&self) -> bool {
        matches!(self.place, Place::Done)
    }

    /// Looks at the next bytes of the body. Drop `framing` bytes, take `data` bytes, and call
    /// again with what is left, until `done` or until nothing is left.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Chunk, ChunkError> {
        let mut framing = 0;
        for byte in bytes {
            match self.place {
                Place::Data | Place::Done => break,
                _ => self.step(*byte)?,
            }
            framing += 1;
        }
        let data = match self.place {
            Place::Data => self.take(bytes.len() - framing),
            _ => 0,
        };
        Ok(Chunk { framing, data, done: self.is_done() })
    }

    /// Takes payload, as much as there is and belongs to this chunk.
    fn take(&mut self, available: usize) -> usize {
        let data = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(available);
        self.remaining -= data as u64;
        if self.remaining == 0 {
            self.place = Place::DataCr;
        }
        data
    }

    /// One byte of framing.
    fn step(&mut self, byte: u8) -> Result<(), ChunkError> {
        self.place = match (self.place, byte) {
            (Place::Size, _) => self.size(byte)?,
            (Place::Extension, b'\r') => Place::SizeLf,
            (Place::Extension, _) => self.extension(byte)?,
            (Place::SizeLf, b'\n') => self.size_ends()?,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => {
                (self.digits, self.line) = (0, 0);
                Place::Size
            }
            (Place::DataCr | Place::DataLf, _) => return Err(ChunkError::DataEnd),
            (Place::LineStart, b'\r') => Place::LastLf,
            (Place::LastLf, b'\n') => Place::Done,
            (Place::TrailerLf, b'\n') => Place::LineStart,
            (Place::LineStart | Place::TrailerName | Place::TrailerValue, _) => {
                self.trailer(byte)?
            }
            (place @ (Place::Data | Place::Done), _) => place,
            _ => return Err(ChunkError::LineEnd),
        };
        Ok(())
    }

    fn size(&mut self, byte: u8) -> Result<Place, ChunkError> {
        if let Some(digit) = list::hex_digit(byte) {
            self.digits += 1;
            if self.digits > DIGITS_MAX {
                return Err(ChunkError::SizeTooLarge);
            }
            self.remaining = self.remaining << 4 | u64::from(digit);
            return Ok(Place::Size);
        }
        match byte {
            _ if self.digits == 0 => Err(ChunkError::Size),
            b'\r' => Ok(Place::SizeLf),
            b';' => self.extension(byte),
            b'\n' => Err(ChunkError::LineEnd),
            _ => Err(ChunkError::Size),
        }
    }

    fn size_ends(&mut self) -> Result<Place, ChunkError> {
        if self.remaining > i64::MAX as u64 {
            return Err(ChunkError::SizeTooLarge);
        }
        let excused = u32::try_from(self.remaining / 16).unwrap_or(u32::MAX).saturating_add(16);
        self.excess = (self.excess + u32::from(self.line)).saturating_sub(excused);
        if self.excess > EXTENSIONS_EXCESS_MAX {
            return Err(ChunkError::ExtensionTooLarge);
        }
        self.line = 0;
        Ok(if self.remaining == 0 { Place::LineStart } else { Place::Data })
    }

    fn extension(&mut self, byte: u8) -> Result<Place, ChunkError> {
        self.line += 1;
        match byte {
            b'\n' => Err(ChunkError::LineEnd),
            0..=8 | 10..=31 | 0x7f => Err(ChunkError::Extension),
            _ if self.line > EXTENSION_MAX => Err(ChunkError::ExtensionTooLarge),
            _ => Ok(Place::Extension),
        }
    }

    fn trailer(&mut self, byte: u8) -> Result<Place, ChunkError> {
        self.line += 1;
        if self.line > TRAILERS_MAX {
            return Err(ChunkError::TrailersTooLarge);
        }
        match (self.place, byte) {
            (Place::TrailerName, b':') => Ok(Place::TrailerValue),
            (Place::LineStart | Place::TrailerName, _) if list::is_token_byte(byte) => {
                Ok(Place::TrailerName)
            }
            (_, b'\n') => Err(ChunkError::LineEnd),
            (Place::TrailerValue, b'\r') => Ok(Place::TrailerLf),
            (Place::TrailerValue, b'\t' | b' '..=0x7e | 0x80..) => Ok(Place::TrailerValue),
            _ => Err(ChunkError::Trailer),
        }
    }
}

/// Writes what goes before the payload of a chunk of `len` bytes: the CRLF that ends the previous
/// chunk, unless this is the first, then the size and CRLF. Returns how many bytes it wrote. A
/// length of zero would end the body: that is [`last_chunk`]'s.
pub fn encode_chunk_prefix(len: usize, first: bool, out: &mut [u8; 24]) -> usize {
    debug_assert!(len > 0);
    let mut digits = [0; 16];
    let mut count = 0;
    let mut rest = len;
    for digit in digits.iter_mut().rev() {
        *digit = HEX.get(rest & 15).copied().unwrap_or_default();
        rest >>= 4;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    let opening: &[u8] = if first { b"" } else { b"\r\n" };
    let digits = digits.iter().skip(16 - count);
    let prefix = opening.iter().chain(digits).chain(b"\r\n");
    out.iter_mut().zip(prefix).map(|(to, byte)| *to = *byte).count()
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What ends a chunked body; `first` when it had no chunk.
pub const fn last_chunk(first: bool) -> &'static [u8] {
    if first { b"0\r\n\r\n" } else { b"\r\n0\r\n\r\n" }
}
