//! Sections of a file and of what it includes, in the order they are written in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Place, Problem};

use super::expand::Options;
use super::lexer::{Entry, Line, lex};
use super::nearest;
use super::surroundings::{Surroundings, reason};
use super::value::{Fault, Value};

/// Which kind of section, and so which keys it may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// The main section.
    Main(Dialect),
    /// `[upstream:NAME]`
    Upstream(String),
    /// `[route:NAME]`
    Route(String),
}

/// In whose words a main section speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dialect {
    /// `[tidegate]`
    Tidegate,
    /// `[uwsgi]`: with keys of the app server in it.
    Uwsgi,
    /// Options of the command line.
    CommandLine,
}

/// A section, or the part of one before or behind an `include`.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) kind: Kind,
    /// As messages name it: `[route:api]`.
    pub(super) label: String,
    pub(super) place: Place,
    pub(super) entries: Vec<Entry>,
}

/// Reads files into sections.
pub(super) struct Reader<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) options: Options<'a>,
    pub(super) sections: Vec<Section>,
    pub(super) problems: Vec<Problem>,
    /// Where sections with a name of their own start.
    named: HashMap<Kind, Place>,
    /// Sections that mean nothing here.
    others: Vec<(String, Place)>,
    /// Files being read, the outermost first.
    open: Vec<PathBuf>,
    /// Files read so far.
    files: usize,
}

/// How deep files may include each other.
const INCLUDE_DEPTH_MAX: usize = 16;
/// How many files are read in all.
const FILES_MAX: usize = 1000;

/// Where entries of a file go.
enum Current {
    /// No section has begun.
    Nothing,
    /// A section that is not read.
    Other,
    /// The last of [`Reader::sections`].
    Last,
}

impl<'a> Reader<'a> {
    pub(super) fn new(around: &'a Surroundings) -> Reader<'a> {
        Reader {
            around,
            options: Options::new(around),
            sections: Vec::new(),
            problems: Vec::new(),
            named: HashMap::new(),
            others: Vec::new(),
            open: Vec::new(),
            files: 0,
        }
    }

    /// Reads the file at `path`. `asked` is where it was asked for; `None`: on the command line.
    pub(super) fn file(&mut self, path: &Path, asked: Option<&Value>) {
        let full = self.around.directory.join(path);
        let name: Arc<str> = path.to_string_lossy().into();
        let fail = |said: String| match asked {
            Some(value) => value.error(&Fault::new(said)),
            None => Problem::error(Some(Place { file: name.clone(), line: 0, column: 0 }), said),
        };
        if self.open.contains(&full) {
            self.problems.push(fail("this file includes itself".into()));
        } else if self.open.len() >= INCLUDE_DEPTH_MAX {
            self.problems
                .push(fail(format!("files include each other over {INCLUDE_DEPTH_MAX} deep")));
        } else if self.files == FILES_MAX {
            self.problems.push(fail(format!("over {FILES_MAX} files are included")));
            self.files += 1;
        } else if self.files < FILES_MAX {
            self.files += 1;
            match (self.around.read)(&full) {
                Ok(bytes) => {
                    self.open.push(full);
                    self.text(&name, &bytes);
                    self.open.pop();
                }
                Err(error) => {
                    self.problems.push(fail(format!("cannot be read: {}", reason(&error))));
                }
            }
        }
    }

    /// Reads `bytes` as the contents of the file called `name`.
    pub(super) fn text(&mut self, name: &Arc<str>, bytes: &[u8]) {
        let mut current = Current::Nothing;
        let mut told = false;
        for line in lex(name, bytes, &mut self.problems) {
            match (line, &current) {
                (Line::Section { name, place }, _) => current = self.section(&name, place),
                (Line::Entry(entry), Current::Last) => self.entry(entry),
                (Line::Entry(_), Current::Other) => {}
                (Line::Entry(entry), Current::Nothing) if !told => {
                    told = true;
                    let said = format!("{}: expected a section first: [tidegate]", entry.key);
                    self.problems.push(Problem::error(Some(entry.key_place), said));
                }
                (Line::Entry(_), Current::Nothing) => {}
            }
        }
    }

    /// Begins a section that is known to be right.
    pub(super) fn begin(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// Begins the section called `name`.
    fn section(&mut self, name: &str, place: Place) -> Current {
        let kind = match name.split_once(':') {
            None if name == "tidegate" => Kind::Main(Dialect::Tidegate),
            None if name == "uwsgi" => Kind::Main(Dialect::Uwsgi),
            Some(("upstream", own)) => Kind::Upstream(own.trim().into()),
            Some(("route", own)) => Kind::Route(own.trim().into()),
            _ => {
                self.others.push((name.into(), place));
                return Current::Other;
            }
        };
        if let Kind::Upstream(own) | Kind::Route(own) = &kind {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if own.is_empty() || !own.chars().all(plain) {
                let said =
                    format!("[{name}]: expected a name of letters, digits, '-', '_' and '.'");
                self.problems.push(Problem::error(Some(place), said));
                return Current::Other;
            }
            if let Some(first) = self.named.get(&kind) {
                let said = format!("[{name}] is there already, at {first}");
                self.problems.push(Problem::error(Some(place), said));
                return Current::Other;
            }
            self.named.insert(kind.clone(), place.clone());
        }
        let label = format!("[{name}]");
        self.sections.push(Section { kind, label, place, entries: Vec::new() });
        Current::Last
    }

    /// Takes an entry of the last section; follows `include`.
    pub(super) fn entry(&mut self, entry: Entry) {
        let Some(section) = self.sections.last_mut() else { return };
        if !matches!(section.kind, Kind::Main(_)) {
            section.entries.push(entry);
            return;
        }
        let value = entry.value.as_deref();
        match entry.key.as_str() {
            "include" => {
                let (kind, label) = (section.kind.clone(), section.label.clone());
                let place = section.place.clone();
                self.include(&entry, &label);
                self.sections.push(Section { kind, label, place, entries: Vec::new() });
            }
            "set-placeholder" | "set-ph" | "set" => {
                match value.and_then(|value| value.split_once('=')) {
                    Some((name, value)) => {
                        self.options.set(name.trim(), value.trim(), &entry.value_place.file);
                    }
                    None => {
                        let said = format!("{} {}: expected NAME=VALUE", section.label, entry.key);
                        self.problems.push(Problem::error(Some(entry.value_place), said));
                    }
                }
            }
            key => {
                self.options.set(key, value.unwrap_or("true"), &entry.value_place.file);
                section.entries.push(entry);
            }
        }
    }

    fn include(&mut self, entry: &Entry, label: &str) {
        let Some(value) = self.expanded(entry, label) else { return };
        if value.text().is_empty() {
            self.problems.push(value.error(&Fault::new("expected a file")));
            return;
        }
        let directory = Path::new(&*entry.value_place.file).parent();
        let path = directory.unwrap_or(Path::new("")).join(value.text());
        self.file(&path, Some(&value));
    }

    /// The expanded value of `entry`; a fault in it is reported.
    pub(super) fn expanded(&mut self, entry: &Entry, label: &str) -> Option<Value> {
        let written = entry.value.as_deref().unwrap_or("");
        let value = |whole: &str| plain(entry, label, whole);
        match self.options.expand(written, &entry.value_place.file) {
            Ok(whole) => Some(value(&whole)),
            Err(fault) => {
                self.problems.push(value(written).error(&fault));
                None
            }
        }
    }

    /// Reports sections that mean nothing here. Beside a `[uwsgi]` section they may be there for uWSGI.
    pub(super) fn report_others(&mut self) {
        let has = |dialect| self.sections.iter().any(|section| section.kind == Kind::Main(dialect));
        let lenient = has(Dialect::Uwsgi) && !has(Dialect::Tidegate);
        for (name, place) in std::mem::take(&mut self.others) {
            let word = name.split(':').next().unwrap_or_default();
            let known = nearest::nearest(word, ["tidegate", "uwsgi", "upstream", "route"]);
            let near = match known {
                Some(known @ ("upstream" | "route")) => format!("; did you mean [{known}:NAME]?"),
                Some(known) => format!("; did you mean [{known}]?"),
                None => String::new(),
            };
            self.problems.push(if lenient && near.is_empty() {
                Problem::notice(Some(place), format!("[{name}] is not read"))
            } else {
                let said = "expected [tidegate], [uwsgi], [upstream:NAME] or [route:NAME]";
                Problem::error(Some(place), format!("[{name}]: {said}{near}"))
            });
        }
    }
}

/// The value of `entry` with `whole` as its text.
pub(super) fn plain(entry: &Entry, label: &str, whole: &str) -> Value {
    let written = entry.value.as_deref().unwrap_or("");
    let label = match label {
        "" => format!("--{}", entry.key),
        label => format!("{label} {} =", entry.key),
    };
    Value::new(label, written, whole, entry.value_place.clone(), entry.value.is_none())
}
