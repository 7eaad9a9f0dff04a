//! Holds the import table of the architecture: a floor imports only floors below it and only its own third-party crates.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A floor, the floors it may import, and the crates it may name.
struct Floor {
    name: &'static str,
    below: &'static [&'static str],
    crates: &'static [&'static str],
}

const ANYWHERE: &[&str] = &["tracing", "thiserror"];

const FLOORS: &[Floor] = &[
    Floor { name: "base", below: &[], crates: &["httpdate"] },
    Floor { name: "buf", below: &["base"], crates: &["rustix"] },
    Floor {
        name: "proto",
        below: &["base", "buf"],
        crates: &[
            "httparse",
            "memchr",
            "mime_guess",
            "sha1",
            "flate2",
            "md5",
            "base64",
            "simdutf8",
            "httpdate",
            "percent_encoding",
            "itoa",
            "aws_lc_rs",
        ],
    },
    Floor { name: "config", below: &["base", "buf"], crates: &["strsim", "rustix"] },
    Floor {
        name: "reactor",
        below: &["base", "buf"],
        crates: &[
            "mio",
            "socket2",
            "rustix",
            "arc_swap",
            "tempfile",
            "rustls",
            "rustls_native_certs",
            "aws_lc_rs",
            "base64",
            "bcrypt",
            "libc",
            "md5",
            "sha1",
            "sha_crypt",
            "x509_parser",
            "zeroize",
        ],
    },
    Floor {
        name: "route",
        below: &["base", "buf", "proto", "config", "reactor"],
        crates: &["regex_automata", "regex_syntax", "aho_corasick", "memchr"],
    },
    Floor {
        name: "channel",
        below: &["base", "buf", "proto", "config", "reactor"],
        crates: &["aws_lc_rs", "jsonwebtoken", "rustls", "serde_json"],
    },
    Floor { name: "upstream", below: &["base", "buf", "proto", "config", "reactor"], crates: &[] },
    Floor {
        name: "session",
        below: &["base", "buf", "proto", "config", "route", "channel", "upstream"],
        crates: &["percent_encoding", "itoa", "serde_json"],
    },
    Floor {
        name: "worker",
        below: &[
            "base", "buf", "proto", "config", "reactor", "route", "channel", "upstream", "session",
        ],
        crates: &["mio", "arc_swap", "tempfile", "zeroize"],
    },
    Floor {
        name: "app",
        below: &[
            "base", "buf", "proto", "config", "reactor", "route", "channel", "upstream", "session",
            "worker",
        ],
        crates: &[
            "arc_swap",
            "async_nats",
            "clap",
            "futures_util",
            "redis",
            "tokio",
            "signal_hook",
            "signal_hook_mio",
            "mio",
            "nix",
            "rcgen",
            "rustix",
            "serde_json",
            "tempfile",
            "tracing_subscriber",
        ],
    },
];

/// Crates of tests and language, and words that stand before `::` without being a crate.
const NO_CRATE: &[&str] = &["std", "core", "alloc", "crate", "super", "self", "proptest"];

#[test]
fn each_floor_imports_only_what_is_below() {
    let dependencies = dependencies();
    let mut faults = Vec::new();
    for floor in FLOORS {
        for file in sources(&source().join(floor.name)) {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in code(&text) {
                for other in paths(line, "crate::") {
                    let known = FLOORS.iter().any(|floor| floor.name == other);
                    if known && other != floor.name && !floor.below.contains(&other) {
                        faults.push(format!(
                            "{}:{number}: {} sees {other}",
                            file.display(),
                            floor.name
                        ));
                    }
                }
                for name in &dependencies {
                    let allowed =
                        floor.crates.contains(&name.as_str()) || ANYWHERE.contains(&name.as_str());
                    if !allowed && names(line, name) {
                        faults.push(format!(
                            "{}:{number}: {} names the crate {name}",
                            file.display(),
                            floor.name
                        ));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_table_knows_every_floor() {
    let folders: BTreeSet<String> = fs::read_dir(source())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let table: BTreeSet<String> = FLOORS.iter().map(|floor| floor.name.to_owned()).collect();
    assert_eq!(folders, table);
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below a folder, save those of tests, which may look anywhere.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                files.extend(sources(&path));
            }
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && name != "testing.rs" {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The numbered lines before the file's tests, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

/// What follows each `prefix` in a line, as far as it is a name.
fn paths<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).map(move |(at, _)| {
        let rest = &line[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

/// Whether a line uses `name` as the first part of a path.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let starts =
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':' && c != '"');
        starts && after.starts_with("::")
    })
}

/// The crates under `[dependencies]`, as they are written in code.
fn dependencies() -> Vec<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let text = fs::read_to_string(manifest).unwrap();
    text.lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim().replace('-', "_")))
        .filter(|name| !name.is_empty() && !NO_CRATE.contains(&name.as_str()))
        .collect()
}
