//! Sections of a file and of what it includes, in the order they are written in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Place, Problem};

use super::expand::Options;
use super::lexer::{Entry, Line, lex};
use super::logic::{self, Block, Each, Question, Word};
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
    /// The block of lines that is open.
    block: Option<Block>,
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
            block: None,
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
        let around = self.block.take();
        for line in lex(name, bytes, &mut self.problems) {
            match (line, &current) {
                (Line::Section { name, place }, _) => {
                    self.end_block();
                    current = self.section(&name, place);
                }
                (Line::Entry(entry), Current::Last) => self.line(entry),
                (Line::Entry(_), Current::Other) => {}
                (Line::Entry(entry), Current::Nothing) if !told => {
                    told = true;
                    let said = format!("{}: expected a section first: [tidegate]", entry.key);
                    self.problems.push(Problem::error(Some(entry.key_place), said));
                }
                (Line::Entry(_), Current::Nothing) => {}
            }
        }
        self.end_block();
        self.block = around;
    }

    /// A block that is still open where it cannot go on lacks its end.
    pub(super) fn end_block(&mut self) {
        if let Some(block) = self.block.take() {
            let said = format!("{}: the {} is missing", block.key, block.end());
            self.problems.push(Problem::error(Some(block.place), said));
        }
    }

    /// Takes a line of the last section, which may open a block, close one or stand in one.
    pub(super) fn line(&mut self, entry: Entry) {
        match (logic::word(&entry.key), &mut self.block) {
            (None, None) => self.entry(entry),
            (None, Some(block)) => {
                for line in block.lines(&entry) {
                    self.entry(line);
                }
            }
            (Some(Word::Else), Some(block)) if block.can_turn() => block.turn(),
            (Some(end), Some(block)) if block.is_ended_by(end) => self.block = None,
            (Some(Word::For(_) | Word::If(..)), Some(block)) => {
                let said = format!(
                    "{}: blocks do not stand in each other; first comes the {} of {}",
                    entry.key,
                    block.end(),
                    block.place
                );
                self.problems.push(Problem::error(Some(entry.key_place), said));
            }
            (Some(Word::For(each)), None) => self.begin_for(&entry, each),
            (Some(Word::If(question, negated)), None) => self.begin_if(&entry, question, negated),
            (Some(Word::Else | Word::EndFor | Word::EndIf), _) => {
                let said = format!("{}: there is no block that this could belong to", entry.key);
                self.problems.push(Problem::error(Some(entry.key_place), said));
            }
        }
    }

    fn begin_for(&mut self, entry: &Entry, each: Each) {
        let Some(value) = self.block_value(entry) else { return };
        let items = match each {
            Each::Word => Ok(value.text().split_whitespace().map(String::from).collect()),
            Each::Number => value
                .number(0..=10_000)
                .map(|most| (1..=most).map(|number| number.to_string()).collect()),
            Each::LineOf => match (self.around.read)(&self.around.directory.join(value.text())) {
                Ok(bytes) => {
                    Ok(String::from_utf8_lossy(&bytes).lines().map(String::from).collect())
                }
                Err(error) => Err(Fault::new(format!("cannot be read: {}", reason(&error)))),
            },
        };
        let items = items.unwrap_or_else(|fault| {
            self.problems.push(value.error(&fault));
            Vec::new()
        });
        self.block = Some(Block::each(entry, items));
    }

    fn begin_if(&mut self, entry: &Entry, question: Question, negated: bool) {
        let Some(value) = self.block_value(entry) else { return };
        let asked = value.text();
        let (name, wanted) = asked.split_once('=').unzip();
        let name = name.unwrap_or(asked).trim();
        let is_wanted = |found: &String| wanted.is_none_or(|wanted| wanted.trim() == found);
        let there = || (self.around.is_directory)(&self.around.directory.join(asked));
        let found = match question {
            Question::Variable => (self.around.variable)(name).filter(is_wanted),
            Question::Option => self.options.get(name).map(String::from).filter(is_wanted),
            Question::Host => (self.around.host == asked).then(|| asked.to_owned()),
            Question::Exists => there().map(|_| asked.to_owned()),
            Question::File => there().filter(|is| !is).map(|_| asked.to_owned()),
            Question::Directory => there().filter(|is| *is).map(|_| asked.to_owned()),
        };
        self.block = Some(Block::only(entry, found, asked, negated));
    }

    /// What a block is opened with; nothing is taken from one of which that cannot be had.
    fn block_value(&mut self, entry: &Entry) -> Option<Value> {
        let label = self.sections.last().map(|section| section.label.clone()).unwrap_or_default();
        let value = self.expanded(entry, &label);
        let value = value.filter(|value| {
            let fault = value.filled("expected what it is about");
            if let Err(fault) = &fault {
                self.problems.push(value.error(fault));
            }
            fault.is_ok()
        });
        if value.is_none() {
            self.block = Some(Block::each(entry, Vec::new()));
        }
        value
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
    fn entry(&mut self, entry: Entry) {
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
