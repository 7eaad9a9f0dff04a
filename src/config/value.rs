//! A value as written and expanded, and its reading as a duration, a size, a number and so on.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Address, Place, Problem};

use super::model::Placed;
use super::units::{digits, parse_duration, parse_size, show_size, shown, word_flag};

/// Why a value cannot be taken: the byte of the expanded text it is about, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) expected: String,
}

impl Fault {
    /// A fault of the whole value.
    pub(super) fn new(expected: impl Into<String>) -> Fault {
        Fault { at: 0, expected: expected.into() }
    }

    /// A fault from byte `at` on.
    pub(super) fn at(at: usize, expected: impl Into<String>) -> Fault {
        Fault { at, expected: expected.into() }
    }
}

/// What a key is set to, or a part of it.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// How messages name the entry: `[tidegate] http =` or `--http`.
    label: Arc<str>,
    /// The entry's value before expansion.
    written: Arc<str>,
    /// The entry's value after expansion.
    whole: Arc<str>,
    /// Where the entry's value starts.
    place: Place,
    /// Which bytes of `whole` this is.
    range: Range<usize>,
    /// Whether the key stood alone, without `=`.
    pub(super) bare: bool,
}

const DURATION: &str = "expected a duration such as 30s, 5m or 250ms";
const DURATION_OR_OFF: &str = "expected a duration such as 30s, 5m or 250ms, or off";
const SIZE: &str = "expected a size such as 64k, 1m or 4096";
/// The longest quotation of a value, in characters.
const QUOTED_MAX: usize = 80;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl Value {
    pub(super) fn new(
        label: impl Into<Arc<str>>,
        written: &str,
        whole: &str,
        place: Place,
        bare: bool,
    ) -> Value {
        let range = 0..whole.len();
        Value {
            label: label.into(),
            written: written.into(),
            whole: whole.into(),
            place,
            range,
            bare,
        }
    }

    /// The text, expanded; empty for a key alone.
    pub(super) fn text(&self) -> &str {
        self.whole.get(self.range.clone()).unwrap_or_default()
    }

    /// The bytes `range` of this as a value of its own, without white space around it.
    pub(super) fn slice(&self, range: Range<usize>) -> Value {
        let text = self.text().get(range.clone()).unwrap_or_default();
        let start = self.range.start + range.start + text.len() - text.trim_start().len();
        Value { range: start..start + text.trim().len(), ..self.clone() }
    }

    /// Place of byte `at` of the text. Expansion moves bytes: then it is where the whole value starts.
    pub(super) fn place_at(&self, at: usize) -> Place {
        let mut place = self.place.clone();
        if self.written == self.whole && place.line > 0 {
            let before = self.whole.get(..self.range.start + at).unwrap_or(&self.whole);
            place.column += u32::try_from(before.chars().count()).unwrap_or(0);
        }
        place
    }

    /// What stands between spaces and commas, each with its place.
    pub(super) fn words(&self) -> impl Iterator<Item = Value> {
        let between = |c: char| c == ',' || c.is_whitespace();
        let mut at = 0;
        self.text().split_inclusive(between).filter_map(move |piece| {
            let word = piece.trim_end_matches(between);
            let start = at;
            at += piece.len();
            (!word.is_empty()).then(|| self.slice(start..start + word.len()))
        })
    }

    /// A fault of `part`, which is a slice of this.
    pub(super) fn fault_of(&self, part: &Value, expected: &str) -> Fault {
        Fault::at(part.range.start.saturating_sub(self.range.start), expected)
    }

    /// `found` with this value's place.
    pub(super) fn placed<T>(&self, found: T) -> Placed<T> {
        Placed { value: found, place: self.place_at(0) }
    }

    /// How messages quote the entry.
    pub(super) fn quoted(&self) -> String {
        if self.bare {
            return self.label.trim_end_matches(" =").into();
        }
        let quote = |text: &str| shown(&without_password(text), QUOTED_MAX);
        let mut text = format!("{} \"{}\"", self.label, quote(&self.written));
        if self.written != self.whole {
            text.push_str(&format!(" (which is \"{}\")", quote(&self.whole)));
        }
        text
    }

    /// The error that `fault` is. Text behind ` ;` gets the hint that it is no comment here.
    pub(super) fn error(&self, fault: &Fault) -> Problem {
        let hint = if self.has_comment() { " (comments need a line of their own)" } else { "" };
        let message = format!("{}: {}{hint}", self.quoted(), fault.expected);
        Problem::error(Some(self.place_at(fault.at)), message)
    }

    /// Whether the entry looks as if a comment was meant at its end.
    pub(super) fn has_comment(&self) -> bool {
        self.whole.contains(" ;") || self.whole.contains("\t;")
    }

    /// A yes or no; a key alone means yes.
    pub(super) fn flag(&self) -> Result<bool, Fault> {
        if self.bare {
            return Ok(true);
        }
        word_flag(self.text())
            .ok_or_else(|| Fault::new("expected true, on, yes or 1, or false, off, no or 0"))
    }

    /// A length of time, not zero.
    pub(super) fn duration(&self) -> Result<Duration, Fault> {
        match parse_duration(self.text()) {
            Some(Duration::ZERO) => Err(Fault::new("expected a duration longer than 0")),
            Some(found) if found > YEAR => Err(Fault::new("expected at most a year (8760h)")),
            Some(found) => Ok(found),
            None => Err(Fault::new(DURATION)),
        }
    }

    /// A length of time; zero and the words for no mean `None`.
    pub(super) fn duration_or_off(&self) -> Result<Option<Duration>, Fault> {
        let off = word_flag(self.text()) == Some(false);
        if off || parse_duration(self.text()) == Some(Duration::ZERO) {
            return Ok(None);
        }
        let say_off = |fault: Fault| match fault.expected.as_str() {
            DURATION => Fault::new(DURATION_OR_OFF),
            _ => fault,
        };
        self.duration().map(Some).map_err(say_off)
    }

    /// A number of bytes, at least 1.
    pub(super) fn size(&self) -> Result<u64, Fault> {
        match parse_size(self.text()) {
            Some(0) => Err(Fault::new("expected a size of at least 1 byte")),
            Some(found) => Ok(found),
            None => Err(Fault::new(SIZE)),
        }
    }

    /// A size whose bare number counts kilobytes, as in uWSGI.
    pub(super) fn kilobytes(&self) -> Result<u64, Fault> {
        match digits(self.text()) {
            Some(kilobytes) => kilobytes
                .checked_mul(1 << 10)
                .filter(|bytes| *bytes > 0)
                .ok_or_else(|| Fault::new("expected kilobytes, at least 1")),
            None => self.size(),
        }
    }

    /// A number of bytes within bounds, which the message names.
    pub(super) fn size_within(&self, bounds: RangeInclusive<u64>) -> Result<usize, Fault> {
        let found = self.size()?;
        if bounds.contains(&found)
            && let Ok(found) = usize::try_from(found)
        {
            return Ok(found);
        }
        let (least, most) = (show_size(*bounds.start()), show_size(*bounds.end()));
        Err(Fault::new(format!("expected a size from {least} to {most}")))
    }

    /// A whole number within bounds, which the message names.
    pub(super) fn number(&self, bounds: RangeInclusive<u64>) -> Result<u64, Fault> {
        let found = digits(self.text()).filter(|found| bounds.contains(found));
        found.ok_or_else(|| {
            let (least, most) = (bounds.start(), bounds.end());
            Fault::new(format!("expected a number from {least} to {most}"))
        })
    }

    /// An address.
    pub(super) fn address(&self) -> Result<Address, Fault> {
        self.text().parse().map_err(|fault| Fault::new(format!("{fault}")))
    }

    /// Any text that is not empty.
    pub(super) fn filled(&self, expected: &str) -> Result<&str, Fault> {
        match self.text() {
            "" => Err(Fault::new(expected)),
            text => Ok(text),
        }
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Fault> {
        let text = self.text();
        if let Some((_, found)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*found);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Err(Fault::new(format!("expected {}", super::nearest::either(&names))))
    }
}

/// `text` as messages may quote it: who says in a URL who it is would have its password in the log.
fn without_password(text: &str) -> Cow<'_, str> {
    let Some((before, behind)) = text.rsplit_once('@') else { return text.into() };
    // A scheme that lacks a slash is a slip; what comes behind is a secret all the same.
    match before.split_once(':') {
        Some((scheme, rest)) if !rest.is_empty() && !rest.contains(' ') => {
            let slashes = "/".repeat(rest.len() - rest.trim_start_matches('/').len());
            format!("{scheme}:{slashes}...@{behind}").into()
        }
        _ => text.into(),
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
