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

/// Writes a JSON string; what is not UTF-8 becomes U+FFFD.
pub(in super::super) fn write_json(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                c if c.is_control() => _ = write!(out, "\\u{:04x}", c as u32),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_a_line() {
        let mut out = Vec::new();
        write_escaped(b"a\"b\\c\nd\xff", &mut out);
        assert_eq!(out, b"a\\x22b\\x5Cc\\x0Ad\\xFF");
        out.clear();
        write_json(b"a\"b\\c\nd\xffe", &mut out);
        assert_eq!(out, "\"a\\\"b\\\\c\\u000ad\u{fffd}e\"".as_bytes());
    }
}
