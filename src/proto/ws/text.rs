//! Binary data as text, where a draft or a client has nothing else: base64, each message by itself.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Written with padding, read with and without it (RFC 4648 section 4).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Binary data as text.
pub fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The binary data that a text stands for; `None` when it is no base64.
pub fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_written_and_not_insisted_on() {
        assert_eq!(encode_base64(b"\x00\xff"), "AP8=");
        for text in ["AP8=", "AP8"] {
            assert_eq!(decode_base64(text.as_bytes()).as_deref(), Some(&b"\x00\xff"[..]));
        }
        for text in ["AP8==", "A", "AP 8", "\u{e4}"] {
            assert_eq!(decode_base64(text.as_bytes()), None, "{text}");
        }
    }
}
