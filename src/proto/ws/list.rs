//! Comma-separated lists in handshake fields, quoted parameters included.

/// The elements of one field line: split at commas outside quotes, trimmed, empty ones left out
/// (RFC 9110 section 5.6.1).
pub(super) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |&byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b',' => return !quoted,
                _ => {}
            }
            false
        })
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// The name of an element, before its parameters.
pub(super) fn element_name(element: &[u8]) -> &[u8] {
    element.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(value: &str) -> Vec<&str> {
        elements(value.as_bytes()).map(|e| std::str::from_utf8(e).unwrap()).collect()
    }

    #[test]
    fn splits_at_commas_outside_quotes() {
        assert_eq!(split("chat, superchat"), ["chat", "superchat"]);
        assert_eq!(split(" a ,\t,b,"), ["a", "b"]);
        assert_eq!(split(r#"x; p="a,b", y"#), [r#"x; p="a,b""#, "y"]);
        assert_eq!(split(r#"x; p="\",", y"#), [r#"x; p="\",""#, "y"]);
        assert_eq!(split(""), [""; 0]);
    }

    #[test]
    fn a_name_ends_at_its_parameters() {
        assert_eq!(element_name(b"permessage-deflate ; a=1; b"), b"permessage-deflate");
        assert_eq!(element_name(b"chat"), b"chat");
    }
}
