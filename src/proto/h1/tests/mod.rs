//! Tests of the HTTP/1 codecs, together: what a client sends, what an upstream sees, and back.
//!
//! Rules are tables: each entry carries the rule's text, what must be refused and what must pass.
//! Every input of every table is also cut at each of its bytes: a head means the same however it
//! arrives.
#![allow(clippy::indexing_slicing)]

mod answering;
mod chunking;
mod fields;
mod forwarding;
mod framing_rules;
mod head_rules;
mod limits;
mod main_path;
mod properties;
mod replying;
mod response_rules;

use super::*;
use crate::proto::http::{FieldStore, Method};

/// Now, in every test.
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// One rule for requests: its text, what is refused and why, what is accepted.
struct Rule {
    rule: &'static str,
    refused: &'static [(&'static [u8], RequestError)],
    accepted: &'static [&'static [u8]],
}

impl Rule {
    fn check(&self, whole: impl Fn(&[u8]) -> Vec<u8>) {
        for (part, error) in self.refused {
            let bytes = whole(part);
            let shown = bytes.escape_ascii();
            assert_eq!(request(&bytes), Err(*error), "{}: {shown}", self.rule);
            cut_anywhere(&bytes, request);
        }
        for part in self.accepted {
            let bytes = whole(part);
            let shown = bytes.escape_ascii();
            assert!(matches!(request(&bytes), Ok(Some(_))), "{}: {shown}", self.rule);
            cut_anywhere(&bytes, request);
        }
    }
}

/// What a request head came out as, in text, so that results can outlive their bytes.
fn request(bytes: &[u8]) -> Result<Option<String>, RequestError> {
    let mut store = FieldStore::new();
    let head = parse_request(bytes, &mut store, &Limits::default())?;
    Ok(head.map(|head| format!("{head:?}")))
}

/// The same for the response to a GET.
fn response(bytes: &[u8]) -> Result<Option<String>, ResponseError> {
    let mut store = FieldStore::new();
    let head = parse_response(bytes, &mut store, Method::Get, &Limits::default())?;
    Ok(head.map(|head| format!("{head:?}")))
}

/// Every prefix asks for more, or says what the whole says.
fn cut_anywhere<T, E>(bytes: &[u8], parse: impl Fn(&[u8]) -> Result<Option<T>, E>)
where
    T: PartialEq + std::fmt::Debug,
    E: PartialEq + std::fmt::Debug,
{
    let whole = parse(bytes);
    for end in 0..bytes.len() {
        let part = parse(&bytes[..end]);
        let agrees = matches!(part, Ok(None)) || part == whole;
        assert!(agrees, "{}: {part:?}, not {whole:?}", bytes[..end].escape_ascii());
    }
}

/// Parses a request that must be good and looks at it.
fn with_request<T>(bytes: &[u8], look: impl FnOnce(&RequestHead<'_, '_>) -> T) -> T {
    let mut store = FieldStore::new();
    match parse_request(bytes, &mut store, &Limits::default()) {
        Ok(Some(head)) => look(&head),
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

/// Parses the response to a request with `method` that must be good and looks at it.
fn with_response<T>(
    method: Method,
    bytes: &[u8],
    look: impl FnOnce(&ResponseHead<'_, '_>) -> T,
) -> T {
    let mut store = FieldStore::new();
    match parse_response(bytes, &mut store, method, &Limits::default()) {
        Ok(Some(head)) => look(&head),
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

/// Bytes as text, for comparisons that print well.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("tests write ASCII")
}
