//! How the drafts differ once a WebSocket is open: close codes, text that is not UTF-8, fields.

use super::close::CloseCode;
use super::draft::Draft;

impl Draft {
    /// Whether its wire has hybi frames, with pings and close codes; else text between 00 and FF.
    pub const fn has_frames(self) -> bool {
        !matches!(self, Self::Hixie75 | Self::Hixie76)
    }

    /// Whether text that is not UTF-8 ends the connection with 1007; in the drafts before that code
    /// each fault is read as U+FFFD.
    pub const fn refuses_bad_text(self) -> bool {
        matches!(self, Self::Hybi08 | Self::Rfc6455)
    }

    /// The field of a request that names its origin; the second one is taken where the first is
    /// missing.
    pub const fn origin_fields(self) -> [&'static str; 2] {
        match self {
            Self::Hybi07 | Self::Hybi08 => ["Sec-WebSocket-Origin", "Origin"],
            _ => ["Origin", "Origin"],
        }
    }

    /// The field that names subprotocols, asked for and chosen.
    pub const fn protocol_field(self) -> &'static str {
        match self {
            Self::Hixie75 => "WebSocket-Protocol",
            _ => "Sec-WebSocket-Protocol",
        }
    }

    /// Whether a peer that speaks it may say `code` in a close frame.
    pub const fn knows(self, code: CloseCode) -> bool {
        match self {
            Self::Hixie75 | Self::Hixie76 => false,
            Self::Hybi07 => matches!(code.0, 1000..=1004 | 3000..=4999),
            Self::Hybi08 => matches!(code.0, 1000..=1004 | 1007..=1011 | 3000..=4999),
            Self::Rfc6455 => code.may_be_sent(),
        }
    }

    /// What `code`, read from a peer that speaks it, means in RFC 6455's terms.
    pub const fn meaning(self, code: CloseCode) -> CloseCode {
        match (self, code) {
            (Self::Hybi07 | Self::Hybi08, CloseCode::TOO_LARGE_BEFORE_13) => CloseCode::TOO_LARGE,
            _ => code,
        }
    }

    /// How to say `code`, in RFC 6455's terms, to a peer that speaks it; `None` where there is
    /// nothing to be said.
    pub const fn code_for(self, code: CloseCode) -> Option<CloseCode> {
        if !self.has_frames() || !code.may_be_sent() {
            return None;
        }
        Some(match (self, code) {
            (Self::Rfc6455, _) => code,
            (_, CloseCode::TOO_LARGE) => CloseCode::TOO_LARGE_BEFORE_13,
            (_, CloseCode::RESTART | CloseCode::TRY_LATER | CloseCode::BAD_GATEWAY) => {
                CloseCode::GOING_AWAY
            }
            _ if self.knows(code) => code,
            _ => CloseCode::PROTOCOL,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_large_had_a_code_of_its_own() {
        for draft in [Draft::Hybi07, Draft::Hybi08] {
            assert_eq!(draft.code_for(CloseCode::TOO_LARGE), Some(CloseCode(1004)));
            assert_eq!(draft.meaning(CloseCode(1004)), CloseCode::TOO_LARGE);
        }
        assert_eq!(Draft::Rfc6455.code_for(CloseCode::TOO_LARGE), Some(CloseCode(1009)));
        assert!(!Draft::Rfc6455.knows(CloseCode(1004)));
    }

    #[test]
    fn what_a_draft_does_not_know_is_not_said_in_it() {
        let said = |draft: Draft, code| draft.code_for(CloseCode(code)).map(|code| code.0);
        for code in 1012..=1014 {
            assert_eq!(said(Draft::Hybi07, code), Some(1001));
            assert_eq!(said(Draft::Hybi08, code), Some(1001));
            assert_eq!(said(Draft::Rfc6455, code), Some(code));
        }
        assert_eq!(said(Draft::Hybi07, 1007), Some(1002));
        assert_eq!(said(Draft::Hybi08, 1007), Some(1007));
        assert_eq!(said(Draft::Hybi07, 1008), Some(1002));
        assert_eq!(said(Draft::Hybi07, 3000), Some(3000));
        for draft in Draft::ALL {
            for code in [0, 999, 1004, 1005, 1006, 1015, 2000, 5000] {
                assert_eq!(said(draft, code), None, "{draft} {code}");
            }
            for code in 0..=u16::MAX {
                assert!(said(draft, code).is_none_or(|code| draft.knows(CloseCode(code))));
            }
        }
    }

    #[test]
    fn hixie_drafts_have_no_codes() {
        for draft in [Draft::Hixie75, Draft::Hixie76] {
            assert!(!draft.has_frames());
            assert_eq!(draft.code_for(CloseCode::NORMAL), None);
        }
    }
}
