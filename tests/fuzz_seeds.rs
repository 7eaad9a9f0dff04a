//! Replays the named seeds of every fuzz target, and keeps list, files and seeds together.

#[allow(unreachable_pub)] // there it is a crate of its own
#[path = "../fuzz/src/lib.rs"]
mod checks;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The names in a folder, without extensions.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    entries.filter_map(|entry| stem(entry.expect("a readable folder").path())).collect()
}

#[test]
fn every_seed_passes_its_target() {
    for (target, check) in checks::TARGETS {
        let folder = fuzz_folder().join("seeds").join(target);
        let seeds = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut count = 0;
        for seed in seeds {
            let path = seed.expect("a readable folder").path();
            let data = fs::read(&path).expect("a readable seed");
            let passes = std::panic::catch_unwind(|| check(&data)).is_ok();
            assert!(passes, "{} fails", path.display());
            count += 1;
        }
        assert!(count > 0, "{target} has no seeds");
    }
}

#[test]
fn every_target_is_listed_built_and_seeded() {
    let listed: BTreeSet<String> =
        checks::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&fuzz_folder().join("fuzz_targets")), listed, "fuzz_targets/");
    assert_eq!(names(&fuzz_folder().join("seeds")), listed, "seeds/");
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).expect("a manifest");
    for name in &listed {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "Cargo.toml lacks {name}");
    }
}
