//! Configuration files: whatever is written in them is read or reported, the same way each time.

use std::io;
use std::path::Path;
use tidegate::config::{Action, Config, MAX_FIELDS, Surroundings, Target, parse};

/// A text is read twice with the same result; every problem that has a place is in the text or in
/// what it includes, and what has no error is fit to be compiled.
pub fn ini(data: &[u8]) {
    let (config, problems) = parse(data, "fuzz.ini", &surroundings());
    let (again, same_problems) = parse(data, "fuzz.ini", &surroundings());
    assert_eq!(format!("{config:?}"), format!("{again:?}"));
    assert_eq!(format!("{problems:?}"), format!("{same_problems:?}"));
    let lines = 1 + data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    if !problems.iter().any(|problem| problem.is_error()) {
        is_whole(&config);
    }
    for problem in problems {
        assert!(!problem.message.is_empty(), "a problem says what it is");
        assert!(!problem.message.contains(char::is_control), "on one line: {:?}", problem.message);
        if let Some(place) = problem.place.filter(|place| &*place.file == "fuzz.ini") {
            assert!((1..=lines as u32).contains(&place.line), "line {} of {lines}", place.line);
        }
    }
}

/// Whoever compiles `config` meets no name that is missing and no number that is impossible.
fn is_whole(config: &Config) {
    let secure = config.tls.listeners.len();
    assert!(config.listeners.len() + secure > 0, "somebody listens");
    assert!(!config.tls.versions.is_empty(), "and speaks some version of TLS");
    assert!(config.http_to.is_empty() || config.default.is_none(), "one takes the rest");
    assert!(
        (1..=MAX_FIELDS).contains(&config.settings.limits.max_fields)
            && config.settings.limits.max_uri > 0
    );
    for rule in &config.rules {
        assert!(!rule.settings.timeout.is_zero() && rule.settings.spool_max > 0);
        leads_somewhere(config, &rule.action.value);
    }
    if let Some(default) = &config.default {
        leads_somewhere(config, &default.value);
    }
}

fn leads_somewhere(config: &Config, action: &Action) {
    if let Some(Target::Upstream(name)) = action.target() {
        let mut named = config.upstreams.iter().filter(|upstream| upstream.name == *name);
        let upstream = named.next().expect("the upstream is there");
        assert!(named.next().is_none() && !upstream.servers.is_empty(), "once, with a server");
        let Action::Go(way) = action else { panic!("only what goes somewhere has a target") };
        assert_eq!(Some(upstream.protocol), way.protocol(), "it speaks what is spoken to it");
    }
}

/// Surroundings of their own: the files of this machine are not read.
fn surroundings() -> Surroundings {
    Surroundings {
        variable: |name| match name {
            "HOME" => Some("/home/x".to_owned()),
            "PORT" => Some("8080".to_owned()),
            _ => None,
        },
        is_directory: |path| path.file_name().map(|name| name == "d"),
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
