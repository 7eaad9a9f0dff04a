//! Configuration files: whatever is written in them is read or reported, the same way each time.

use std::io;
use std::path::Path;
use tidegate::config::{Surroundings, parse};

/// A text is read twice with the same result; every problem that has a place is in the text or in
/// what it includes.
pub fn ini(data: &[u8]) {
    let (config, problems) = parse(data, "fuzz.ini", &surroundings());
    let (again, same_problems) = parse(data, "fuzz.ini", &surroundings());
    assert_eq!(format!("{config:?}"), format!("{again:?}"));
    assert_eq!(format!("{problems:?}"), format!("{same_problems:?}"));
    let lines = 1 + data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    for problem in problems {
        assert!(!problem.message.is_empty(), "a problem says what it is");
        if let Some(place) = problem.place.filter(|place| &*place.file == "fuzz.ini") {
            assert!((1..=lines as u32).contains(&place.line), "line {} of {lines}", place.line);
        }
    }
}

/// Surroundings of their own: the files of this machine are not read.
fn surroundings() -> Surroundings {
    Surroundings {
        variable: |name| (name == "HOME").then(|| "/home/x".to_owned()),
        read: included,
        host: "host.example".to_owned(),
        cores: 4,
        directory: "/etc/tidegate".into(),
    }
}

/// A good file, one that includes itself, and nothing else.
fn included(path: &Path) -> io::Result<Vec<u8>> {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("good.ini") => Ok(b"[tidegate]\nhttp = :8080\nhttp-to = 127.0.0.1:3031\n".to_vec()),
        Some("loop.ini") => Ok(b"include = loop.ini\n".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
