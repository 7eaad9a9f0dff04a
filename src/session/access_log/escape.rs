//! Text from strangers in a line: nothing of it ends the line or the string it stands in.

use std::io::Write;

/// Escapes what would break a line or a quoted string, as `\xHH`.
pub(super) fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => _ = write!(out, "\\x{byte:02X}"),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_a_line() {
        let mut out = Vec::new();
        write_escaped(b"a\"b\\c\nd\xff", &mut out);
        assert_eq!(out, b"a\\x22b\\x5Cc\\x0Ad\\xFF");
    }
}
