//! Tests of the generated documents.

use std::path::Path;

use super::super::{Surroundings, load, parse};
use super::*;

/// Compares a file of the repository with what it is to be, or with `TIDEGATE_UPDATE` writes it.
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("TIDEGATE_UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{name} is old: run TIDEGATE_UPDATE=1 cargo test documents");
}

#[test]
fn documents_are_what_the_table_says() {
    compare("docs/config.md", &markdown());
    compare("conf/full.ini", &full_ini());
}

#[test]
fn full_ini_says_what_holds_anyway() {
    let (config, problems) = parse(full_ini().as_bytes(), "full.ini", &Surroundings::none());
    assert_eq!(problems, []);
    let plain = "[tidegate]\nhttp = :8080\nhttp-to = 127.0.0.1:3031\n";
    let (plain, _) = parse(plain.as_bytes(), "plain.ini", &Surroundings::none());
    assert_eq!(config.settings, plain.settings);
    assert_eq!(
        (config.settings.limits, config.times, config.log),
        (plain.settings.limits, plain.times, plain.log)
    );
    assert_eq!(config.rules.len(), 1);
    assert_eq!(config.upstreams.len(), 1);
}

#[test]
fn every_example_in_full_ini_is_taken() {
    let text = full_ini();
    for (at, _) in text.match_indices("\n;; ") {
        let Some((before, after)) = text.split_at_checked(at + 1) else { continue };
        let after = after.trim_start_matches(";; ");
        let key = after.split(' ').next().unwrap_or_default();
        if key == "include" || super::super::logic::word(key).is_some() {
            continue;
        }
        let before = match after.starts_with("default ") {
            true => before.replace("http-to = ", "; http-to = "),
            false => before.to_owned(),
        };
        let text = before + after;
        let tls = ["ca ", "verify-name", "client-cert"].iter().any(|key| after.starts_with(key));
        let text = match tls {
            true => text
                .replace("http:example", "https:example")
                .replace("protocol = http", "protocol = https"),
            false => text,
        };
        // Certificates need somebody who presents them, and lists somebody who is asked for one.
        let text = match after.starts_with("sni") || after.starts_with("https-crl") {
            true => text.replace("\nhttp = ", "\nhttps = :443,a.pem,a.key,,ca.pem\nhttp = "),
            false => text,
        };
        let (_, problems) = parse(text.as_bytes(), "full.ini", &Surroundings::none());
        assert_eq!(problems, [], "{after}");
    }
}

#[test]
fn every_file_in_conf_loads() {
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf");
    for entry in std::fs::read_dir(conf).unwrap() {
        let path = entry.unwrap().path();
        let (_, problems) = load(Some(&path), &[], &Surroundings::real());
        let bad: Vec<_> = problems.iter().filter(|problem| problem.is_error()).collect();
        assert!(bad.is_empty(), "{bad:?}");
    }
}

/// Every ini block of the guide, with what its reader would have around it.
#[test]
fn the_recipes_of_the_guide_are_taken() {
    let around = Surroundings {
        variable: |name| (name == "LISTEN").then(|| ":80".into()),
        read: |_| Ok(Vec::new()),
        ..Surroundings::none()
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> = guide.split("```ini\n").skip(1).collect();
    assert!(blocks.len() >= 8);
    for block in blocks {
        let block = block.split("```").next().unwrap();
        let mut text = "[tidegate]\nhttp = :81\n".to_owned();
        if !block.contains("\ndefault = ") && !block.contains("\nhttp-to = ") {
            text.push_str("http-to = a:1\n");
        }
        text.push_str(block);
        for name in ["web", "api"] {
            let header = format!("[upstream:{name}]\n");
            if !block.contains(&header) {
                text.push_str(&format!("{header}server = a:1\n"));
            }
        }
        let (_, problems) = parse(text.as_bytes(), "guide.ini", &around);
        let bad: Vec<_> = problems.iter().filter(|problem| problem.is_error()).collect();
        assert!(bad.is_empty(), "{text}\n{bad:?}");
    }
}
