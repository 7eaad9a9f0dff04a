//! The frame header of hybi-07 to RFC 6455: parsing and encoding, for both roles.

use super::close::{CloseCode, CloseError};
use super::draft::Draft;

/// The longest frame header: two bytes, an eight-byte length and a mask key.
pub const HEAD_MAX: usize = 14;
/// The longest payload of a control frame (RFC 6455 section 5.5).
pub const CONTROL_MAX: usize = 125;

/// Most payload of a data frame whose header is as short as can be; no limit of a message may be lower.
pub const LONE_MAX: u64 = 125;

/// Who sends a frame: a client masks, a server does not (RFC 6455 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The end that opened the WebSocket.
    Client,
    /// The end that answered 101.
    Server,
}

/// What a frame is (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message that is open.
    Continuation = 0x0,
    /// The first, perhaps only, fragment of a text message.
    Text = 0x1,
    /// The first, perhaps only, fragment of a binary message.
    Binary = 0x2,
    /// The end, with an optional code and reason.
    Close = 0x8,
    /// Asks for a pong with the same payload.
    Ping = 0x9,
    /// Answers a ping, or says "I am here" unasked.
    Pong = 0xA,
}

impl Opcode {
    /// Close, ping and pong: short, whole, and allowed between the fragments of a message.
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }
}

/// What the reader of a stream of frames accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The draft they are written in, one that has frames.
    pub draft: Draft,
    /// Who sends them.
    pub sender: Sender,
    /// Whether RSV1 may be set, on the first frame of a data message: permessage-deflate was agreed.
    pub rsv1: bool,
    /// The longest message, in bytes of payload as they are on the wire.
    pub max_message: u64,
}

impl Rules {
    /// RFC 6455 without extensions.
    pub const fn new(sender: Sender, max_message: u64) -> Self {
        Self { draft: Draft::Rfc6455, sender, rsv1: false, max_message }
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// The last fragment of its message.
    pub fin: bool,
    /// RSV1: the message is deflated.
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The mask key; `None` when the payload is not masked.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload behind the header.
    pub payload: u64,
}

/// Why a frame header, or a sequence of them, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A reserved bit no extension gave a meaning to (RFC 6455 section 5.2).
    #[error("reserved bits are set")]
    ReservedBits,
    /// An opcode of 3-7 or B-F (RFC 6455 section 5.2).
    #[error("unknown opcode")]
    UnknownOpcode,
    /// A control frame without FIN (RFC 6455 section 5.5).
    #[error("a fragmented control frame")]
    FragmentedControl,
    /// A control frame of more than 125 bytes (RFC 6455 section 5.5).
    #[error("a control frame of more than 125 bytes")]
    LongControl,
    /// A client's frame without a mask (RFC 6455 section 5.1).
    #[error("an unmasked frame from a client")]
    Unmasked,
    /// A server's frame with a mask (RFC 6455 section 5.1).
    #[error("a masked frame from a server")]
    Masked,
    /// A length written with more bytes than it needs (RFC 6455 section 5.2).
    #[error("a length not in its shortest form")]
    LengthNotMinimal,
    /// A length with its most significant bit set (RFC 6455 section 5.2).
    #[error("a length of more than 63 bits")]
    LengthOverflow,
    /// A message above the limit (RFC 6455 section 7.4.1, code 1009).
    #[error("a message above the size limit")]
    TooLarge,
    /// A continuation frame where no message is open (RFC 6455 section 5.4).
    #[error("a continuation frame without a message")]
    UnexpectedContinuation,
    /// A new data frame where a message is still open (RFC 6455 section 5.4).
    #[error("a new message inside a fragmented one")]
    UnfinishedMessage,
    /// A close frame that says what may not be said.
    #[error("{0}")]
    Close(CloseError),
    /// Text that is not UTF-8 (RFC 6455 section 8.1).
    #[error("text that is not UTF-8")]
    NotUtf8,
    /// Text that is not base64 where that subprotocol was agreed.
    #[error("text that is not base64")]
    NotBase64,
    /// A message for which there is no memory now (code 1013 of the registry in RFC 6455 section 11.7).
    #[error("no memory for a message")]
    NoMemory,
    /// A deflated message that is none (RFC 7692 section 7.2.2).
    #[error("a message that cannot be inflated")]
    NotDeflate,
}

impl FrameError {
    /// The close code that tells the sender, in RFC 6455's terms.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::TooLarge => CloseCode::TOO_LARGE,
            Self::NoMemory => CloseCode::TRY_LATER,
            Self::Close(error) => error.close_code(),
            Self::NotUtf8 | Self::NotBase64 | Self::NotDeflate => CloseCode::BAD_DATA,
            _ => CloseCode::PROTOCOL,
        }
    }
}

impl FrameHead {
    /// The header of a whole, unmasked frame of `payload` bytes.
    pub const fn new(opcode: Opcode, payload: u64) -> Self {
        Self { fin: true, rsv1: false, opcode, mask: None, payload }
    }

    /// The same header with its payload masked under `key`.
    pub const fn masked(mut self, key: [u8; 4]) -> Self {
        self.mask = Some(key);
        self
    }

    /// Reads the header at the start of `bytes`; with it comes how many bytes it takes.
    ///
    /// `Ok(None)` asks for more bytes; a fault is reported from the first byte that shows it, so
    /// before any payload is waited for or stored.
    #[inline]
    pub fn parse(bytes: &[u8], rules: &Rules) -> Result<Option<(Self, usize)>, FrameError> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let (fin, rsv1, opcode) = parse_first(first, rules)?;
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let masked = second & 0x80 != 0;
        match (rules.sender, masked) {
            (Sender::Client, false) => return Err(FrameError::Unmasked),
            (Sender::Server, true) => return Err(FrameError::Masked),
            _ => {}
        }
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > CONTROL_MAX {
            return Err(FrameError::LongControl);
        }
        let Some((payload, rest)) = parse_length(short, rest)? else { return Ok(None) };
        if payload > rules.max_message && !opcode.is_control() {
            return Err(FrameError::TooLarge);
        }
        let (mask, rest) = if masked {
            let Some((key, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
            (Some(*key), rest)
        } else {
            (None, rest)
        };
        Ok(Some((Self { fin, rsv1, opcode, mask, payload }, bytes.len() - rest.len())))
    }

    /// Of a header that a message in one frame may have here: bytes of payload, and its own. `None` for
    /// all others, whatever they are.
    #[inline(always)]
    pub(super) fn whole_message(bytes: &[u8], rules: &Rules) -> Option<(u64, u64)> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        // RSV1 is nothing to look at where it may be set.
        let seen = if rules.rsv1 { first & !0x40 } else { first };
        if seen != 0x81 && seen != 0x82 {
            return None;
        }
        let (mask_bit, key) = if rules.sender == Sender::Client { (0x80, 4) } else { (0, 0) };
        // With a mask bit that is wrong it is 128 or more.
        let (payload, len) = match second ^ mask_bit {
            short @ 0..=125 => (u64::from(short), 2),
            126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
            _ => return None,
        };
        let shortest = match len {
            2 => true,
            4 => payload >= 126,
            _ => payload >= 0x1_0000 && payload >> 63 == 0,
        };
        let whole = len + key <= bytes.len() as u64;
        (shortest && whole && payload <= rules.max_message).then_some((payload, len + key))
    }

    /// Bytes of payload of what is one message in one frame, no more and no less, of at most [`LONE_MAX`]. `None` for all else.
    #[inline(always)]
    pub(super) fn lone_message(bytes: &[u8], sender: Sender) -> Option<u64> {
        let (mask_bit, header) = if sender == Sender::Client { (0x80, 6) } else { (0, 2) };
        let payload = (bytes.len() as u64).wrapping_sub(header);
        if payload > LONE_MAX {
            return None;
        }
        let &[first, second, ..] = bytes else { return None };
        // The two bytes at once: text, or binary, which is one more.
        let text = 0x81 | u16::from(mask_bit | payload as u8) << 8;
        let beyond = u16::from_le_bytes([first, second]).wrapping_sub(text);
        (beyond <= 1).then_some(payload)
    }

    /// How many bytes a header that starts with `bytes` has at least; at least one more than these
    /// while [`FrameHead::parse`] asks for more.
    pub fn len_at_least(bytes: &[u8]) -> usize {
        let Some(second) = bytes.get(1) else { return 2 };
        let length = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + if second & 0x80 != 0 { 4 } else { 0 }
    }

    /// Writes the header, its length in the shortest form, to the start of `out`; returns its size.
    ///
    /// The payload length must be below 2^63, and at most [`CONTROL_MAX`] for a control frame.
    #[inline]
    pub fn encode(&self, out: &mut [u8; HEAD_MAX]) -> usize {
        debug_assert!(self.payload >> 63 == 0);
        debug_assert!(
            !self.opcode.is_control() || (self.fin && self.payload <= CONTROL_MAX as u64)
        );
        let [first, second, rest @ ..] = out;
        *first = u8::from(self.fin) << 7 | u8::from(self.rsv1) << 6 | self.opcode as u8;
        let mask_bit = u8::from(self.mask.is_some()) << 7;
        let extended = match self.payload {
            0..=125 => {
                *second = mask_bit | self.payload as u8;
                0
            }
            126..=0xffff => {
                *second = mask_bit | 126;
                put(rest, 0, &(self.payload as u16).to_be_bytes())
            }
            _ => {
                *second = mask_bit | 127;
                put(rest, 0, &self.payload.to_be_bytes())
            }
        };
        2 + self.mask.map_or(extended, |key| put(rest, extended, &key))
    }
}

/// Copies `piece` to `out[at..]`; returns where it ends.
#[inline]
fn put(out: &mut [u8; HEAD_MAX - 2], at: usize, piece: &[u8]) -> usize {
    for (to, from) in out.iter_mut().skip(at).zip(piece) {
        *to = *from;
    }
    at + piece.len()
}

#[inline]
fn parse_first(byte: u8, rules: &Rules) -> Result<(bool, bool, Opcode), FrameError> {
    let opcode = Opcode::from_bits(byte & 0x0f).ok_or(FrameError::UnknownOpcode)?;
    let (fin, rsv1) = (byte & 0x80 != 0, byte & 0x40 != 0);
    // RFC 7692 section 6: the bit belongs to the first frame of a data message.
    let may_rsv1 = rules.rsv1 && matches!(opcode, Opcode::Text | Opcode::Binary);
    if byte & 0x30 != 0 || (rsv1 && !may_rsv1) {
        return Err(FrameError::ReservedBits);
    }
    if opcode.is_control() && !fin {
        return Err(FrameError::FragmentedControl);
    }
    Ok((fin, rsv1, opcode))
}

#[inline]
fn parse_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, FrameError> {
    let (payload, least, rest) = match short {
        126 => {
            let Some((wide, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*wide)), 126, rest)
        }
        127 => {
            if rest.first().is_some_and(|high| high & 0x80 != 0) {
                return Err(FrameError::LengthOverflow);
            }
            let Some((wide, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            (u64::from_be_bytes(*wide), 0x1_0000, rest)
        }
        short => (u64::from(short), 0, rest),
    };
    if payload < least {
        return Err(FrameError::LengthNotMinimal);
    }
    Ok(Some((payload, rest)))
}

#[cfg(test)]
mod tests;
