//! Close codes and the payload of a close frame.

use std::fmt;

use super::draft::Draft;

/// The longest close reason, in bytes: a control frame's payload less the code.
pub const REASON_MAX: usize = 123;
/// The longest close payload.
pub const CLOSE_MAX: usize = 2 + REASON_MAX;

/// A close code as written in a close frame (RFC 6455 section 7.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// An end goes away: a server stops, a page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The other end broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// A kind of data the end does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// A message above the limit, in versions 7 and 8 only.
    pub const TOO_LARGE_BEFORE_13: Self = Self(1004);
    /// Never on the wire: a close frame without a code.
    pub const NONE: Self = Self(1005);
    /// Never on the wire: the connection ended without a close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// Text that is not UTF-8.
    pub const BAD_DATA: Self = Self(1007);
    /// A rule of the end was broken.
    pub const POLICY: Self = Self(1008);
    /// A message above the limit.
    pub const TOO_LARGE: Self = Self(1009);
    /// The server lacks an extension the client needs.
    pub const EXTENSION: Self = Self(1010);
    /// The server failed.
    pub const INTERNAL: Self = Self(1011);
    /// The service restarts.
    pub const RESTART: Self = Self(1012);
    /// Try again later.
    pub const TRY_LATER: Self = Self(1013);
    /// A gateway's upstream failed.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// Whether the code may stand in a close frame: the registered ones that are not reserved
    /// (RFC 6455 section 7.4.1 and the IANA registry), 3000-3999 and 4000-4999.
    pub const fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// Why.
    pub code: CloseCode,
    /// A word about it, for people; often empty.
    pub reason: &'a str,
}

/// Why a close payload was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// Half a code (RFC 6455 section 5.5.1).
    #[error("a close payload of one byte")]
    OneByte,
    /// A code nobody may send (RFC 6455 section 7.4.1).
    #[error("a close code that may not be sent")]
    Code,
    /// The reason is not UTF-8 (RFC 6455 section 5.5.1).
    #[error("a close reason that is not UTF-8")]
    Reason,
    /// More than a control frame holds (RFC 6455 section 5.5).
    #[error("a close payload of more than 125 bytes")]
    TooLong,
}

impl CloseError {
    /// The close code that tells the sender.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Reason => CloseCode::BAD_DATA,
            _ => CloseCode::PROTOCOL,
        }
    }
}

/// Reads the unmasked payload of a close frame of `draft`; `Ok(None)` when it is empty and says
/// nothing.
pub fn parse_close(payload: &[u8], draft: Draft) -> Result<Option<Close<'_>>, CloseError> {
    if payload.is_empty() {
        return Ok(None);
    }
    if payload.len() > CLOSE_MAX {
        return Err(CloseError::TooLong);
    }
    let (code, reason) = payload.split_first_chunk::<2>().ok_or(CloseError::OneByte)?;
    let code = CloseCode(u16::from_be_bytes(*code));
    if !draft.knows(code) {
        return Err(CloseError::Code);
    }
    let reason = simdutf8::basic::from_utf8(reason).map_err(|_| CloseError::Reason)?;
    Ok(Some(Close { code, reason }))
}

/// Writes a close payload to the start of `out` and returns its length: code and reason, the latter
/// cut at a character's edge to [`REASON_MAX`] bytes.
///
/// The code is one of the peer's draft ([`Draft::code_for`]). One that no draft may send becomes an
/// empty payload, which is how "no code" is said.
pub fn encode_close(code: CloseCode, reason: &str, out: &mut [u8; CLOSE_MAX]) -> usize {
    if !code.may_be_sent() && code != CloseCode::TOO_LARGE_BEFORE_13 {
        return 0;
    }
    let mut end = reason.len().min(REASON_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = reason.get(..end).unwrap_or_default();
    let payload = code.0.to_be_bytes().into_iter().chain(reason.bytes());
    let mut len = 0;
    for (to, byte) in out.iter_mut().zip(payload) {
        *to = byte;
        len += 1;
    }
    len
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_codes_that_may_be_sent_are_accepted() {
        let accepted: Vec<u16> = (0..=u16::MAX).filter(|&c| CloseCode(c).may_be_sent()).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(accepted, expected);
        for code in [0u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
            assert_eq!(
                parse_close(&code.to_be_bytes(), Draft::Rfc6455),
                Err(CloseError::Code),
                "{code}"
            );
        }
    }

    #[test]
    fn an_empty_payload_says_nothing_and_one_byte_is_a_fault() {
        assert_eq!(parse_close(b"", Draft::Rfc6455), Ok(None));
        assert_eq!(parse_close(b"\x03", Draft::Rfc6455), Err(CloseError::OneByte));
    }

    #[test]
    fn a_reason_is_utf8_and_fits_a_control_frame() {
        assert_eq!(parse_close(b"\x03\xe8\xff", Draft::Rfc6455), Err(CloseError::Reason));
        assert_eq!(CloseError::Reason.close_code(), CloseCode::BAD_DATA);
        let mut long = vec![0x03, 0xe8];
        long.resize(CLOSE_MAX, b'x');
        assert!(parse_close(&long, Draft::Rfc6455).is_ok());
        long.push(b'x');
        assert_eq!(parse_close(&long, Draft::Rfc6455), Err(CloseError::TooLong));
    }

    #[test]
    fn reserved_codes_are_never_written() {
        let mut out = [0; CLOSE_MAX];
        for code in [CloseCode::NONE, CloseCode::ABNORMAL, CloseCode(1015), CloseCode(2000)] {
            assert_eq!(encode_close(code, "why", &mut out), 0);
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut out = [0; CLOSE_MAX];
        let reason = "ä".repeat(62);
        let len = encode_close(CloseCode::NORMAL, &reason, &mut out);
        assert_eq!(len, 2 + 122);
        let close = parse_close(&out[..len], Draft::Rfc6455).unwrap().unwrap();
        assert_eq!(close.reason, "ä".repeat(61));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(code in 3000u16..5000, reason in ".{0,30}") {
            let mut out = [0; CLOSE_MAX];
            let len = encode_close(CloseCode(code), &reason, &mut out);
            let close = parse_close(&out[..len], Draft::Rfc6455).unwrap().unwrap();
            prop_assert_eq!(close.code, CloseCode(code));
            prop_assert!(reason.starts_with(close.reason));
            if reason.len() <= REASON_MAX {
                prop_assert_eq!(close.reason, reason);
            }
        }
    }
}
