//! Whether what actions that serve files name is there.

use std::fs::metadata;
use std::io;

use crate::base::{Place, Problem};
use crate::config;

/// Looks at the directory of files that are served, and at a file that is the same for all requests. `at` is where
/// the action stands.
pub(super) fn check(files: &config::Files, at: &Place, problems: &mut Vec<Problem>) {
    let mut place = at.clone();
    if place.column > 0 {
        place.column = place.column.saturating_add(files.column);
    }
    let root = files.root.display();
    let said = match metadata(&files.root) {
        Ok(found) if found.is_dir() => return check_file(files, place, problems),
        Ok(_) if files.name.is_none() => {
            format!("{root} is no directory; one file is served by file:{root}")
        }
        Ok(_) => format!("{root} is no directory"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("{root}: there is no such directory")
        }
        Err(error) => format!("{root}: {error}"),
    };
    problems.push(Problem::error(Some(place), said));
}

/// A file may come and go, and most likely is misspelt.
fn check_file(files: &config::Files, place: Place, problems: &mut Vec<Problem>) {
    let Some(name) = files.name.as_ref().filter(|_| files.single).and_then(|name| name.fixed())
    else {
        return;
    };
    let file = files.root.join(name);
    let shown = file.display();
    let said = match metadata(&file) {
        Ok(found) if found.is_file() => return,
        Ok(found) if found.is_dir() => {
            format!("{shown} is a directory: its files are served by static:{shown}")
        }
        Ok(_) => format!("{shown} is no file"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("{shown}: there is no such file; until there is, the answer is 404")
        }
        Err(error) => format!("{shown}: {error}"),
    };
    problems.push(Problem::warning(Some(place), said));
}
