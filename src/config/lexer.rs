//! Splits ini text into section headers and entries, each with its place.

use std::sync::Arc;

use crate::base::{Place, Problem};

/// A line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `[name]`
    Section { name: String, place: Place },
    /// `key = value`, or a key alone.
    Entry(Entry),
}

/// A key and what it is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    /// `None` for a key alone.
    pub(super) value: Option<String>,
    /// Where the value starts; for a key alone, where the key does.
    pub(super) value_place: Place,
}

/// Reads all lines of `bytes`. A line that cannot be read is reported and left out.
pub(super) fn lex(file: &Arc<str>, bytes: &[u8], problems: &mut Vec<Problem>) -> Vec<Line> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = Vec::new();
    for (index, raw) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
        match lex_line(raw, |column| Place { file: file.clone(), line, column }) {
            Ok(found) => lines.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    lines
}

/// Reads one line without its line feed; `at` makes the place of a column.
fn lex_line(raw: &[u8], at: impl Fn(u32) -> Place) -> Result<Option<Line>, Problem> {
    let error = |column, message: &str| Err(Problem::error(Some(at(column)), message));
    let text = match std::str::from_utf8(raw) {
        Ok(text) => text,
        Err(fault) => {
            let good = raw.get(..fault.valid_up_to()).unwrap_or_default();
            let column = count(&String::from_utf8_lossy(good)) + 1;
            return error(column, "this byte is not UTF-8 text");
        }
    };
    let text = text.trim_end_matches([' ', '\t', '\r']);
    let body = text.trim_start_matches([' ', '\t', '\r']);
    let start = count(text) - count(body) + 1;
    if body.is_empty() || body.starts_with([';', '#']) {
        return Ok(None);
    }
    if let Some((before, _)) = body.split_once(|c: char| c.is_control() && c != '\t') {
        return error(start + count(before), "a control character does not belong here");
    }
    if let Some(inside) = body.strip_prefix('[') {
        return match inside.split_once(']') {
            Some((name, "")) => {
                Ok(Some(Line::Section { name: name.trim().into(), place: at(start) }))
            }
            Some((name, _)) => {
                let column = start + count(name) + 2;
                error(column, "expected the line to end after ']' (a comment needs its own line)")
            }
            None => error(start, "expected a section such as [tidegate]: the ']' is missing"),
        };
    }
    entry(body, start, at).map(|entry| Some(Line::Entry(entry)))
}

/// Reads `key = value` or a key alone, which starts at column `start`.
fn entry(body: &str, start: u32, at: impl Fn(u32) -> Place) -> Result<Entry, Problem> {
    let (key, value) = match body.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (body, None),
    };
    let value_start = start + count(body) - value.map_or(0, |value| count(value.trim_start()));
    let value_start = if value.is_some() { value_start } else { start };
    let name = key.trim_end();
    if name.is_empty() {
        return Err(Problem::error(Some(at(start)), "expected a key before '='"));
    }
    if name.contains([' ', '\t']) {
        let message = match value {
            Some(_) => format!("expected 'key = value': there is a space in the key \"{name}\""),
            None => format!("expected 'key = value': there is no '=' in \"{name}\""),
        };
        return Err(Problem::error(Some(at(start)), message));
    }
    Ok(Entry {
        key: name.into(),
        key_place: at(start),
        value: value.map(|value| value.trim().into()),
        value_place: at(value_start),
    })
}

/// Length in characters.
fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut problems = Vec::new();
        let lines = lex(&"a.ini".into(), text.as_bytes(), &mut problems);
        let show = |line: &Line| match line {
            Line::Section { name, place } => format!("{place} [{name}]"),
            Line::Entry(e) => format!("{} {} {} {:?}", e.key_place, e.key, e.value_place, e.value),
        };
        (lines.iter().map(show).collect(), problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn lines_and_places() {
        let (lines, problems) = read(
            "\u{feff}; a comment\r\n\n  # another\n[tidegate]\r\n  http = :80 ; x = y\nmaster\n\
             é=ü\nempty =\n [ route:a ] \nlast = 1",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            lines,
            [
                "a.ini:4:1 [tidegate]",
                "a.ini:5:3 http a.ini:5:10 Some(\":80 ; x = y\")",
                "a.ini:6:1 master a.ini:6:1 None",
                "a.ini:7:1 é a.ini:7:3 Some(\"ü\")",
                "a.ini:8:1 empty a.ini:8:8 Some(\"\")",
                "a.ini:9:2 [route:a]",
                "a.ini:10:1 last a.ini:10:8 Some(\"1\")",
            ]
        );
    }

    #[test]
    fn refusals() {
        for (text, message) in [
            ("[tidegate", "a.ini:1:1: expected a section such as [tidegate]: the ']' is missing"),
            (
                " [a] ; b",
                "a.ini:1:5: expected the line to end after ']' (a comment needs its own line)",
            ),
            ("= 5", "a.ini:1:1: expected a key before '='"),
            ("http :80", "a.ini:1:1: expected 'key = value': there is no '=' in \"http :80\""),
            (
                "ht tp = :80",
                "a.ini:1:1: expected 'key = value': there is a space in the key \"ht tp\"",
            ),
            ("ok = a\0b", "a.ini:1:7: a control character does not belong here"),
            ("ok = a\rb", "a.ini:1:7: a control character does not belong here"),
        ] {
            assert_eq!(read(text).1, [message], "{text}");
        }
        let mut problems = Vec::new();
        lex(&"a.ini".into(), b"k = v\nk = \xffv\nk = v", &mut problems);
        assert_eq!(problems[0].to_string(), "a.ini:2:5: this byte is not UTF-8 text");
        assert_eq!(problems.len(), 1);
    }
}
