//! Paths: canonical once is canonical for good.

use tidegate::proto::http::{PathScratch, canonical};

/// A path that is accepted has no dot segments left, nothing that should have been decoded, and the
/// same three faces when it is canonicalised again.
pub fn canonical_path(data: &[u8]) {
    for merge_slashes in [true, false] {
        let (mut first, mut second) = (PathScratch::default(), PathScratch::default());
        let Ok(once) = canonical(data, merge_slashes, &mut first) else { continue };
        let twice = canonical(once.sent, merge_slashes, &mut second);
        assert_eq!(twice, Ok(once), "idempotent");
        assert!(once.sent.iter().all(|byte| matches!(byte, b'!'..=b'~')), "visible ASCII");
        if once.sent == b"*" {
            assert_eq!(once.matched, b"/", "the whole server, and rules for everything");
            continue;
        }
        let segments = |face: &[u8]| face.split(|byte| *byte == b'/').count();
        assert_eq!(segments(once.sent), segments(once.matched), "no separator won or lost");
        assert_eq!(segments(once.sent), segments(once.info), "no separator won or lost");
        let mut parts = once.sent.split(|byte| *byte == b'/');
        assert!(parts.all(|part| part != b"." && part != b".."), "no dot segments");
        assert!(!merge_slashes || !once.sent.windows(2).any(|pair| pair == b"//"), "merged");
        let mut escapes = once.matched.split(|byte| *byte == b'%').skip(1);
        assert!(escapes.all(|rest| rest.starts_with(b"2F") || rest.starts_with(b"25")), "decoded");
        let faces = [once.matched, once.info];
        let harmless = |byte: &u8| !byte.is_ascii_control() && *byte != b'\\';
        assert!(faces.iter().all(|face| face.iter().all(harmless)), "nothing smuggled in");
    }
}
