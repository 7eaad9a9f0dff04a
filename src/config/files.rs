//! Actions that serve files: `static:DIR` and `file:PATH`.

use std::path::PathBuf;

use super::template::{Part, Template};
use super::value::Fault;

/// Files that are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Nothing outside this directory is.
    pub root: PathBuf,
    /// Which file below it; `None`: the one that the path names.
    pub name: Option<Template>,
    /// It is one file: directories have no index.
    pub single: bool,
    /// Where the path begins in the action, in characters.
    pub column: u32,
}

/// The one word of uWSGI's own way to write `file:` that means what is done anyway.
const FILE_NAME: &str = "filename=";

/// Reads what stands behind `static:`, which starts at byte `start` of the action.
pub(super) fn directory(text: &str, start: usize) -> Result<Files, Fault> {
    let said = "expected a directory, as in static:/srv/site or static:/srv/site/$1";
    let template = absolute(text, start, said)?;
    let column = u32::try_from(start).unwrap_or(0);
    match template.fixed() {
        Some(root) if root.trim_end_matches('/').is_empty() => Err(everything(start)),
        Some(root) => Ok(Files { root: root.into(), name: None, single: false, column }),
        // Else it would be all whose names begin so.
        None if !begins_with_directory(&template) => Err(Fault::at(
            start,
            "expected a '/' in front of what the request says, as in static:/srv/site/$1",
        )),
        None => below(&template, false, start),
    }
}

/// Whether what is the same for all requests ends with a slash.
fn begins_with_directory(template: &Template) -> bool {
    matches!(template.parts(), [Part::Text(first), ..] if first.ends_with('/'))
}

/// Reads what stands behind `file:`, which starts at byte `start` of the action.
pub(super) fn file(text: &str, start: usize) -> Result<Files, Fault> {
    let said = "expected a file, as in file:/srv/site/index.html or file:/srv/pages/$1.html";
    let (text, start) = match text.strip_prefix(FILE_NAME) {
        Some(behind) => (behind, start + FILE_NAME.len()),
        None => (text, start),
    };
    let path = match text.split_once(',') {
        Some((path, "mime=1" | "mime=true" | "mime=on" | "mime=yes")) => path,
        Some((path, _)) => {
            let said = "expected nothing behind the file: status and fields are what the file makes them, \
                        and addheader: adds some";
            return Err(Fault::at(start + path.len() + 1, said));
        }
        None => text,
    };
    let template = absolute(path, start, said)?;
    if path.ends_with('/') {
        return Err(Fault::at(start, said));
    }
    below(&template, true, start)
}

/// A template that begins with a slash.
fn absolute(text: &str, start: usize, said: &str) -> Result<Template, Fault> {
    if !text.starts_with('/') {
        return Err(Fault::at(start, format!("{said}; a path begins with '/'")));
    }
    if text.split('/').any(|segment| segment == "..") {
        return Err(Fault::at(start, "expected a path without '..'"));
    }
    Template::parse(text).map_err(|fault| Fault::at(start + fault.at, fault.expected))
}

/// Cuts a template behind the last slash of what is the same for all requests.
fn below(template: &Template, single: bool, start: usize) -> Result<Files, Fault> {
    let (first, rest) = match template.parts() {
        [Part::Text(first), rest @ ..] => (first.as_str(), rest),
        _ => return Err(everything(start)),
    };
    let end = first.rfind('/').map_or(0, |at| at + 1);
    let (root, name) = first.split_at(end);
    if root.trim_end_matches('/').is_empty() && !rest.is_empty() {
        return Err(everything(start));
    }
    let text = (!name.is_empty()).then(|| Part::Text(name.to_owned()));
    let name = Template::from_iter(text.into_iter().chain(rest.iter().cloned()));
    let column = u32::try_from(start).unwrap_or(0);
    Ok(Files { root: root.into(), name: Some(name), single, column })
}

fn everything(start: usize) -> Fault {
    Fault::at(start, "expected a directory in front: else the whole file system is served")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_directory_is_what_no_request_changes() {
        for (text, root, name) in [
            ("/srv/site", "/srv/site", None),
            ("/srv/site/", "/srv/site/", None),
            ("/srv/site/$1", "/srv/site/", Some("$1")),
            ("/srv/$1/b", "/srv/", Some("$1/b")),
            ("/srv/${HTTP_HOST}/$1", "/srv/", Some("${HTTP_HOST}/$1")),
        ] {
            let files = directory(text, 7).unwrap();
            assert_eq!(
                (files.root.as_path(), files.single, files.column),
                (Path::new(root), false, 7)
            );
            assert_eq!(files.name, name.map(|name| Template::parse(name).unwrap()), "{text}");
        }
    }

    #[test]
    fn a_file_lies_in_a_directory() {
        for (text, root, name) in [
            ("/srv/a.html", "/srv/", "a.html"),
            ("/a.html", "/", "a.html"),
            ("/srv/$1.html", "/srv/", "$1.html"),
            ("/srv/a-$1.html", "/srv/", "a-$1.html"),
            ("filename=/srv/a.html", "/srv/", "a.html"),
            ("filename=/srv/a.html,mime=1", "/srv/", "a.html"),
        ] {
            let files = file(text, 0).unwrap();
            assert_eq!((files.root.as_path(), files.single), (Path::new(root), true), "{text}");
            assert_eq!(files.name, Some(Template::parse(name).unwrap()), "{text}");
        }
    }

    #[test]
    fn slips_are_named() {
        for (text, at, start) in [
            ("", 7, "expected a directory, as in static:/srv/site"),
            ("srv/site", 7, "expected a directory, as in static:/srv/site"),
            ("/", 7, "expected a directory in front"),
            ("//", 7, "expected a directory in front"),
            ("/$1", 7, "expected a directory in front"),
            ("/x$1", 7, "expected a '/' in front"),
            ("/srv/site$1", 7, "expected a '/' in front"),
            ("/srv/../etc", 7, "expected a path without '..'"),
            ("/srv/$1/..", 7, "expected a path without '..'"),
            ("/srv/${qs[}", 12, "expected a variable"),
        ] {
            let fault = directory(text, 7).unwrap_err();
            assert!(fault.at == at && fault.expected.starts_with(start), "{text}: {fault:?}");
        }
        for (text, at, start) in [
            ("", 0, "expected a file, as in file:/srv"),
            ("/srv/", 0, "expected a file, as in file:/srv"),
            ("/$1", 0, "expected a directory in front"),
            ("/srv/a,status=404", 7, "expected nothing behind the file"),
            ("filename=a", 9, "expected a file, as in file:/srv"),
        ] {
            let fault = file(text, 0).unwrap_err();
            assert!(fault.at == at && fault.expected.starts_with(start), "{text}: {fault:?}");
        }
    }
}
