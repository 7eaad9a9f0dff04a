//! Lines that are read for each of a list, or only where something holds: `for` and `if-...`, as uWSGI has them.
//!
//! A block is not a program: each line in it is taken by itself, for each item in turn. In its values, `%(_)` is the
//! item, or what was found.

use crate::base::Place;

use super::lexer::Entry;

/// A block that is open.
#[derive(Debug)]
pub(super) struct Block {
    /// The key it was opened with.
    pub(super) key: String,
    pub(super) place: Place,
    /// What `%(_)` is, each time a line is taken.
    items: Vec<String>,
    /// What it would be behind `else`; `None`: there can be none.
    otherwise: Option<Vec<String>>,
}

/// What a key has to do with blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// `for`, `for-times`, `for-readline`.
    For(Each),
    /// `if-...`, and whether the answer must be no.
    If(Question, bool),
    Else,
    EndFor,
    EndIf,
}

/// What a line is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Each {
    Word,
    Number,
    LineOf,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Variable,
    Option,
    Host,
    Exists,
    File,
    Directory,
}

/// The words there are.
const WORDS: [(&str, Word); 24] = [
    ("for", Word::For(Each::Word)),
    ("for-times", Word::For(Each::Number)),
    ("for-readline", Word::For(Each::LineOf)),
    ("endfor", Word::EndFor),
    ("end-for", Word::EndFor),
    ("if-env", Word::If(Question::Variable, false)),
    ("ifenv", Word::If(Question::Variable, false)),
    ("if-not-env", Word::If(Question::Variable, true)),
    ("if-opt", Word::If(Question::Option, false)),
    ("if-not-opt", Word::If(Question::Option, true)),
    ("if-hostname", Word::If(Question::Host, false)),
    ("if-not-hostname", Word::If(Question::Host, true)),
    ("if-exists", Word::If(Question::Exists, false)),
    ("ifexists", Word::If(Question::Exists, false)),
    ("if-not-exists", Word::If(Question::Exists, true)),
    ("if-file", Word::If(Question::File, false)),
    ("if-not-file", Word::If(Question::File, true)),
    ("if-dir", Word::If(Question::Directory, false)),
    ("ifdir", Word::If(Question::Directory, false)),
    ("if-directory", Word::If(Question::Directory, false)),
    ("if-not-dir", Word::If(Question::Directory, true)),
    ("else", Word::Else),
    ("endif", Word::EndIf),
    ("end-if", Word::EndIf),
];

/// What `key` has to do with blocks, if anything.
pub(super) fn word(key: &str) -> Option<Word> {
    let known = WORDS.iter().find(|(name, _)| *name == key);
    known.map(|(_, word)| *word)
}

impl Block {
    /// Lines are taken for each of `items`.
    pub(super) fn each(entry: &Entry, items: Vec<String>) -> Block {
        let (key, place) = (entry.key.clone(), entry.key_place.clone());
        Block { key, place, items, otherwise: None }
    }

    /// Lines are taken if `found`, which must not be with `negated`, is something.
    pub(super) fn only(entry: &Entry, found: Option<String>, asked: &str, negated: bool) -> Block {
        let found = if negated { found.is_none().then(|| asked.to_owned()) } else { found };
        let otherwise = if found.is_none() { vec![asked.to_owned()] } else { Vec::new() };
        let items = found.into_iter().collect();
        Block { otherwise: Some(otherwise), ..Block::each(entry, items) }
    }

    /// Whether there is something to be taken otherwise.
    pub(super) fn can_turn(&self) -> bool {
        self.otherwise.is_some()
    }

    /// Turns to what is taken otherwise.
    pub(super) fn turn(&mut self) {
        self.items = self.otherwise.take().unwrap_or_default();
    }

    /// Whether `word` ends it.
    pub(super) fn is_ended_by(&self, word: Word) -> bool {
        let is_for = self.key.starts_with("for");
        match word {
            Word::EndFor => is_for,
            Word::EndIf => !is_for,
            Word::For(_) | Word::If(..) | Word::Else => false,
        }
    }

    /// What is missing at its end.
    pub(super) fn end(&self) -> &'static str {
        if self.key.starts_with("for") { "endfor" } else { "endif" }
    }

    /// The lines that one line in it is.
    pub(super) fn lines(&self, entry: &Entry) -> Vec<Entry> {
        let taken = |item: &String| {
            // What was found is no pattern of its own.
            let item = item.replace('%', "%%");
            let put = |text: &str| text.replace("%(_)", &item);
            let value = entry.value.as_deref().map(put);
            Entry { key: put(&entry.key), value, ..entry.clone() }
        };
        self.items.iter().map(taken).collect()
    }
}
