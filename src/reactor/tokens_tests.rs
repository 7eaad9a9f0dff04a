//! Tests of files of tokens.

use std::fs::FileTimes;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::*;

fn nobody(_: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

fn two(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    assert_eq!(host, "vnc.example");
    Ok(vec![SocketAddr::from(([192, 0, 2, 1], port)), SocketAddr::from(([192, 0, 2, 2], port))])
}

fn at(addresses: &[&str]) -> TokenAnswer {
    TokenAnswer::At(addresses.iter().map(|text| text.parse().unwrap()).collect())
}

/// Writes the file, last changed so many seconds ago.
fn write(path: &Path, text: &str, age: u64) {
    fs::write(path, text).unwrap();
    let at = SystemTime::now() - Duration::from_secs(age);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_times(FileTimes::new().set_modified(at))
        .unwrap();
}

#[test]
fn lines_of_websockify() {
    let (servers, faults) = parse(
        b"# comment\n\n  vnc1: 10.0.0.1:5901\r\nvnc2:\t[::1]:5902\na:b: localhost:1\n\
          s1: unix:/run/a.sock\ns2: unix_socket:/run/b.sock\ns3: /run/c.sock\nvnc1: 10.0.0.2:5901\n\
          no colon\n: 10.0.0.1:1\nx:10.0.0.1:1\nbad: 10.0.0.1\nbad: 10.0.0.1:99999\n\xff: a:1\n",
    );
    let found = |token: &str| servers.get(token).map(ToString::to_string);
    for (token, address) in [
        ("vnc1", "10.0.0.2:5901"),
        ("vnc2", "[::1]:5902"),
        ("a:b", "localhost:1"),
        ("s1", "unix:/run/a.sock"),
        ("s2", "unix:/run/b.sock"),
        ("s3", "unix:/run/c.sock"),
    ] {
        assert_eq!(found(token).as_deref(), Some(address));
    }
    assert_eq!(servers.len(), 6);
    let lines: Vec<usize> = faults.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [9, 10, 11, 12, 13, 14, 15]);
}

#[test]
fn names_are_resolved_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let file: Arc<Path> = directory.path().join("tokens").into();
    write(&file, "a: vnc.example:5901\nb: 10.0.0.1:1\n", 100);
    let tokens = Tokens::new(two);
    assert_eq!(tokens.find(&file, "a"), at(&["192.0.2.1:5901", "192.0.2.2:5901"]));
    assert_eq!(tokens.find(&file, "b"), at(&["10.0.0.1:1"]));
    assert_eq!(tokens.find(&file, "c"), TokenAnswer::Unknown);
    assert_eq!(tokens.find(&file, ""), TokenAnswer::Unknown);
    assert_eq!(Tokens::new(nobody).find(&file, "a"), at(&[]));
}

#[test]
fn a_file_that_changes_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let file: Arc<Path> = directory.path().join("tokens").into();
    let tokens = Tokens::new(nobody);
    assert_eq!(tokens.find(&file, "a"), TokenAnswer::Unreadable);
    write(&file, "a: 10.0.0.1:1\n", 100);
    assert_eq!(tokens.find(&file, "a"), at(&["10.0.0.1:1"]));
    write(&file, "a: 10.0.0.2:1\n", 50);
    assert_eq!(tokens.find(&file, "a"), at(&["10.0.0.2:1"]));
    // Written twice in one tick of the file system's clock, to the same length.
    write(&file, "a: 10.0.0.3:1\n", 0);
    assert_eq!(tokens.find(&file, "a"), at(&["10.0.0.3:1"]));
    let times = File::open(&file).unwrap().metadata().unwrap();
    fs::write(&file, "a: 10.0.0.4:1\n").unwrap();
    let same = FileTimes::new().set_modified(times.modified().unwrap());
    File::options().write(true).open(&file).unwrap().set_times(same).unwrap();
    assert_eq!(tokens.find(&file, "a"), at(&["10.0.0.4:1"]));
    // Replaced by another one of the same age, as editors do.
    let other = directory.path().join("other");
    write(&other, "a: 10.0.0.5:1\n", 100);
    fs::rename(&other, &file).unwrap();
    assert_eq!(tokens.find(&file, "a"), at(&["10.0.0.5:1"]));
    fs::remove_file(&file).unwrap();
    assert_eq!(tokens.find(&file, "a"), TokenAnswer::Unreadable);
    assert_eq!(tokens.find(&directory.path().into(), "a"), TokenAnswer::Unreadable);
}

#[test]
fn an_unchanged_file_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens");
    write(&path, "a: 10.0.0.1:1\n", 100);
    let mut known = Known::default();
    known.refresh(&path).unwrap();
    known.servers.clear();
    known.refresh(&path).unwrap();
    assert!(known.servers.is_empty(), "it was read again");
    write(&path, "a: 10.0.0.1:1\nb: 10.0.0.1:2\n", 0);
    known.refresh(&path).unwrap();
    known.servers.clear();
    known.refresh(&path).unwrap();
    assert_eq!(known.servers.len(), 2, "it may have changed since");
}
