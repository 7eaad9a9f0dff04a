//! The field names that the router treats specially, and how a name is classified.

macro_rules! known {
    ($($length:literal: $($variant:ident $name:literal),+;)+) => {
        /// A field name of which the router knows the meaning; compared without case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Known {
            $($(#[doc = concat!("`", $name, "`.")] $variant,)+)+
            /// Any other name that begins with `x-forwarded-`.
            XForwardedOther,
            /// A name with an underscore, which no upstream must see: it becomes the same CGI
            /// variable as the name with a hyphen.
            Underscored,
            /// Any other name.
            Other,
        }

        impl Known {
            /// Every name there is, in lower case.
            pub const NAMES: &'static [(Self, &'static str)] = &[$($((Self::$variant, $name),)+)+];

            fn of_length(length: usize) -> &'static [(Self, Folded)] {
                match length {
                    $($length => const { &[$((Self::$variant, Folded::of_known($name)),)+] },)+
                    _ => &[],
                }
            }
        }
    };
}

known! {
    2: Te "te";
    3: Via "via";
    4: Host "host", Date "date";
    5: Proxy "proxy";
    6: Accept "accept", Cookie "cookie", Origin "origin", Expect "expect", Server "server";
    7: Upgrade "upgrade", Referer "referer", Trailer "trailer";
    8: Location "location";
    9: Forwarded "forwarded", XRealIp "x-real-ip";
    10: Connection "connection", UserAgent "user-agent", KeepAlive "keep-alive",
        SetCookie "set-cookie";
    11: RetryAfter "retry-after";
    12: ContentType "content-type";
    13: Authorization "authorization";
    14: ContentLength "content-length", Http2Settings "http2-settings";
    15: XForwardedFor "x-forwarded-for";
    16: XForwardedHost "x-forwarded-host", ProxyConnection "proxy-connection",
        WwwAuthenticate "www-authenticate", TidegateChannel "tidegate-channel";
    17: TransferEncoding "transfer-encoding", XForwardedProto "x-forwarded-proto",
        SecWebSocketKey "sec-websocket-key";
    18: SecWebSocketKey1 "sec-websocket-key1", SecWebSocketKey2 "sec-websocket-key2",
        ProxyAuthenticate "proxy-authenticate";
    19: ProxyAuthorization "proxy-authorization", SecWebSocketDraft "sec-websocket-draft";
    20: SecWebSocketAccept "sec-websocket-accept", SecWebSocketOrigin "sec-websocket-origin";
    21: SecWebSocketVersion "sec-websocket-version";
    22: SecWebSocketProtocol "sec-websocket-protocol",
        SecWebSocketLocation "sec-websocket-location";
    24: SecWebSocketExtensions "sec-websocket-extensions";
    25: ProxyAuthenticationInfo "proxy-authentication-info";
}

/// Bytes of names that are compared at once; no name we know is longer.
const FOLDED: usize = 32;
/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// A name in lower case as words, with zeroes behind it: comparing these is a few instructions, whatever the name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Folded([u64; FOLDED / 8]);

impl Folded {
    /// `None`: it is longer.
    fn new(name: &[u8]) -> Option<Folded> {
        let mut bytes = [0; FOLDED];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        let (words, _) = bytes.as_chunks();
        let mut folded = Folded([0; FOLDED / 8]);
        for (folded, word) in folded.0.iter_mut().zip(words) {
            *folded = lower(u64::from_le_bytes(*word));
        }
        Some(folded)
    }

    /// Of a name in lower case, of at most 32 bytes.
    const fn of_known(name: &str) -> Folded {
        let (mut rest, mut halves, mut at) = (name.as_bytes(), (0, 0), 0);
        while let [byte, tail @ ..] = rest {
            let placed = (*byte as u128) << (at % 16 * 8);
            if at < 16 {
                halves.0 |= placed;
            } else {
                halves.1 |= placed;
            }
            (rest, at) = (tail, at + 1);
        }
        let (first, last): (u128, u128) = halves;
        Folded([first as u64, (first >> 64) as u64, last as u64, (last >> 64) as u64])
    }
}

/// Eight bytes with ASCII capitals made small, and all others as they are.
const fn lower(word: u64) -> u64 {
    let low = word & (0x7f * EACH);
    // No sum goes over into the next byte: bit 7 says that the byte is at least `A`, or beyond `Z`.
    let from_a = low + (0x80 - b'A' as u64) * EACH;
    let past_z = low + (0x7f - b'Z' as u64) * EACH;
    let capital = from_a & !past_z & !word & (0x80 * EACH);
    word | capital >> 2
}

impl Known {
    /// Which of these a field name is.
    pub fn classify(name: &str) -> Self {
        if let Some(folded) = Folded::new(name.as_bytes()) {
            for (known, candidate) in Self::of_length(name.len()) {
                if folded == *candidate {
                    return *known;
                }
            }
        }
        if name.as_bytes().contains(&b'_') {
            return Self::Underscored;
        }
        match name.as_bytes().first_chunk::<12>() {
            Some(start) if start.eq_ignore_ascii_case(b"x-forwarded-") => Self::XForwardedOther,
            _ => Self::Other,
        }
    }

    /// Whether the field concerns one connection only and is never forwarded (RFC 9110 section
    /// 7.6.1); lengths and codings of bodies are among them, for we write those ourselves, and what an app says to us alone.
    pub const fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::ContentLength
                | Self::TransferEncoding
                | Self::Upgrade
                | Self::Te
                | Self::Trailer
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::ProxyAuthenticate
                | Self::ProxyAuthenticationInfo
                | Self::ProxyAuthorization
                | Self::Http2Settings
                | Self::TidegateChannel
        )
    }

    /// Whether the field belongs to a WebSocket's opening handshake, `Origin` included.
    pub const fn is_handshake(self) -> bool {
        matches!(
            self,
            Self::Origin
                | Self::SecWebSocketKey
                | Self::SecWebSocketKey1
                | Self::SecWebSocketKey2
                | Self::SecWebSocketDraft
                | Self::SecWebSocketAccept
                | Self::SecWebSocketOrigin
                | Self::SecWebSocketVersion
                | Self::SecWebSocketProtocol
                | Self::SecWebSocketLocation
                | Self::SecWebSocketExtensions
        )
    }

    /// Whether the field tells on whose behalf a proxy asks: believed of trusted peers only.
    pub const fn is_forwarding_identity(self) -> bool {
        matches!(
            self,
            Self::Forwarded
                | Self::XForwardedFor
                | Self::XForwardedHost
                | Self::XForwardedProto
                | Self::XForwardedOther
                | Self::XRealIp
        )
    }

    /// Whether the field stays although `Connection` nominates it: those that say who is asking,
    /// what a body is or that a WebSocket's proof depends on.
    pub const fn is_kept_against_nomination(self) -> bool {
        self.is_forwarding_identity()
            || self.is_handshake()
            || matches!(
                self,
                Self::Host
                    | Self::Authorization
                    | Self::WwwAuthenticate
                    | Self::Cookie
                    | Self::SetCookie
                    | Self::ContentType
                    | Self::Date
            )
    }

    /// A set bit of its own, for [`super::Fields`] to know at once what a head lacks.
    pub(super) const fn bit(self) -> u64 {
        1 << (self as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (known, name) in Known::NAMES {
            assert_eq!(Known::classify(name), *known);
            assert_eq!(Known::classify(&name.to_ascii_uppercase()), *known);
        }
    }

    #[test]
    fn bytes_are_made_small_as_std_does() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut bytes = [b'Z', 0xff, 0, b'A', b'z', b'@', b'[', 0x80];
                bytes.iter_mut().skip(at).take(1).for_each(|place| *place = byte);
                let small = lower(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(small, bytes.map(|byte| byte.to_ascii_lowercase()));
            }
        }
    }

    #[test]
    fn what_looks_like_a_name_is_none() {
        assert_eq!(Known::classify("hos\0"), Known::Other);
        assert_eq!(Known::classify("\0\0\0\0"), Known::Other);
        assert_eq!(Known::classify("set\rcookie"), Known::Other);
        assert_eq!(Known::classify(&"x".repeat(33)), Known::Other);
    }

    #[test]
    fn every_name_has_a_bit_of_its_own() {
        assert!((Known::Other as u8) < 64);
    }

    #[test]
    fn other_names_are_told_apart() {
        assert_eq!(Known::classify("X-Forwarded-Ssl"), Known::XForwardedOther);
        assert_eq!(Known::classify("X-Forwarded"), Known::Other);
        assert_eq!(Known::classify("Content_Length"), Known::Underscored);
        assert_eq!(Known::classify("X-Forwarded_For"), Known::Underscored);
        assert_eq!(Known::classify("X-Forwarded-_"), Known::Underscored);
        assert_eq!(Known::classify("Hosts"), Known::Other);
        assert_eq!(Known::classify(""), Known::Other);
    }
}
