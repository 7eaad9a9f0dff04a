//! JSON, as far as it is written by hand.

use std::io::Write;

/// Writes a JSON string; what is not UTF-8 becomes U+FFFD.
pub fn write_json(text: &[u8], out: &mut Vec<u8>) {
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
    fn nothing_ends_a_string_but_its_end() {
        let mut out = Vec::new();
        write_json(b"a\"b\\c\nd\xffe", &mut out);
        assert_eq!(out, "\"a\\\"b\\\\c\\u000ad\u{fffd}e\"".as_bytes());
    }
}
