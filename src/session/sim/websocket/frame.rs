//! Frames as the two ends write and read them: deliberately nothing of the router's own code.

use std::fmt;

/// Opcodes.
pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// One frame; `payload` is unmasked.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) fin: bool,
    /// The three reserved bits.
    pub(super) rsv: u8,
    pub(super) opcode: u8,
    pub(super) key: Option<[u8; 4]>,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn new(opcode: u8, payload: &[u8], key: Option<[u8; 4]>) -> Frame {
        Frame { fin: true, rsv: 0, opcode, key, payload: payload.to_vec() }
    }

    /// It on the wire.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode];
        let mask = if self.key.is_some() { 0x80 } else { 0 };
        match self.payload.len() {
            len @ 0..=125 => out.push(mask | len as u8),
            len @ 126..=0xffff => {
                out.push(mask | 126);
                out.extend((len as u16).to_be_bytes());
            }
            len => {
                out.push(mask | 127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        let key = self.key.unwrap_or_default();
        out.extend(self.key.iter().flatten());
        out.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }

    /// The frame in front of `bytes`, and its length; `None` while it is not whole.
    pub(super) fn read(bytes: &[u8]) -> Option<(Frame, usize)> {
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        let (len, mut at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
            short => (u64::from(short), 2),
        };
        let mut key: Option<[u8; 4]> = None;
        if second & 0x80 != 0 {
            key = Some(bytes.get(at..at + 4)?.try_into().ok()?);
            at += 4;
        }
        let end = at + len as usize;
        let masked = bytes.get(at..end)?;
        let mask: [u8; 4] = key.unwrap_or_default();
        let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
        let frame = Frame {
            fin: first & 0x80 != 0,
            rsv: first >> 4 & 7,
            opcode: first & 15,
            key,
            payload: payload.collect(),
        };
        Some((frame, end))
    }

    pub(super) fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }

    /// The code of a Close; 1005 for none.
    pub(super) fn code(&self) -> u16 {
        match self.payload.as_slice() {
            [high, low, ..] => u16::from_be_bytes([*high, *low]),
            _ => 1005,
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = ["continuation", "text", "binary"];
        match (self.opcode, words.get(usize::from(self.opcode))) {
            (CLOSE, _) => write!(f, "close {}", self.code())?,
            (PING, _) => write!(f, "ping")?,
            (PONG, _) => write!(f, "pong")?,
            (_, Some(word)) => write!(f, "{word}")?,
            (opcode, None) => write!(f, "opcode {opcode}")?,
        }
        let start = &self.payload[..self.payload.len().min(8)];
        let more = if self.fin { "" } else { ", more" };
        write!(f, " of {} {start:x?}, rsv {}{more}", self.payload.len(), self.rsv)
    }
}
