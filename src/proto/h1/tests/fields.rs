//! Reading the fields of a head.

use super::*;
use crate::proto::http::Known;

const HEAD: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: 1\r\nX-Odd:\r\ncookie: 2\r\nx_y: z\r\n\r\n";

#[test]
fn fields_are_read_by_kind_by_name_and_in_order() {
    with_request(HEAD, |head| {
        let fields = head.fields;
        assert_eq!(fields.len(), 5);
        assert!(!fields.is_empty());
        assert_eq!(fields.get(Known::Cookie), Some(&b"1"[..]));
        assert_eq!(fields.all(Known::Cookie).collect::<Vec<_>>(), [b"1", b"2"]);
        assert!(fields.has(Known::Underscored) && !fields.has(Known::Origin));
        assert_eq!(fields.get(Known::Origin), None);
        assert_eq!(fields.find("x-ODD"), Some(&b""[..]));
        assert_eq!(fields.find("x"), None);
        let names: Vec<_> = fields.iter().map(|field| field.name).collect();
        assert_eq!(names, ["Host", "Cookie", "X-Odd", "cookie", "x_y"]);
    });
}

#[test]
fn a_store_can_be_used_again() {
    let mut store = FieldStore::default();
    for bytes in [HEAD, b"GET / HTTP/1.0\r\n\r\n", HEAD] {
        let head =
            parse_request(bytes, &mut store, &Limits::default()).expect("good").expect("whole");
        assert_eq!(head.fields.has(Known::Cookie), bytes == HEAD);
    }
}
