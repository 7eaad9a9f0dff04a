//! Tests of opening and reading files, on real ones.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::process::geteuid;
use tempfile::TempDir;

use super::*;
use crate::buf::Pool;

/// A directory `root` with a secret beside it.
fn site() -> TempDir {
    let site = tempfile::tempdir().unwrap();
    let root = site.path().join("root");
    fs::create_dir_all(root.join("sub/deep")).unwrap();
    fs::write(site.path().join("secret"), "secret").unwrap();
    for (name, text) in
        [("a.txt", "a"), ("index.html", "i"), ("sub/index.html", "si"), ("a.txt.gz", "gz")]
    {
        fs::write(root.join(name), text).unwrap();
    }
    site
}

fn below<'a>(root: &'a Path, name: &'a str) -> Below<'a> {
    let suffixes = [None; 3];
    Below { root, name: name.as_bytes(), slash: false, single: false, suffixes }
}

fn open(wanted: &Below<'_>) -> Result<Found, FileFault> {
    Opener::default().open(wanted, Patience::Endless)
}

/// What a name leads to: its first bytes, or why not.
fn text(wanted: &Below<'_>) -> String {
    match open(wanted) {
        Ok(found) => {
            let mut room = [0; 16];
            let n = rustix::io::pread(&found.file, &mut room, 0).unwrap();
            String::from_utf8(room[..n].to_vec()).unwrap()
        }
        Err(fault) => format!("{fault:?}"),
    }
}

#[test]
fn files_and_indexes() {
    let site = site();
    let root = site.path().join("root");
    for (name, found) in [
        ("a.txt", "a"),
        ("", "i"),
        ("sub/", "si"),
        ("sub/index.html", "si"),
        ("sub", "Directory"),
        ("sub/deep", "Directory"),
        ("sub/deep/", "Missing"),
        ("none", "Missing"),
        ("a.txt/", "Missing"),
        ("a.txt/x", "Missing"),
        (&"x".repeat(300), "Missing"),
    ] {
        assert_eq!(text(&below(&root, name)), found, "{name}");
    }
    assert_eq!(text(&Below { slash: true, ..below(&root, "sub") }), "si");
    for directory in ["", "sub", "sub/"] {
        assert_eq!(text(&Below { single: true, ..below(&root, directory) }), "Missing");
    }
    assert!(matches!(open(&below(&site.path().join("gone"), "a")), Err(FileFault::Failed(_))));
}

#[test]
fn nothing_leads_out() {
    let site = site();
    let root = site.path().join("root");
    symlink("../secret", root.join("out")).unwrap();
    symlink(site.path().join("secret"), root.join("absolute")).unwrap();
    symlink(root.join("a.txt"), root.join("absolute-inside")).unwrap();
    symlink("..", root.join("sub/up")).unwrap();
    symlink("../..", root.join("sub/out")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("/proc/self/fd", root.join("magic")).unwrap();
    for (name, found) in [
        ("../secret", "Missing"),
        ("sub/../../secret", "Missing"),
        ("/etc/passwd", "Missing"),
        ("out", "Missing"),
        ("absolute", "Missing"),
        ("absolute-inside", "Missing"),
        ("sub/up/a.txt", "a"),
        ("sub/out/secret", "Missing"),
        ("loop", "Missing"),
        ("magic/0", "Missing"),
    ] {
        assert_eq!(text(&below(&root, name)), found, "{name}");
    }
}

#[test]
fn what_is_no_file_is_missing() {
    let site = site();
    let root = site.path().join("root");
    let pipe = root.join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(text(&below(&root, "pipe")), "Missing");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    assert_eq!(text(&below(&root, "socket")), "Missing");
    fs::set_permissions(root.join("a.txt"), fs::Permissions::from_mode(0o000)).unwrap();
    if !geteuid().is_root() {
        assert_eq!(text(&below(&root, "a.txt")), "Forbidden");
    }
    let odd = OsStr::from_bytes(b"\xff\n");
    fs::write(root.join(odd), "odd").unwrap();
    assert_eq!(text(&Below { name: odd.as_bytes(), ..below(&root, "") }), "odd");
    assert_eq!(text(&below(&root, "a\0b")), "Missing");
}

#[test]
fn a_compressed_file_that_is_not_older_goes_first() {
    let site = site();
    let root = site.path().join("root");
    let suffixes = [Some(".br"), Some(".gz"), None];
    let wanted = Below { suffixes, ..below(&root, "a.txt") };
    let found = open(&wanted).unwrap();
    assert_eq!((found.suffix, found.stamp.size), (Some(".gz"), 2));
    let old = fs::File::options().write(true).open(root.join("a.txt.gz")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(open(&wanted).unwrap().suffix, None);
    fs::create_dir(root.join("a.txt.br")).unwrap();
    assert_eq!(open(&wanted).unwrap().suffix, None, "a directory is no compressed file");
}

#[test]
fn without_patience_what_is_known_is_found() {
    let site = site();
    let root = site.path().join("root");
    let mut opener = Opener::default();
    opener.open(&below(&root, "a.txt"), Patience::Endless).unwrap();
    match opener.open(&below(&root, "a.txt"), Patience::None) {
        Ok(found) => assert_eq!(found.stamp.size, 1),
        // A kernel before 5.12 cannot say, and a busy one may have forgotten.
        Err(fault) => assert!(matches!(fault, FileFault::NotNow), "{fault}"),
    }
}

#[test]
fn bytes_are_those_of_the_file_as_it_was() {
    let site = site();
    let path = site.path().join("root/a.txt");
    fs::write(&path, "0123456789").unwrap();
    let pool = Pool::new(1);
    let read = |file: &mut OpenFile, offset, len| {
        let mut block = pool.take().unwrap();
        let mut result = file.read(Piece { offset, len }, &mut block);
        if let Progress::Cold(piece) = result {
            warm(file.share().unwrap().as_fd(), piece).unwrap();
            file.warmed(piece);
            result = file.read(Piece { offset, len }, &mut block);
        }
        match result {
            Progress::Bytes(n) => {
                assert_eq!(n, block.len());
                String::from_utf8(block.bytes().to_vec()).unwrap()
            }
            other => format!("{other:?}"),
        }
    };
    let mut file = OpenFile::from(open(&below(&site.path().join("root"), "a.txt")).unwrap());
    assert_eq!(read(&mut file, 0, 10), "0123456789");
    assert_eq!(read(&mut file, 7, 2), "78");
    assert!(!file.is_orphan());
    fs::write(&path, "01234").unwrap();
    assert_eq!(read(&mut file, 0, 5), "Changed", "it is shorter");
    assert_eq!(read(&mut file, 7, 2), "Changed", "there is nothing");
}
