//! Files: what is asked of the disk, and what a client is answered.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::config::{Action as Does, Surroundings, Way, parse};
use crate::proto::http::Coding;
use crate::route::{Rule, Table};

/// 2026-11-21T02:30:00Z less an hour.
const MODIFIED: u64 = 1_795_228_200 - 3600;
const STATE: FileState =
    FileState { size: 10, seconds: MODIFIED, nanos: 7, inode: 0x2a, coding: None, index: false };
const TAG: &str = "\"2a-a-6b00f418.7\"";
const DATE: &str = "Sat, 21 Nov 2026 01:30:00 GMT";

/// A bench whose first route, for what begins with `/http`, does this.
fn bench(action: &str) -> Bench {
    let text = format!("[tidegate]\nhttp = :1\nroute = ^/http(/.*)?$ {action}");
    let (config, problems) = parse(text.as_bytes(), "t", &Surroundings::none());
    assert_eq!(problems, []);
    let Does::Go(Way::Files(files)) = config.rules[0].action.value.clone() else { panic!() };
    let captures = config.rules[0].action.value.highest_capture();
    let rule = Rule { conditions: config.rules[0].conditions.clone(), captures };
    Bench::with(|generation| {
        generation.table = Table::compile(&[rule], &mut Vec::new()).unwrap();
        let target = &mut Arc::get_mut(&mut generation.routes[0]).unwrap().target;
        let root = files.root.as_path().into();
        target.place = Place::Files(Files { root, name: files.name, single: files.single });
    })
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// The name that is asked of the disk.
fn sought(bench: &mut Bench) -> String {
    assert_eq!(bench.actions(), "open");
    let sought = bench.client.sought().expect("a file is sought");
    assert_eq!(&**sought.root, Path::new("/srv/"));
    String::from_utf8(sought.name.to_vec()).unwrap()
}

/// Sends what pieces there are; a file's byte is the last digit of its place.
fn send_all(bench: &mut Bench) -> String {
    let mut all = bench.client_reads();
    while let Some(piece) = bench.client.piece() {
        let n = piece.len.min(3);
        all.extend((piece.offset..piece.offset + n).map(|at| char::from(b'0' + (at % 10) as u8)));
        bench.client.sent(n as usize);
        bench.advance();
        all.push_str(&bench.client_reads());
    }
    all
}

/// What a request is answered when its file is there.
fn answered(fields: &str, state: FileState) -> String {
    let mut bench = bench("static:/srv/");
    bench.client_says(get("/http/x.txt", fields));
    bench.actions();
    bench.input(Input::Opened(state));
    let all = send_all(&mut bench);
    assert_eq!(bench.actions(), "close");
    assert!(bench.awaits_request());
    all
}

fn head(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").0
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn a_file_is_sent() {
    let answer = answered("", STATE);
    let head = head(&answer);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for field in [
        "Content-Type: text/plain; charset=utf-8",
        "Content-Length: 10",
        "Accept-Ranges: bytes",
        "Vary: Accept-Encoding",
        &format!("ETag: {TAG}"),
        &format!("Last-Modified: {DATE}"),
    ] {
        assert!(head.contains(&format!("\r\n{field}")), "{field}: {head}");
    }
    assert_eq!(body(&answer), "0123456789");
}

#[test]
fn names_are_those_of_the_action() {
    for (action, path, name) in [
        ("static:/srv/", "/http/a/%62.txt", "http/a/b.txt"),
        ("static:/srv/", "/http/", "http/"),
        ("static:/srv/", "/http/100%25", "http/100%"),
        ("static:/srv/$1", "/http/a/b.txt", "a/b.txt"),
        ("file:/srv/x-$1", "/http/y", "x-/y"),
        ("static:/srv/$1", "/http", ""),
        ("static:/srv/${HTTP_HOST}$1", "/http/b", "a/b"),
        ("static:/srv/${PATH_INFO}", "/http/b", "http/b"),
        ("file:/srv/one.html", "/http/b", "one.html"),
        ("file:/srv/.hidden", "/http/b", ".hidden"),
        ("file:/srv/${qs[page]}.html", "/http?page=b", "b.html"),
    ] {
        let mut bench = bench(action);
        bench.client_says(get(path, ""));
        assert_eq!(sought(&mut bench), name, "{action} {path}");
    }
}

#[test]
fn what_can_have_no_file_asks_nothing_of_the_disk() {
    for (action, path) in [
        ("static:/srv/", "/http/.git/config"),
        ("static:/srv/", "/http/a%2Fb"),
        ("static:/srv/", "/http/a%252Fb%2F"),
        ("static:/srv/$1", "/http/.env"),
        ("file:/srv/.$1", "/http/./etc"),
        ("file:/srv/${qs[page]}.html", "/http?page=../secret"),
        ("file:/srv/${qs[page]}.html", "/http?page=a/b"),
        ("file:/srv/${qs[page]}.html", "/http?page=%2e%2e"),
        ("file:/srv/${qs[page]}.html", "/http?page=a%00"),
        ("file:/srv/${qs[page]}", "/http?page=.."),
        ("file:/srv/${qs[page]}/x", "/http?page="),
        ("static:/srv/${cookie[a]}/$1", "/http/x"),
    ] {
        let mut bench = bench(action);
        bench.client_says(get(path, ""));
        assert_eq!(bench.actions(), "", "{action} {path}");
        assert!(bench.client_reads().starts_with("HTTP/1.1 404 "), "{action} {path}");
        assert!(bench.log().contains("end=file-missing"));
        assert!(bench.awaits_request());
    }
}

#[test]
fn conditions_come_before_ranges() {
    for (fields, status) in [
        (format!("If-None-Match: {TAG}\r\nRange: bytes=0-1\r\n"), 304),
        (format!("If-Modified-Since: {DATE}\r\n"), 304),
        ("If-Match: \"x\"\r\nRange: bytes=0-1\r\n".to_owned(), 412),
        (format!("If-Range: {TAG}\r\nRange: bytes=0-1\r\n"), 206),
        ("If-Range: \"x\"\r\nRange: bytes=0-1\r\n".to_owned(), 200),
        (format!("If-Range: {DATE}\r\nRange: bytes=0-1\r\n"), 206),
        ("Range: bytes=10-\r\n".to_owned(), 416),
        ("Range: bytes=0-1\r\nRange: bytes=2-3\r\n".to_owned(), 200),
        ("Range: lines=0-1\r\n".to_owned(), 200),
    ] {
        let answer = answered(&fields, STATE);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{fields}: {answer}");
        let expected = match status {
            200 => "0123456789",
            206 => "01",
            304 => "",
            _ => continue,
        };
        assert_eq!(body(&answer), expected, "{fields}");
        assert_eq!(status == 304, !answer.contains("Content-Length"), "{answer}");
    }
    assert!(answered("Range: bytes=10-\r\n", STATE).contains("\r\nContent-Range: bytes */10\r\n"));
}

#[test]
fn a_range_is_a_part() {
    for (range, said, bytes) in [
        ("0-0", "0-0", "0"),
        ("2-5", "2-5", "2345"),
        ("-3", "7-9", "789"),
        ("8-100", "8-9", "89"),
        ("0-", "0-9", "0123456789"),
    ] {
        let answer = answered(&format!("Range: bytes={range}\r\n"), STATE);
        assert!(answer.starts_with("HTTP/1.1 206 Partial Content\r\n"), "{answer}");
        assert!(answer.contains(&format!("\r\nContent-Range: bytes {said}/10\r\n")), "{answer}");
        assert_eq!(body(&answer), bytes);
    }
}

#[test]
fn several_ranges_are_parts_of_one_body() {
    let mut bench = bench("static:/srv/");
    bench.client_says(get("/http/x.html", "Range: bytes=7-, 0-3\r\n"));
    bench.actions();
    bench.input(Input::Opened(STATE));
    let answer = send_all(&mut bench);
    let boundary = answer.split_once("boundary=").unwrap().1.split_once("\r\n").unwrap().0;
    let part = |range: &str, text: &str| {
        format!(
            "\r\n--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Range: bytes {range}/10\r\n\r\n{text}"
        )
    };
    let expected = format!("{}{}\r\n--{boundary}--\r\n", part("7-9", "789"), part("0-3", "0123"));
    assert_eq!(body(&answer), expected);
    assert!(head(&answer).contains(&format!("Content-Length: {}", expected.len())), "{answer}");
    assert!(!head(&answer).contains("Content-Range"));
    assert!(bench.log().contains(&format!(" 206 {} ", expected.len())));
}

#[test]
fn head_says_the_same_and_sends_nothing() {
    let mut bench = bench("static:/srv/");
    bench.client_says("HEAD /http/x HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n");
    bench.actions();
    bench.input(Input::Opened(STATE));
    let answer = send_all(&mut bench);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("Content-Length: 10\r\n"));
    assert_eq!(body(&answer), "");
    assert!(bench.awaits_request());
}

#[test]
fn a_compressed_file_says_so() {
    let mut bench = bench("static:/srv/");
    bench.client_says(get("/http/x.html", "Accept-Encoding: gzip, br;q=0.9\r\n"));
    assert_eq!(sought(&mut bench), "http/x.html");
    let wanted = [Some(Coding::Gzip), Some(Coding::Brotli), None];
    assert_eq!(bench.client.sought().unwrap().codings, wanted);
    bench.input(Input::Opened(FileState { coding: Some(Coding::Gzip), ..STATE }));
    let answer = send_all(&mut bench);
    for field in ["Content-Encoding: gzip", "Vary: Accept-Encoding", "Content-Type: text/html"] {
        assert!(answer.contains(&format!("\r\n{field}")), "{answer}");
    }
    assert!(answer.contains("-gzip\"\r\n"), "another coding is another representation: {answer}");
    let mut picture = super::files::bench("static:/srv/");
    picture.client_says(get("/http/x.png", "Accept-Encoding: gzip\r\n"));
    assert_eq!(picture.client.sought().unwrap().codings, [None; 3]);
}

#[test]
fn what_is_being_written_is_weak() {
    let fresh = FileState { seconds: MODIFIED + 3600, nanos: 0, ..STATE };
    let answer = answered("Range: bytes=0-1\r\n", fresh);
    assert!(answer.contains("\r\nETag: W/\""), "{answer}");
    let future = FileState { seconds: MODIFIED + 7200, ..STATE };
    let answer = answered("", future);
    assert!(answer.contains("\r\nLast-Modified: Sat, 21 Nov 2026 02:30:00 GMT\r\n"), "{answer}");
}

#[test]
fn a_directory_is_shown_its_slash() {
    for (target, location) in [
        ("/http/sub", "./sub/"),
        ("/http/s%20u%3Ab?x=/y&z", "./s%20u%3Ab/?x=/y&z"),
        ("/http/a:b", "./a:b/"),
        ("/http/x/../sub", "./sub/"),
    ] {
        let mut bench = bench("static:/srv/");
        bench.client_says(get(target, ""));
        sought(&mut bench);
        assert!(!bench.client.sought().unwrap().slash);
        bench.input(Input::FileFailed(FileFault::Directory));
        let answer = bench.client_reads();
        assert!(answer.starts_with("HTTP/1.1 301 "), "{answer}");
        assert!(answer.contains(&format!("\r\nLocation: {location}\r\n")), "{answer}");
        assert!(bench.awaits_request());
    }
    let mut bench = bench("static:/srv/$1");
    bench.client_says(get("/http/sub/", ""));
    assert!(bench.client.sought().unwrap().slash);
}

#[test]
fn what_cannot_be_opened_is_answered() {
    for (fault, status, word) in [
        (FileFault::Missing, 404, "file-missing"),
        (FileFault::Forbidden, 403, "file-forbidden"),
        (FileFault::Overloaded, 503, "overloaded"),
        (FileFault::Failed, 500, "file-failed"),
    ] {
        let mut bench = bench("static:/srv/");
        bench.client_says(get("/http/x", ""));
        bench.actions();
        bench.input(Input::FileFailed(fault));
        assert!(bench.client_reads().starts_with(&format!("HTTP/1.1 {status} ")));
        assert!(bench.log().contains(&format!("end={word}")));
        assert!(bench.awaits_request());
    }
}

#[test]
fn files_are_only_read() {
    let mut bench = bench("static:/srv/");
    bench.client_says("DELETE /http/x HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = bench.client_reads();
    assert!(
        answer.starts_with("HTTP/1.1 405 ") && answer.contains("\r\nAllow: GET, HEAD\r\n"),
        "{answer}"
    );
    assert!(bench.awaits_request());
    bench.client_says(
        "GET /http/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let answer = bench.client_reads();
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("no WebSocket opens"),
        "{answer}"
    );
    assert!(bench.log().contains("end=no-websocket"));
}

#[test]
fn a_file_that_changes_is_cut() {
    let mut bench = bench("static:/srv/");
    bench.client_says(get("/http/x", ""));
    bench.actions();
    bench.input(Input::Opened(STATE));
    assert!(bench.client_reads().contains("Content-Length: 10\r\n"));
    bench.client.sent(4);
    bench.input(Input::FileFailed(FileFault::Changed));
    assert_eq!(bench.client_reads(), "", "nothing is made up");
    // It may have asked for more already: a reset for that would take along what it has not read.
    assert_eq!((bench.ports[0].tx_end, bench.closed()), (Some(TxEnd::Finish), None));
    bench.ends(Side::Client, RxEnd::Finished);
    assert_eq!(bench.closed(), Some(CloseReason::FileChanged));
    assert_eq!(bench.actions(), "close");
    let line = bench.log();
    assert!(line.contains(" 200 4 ") && line.contains("end=file-changed"), "{line}");
}

#[test]
fn who_does_not_read_is_let_go() {
    for (waits, word) in [(false, "client-gone"), (true, "file-failed")] {
        let mut bench = bench("static:/srv/");
        bench.client_says(get("/http/x", ""));
        bench.actions();
        bench.input(Input::Opened(STATE));
        bench.client_reads();
        if waits {
            bench.client.waits_for_disk();
        }
        bench.expire();
        assert!(bench.log().contains(word), "{word}");
        assert_eq!(bench.actions(), "close");
    }
    let mut bench = bench("static:/srv/");
    bench.client_says(get("/http/x", "") + &get("/http/y", ""));
    assert_eq!(bench.actions(), "open");
    bench.expire();
    let answer = bench.client_reads();
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("Connection: close\r\n"));
    assert_eq!(bench.actions(), "close", "what was asked next does not get that file");
    bench.input(Input::Opened(STATE));
    assert_eq!(bench.actions(), "close", "what comes too late is closed");
}

#[test]
fn requests_follow_one_another() {
    let mut bench = bench("static:/srv/");
    bench.client_says([get("/http/a", ""), get("/http/b", "Connection: close\r\n")].concat());
    for name in ["http/a", "http/b"] {
        assert_eq!(sought(&mut bench), name);
        bench.input(Input::Opened(STATE));
        assert!(send_all(&mut bench).ends_with("0123456789"));
        let rest = bench.actions();
        assert!(rest.starts_with("close"), "{rest}");
        if name == "http/a" {
            assert_eq!(rest, "close, open");
            bench.world.actions.push(Action::OpenFile);
        }
    }
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn a_client_of_http_1_0_gets_a_length() {
    let mut bench = bench("static:/srv/");
    bench.client_says("GET /http/a HTTP/1.0\r\n\r\n");
    bench.actions();
    bench.input(Input::Opened(STATE));
    let answer = send_all(&mut bench);
    assert!(answer.contains("Content-Length: 10\r\nConnection: close\r\n"), "{answer}");
    assert_eq!(body(&answer), "0123456789");
    assert_eq!(bench.closed(), Some(CloseReason::Done));
}

#[test]
fn a_body_nobody_asked_for_is_no_request() {
    let mut bench = bench("static:/srv/");
    bench.client_says(
        "GET /http/a HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /http/b HTTP/1.1\r\n\r\n",
    );
    bench.actions();
    bench.input(Input::Opened(STATE));
    assert!(send_all(&mut bench).contains("Connection: close\r\n"));
    assert_eq!(bench.actions(), "close");
}

#[test]
fn rules_add_fields_and_take_some_away() {
    let mut bench = bench("static:/srv/");
    bench.world.scratch = Scratch::default();
    let generation = Arc::get_mut(&mut bench.world.generation).unwrap();
    let rule = || Rule { conditions: Vec::new(), captures: None };
    generation.table = Table::compile(&[rule(), rule(), rule()], &mut Vec::new()).unwrap();
    let text = "[tidegate]\nhttp = :1\nroute-run = addheader:Cache-Control: no-cache\nroute-run = delheader:etag";
    let (config, _) = parse(text.as_bytes(), "t", &Surroundings::none());
    generation.deeds = config
        .rules
        .iter()
        .map(|rule| match &rule.action.value {
            Does::Edit(edit) => Deed::Edit(edit.clone()),
            _ => panic!(),
        })
        .chain([Deed::Go(0)])
        .collect();
    for _ in 0..2 {
        bench.client_says(get("/http/x", ""));
        bench.actions();
        bench.input(Input::Opened(STATE));
        let answer = send_all(&mut bench);
        assert!(answer.contains("\r\nCache-Control: no-cache\r\n"), "{answer}");
        assert!(!answer.contains("ETag") && answer.contains("Last-Modified"), "{answer}");
        bench.client_says(get("/http/y", ""));
        bench.actions();
        bench.input(Input::FileFailed(FileFault::Missing));
        assert!(bench.client_reads().contains("\r\nCache-Control: no-cache\r\n"));
        bench.actions();
    }
}
