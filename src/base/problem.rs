//! A fault of configuration and where it is.

use std::fmt;
use std::sync::Arc;

/// A place in a configuration file, for people: lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named, or what stands for it (`command line`).
    pub file: Arc<str>,
    /// Counted from 1; 0 when the place is the whole file.
    pub line: u32,
    /// Counted from 1 in characters; 0 when the place is the whole line.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}", self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// How much a problem matters; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Something to know.
    Notice,
    /// Probably not what was meant.
    Warning,
    /// The configuration is refused.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// Something wrong with a configuration, in words that say what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where; `None` when it is about no single place.
    pub place: Option<Place>,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence, without the place.
    pub message: String,
}

impl Problem {
    /// A problem for which the configuration is refused.
    pub fn error(place: Option<Place>, message: impl Into<String>) -> Problem {
        Problem { place, severity: Severity::Error, message: message.into() }
    }

    /// A problem that is probably not what was meant.
    pub fn warning(place: Option<Place>, message: impl Into<String>) -> Problem {
        Problem { place, severity: Severity::Warning, message: message.into() }
    }

    /// Something to know.
    pub fn notice(place: Option<Place>, message: impl Into<String>) -> Problem {
        Problem { place, severity: Severity::Notice, message: message.into() }
    }

    /// Whether the configuration is refused for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `site.ini:35:11: message`; what is no error says what it is.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.is_error() {
            write!(f, "{}: ", self.severity)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let at = |line, column| Some(Place { file: "site.ini".into(), line, column });
        let problem = Problem::error(at(35, 11), "expected a duration such as 30s");
        assert_eq!(problem.to_string(), "site.ini:35:11: expected a duration such as 30s");
        assert_eq!(Problem::warning(at(3, 0), "x").to_string(), "site.ini:3: warning: x");
        assert_eq!(Problem::notice(at(0, 0), "x").to_string(), "site.ini: notice: x");
        assert_eq!(Problem::error(None, "x").to_string(), "x");
        assert!(Severity::Error > Severity::Warning);
    }
}
