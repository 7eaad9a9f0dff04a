//! Whole control frames: reading the payload of one that passes, writing one of our own.

use super::close::{CLOSE_MAX, CloseCode, encode_close, parse_close};
use super::draft::Draft;
use super::frame::{CONTROL_MAX, FrameError, FrameHead, HEAD_MAX, Opcode};
use super::mask::mask;

/// The longest control frame: its length never takes more than two bytes of header.
pub const CONTROL_FRAME_MAX: usize = 2 + 4 + CONTROL_MAX;

/// A control frame at the start of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its header.
    pub head: FrameHead,
    /// Its bytes, header and payload.
    pub len: usize,
}

impl Control {
    /// The frame whose header, of `head_len` bytes, starts `bytes`; `Ok(None)` while it is not
    /// whole. What a close frame says is checked ([`FrameError::Close`]).
    pub(super) fn read(
        head: FrameHead,
        head_len: usize,
        bytes: &[u8],
        draft: Draft,
    ) -> Result<Option<Self>, FrameError> {
        let control = Self { head, len: head_len + head.payload as usize };
        if bytes.len() < control.len {
            return Ok(None);
        }
        if head.opcode == Opcode::Close {
            let mut payload = [0; CONTROL_MAX];
            parse_close(control.payload(bytes, &mut payload), draft).map_err(FrameError::Close)?;
        }
        Ok(Some(control))
    }

    /// Its payload, unmasked into `out`; `bytes` are those it was found in, unchanged.
    pub fn payload<'o>(&self, bytes: &[u8], out: &'o mut [u8; CONTROL_MAX]) -> &'o [u8] {
        let len = self.head.payload as usize;
        let masked = bytes.get(self.len - len..self.len).unwrap_or_default();
        let out = out.get_mut(..masked.len()).unwrap_or_default();
        out.copy_from_slice(masked);
        mask(out, self.head.mask.unwrap_or_default(), 0);
        out
    }
}

/// A control frame of our own, ready to be sent.
#[derive(Clone, Copy, Debug)]
pub struct ControlFrame {
    bytes: [u8; CONTROL_FRAME_MAX],
    len: u8,
}

impl ControlFrame {
    /// A ping, pong or close with `payload`, of which at most [`CONTROL_MAX`] bytes are taken;
    /// masked where a client sends it.
    pub fn new(opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>) -> Self {
        debug_assert!(opcode.is_control() && payload.len() <= CONTROL_MAX);
        let payload = payload.get(..CONTROL_MAX).unwrap_or(payload);
        let mut head = [0; HEAD_MAX];
        let head_len = FrameHead { mask: key, ..FrameHead::new(opcode, payload.len() as u64) }
            .encode(&mut head);
        let mut bytes = [0; CONTROL_FRAME_MAX];
        let whole = head.iter().take(head_len).chain(payload);
        for (to, from) in bytes.iter_mut().zip(whole) {
            *to = *from;
        }
        mask(bytes.get_mut(head_len..).unwrap_or_default(), key.unwrap_or_default(), 0);
        Self { bytes, len: (head_len + payload.len()) as u8 }
    }

    /// A close frame; `code` is one of the peer's draft, and left out when nobody may send it, as
    /// [`encode_close`] says.
    pub fn close(code: CloseCode, reason: &str, key: Option<[u8; 4]>) -> Self {
        let mut payload = [0; CLOSE_MAX];
        let len = encode_close(code, reason, &mut payload);
        Self::new(Opcode::Close, payload.get(..len).unwrap_or_default(), key)
    }

    /// The frame.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::close::CloseError;
    use super::super::frame::{Rules, Sender};
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], sender: Sender) -> Result<Option<Control>, FrameError> {
        let rules = Rules::new(sender, 0);
        let (head, len) = FrameHead::parse(bytes, &rules)?.unwrap();
        Control::read(head, len, bytes, Draft::Rfc6455)
    }

    #[test]
    fn writes_the_pings_of_rfc_6455_section_5_7() {
        let ping = ControlFrame::new(Opcode::Ping, b"Hello", None);
        assert_eq!(ping.bytes(), b"\x89\x05Hello");
        let pong = ControlFrame::new(Opcode::Pong, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]));
        assert_eq!(pong.bytes(), b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    }

    #[test]
    fn a_code_that_may_not_be_sent_is_left_out() {
        let close = ControlFrame::close(CloseCode::ABNORMAL, "lost", None);
        assert_eq!(close.bytes(), b"\x88\x00");
        let close = ControlFrame::close(CloseCode::GOING_AWAY, "bye", None);
        assert_eq!(close.bytes(), b"\x88\x05\x03\xe9bye");
    }

    #[test]
    fn what_a_close_says_is_checked() {
        for (frame, fault) in [
            (&b"\x88\x01\x03"[..], CloseError::OneByte),
            (b"\x88\x02\x03\xed", CloseError::Code),
            (b"\x88\x03\x03\xe8\xff", CloseError::Reason),
        ] {
            assert_eq!(read(frame, Sender::Server), Err(FrameError::Close(fault)));
        }
        assert!(read(b"\x88\x00", Sender::Server).unwrap().is_some());
        assert!(read(b"\x88\x02\x03\xe8", Sender::Server).unwrap().is_some());
        assert_eq!(FrameError::Close(CloseError::Reason).close_code(), CloseCode::BAD_DATA);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_once_whole(
            payload in proptest::collection::vec(any::<u8>(), 0..=CONTROL_MAX),
            key: Option<[u8; 4]>,
            behind in proptest::collection::vec(any::<u8>(), 0..5),
        ) {
            let sender = if key.is_some() { Sender::Client } else { Sender::Server };
            let frame = ControlFrame::new(Opcode::Pong, &payload, key);
            let bytes = [frame.bytes(), &behind].concat();
            let control = read(&bytes, sender).unwrap().unwrap();
            prop_assert_eq!(control.len, frame.bytes().len());
            let mut out = [0; CONTROL_MAX];
            prop_assert_eq!(control.payload(&bytes, &mut out), &payload);
            let head_len = control.len - payload.len();
            for end in head_len..control.len {
                prop_assert_eq!(read(&bytes[..end], sender), Ok(None));
            }
        }
    }
}
