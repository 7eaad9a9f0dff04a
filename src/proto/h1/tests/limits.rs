//! The rule: limits on line, fields, total; 414 and 431, while the head is still arriving.

use super::super::*;
use super::cut_anywhere;
use crate::proto::http::FieldStore;

const SMALL: Limits = Limits { max_uri: 20, max_head: 120, max_fields: 4 };

fn small(bytes: &[u8]) -> Result<Option<usize>, RequestError> {
    let mut store = FieldStore::new();
    Ok(parse_request(bytes, &mut store, &SMALL)?.map(|head| head.len))
}

fn small_response(bytes: &[u8]) -> Result<Option<usize>, ResponseError> {
    let mut store = FieldStore::new();
    let method = crate::proto::http::Method::Get;
    Ok(parse_response(bytes, &mut store, method, &SMALL)?.map(|head| head.len))
}

#[test]
fn a_target_of_the_limit_passes_and_a_longer_one_is_414() {
    let head = |len: usize| format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(len - 1)).into_bytes();
    assert_eq!(small(&head(20)), Ok(Some(37)));
    assert_eq!(small(&head(21)), Err(RequestError::UriTooLong));
    assert_eq!(small(&head(90)), Err(RequestError::UriTooLong));
    assert_eq!(RequestError::UriTooLong.status(), 414);
    for len in [19, 20, 21, 22, 110] {
        cut_anywhere(&head(len), small);
    }
}

#[test]
fn an_endless_target_is_414_before_the_head_is_too_large() {
    let bytes = format!("GET /{}", "a".repeat(20));
    assert_eq!(small(bytes.as_bytes()), Err(RequestError::UriTooLong));
    assert_eq!(small(&bytes.as_bytes()[..24]), Ok(None));
}

#[test]
fn an_endless_method_is_refused_early() {
    let bytes = "A".repeat(METHOD_MAX + 1);
    assert_eq!(small(bytes.as_bytes()), Err(RequestError::MethodTooLong));
    assert_eq!(small(&bytes.as_bytes()[..METHOD_MAX]), Ok(None));
}

#[test]
fn a_head_of_the_limit_passes_and_a_longer_one_is_431() {
    let head = |len: usize| {
        let value = "v".repeat(len - 23);
        format!("GET / HTTP/1.0\r\nX: {value}\r\n\r\n").into_bytes()
    };
    assert_eq!(head(120).len(), 120);
    assert_eq!(small(&head(120)), Ok(Some(120)));
    assert_eq!(small(&head(121)), Err(RequestError::HeadTooLarge));
    assert_eq!(small(&head(121)[..119]), Ok(None));
    assert_eq!(RequestError::HeadTooLarge.status(), 431);
    for len in [119, 120, 121, 200] {
        cut_anywhere(&head(len), small);
    }
}

#[test]
fn an_empty_line_before_the_request_counts() {
    let bytes = format!("\r\nGET / HTTP/1.0\r\nX: {}\r\n\r\n", "v".repeat(120 - 25));
    assert_eq!(small(bytes.as_bytes()), Ok(Some(120)));
    let bytes = format!("\r\nGET / HTTP/1.0\r\nX: {}\r\n\r\n", "v".repeat(120 - 24));
    assert_eq!(small(bytes.as_bytes()), Err(RequestError::HeadTooLarge));
}

#[test]
fn a_full_buffer_never_asks_for_more() {
    for bytes in [vec![b'a'; 120], b"GET / HTTP/1.1\r\nX: ".repeat(7), b"\r\nGET ".to_vec()] {
        let full: Vec<u8> = bytes.into_iter().chain([b'a'; 120]).take(120).collect();
        assert!(small(&full).is_err(), "{}", full.escape_ascii());
    }
}

#[test]
fn more_fields_than_the_limit_are_431() {
    let head =
        |fields: usize| format!("GET / HTTP/1.0\r\n{}\r\n", "X: y\r\n".repeat(fields)).into_bytes();
    assert!(matches!(small(&head(4)), Ok(Some(_))));
    assert_eq!(small(&head(5)), Err(RequestError::TooManyFields));
    assert_eq!(RequestError::TooManyFields.status(), 431);
    cut_anywhere(&head(6), small);
}

#[test]
fn many_connection_options_are_refused() {
    let head = |options: usize| {
        format!("GET / HTTP/1.0\r\nConnection: {}\r\n\r\n", "a,".repeat(options)).into_bytes()
    };
    assert!(matches!(small(&head(32)), Ok(Some(_))));
    assert_eq!(small(&head(33)), Err(RequestError::TooManyOptions));
}

#[test]
fn responses_have_limits_too() {
    let head = |fields: usize, value: usize| {
        let line = format!("X: {}\r\n", "v".repeat(value));
        format!("HTTP/1.1 200 OK\r\n{}\r\n", line.repeat(fields)).into_bytes()
    };
    assert!(matches!(small_response(&head(4, 10)), Ok(Some(_))));
    assert_eq!(small_response(&head(5, 1)), Err(ResponseError::TooManyFields));
    assert_eq!(small_response(&head(1, 120)), Err(ResponseError::HeadTooLarge));
    assert_eq!(small_response(&head(1, 96)), Ok(Some(120)));
    assert_eq!(small_response(&head(1, 97)), Err(ResponseError::HeadTooLarge));
    for (fields, value) in [(4, 10), (5, 1), (1, 96), (1, 97), (1, 200)] {
        cut_anywhere(&head(fields, value), small_response);
    }
}
