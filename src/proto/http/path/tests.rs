//! The rule: matched = logged = forwarded, one canonical path.
#![allow(clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

/// The three faces as text, with `//` merged.
fn faces(raw: &str) -> Result<[String; 3], PathError> {
    faces_of(raw.as_bytes(), true)
}

fn faces_of(raw: &[u8], merge_slashes: bool) -> Result<[String; 3], PathError> {
    let mut scratch = PathScratch::default();
    let path = canonical(raw, merge_slashes, &mut scratch)?;
    Ok([path.sent, path.matched, path.info].map(|face| face.escape_ascii().to_string()))
}

#[test]
fn all_disguises_match_what_guards_admin() {
    let disguises = [
        "/admin",
        "//admin",
        "///admin",
        "/./admin",
        "/.//admin",
        "/public/../admin",
        "/%61dmin",
        "/%61%64%6D%69%6e",
        "/%2e/admin",
        "/%2e%2e/admin",
        "/public/%2E%2e/admin",
        "/public/.%2e/admin",
        "/../admin",
        "/../../admin",
        "/a/b/../../admin",
        "/a//../admin",
        "/a/./../admin",
        "/%2e%2e//%2e/admin",
    ];
    for raw in disguises {
        assert_eq!(faces(raw), Ok(["/admin"; 3].map(str::to_owned)), "{raw}");
    }
}

/// Raw, then sent, matched and info.
const FACES: &[(&str, [&str; 3])] = &[
    ("/", ["/", "/", "/"]),
    ("*", ["*", "/", "*"]),
    ("//", ["/", "/", "/"]),
    ("/..", ["/", "/", "/"]),
    ("/.", ["/", "/", "/"]),
    ("/a/..", ["/", "/", "/"]),
    ("/a/.", ["/a/", "/a/", "/a/"]),
    ("/a/b/..", ["/a/", "/a/", "/a/"]),
    ("/a//", ["/a/", "/a/", "/a/"]),
    ("/a/b/../c", ["/a/c", "/a/c", "/a/c"]),
    ("/.well-known/x", ["/.well-known/x"; 3]),
    ("/a/.../b", ["/a/.../b"; 3]),
    ("/a./b../c", ["/a./b../c"; 3]),
    ("/..a/.b", ["/..a/.b"; 3]),
    ("/~%7Euser%2d%5F", ["/~~user-_"; 3]),
    ("/a%20b", ["/a%20b", "/a b", "/a b"]),
    ("/%c3%a4", ["/%C3%A4", "/\\xc3\\xa4", "/\\xc3\\xa4"]),
    ("/%23%3f", ["/%23%3F", "/#?", "/#?"]),
    ("/a%2Fb", ["/a%2Fb", "/a%2Fb", "/a%2Fb"]),
    ("/a%2fb", ["/a%2Fb", "/a%2Fb", "/a%2Fb"]),
    ("/..%2fadmin", ["/..%2Fadmin", "/..%2Fadmin", "/..%2Fadmin"]),
    ("/%25", ["/%25", "/%25", "/%"]),
    ("/%2561dmin", ["/%2561dmin", "/%2561dmin", "/%61dmin"]),
    ("/%252e%252e/admin", ["/%252e%252e/admin", "/%252e%252e/admin", "/%2e%2e/admin"]),
    ("/%252F", ["/%252F", "/%252F", "/%2F"]),
    ("/%25%32%46", ["/%252F", "/%252F", "/%2F"]),
    ("/%3A:%40@", ["/%3A:%40@", "/::@@", "/::@@"]),
    ("/a;b=c/d", ["/a;b=c/d"; 3]),
    ("/{x}|^`<>", ["/{x}|^`<>"; 3]),
];

#[test]
fn rules_match_everything_decoded_but_slashes_and_percent_signs() {
    for (raw, expected) in FACES {
        assert_eq!(faces(raw), Ok(expected.map(str::to_owned)), "{raw}");
    }
}

#[test]
fn slashes_stay_when_asked() {
    let sent = |raw: &str| faces_of(raw.as_bytes(), false).map(|[sent, ..]| sent);
    assert_eq!(sent("//a///b//"), Ok("//a///b//".to_owned()));
    assert_eq!(sent("/a//../b"), Ok("/a/b".to_owned()));
    assert_eq!(sent("/a/.//b"), Ok("/a//b".to_owned()));
    assert_eq!(sent("//%61"), Ok("//a".to_owned()));
}

#[test]
fn what_two_servers_read_differently_is_refused() {
    use PathError::*;
    let refused: &[(&[u8], PathError)] = &[
        (b"", NotAbsolute),
        (b"a", NotAbsolute),
        (b"?", NotAbsolute),
        (b"**", NotAbsolute),
        (b"%2Fa", NotAbsolute),
        (b"http://a/", NotAbsolute),
        (b"/\0", Nul),
        (b"/%00", Nul),
        (b"/a%00.html", Nul),
        (b"/a\\b", Backslash),
        (b"/a%5Cb", Backslash),
        (b"/..%5c..%5cadmin", Backslash),
        (b"/%", Escape),
        (b"/%6", Escape),
        (b"/%6/", Escape),
        (b"/%6/1", Escape),
        (b"/%zz", Escape),
        (b"/%+1", Escape),
        (b"/% 1", Byte),
        (b"/%u0061", Escape),
        (b"/a#b", Fragment),
        (b"/a?b", Byte),
        (b"/a b", Byte),
        (b"/\xc3\xa4", Byte),
        (b"/\xff", Byte),
        (b"/a\nb", Control),
        (b"/a\tb", Control),
        (b"/\x7f", Control),
        (b"/%0a", Control),
        (b"/%0D%0a", Control),
        (b"/%1f", Control),
        (b"/%7F", Control),
    ];
    for (raw, error) in refused {
        assert_eq!(faces_of(raw, true), Err(*error), "{}", raw.escape_ascii());
        assert_eq!(faces_of(raw, false), Err(*error), "{}", raw.escape_ascii());
    }
}

#[test]
fn what_is_canonical_already_is_borrowed() {
    let raw = b"/a/.b/c..?".strip_suffix(b"?").unwrap_or_default();
    let mut scratch = PathScratch::default();
    let path = canonical(raw, true, &mut scratch).expect("a good path");
    assert!(std::ptr::eq(path.sent, raw) && std::ptr::eq(path.info, raw));
}

/// The slow way: unescape, split, remove, join.
fn naive_sent(raw: &[u8], merge_slashes: bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        let text = std::str::from_utf8(&digits).ok().filter(|text| !text.contains('+'))?;
        let value = u8::from_str_radix(text, 16).ok()?;
        match value {
            b'-' | b'.' | b'_' | b'~' => decoded.push(value),
            _ if value.is_ascii_alphanumeric() => decoded.push(value),
            _ if value.is_ascii_control() || value == b'\\' => return None,
            _ => decoded.extend(format!("%{value:02X}").bytes()),
        }
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let segments: Vec<&[u8]> = decoded.split(|byte| *byte == b'/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let last = index + 1 == segments.len();
        match *segment {
            b"." if last => kept.push(b""),
            b"." => {}
            b".." => {
                kept.pop();
                if last {
                    kept.push(b"");
                }
            }
            b"" if merge_slashes && !last => {}
            segment => kept.push(segment),
        }
    }
    Some([b"/".as_slice(), &kept.join(&b'/')].concat())
}

/// Paths made of what matters.
fn raw_path() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "/", "/", "/", ".", "..", "a", "b~", "%2e", "%2E", "%61", "%2F", "%2f", "%25", "%3a",
        "%c3", "%", "%4", "%5c", "%00", "%0a", ";", ":", "\\",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()).into())
}

proptest! {
    #[test]
    fn agrees_with_the_slow_way(raw in raw_path(), merge in any::<bool>()) {
        let mut scratch = PathScratch::default();
        let sent = canonical(&raw, merge, &mut scratch).ok().map(|path| path.sent.to_vec());
        let naive = if raw.contains(&b'\\') { None } else { naive_sent(&raw, merge) };
        prop_assert_eq!(sent, naive);
    }

    /// What is sent on is canonical: whoever canonicalises it again finds the same three faces.
    #[test]
    fn is_idempotent(raw in raw_path(), merge in any::<bool>()) {
        if let Ok(once) = faces_of(&raw, merge) {
            prop_assert_eq!(faces_of(once[0].as_bytes(), merge), Ok(once));
        }
    }

    /// The faces of one path are consistent: no dot segments, no merged slashes, no escapes of
    /// what should have been decoded, and `matched` and `info` never gain a separator.
    #[test]
    fn faces_are_consistent(raw in raw_path(), merge in any::<bool>()) {
        let mut scratch = PathScratch::default();
        let Ok(path) = canonical(&raw, merge, &mut scratch) else { return Ok(()) };
        let segments = |face: &[u8]| face.split(|byte| *byte == b'/').count();
        prop_assert_eq!(segments(path.sent), segments(path.matched));
        prop_assert_eq!(segments(path.sent), segments(path.info));
        let mut middle = path.sent.split(|byte| *byte == b'/').skip(1);
        prop_assert!(middle.all(|segment| segment != b"." && segment != b".."));
        prop_assert!(!merge || memchr::memmem::find(path.sent, b"//").is_none());
        for escape in path.matched.split(|byte| *byte == b'%').skip(1) {
            prop_assert!(escape.starts_with(b"2F") || escape.starts_with(b"25"));
        }
    }

    #[test]
    fn no_bytes_panic(raw in prop::collection::vec(any::<u8>(), 0..40), merge in any::<bool>()) {
        let _ = faces_of(&raw, merge);
        let _ = faces_of(&[b"/", &raw[..]].concat(), merge);
    }
}
