//! The router's own answers.

use super::*;
use crate::proto::http::{Body, Pairs, Version};

fn answer(answer: &Answer<'_>) -> (String, String) {
    let mut out = Vec::new();
    encode_answer(answer, &mut out);
    let (head, body) = text(out.clone()).split_once("\r\n\r\n").map(own).expect("an empty line");
    let method = if answer.head_request { Method::Head } else { Method::Get };
    with_response(method, &out, |parsed| {
        let length = parsed.length.map(|length| length as usize);
        assert!(answer.head_request || length.unwrap_or(0) == body.len(), "{head}");
        assert_eq!(parsed.status, answer.status);
    });
    (head, body)
}

fn own((head, body): (&str, &str)) -> (String, String) {
    (format!("{head}\r\n"), body.to_owned())
}

#[test]
fn every_answer_names_us_and_the_date() {
    for status in [400, 404, 408, 413, 414, 431, 502, 503, 504] {
        let (head, body) = answer(&Answer::new(status, DATE));
        assert!(head.contains(&format!("\r\nServer: tidegate\r\nDate: {DATE}\r\n")), "{head}");
        assert!(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{head}");
        assert!(body.starts_with(&status.to_string()), "{body}");
        assert!(!head.contains("Connection"), "{head}");
    }
}

#[test]
fn connection_close_after_what_spoils_the_framing() {
    let (head, _) = answer(&Answer { keep_alive: false, ..Answer::new(400, DATE) });
    assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
    let old = Answer { version: Version::Http10, ..Answer::new(404, DATE) };
    assert!(answer(&old).0.contains("\r\nConnection: keep-alive\r\n"));
}

#[test]
fn html_when_the_client_prefers_it_and_escaped() {
    let sentence = "No <b> & \"c\".";
    let (head, body) = answer(&Answer { html: true, text: sentence, ..Answer::new(404, DATE) });
    assert!(head.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"), "{head}");
    assert!(body.contains("<h1>404 Not Found</h1><p>No &lt;b&gt; &amp; &quot;c&quot;.</p>"));
    let (_, body) = answer(&Answer { text: sentence, ..Answer::new(404, DATE) });
    assert_eq!(body, format!("404 Not Found\n{sentence}\n"));
}

#[test]
fn head_gets_the_length_without_the_body() {
    let (head, body) = answer(&Answer { head_request: true, ..Answer::new(404, DATE) });
    assert!(head.contains("\r\nContent-Length: 14\r\n"), "{head}");
    assert_eq!(body, "");
}

#[test]
fn answers_without_a_body_have_no_length() {
    for status in [100, 204, 304] {
        let (head, body) = answer(&Answer { text: "unseen", ..Answer::new(status, DATE) });
        assert!(!head.contains("Content-") && body.is_empty(), "{head}{body}");
    }
}

#[test]
fn _503_says_when_to_come_back() {
    let (head, _) = answer(&Answer { retry_after: Some(5), ..Answer::new(503, DATE) });
    assert!(head.contains("\r\nRetry-After: 5\r\n"), "{head}");
}

#[test]
fn _405_says_what_is_allowed() {
    let (head, _) = answer(&Answer::new(405, DATE));
    assert!(head.contains("\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"), "{head}");
}

#[test]
fn _426_says_to_what_and_in_which_versions() {
    let versions = Some("13, 8, 7");
    let (head, _) = answer(&Answer { websocket_versions: versions, ..Answer::new(426, DATE) });
    let upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13, 8, 7\r\n";
    assert!(head.contains(upgrade), "{head}");
    let (head, _) = answer(&Answer { keep_alive: false, ..Answer::new(426, DATE) });
    assert!(head.contains("\r\nConnection: Upgrade, close\r\n"), "{head}");
}

#[test]
fn fields_can_be_added() {
    let extra: Pairs = [("Location", b"https://a/".as_slice())].into_iter().collect();
    let (head, _) = answer(&Answer { extra: &extra, ..Answer::new(302, DATE) });
    assert!(head.contains("\r\nLocation: https://a/\r\n"), "{head}");
}

#[test]
fn a_body_of_our_own_is_framed_as_its_head_says() {
    for (body, version, says) in [
        (Body::Length(7), Version::Http11, "Content-Length: 7\r\n\r\n"),
        (Body::Length(0), Version::Http10, "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n"),
        (Body::Chunked, Version::Http11, "Transfer-Encoding: chunked\r\n\r\n"),
        (Body::UntilClose, Version::Http10, "no-store\r\nConnection: close\r\n\r\n"),
    ] {
        let mut out = Vec::new();
        let own = Own {
            status: 200,
            media_type: "application/json",
            body,
            version,
            keep_alive: true,
            date: DATE,
            extra: &[("Cache-Control", b"no-store")],
        };
        encode_own(&own, &mut out);
        with_response(Method::Get, &out, |parsed| {
            assert_eq!((parsed.status, parsed.body, parsed.len), (200, body, out.len()));
            assert_eq!(parsed.fields.find("content-type"), Some(&b"application/json"[..]));
        });
        assert!(text(out.clone()).ends_with(says), "{}", text(out));
    }
}
