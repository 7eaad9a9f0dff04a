//! Answers that the router gives itself.

use super::reply::put_connection;
use super::write::{put, put_extra, put_field, put_length};
use crate::proto::http::{Pairs, Version, reason};

/// An answer of our own. `..Answer::new(status, date)` fills in what is usual.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// A sentence for whoever reads the body, escaped where the body is HTML; may be empty.
    pub text: &'a str,
    /// The text is the whole body, in plain text.
    pub exact: bool,
    /// The client prefers HTML ([`crate::proto::http::prefers_html`]).
    pub html: bool,
    /// The client's version.
    pub version: Version,
    /// Whether the connection is kept; not after an error that spoils the framing.
    pub keep_alive: bool,
    /// The request was HEAD: the length is announced, the body is not sent.
    pub head_request: bool,
    /// Now, as an IMF-fixdate of 29 bytes.
    pub date: &'a str,
    /// Seconds after which to try again (503, 429).
    pub retry_after: Option<u32>,
    /// The WebSocket versions a route speaks, such as `13, 8`: for 426.
    pub websocket_versions: Option<&'a str>,
    /// Fields to add. Names are tokens and values have no controls: the caller's duty.
    pub extra: &'a Pairs,
}

impl<'a> Answer<'a> {
    /// A plain-text answer to an HTTP/1.1 client whose connection is kept.
    pub const fn new(status: u16, date: &'a str) -> Self {
        Self {
            status,
            text: "",
            exact: false,
            html: false,
            version: Version::Http11,
            keep_alive: true,
            head_request: false,
            date,
            retry_after: None,
            websocket_versions: None,
            extra: Pairs::NONE,
        }
    }
}

/// What `Allow` says with 405 where nobody else does (RFC 9110 section 10.2.1): all but CONNECT and TRACE.
const ALLOW: &[u8] = b"GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

/// Appends the whole answer, body included.
///
/// 426 says what to upgrade to (RFC 9110 section 15.5.22, RFC 6455 section 4.4); 405 what is
/// allowed; 1xx, 204 and 304 have neither body nor length.
pub fn encode_answer(answer: &Answer<'_>, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let status = digits.format(answer.status);
    let phrase = reason(answer.status);
    put(out, &[b"HTTP/1.1 ", status.as_bytes(), b" ", phrase.as_bytes(), b"\r\n"]);
    put_field(out, "Server", b"tidegate");
    put_field(out, "Date", answer.date.as_bytes());
    if let Some(seconds) = answer.retry_after {
        put_field(out, "Retry-After", itoa::Buffer::new().format(seconds).as_bytes());
    }
    if answer.status == 405 && !answer.extra.has("Allow") {
        put_field(out, "Allow", ALLOW);
    }
    put_extra(out, answer.extra.iter());
    put_connection_and_upgrade(answer, out);
    if answer.status < 200 || matches!(answer.status, 204 | 304) {
        out.extend_from_slice(b"\r\n");
        return;
    }
    let html = answer.html && !answer.exact;
    let body = Text { html, exact: answer.exact, status, phrase, sentence: answer.text };
    put_field(out, "Content-Type", body.media_type().as_bytes());
    put_length(out, body.len() as u64);
    out.extend_from_slice(b"\r\n");
    if !answer.head_request {
        body.put(out);
    }
}

fn put_connection_and_upgrade(answer: &Answer<'_>, out: &mut Vec<u8>) {
    if answer.status != 426 {
        put_connection(out, answer.version, answer.keep_alive);
        return;
    }
    let options: &[u8] = if answer.keep_alive { b"Upgrade" } else { b"Upgrade, close" };
    put_field(out, "Connection", options);
    put_field(out, "Upgrade", b"websocket");
    if let Some(versions) = answer.websocket_versions {
        put_field(out, "Sec-WebSocket-Version", versions.as_bytes());
    }
}

/// The body of an answer.
struct Text<'a> {
    html: bool,
    exact: bool,
    status: &'a str,
    phrase: &'a str,
    sentence: &'a str,
}

impl Text<'_> {
    const fn media_type(&self) -> &'static str {
        if self.html { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" }
    }

    fn len(&self) -> usize {
        let mut len = 0;
        self.each_piece(|piece| len += piece.len());
        len
    }

    fn put(&self, out: &mut Vec<u8>) {
        self.each_piece(|piece| out.extend_from_slice(piece.as_bytes()));
    }

    fn each_piece(&self, mut visit: impl FnMut(&str)) {
        let Self { status, phrase, sentence, .. } = *self;
        if self.exact {
            return visit(sentence);
        }
        if !self.html {
            let end = if sentence.is_empty() { "" } else { "\n" };
            return [status, " ", phrase, "\n", sentence, end].into_iter().for_each(visit);
        }
        let open = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>";
        let body = "</title></head>\n<body><h1>";
        let heading = [open, status, " ", phrase, body, status, " ", phrase, "</h1><p>"];
        heading.into_iter().for_each(&mut visit);
        sentence.split_inclusive(['<', '>', '&', '"']).for_each(|piece| escape(piece, &mut visit));
        visit("</p></body></html>\n");
    }
}

/// Visits a piece of text that may end in a character which HTML needs escaped.
fn escape(piece: &str, visit: &mut impl FnMut(&str)) {
    for (character, entity) in [('<', "&lt;"), ('>', "&gt;"), ('&', "&amp;"), ('"', "&quot;")] {
        if let Some(plain) = piece.strip_suffix(character) {
            visit(plain);
            return visit(entity);
        }
    }
    visit(piece);
}
