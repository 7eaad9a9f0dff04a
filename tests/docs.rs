//! Holds the documents to what they speak of: close reasons, files, functions, tests, links and examples.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tidegate::config::{Surroundings, parse};
use tidegate::session::CloseReason;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// README and every page below `docs`, by their paths from the root.
fn pages() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("README.md")];
    for folder in ["docs", "docs/decisions"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found
}

/// What stands between backticks outside of blocks.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_close_reason_is_explained_and_no_other() {
    let page = read("docs/operating.md");
    let section = page.split("\n## ").find(|part| part.starts_with("Close reasons")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let explained: Vec<(&str, &str)> = rows.filter_map(|row| row.split_once("` |")).collect();
    for reason in CloseReason::ALL {
        let (word, status) = (reason.word(), reason.status().to_string());
        let row = explained.iter().find(|(found, _)| *found == word);
        let (_, row) = row.unwrap_or_else(|| panic!("{word} has no row"));
        let answer = row.split('|').next().unwrap().trim();
        assert!(status == "0" && answer.is_empty() || answer.starts_with(&status), "{word}: {row}");
    }
    assert_eq!(explained.len(), CloseReason::ALL.len());
}

/// `worker/drive.rs: drive` and `test_retry.py: test_round_robin`, and the same with the name behind it.
#[test]
fn files_and_names_exist() {
    let folders = ["", "src", "src/proto", "tests/real"];
    let mut checked = BTreeSet::new();
    for page in pages() {
        let text = read(page.to_str().unwrap());
        for word in quoted(&text) {
            let (file, name) = word.split_once(": ").unwrap_or((word, ""));
            let is_source =
                file.ends_with(".rs") || file.starts_with("test_") && file.ends_with(".py");
            if !is_source || file.contains('*') || page.ends_with("testing.md") {
                continue;
            }
            let found = folders.iter().map(|folder| root().join(folder).join(file));
            let Some(path) = found.into_iter().find(|path| path.is_file()) else {
                // A file named by itself belongs to the folder its line speaks of.
                assert!(!file.contains('/') && file.ends_with(".rs"), "{}: {file}", page.display());
                continue;
            };
            let keyword = if file.ends_with(".py") { "def" } else { "fn" };
            let defined = format!("{keyword} {name}(");
            let code = fs::read_to_string(path).unwrap();
            assert!(name.is_empty() || code.contains(&defined), "{}: {word}", page.display());
            checked.insert(word.to_owned());
        }
    }
    assert!(checked.len() > 60, "{checked:?}");
}

/// Rows such as "| `worker/accept.rs`: `accept_from`, `place` |".
#[test]
fn the_map_of_the_architecture_is_true() {
    let page = read("docs/architecture.md");
    let mut checked = 0;
    for cell in page.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split(" | "))
    {
        for part in cell.split(';') {
            let Some((file, names)) = part.split_once(".rs`: ") else { continue };
            let Some((_, file)) = file.rsplit_once('`') else { continue };
            let code = read(&format!("src/{file}.rs"));
            for name in quoted(names) {
                let name = name.rsplit("::").next().unwrap();
                assert!(code.contains(name), "{file}.rs has no {name}");
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = read(page.to_str().unwrap());
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root().join(&page),
                _ => root().join(page.parent().unwrap()).join(file),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let headings = fs::read_to_string(target).unwrap();
                let mut headings = headings.lines().filter(|line| line.starts_with('#'));
                assert!(headings.any(|line| slug(line) == anchor), "{}: {link}", page.display());
            }
        }
    }
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().replace(' ', "-")
}

#[test]
fn the_files_of_the_readme_are_taken() {
    let text = read("README.md");
    let blocks: Vec<&str> = text.split("```ini\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let block = block.split("```").next().unwrap();
        let (_, problems) = parse(block.as_bytes(), "README.ini", &Surroundings::real());
        assert!(problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn every_decision_is_listed() {
    let list = read("docs/decisions/README.md");
    for entry in fs::read_dir(root().join("docs/decisions")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || list.contains(&format!("({name})")), "{name}");
    }
}

#[test]
fn every_fuzz_target_is_listed() {
    let page = read("docs/testing.md");
    let targets = fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    for target in targets.map(|entry| entry.unwrap().path()) {
        let name = target.file_stem().unwrap().to_str().unwrap();
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}
