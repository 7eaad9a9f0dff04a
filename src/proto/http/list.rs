//! The small grammar that field values share: lists, tokens, digits (RFC 9110 section 5.6).

/// A value without the spaces and tabs around it (`OWS`).
pub fn trim(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The elements of a list, trimmed; empty ones are left out, as a recipient must.
/// Commas inside quoted strings are not special here: it is for lists of plain tokens.
pub fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// What stands before the first such byte, and what behind it where there is one.
pub fn cut(value: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(byte, value).and_then(|at| value.split_at_checked(at)) {
        Some((before, rest)) => (before, rest.get(1..)),
        None => (value, None),
    }
}

/// Whether the list has this token, without regard to case.
pub fn has_token(value: &[u8], token: &str) -> bool {
    elements(value).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// Whether these bytes are a token (RFC 9110 section 5.6.2): not empty, no separator, no control.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

/// Whether a byte may be part of a token.
pub const fn is_token_byte(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// The value of a hexadecimal digit in either case.
pub const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_and_trimmed() {
        let all: Vec<_> = elements(b" keep-alive ,, Upgrade\t,").collect();
        assert_eq!(all, [&b"keep-alive"[..], b"Upgrade"]);
        assert_eq!(elements(b" , ").count(), 0);
    }

    #[test]
    fn cut_at_the_first() {
        assert_eq!(cut(b"a;b;c", b';'), (&b"a"[..], Some(&b"b;c"[..])));
        assert_eq!(cut(b";", b';'), (&b""[..], Some(&b""[..])));
        assert_eq!(cut(b"abc", b';'), (&b"abc"[..], None));
    }

    #[test]
    fn tokens_are_compared_without_case_and_whole() {
        assert!(has_token(b"keep-alive, UPGRADE", "upgrade"));
        assert!(!has_token(b"keep-alive, upgraded", "upgrade"));
        assert!(!has_token(b"\"upgrade\"", "upgrade"));
    }

    #[test]
    fn tokens_have_no_separators() {
        assert!(is_token(b"x-Y_z.1~"));
        for bad in [&b""[..], b"a b", b"a:", b"a/b", b"\"a\"", b"a\x7f", b"\xff"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
