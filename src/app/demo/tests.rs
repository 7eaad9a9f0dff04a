//! Tests of the sample worker over a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use super::{Ticker, Worker, options};
use crate::base::Address;
use crate::config::Given;

fn dial(worker: &Worker) -> TcpStream {
    let Address::Ip(address) = worker.address() else { panic!("a loopback address") };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// What comes back until the worker closes.
fn exchange(worker: &Worker, request: &str) -> String {
    let mut stream = dial(worker);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn the_page_and_its_parts_are_served_and_name_nothing_elsewhere() {
    let worker = Worker::start().unwrap();
    for (path, kind) in
        [("/", "text/html"), ("/demo.css", "text/css"), ("/demo.js", "text/javascript")]
    {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let answer = exchange(&worker, &request);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains(&format!("Content-Type: {kind}; charset=utf-8")), "{head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        let elsewhere = ["src=\"http", "href=\"http", "url(", "@import", "//cdn"];
        assert!(!elsewhere.iter().any(|pattern| body.contains(pattern)), "{path}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_and_bodies_dropped() {
    let worker = Worker::start().unwrap();
    let answers = exchange(
        &worker,
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nGET /evil HTTP/1.1\r\n\
         HEAD / HTTP/1.1\r\nHost: h\r\n\r\n\
         GET /api/hello?pad=5 HTTP/1.1\r\nHost: h\r\nX-Quote: \"\\\r\nConnection: close\r\n\r\n",
    );
    let statuses: Vec<&str> = answers
        .match_indices("HTTP/1.1 ")
        .filter_map(|(at, _)| answers.get(at + 9..at + 12))
        .collect();
    assert_eq!(statuses, ["405", "200", "200"], "{answers}");
    assert!(answers.contains(r#""line": "GET /api/hello?pad=5 HTTP/1.1""#));
    assert!(answers.contains(r#"["X-Quote", "\"\\"]"#));
    assert!(answers.contains(r#""requests": 3,"#));
    assert!(answers.ends_with("\"pad\": \"~~~~~\"\n}\n"));
}

#[test]
fn a_websocket_echoes_what_came_behind_its_handshake_too() {
    let worker = Worker::start().unwrap();
    let mut request =
        b"GET /ws/echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            .to_vec();
    request.extend_from_slice(b"\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0");
    let mut stream = dial(&worker);
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    assert!(answer.ends_with(b"\r\n\r\n\x81\x02hi\x88\x00"), "{}", answer.escape_ascii());
    assert!(answer.windows(28).any(|part| part == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

#[test]
fn what_is_no_handshake_is_refused() {
    let worker = Worker::start().unwrap();
    let plain = exchange(&worker, "GET /ws/echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(plain.starts_with("HTTP/1.1 426 "), "{plain}");
    let keyless = exchange(
        &worker,
        "GET /ws/echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    assert!(keyless.starts_with("HTTP/1.1 400 "), "{keyless}");
    assert!(exchange(&worker, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

#[test]
fn a_dropped_worker_listens_no_more() {
    let worker = Worker::start().unwrap();
    let address: SocketAddr = worker.address().to_string().parse().unwrap();
    drop(worker);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_ticker_counts_by_post_and_leaves_nothing() {
    let ticker = Ticker::start().unwrap();
    let path = ticker.door().strip_prefix("unix:").unwrap().to_owned();
    let router = UnixListener::bind(&path).unwrap();
    let (mut stream, _) = router.accept().unwrap();
    let mut request = [0; 4096];
    let read = stream.read(&mut request).unwrap();
    let request = String::from_utf8(request[..read].to_vec()).unwrap();
    assert!(request.starts_with("POST /publish/counter HTTP/1.1\r\n"), "{request}");
    stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
    drop((stream, router));
    drop(ticker);
    assert!(!Path::new(&path).parent().unwrap().exists());
}

#[test]
fn what_was_asked_for_comes_before_what_the_demo_adds() {
    let (worker, ticker) = (Worker::start().unwrap(), Ticker::start().unwrap());
    let asked = vec![Given { key: "http".into(), value: Some("127.0.0.1:81".into()) }];
    let values = |asked: &[Given]| -> Vec<String> {
        let options = options(asked.to_vec(), None, &worker.address(), &ticker);
        options.into_iter().filter(|one| one.key == "http").filter_map(|one| one.value).collect()
    };
    assert_eq!(values(&asked), ["127.0.0.1:81".to_owned(), ticker.door()]);
    assert_eq!(values(&[]), ["127.0.0.1:8080".to_owned(), ticker.door()]);
}
