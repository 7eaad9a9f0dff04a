//! What a file is, by the end of its name.

/// A media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// Such as `text/html`, without parameters.
    pub name: &'static str,
    /// It is text, which we take for UTF-8.
    pub is_text: bool,
}

/// What nobody knows (RFC 9110 section 8.3).
const UNKNOWN: &str = "application/octet-stream";

impl Media {
    /// What a file of this name is.
    pub fn of(name: &[u8]) -> Media {
        let name = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let dot = name.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0);
        let end = dot.and_then(|at| std::str::from_utf8(name.get(at + 1..)?).ok());
        let known = end.and_then(|end| mime_guess::from_ext(end).first_raw());
        let known = match known.unwrap_or(UNKNOWN) {
            // RFC 9239 section 6.
            "application/javascript" => "text/javascript",
            known => known,
        };
        Media { name: known, is_text: known.starts_with("text/") }
    }

    /// Whether files of this kind become smaller when they are compressed.
    pub fn is_compressible(self) -> bool {
        let packed = |start| self.name.starts_with(start);
        self.name == "image/svg+xml"
            || !["image/", "audio/", "video/", "font/woff", "application/zip", "application/gzip"]
                .into_iter()
                .any(packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_says_what_it_is() {
        for (name, media) in [
            ("a/index.html", "text/html"),
            ("a.HTML", "text/html"),
            ("app.min.js", "text/javascript"),
            ("app.mjs", "text/javascript"),
            ("a.css", "text/css"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.webp", "image/webp"),
            ("a.avif", "image/avif"),
            ("a.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.txt", "text/plain"),
            ("a.mp4", "video/mp4"),
            ("a.pdf", "application/pdf"),
            ("a", UNKNOWN),
            ("a.", UNKNOWN),
            (".html", UNKNOWN),
            ("x.html/a", UNKNOWN),
            ("a.\u{fc}", UNKNOWN),
            ("a.unheard-of", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(Media::of(name.as_bytes()).name, media, "{name}");
        }
        assert_eq!(Media::of(b"a.\xff").name, UNKNOWN);
    }

    #[test]
    fn text_shrinks_and_pictures_do_not() {
        for (name, text, shrinks) in [
            ("a.html", true, true),
            ("a.json", false, true),
            ("a.svg", false, true),
            ("a.wasm", false, true),
            ("a.png", false, false),
            ("a.woff2", false, false),
            ("a.zip", false, false),
        ] {
            let media = Media::of(name.as_bytes());
            assert_eq!((media.is_text, media.is_compressible()), (text, shrinks), "{name}");
        }
    }
}
