//! Names of channels.

/// Longest name, in bytes.
const MOST: usize = 128;

/// Whether this can be the name of a channel: letters, digits and `_.:-`, at most 128 of them.
pub fn is_name(text: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(byte);
    (1..=MOST).contains(&text.len()) && text.iter().all(letter)
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn letters_digits_and_four_signs() {
        for name in ["a", "room-7", "news.of:the_day", &"x".repeat(128)] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        for name in ["", "a b", "a/b", "ä", "a\0", "*", &"x".repeat(129)] {
            assert!(!is_name(name.as_bytes()), "{name}");
        }
    }
}
