//! The ways in: a file, a text, options of the command line.

use std::path::Path;

use crate::base::{Place, Problem};

use super::apply::Applier;
use super::document::{Dialect, Kind, Reader, Section};
use super::lexer::Entry;
use super::model::Config;
use super::surroundings::Surroundings;

/// An option of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Name of a key, as it was written.
    pub key: String,
    /// Its value; `None` when it was given without.
    pub value: Option<String>,
}

/// Reads the file, if there is one, and then the options, which add to its lists and replace the
/// rest. The configuration is for use only when no problem is an error.
pub fn load(
    file: Option<&Path>,
    options: &[Given],
    around: &Surroundings,
) -> (Config, Vec<Problem>) {
    let mut reader = Reader::new(around);
    if let Some(file) = file {
        reader.file(file, None);
    }
    finish(reader, options)
}

/// Reads `text` as the contents of a file called `name`.
pub fn parse(text: &[u8], name: &str, around: &Surroundings) -> (Config, Vec<Problem>) {
    let mut reader = Reader::new(around);
    reader.text(&name.into(), text);
    finish(reader, &[])
}

fn finish(mut reader: Reader<'_>, options: &[Given]) -> (Config, Vec<Problem>) {
    reader.report_others();
    let read_well = !reader.problems.iter().any(Problem::is_error);
    take_options(&mut reader, options);
    let mut applier = Applier::new(reader);
    applier.apply();
    applier.finish(read_well)
}

fn take_options(reader: &mut Reader<'_>, options: &[Given]) {
    let place = Place { file: "command line".into(), line: 0, column: 0 };
    reader.begin(Section {
        kind: Kind::Main(Dialect::CommandLine),
        label: String::new(),
        place: place.clone(),
        entries: Vec::new(),
    });
    for option in options {
        reader.line(Entry {
            key: option.key.clone(),
            key_place: place.clone(),
            value: option.value.clone(),
            value_place: place.clone(),
        });
    }
    reader.end_block();
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod message_tests;
#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
