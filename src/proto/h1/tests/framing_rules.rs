//! The rules of message framing (RFC 9112 section 6), for requests.

use super::*;
use crate::proto::http::Body;
use FramingError::*;

const fn framing(error: FramingError) -> RequestError {
    RequestError::Framing(error)
}

/// Each part is the field lines of a POST behind its `Host`, or a whole request line and more.
const RULES: &[Rule] = &[
    Rule {
        rule: "Length and Transfer-Encoding together: 400, close",
        refused: &[
            (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", framing(LengthAndEncoding)),
            (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", framing(LengthAndEncoding)),
            (b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", framing(LengthAndEncoding)),
            (b"content-length: 3\r\nTRANSFER-ENCODING: CHUNKED\r\n", framing(LengthAndEncoding)),
            (b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n", framing(EncodingUnknown)),
        ],
        accepted: &[b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b""],
    },
    Rule {
        rule: "more than one Content-Length, or a list: 400 even when equal",
        refused: &[
            (b"Content-Length: 3\r\nContent-Length: 3\r\n", framing(LengthRepeated)),
            (b"Content-Length: 3\r\nContent-Length: 4\r\n", framing(LengthRepeated)),
            (b"Content-Length: 3\r\nX: y\r\ncontent-length: 3\r\n", framing(LengthRepeated)),
            (b"Content-Length: 3, 3\r\n", framing(LengthInvalid)),
            (b"Content-Length: 3,4\r\n", framing(LengthInvalid)),
            (b"Content-Length: 3,\r\n", framing(LengthInvalid)),
        ],
        accepted: &[b"Content-Length: 3\r\nX-Content-Length: 4\r\n"],
    },
    Rule {
        rule: "Content-Length is 1*DIGIT, fits u64, no sign, space, hex, underscore, empty",
        refused: &[
            (b"Content-Length: +5\r\n", framing(LengthInvalid)),
            (b"Content-Length: -5\r\n", framing(LengthInvalid)),
            (b"Content-Length: -0\r\n", framing(LengthInvalid)),
            (b"Content-Length: 0x10\r\n", framing(LengthInvalid)),
            (b"Content-Length: 1f\r\n", framing(LengthInvalid)),
            (b"Content-Length: 1_0\r\n", framing(LengthInvalid)),
            (b"Content-Length: 1 0\r\n", framing(LengthInvalid)),
            (b"Content-Length: 1.0\r\n", framing(LengthInvalid)),
            (b"Content-Length: 1e1\r\n", framing(LengthInvalid)),
            (b"Content-Length: \"5\"\r\n", framing(LengthInvalid)),
            (b"Content-Length: 5;x\r\n", framing(LengthInvalid)),
            (b"Content-Length: \xb2\r\n", framing(LengthInvalid)),
            (b"Content-Length:\r\n", framing(LengthInvalid)),
            (b"Content-Length: \t \r\n", framing(LengthInvalid)),
            (b"Content-Length: 18446744073709551616\r\n", framing(LengthInvalid)),
            (b"Content-Length: 99999999999999999999999999\r\n", framing(LengthInvalid)),
            (b"Content-Length: 5\x0b\r\n", RequestError::FieldValue),
            (b"Content-Length: 5\0\r\n", RequestError::FieldValue),
            (b"Content-Length : 5\r\n", RequestError::FieldName),
            (b"Content-Length\t: 5\r\n", RequestError::FieldName),
        ],
        accepted: &[
            b"Content-Length: 18446744073709551615\r\n",
            b"Content-Length: 0005\r\n",
            b"Content-Length:5\r\n",
            b"Content-Length: \t5\t \r\n",
        ],
    },
    Rule {
        rule: "Transfer-Encoding is exactly chunked (case-insensitive), once",
        refused: &[
            (b"Transfer-Encoding: ,chunked\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: chunked,\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: xchunked\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: chunkedx\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: chunked, identity\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: identity, chunked, chunked\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: chunked, chunked\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: \x0bchunked\r\n", RequestError::FieldValue),
            (b"Transfer-Encoding: chunked\x0c\r\n", RequestError::FieldValue),
            (b"Transfer-Encoding: \xa0chunked\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: \"chunked\"\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: 'chunked'\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: chunked;q=1\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: chunk ed\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding:\r\n", framing(EncodingInvalid)),
            (b"Transfer-Encoding: ,\r\n", framing(EncodingInvalid)),
            (
                b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                framing(EncodingRepeated),
            ),
            (
                b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                framing(EncodingRepeated),
            ),
            (b"Transfer-Encoding : chunked\r\n", RequestError::FieldName),
            (b"Transfer-Encoding:\r\n chunked\r\n", RequestError::FieldName),
            (b" Transfer-Encoding: chunked\r\n", RequestError::FieldName),
        ],
        accepted: &[
            b"Transfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: ChUnKeD\r\n",
            b"transfer-encoding:chunked \t\r\n",
            b"Transfer_Encoding: xchunked\r\n",
        ],
    },
    Rule {
        rule: "unknown codings 501",
        refused: &[
            (b"Transfer-Encoding: gzip\r\n", framing(EncodingUnknown)),
            (b"Transfer-Encoding: identity\r\n", framing(EncodingUnknown)),
            (b"Transfer-Encoding: gzip, chunked\r\n", framing(EncodingUnknown)),
            (b"Transfer-Encoding: cow\r\n", framing(EncodingUnknown)),
        ],
        accepted: &[],
    },
];

#[test]
fn message_framing() {
    for rule in RULES {
        rule.check(|fields| [b"POST / HTTP/1.1\r\nHost: a\r\n", fields, b"\r\n0\r\n\r\n"].concat());
    }
}

#[test]
fn http_1_0_with_transfer_encoding_400_close() {
    let bytes = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(request(bytes), Err(framing(EncodingInHttp10)));
    assert_eq!(framing(EncodingInHttp10).status(), 400);
    cut_anywhere(bytes, request);
}

#[test]
fn bodies_are_what_the_fields_say() {
    let body = |fields: &str| {
        let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        with_request(bytes.as_bytes(), |head| head.body)
    };
    assert_eq!(body(""), Body::Empty);
    assert_eq!(body("Content-Length: 0\r\n"), Body::Length(0));
    assert_eq!(body("Content-Length: 18446744073709551615\r\n"), Body::Length(u64::MAX));
    assert_eq!(body("Transfer-Encoding: chunked\r\n"), Body::Chunked);
}

#[test]
fn a_body_begins_where_the_head_ends() {
    let bytes = b"\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET";
    assert_eq!(&bytes[with_request(bytes, |head| head.len)..], b"abcGET");
}
