//! Conditional requests: whether a representation is wanted as it is (RFC 9110 section 13).

use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Fields, list};

/// What tells one state of a representation from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validators<'a> {
    /// The opaque tag, with its quotes and without `W/`.
    pub tag: &'a [u8],
    /// The tag says too little to put pieces together: the representation changed a moment ago.
    pub weak: bool,
    /// When it changed last, in whole seconds since 1970.
    pub modified: u64,
}

/// What the conditions of a GET or HEAD come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Go {
        /// `Range` counts.
        ranges: bool,
    },
    /// 304 (section 15.4.5).
    NotModified,
    /// 412 (section 15.5.13).
    Failed,
}

impl Validators<'_> {
    /// Judges the conditions in the order of section 13.2.2. A date that is none is no condition.
    pub fn judge(&self, fields: Fields<'_, '_>) -> Verdict {
        if fields.find("if-match").is_some() {
            if !any_tag(fields, "if-match", |tag| self.is_strongly(tag)) {
                return Verdict::Failed;
            }
        } else if let Some(date) = date(fields.find("if-unmodified-since"))
            && self.modified > date
        {
            return Verdict::Failed;
        }
        if fields.find("if-none-match").is_some() {
            if any_tag(fields, "if-none-match", |tag| tag.opaque == self.tag) {
                return Verdict::NotModified;
            }
        } else if let Some(date) = date(fields.find("if-modified-since"))
            && self.modified <= date
        {
            return Verdict::NotModified;
        }
        Verdict::Go { ranges: fields.find("if-range").is_none_or(|value| self.is_same(value)) }
    }

    /// `If-Range`: a tag or a date, which must match exactly and strongly (section 13.1.5).
    fn is_same(&self, value: &[u8]) -> bool {
        match Tag::first(value) {
            Some((tag, rest)) => list::trim(rest).is_empty() && self.is_strongly(tag),
            None => !self.weak && date(Some(value)) == Some(self.modified),
        }
    }

    fn is_strongly(&self, tag: Tag<'_>) -> bool {
        !self.weak && !tag.weak && tag.opaque == self.tag
    }
}

/// Whether one tag of all lines of a field is as wanted; `*` is any.
fn any_tag(fields: Fields<'_, '_>, name: &str, wanted: impl Fn(Tag<'_>) -> bool) -> bool {
    let lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    lines
        .map(|field| field.value)
        .any(|value| list::trim(value) == b"*" || Tag::all(value).any(&wanted))
}

/// One entity tag (RFC 9110 section 8.8.3).
#[derive(Clone, Copy)]
struct Tag<'a> {
    weak: bool,
    /// With its quotes.
    opaque: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag that a text begins with, and what follows it.
    fn first(text: &'a [u8]) -> Option<(Tag<'a>, &'a [u8])> {
        let (weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let inside = quoted.strip_prefix(b"\"")?;
        let end = inside.iter().position(|byte| *byte == b'"')?;
        let (opaque, rest) = quoted.split_at_checked(end + 2)?;
        Some((Tag { weak, opaque }, rest))
    }

    /// The tags of a list; a comma may be part of one. The list ends where it makes no sense.
    fn all(value: &'a [u8]) -> impl Iterator<Item = Tag<'a>> {
        let mut rest = value;
        std::iter::from_fn(move || {
            while let [b' ' | b'\t' | b',', more @ ..] = rest {
                rest = more;
            }
            let (tag, more) = Tag::first(rest)?;
            rest = more;
            Some(tag)
        })
    }
}

/// The seconds since 1970 of an HTTP date.
fn date(value: Option<&[u8]>) -> Option<u64> {
    let time = httpdate::parse_http_date(std::str::from_utf8(value?).ok()?).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Appends a date as HTTP writes it, in seconds since 1970.
pub fn put_date(seconds: u64, out: &mut Vec<u8>) {
    /// The last second of the year 9999.
    const LAST: u64 = 253_402_300_799;
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs(seconds.min(LAST));
    _ = write!(out, "{}", httpdate::HttpDate::from(time));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::h1::{Limits, parse_request};
    use crate::proto::http::FieldStore;

    const BEFORE: &str = "Sat, 21 Nov 2026 02:29:59 GMT";
    const THEN: &str = "Sat, 21 Nov 2026 02:30:00 GMT";
    const AFTER: &str = "Sat, 21 Nov 2026 02:30:01 GMT";

    fn judge(lines: &[String], weak: bool) -> Verdict {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", lines.join("\r\n"));
        let text = text.replace("\r\n\r\n\r\n", "\r\n\r\n");
        let mut store = FieldStore::new();
        let head = parse_request(text.as_bytes(), &mut store, &Limits::default()).unwrap().unwrap();
        Validators { tag: b"\"a,b\"", weak, modified: 1_795_228_200 }.judge(head.fields)
    }

    fn strong(lines: &[&str]) -> Verdict {
        judge(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), false)
    }

    const GO: Verdict = Verdict::Go { ranges: true };
    const ALL: Verdict = Verdict::Go { ranges: false };

    #[test]
    fn tags_are_compared() {
        for (line, verdict) in [
            ("If-Match: \"a,b\"", GO),
            ("If-Match: \"x\", \"a,b\"", GO),
            ("If-Match: *", GO),
            ("If-Match: W/\"a,b\"", Verdict::Failed),
            ("If-Match: \"x\"", Verdict::Failed),
            ("If-Match: a,b", Verdict::Failed),
            ("If-None-Match: \"a,b\"", Verdict::NotModified),
            ("If-None-Match: W/\"a,b\"", Verdict::NotModified),
            ("If-None-Match: \"x\" , W/\"y\",\"a,b\"", Verdict::NotModified),
            ("If-None-Match: *", Verdict::NotModified),
            ("If-None-Match: \"x\"", GO),
            ("If-None-Match: a,b", GO),
            ("If-Range: \"a,b\"", GO),
            ("If-Range: W/\"a,b\"", ALL),
            ("If-Range: \"x\"", ALL),
            ("If-Range: \"a,b\", \"x\"", ALL),
        ] {
            assert_eq!(strong(&[line]), verdict, "{line}");
        }
        assert_eq!(
            strong(&["If-None-Match: \"x\"", "if-none-match: \"a,b\""]),
            Verdict::NotModified
        );
    }

    #[test]
    fn dates_are_compared() {
        for (name, verdicts) in [
            ("If-Modified-Since", [GO, Verdict::NotModified, Verdict::NotModified]),
            ("If-Unmodified-Since", [Verdict::Failed, GO, GO]),
            ("If-Range", [ALL, GO, ALL]),
        ] {
            for (date, verdict) in [BEFORE, THEN, AFTER].into_iter().zip(verdicts) {
                assert_eq!(strong(&[&format!("{name}: {date}")]), verdict, "{name}: {date}");
            }
        }
        for no_date in ["If-Modified-Since: yesterday", "If-Unmodified-Since: 0"] {
            assert_eq!(strong(&[no_date]), GO, "{no_date}");
        }
    }

    #[test]
    fn tags_go_before_dates_and_the_order_is_that_of_the_rfc() {
        let (since, unmodified) =
            (format!("If-Modified-Since: {AFTER}"), format!("If-Unmodified-Since: {BEFORE}"));
        assert_eq!(strong(&["If-None-Match: \"x\"", &since]), GO);
        assert_eq!(strong(&["If-Match: \"a,b\"", &unmodified]), GO);
        assert_eq!(strong(&["If-Match: \"x\"", "If-None-Match: \"a,b\""]), Verdict::Failed);
        assert_eq!(strong(&[&unmodified, "If-None-Match: \"a,b\""]), Verdict::Failed);
        assert_eq!(strong(&["If-Match: \"a,b\"", "If-None-Match: \"a,b\""]), Verdict::NotModified);
        assert_eq!(strong(&["If-None-Match: \"a,b\"", "If-Range: \"x\""]), Verdict::NotModified);
    }

    #[test]
    fn what_changed_a_moment_ago_matches_weakly_only() {
        for (line, verdict) in [
            ("If-None-Match: \"a,b\"".to_owned(), Verdict::NotModified),
            ("If-Match: \"a,b\"".to_owned(), Verdict::Failed),
            ("If-Range: \"a,b\"".to_owned(), ALL),
            (format!("If-Range: {THEN}"), ALL),
        ] {
            assert_eq!(judge(std::slice::from_ref(&line), true), verdict, "{line}");
        }
    }

    #[test]
    fn dates_are_written_as_they_are_read() {
        let mut out = Vec::new();
        put_date(1_795_228_200, &mut out);
        assert_eq!(out, THEN.as_bytes());
        assert_eq!(date(Some(&out)), Some(1_795_228_200));
    }
}
