//! The rules of request lines and fields (RFC 9110, RFC 9112).

use super::*;
use crate::proto::http::{Body, HostError};
use RequestError::*;

/// Each part is a whole head.
const RULES: &[Rule] = &[
    Rule {
        rule: "no obs-fold, no whitespace before the first field or before a colon, no bare CR or \
               LF, no NUL",
        refused: &[
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n 2\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost\r\n: a\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\nHost: a\r\n\r\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX:\nY: z\r\n\r\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\n\r\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\n", LineEnd),
            (b"GET / HTTP/1.1\nHost: a\n\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\rHost: a\r\n\r\n", LineEnd),
            (b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\rX", LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", FieldName),
            (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", FieldValue),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", FieldValue),
        ],
        accepted: &[
            b"GET / HTTP/1.1\r\nHost: a\r\nX: b\tc  d\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t \r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\xff\r\n\r\n",
        ],
    },
    Rule {
        rule: "field names are tokens and not empty; every line has a colon",
        refused: &[
            (b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\na b: c\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nTe\nst: x\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nTe\rst: x\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nTe\x80st: x\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\xffTest: x\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nno colon here\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\n(x): y\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nx/y: z\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nx\\y: z\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\"x\": z\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\nx@y: z\r\n\r\n", FieldName),
            (b"GET / HTTP/1.1\r\nHost: a\r\n{x}: z\r\n\r\n", FieldName),
        ],
        accepted: &[b"GET / HTTP/1.1\r\nhost: a\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n"],
    },
    Rule {
        rule: "versions exactly HTTP/1.0 or HTTP/1.1",
        refused: &[
            (b"GET / HTTP/1.32\r\nHost: a\r\n\r\n", VersionUnsupported),
            (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", VersionUnsupported),
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", VersionUnsupported),
            (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", VersionUnsupported),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VersionUnsupported),
            (b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", LineEnd),
            (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", LineEnd),
            (b"GET / HTTP/1.1x\r\nHost: a\r\n\r\n", LineEnd),
            (b"GET / HTTP/01.1\r\nHost: a\r\n\r\n", VersionUnsupported),
            (b"GET / HTTP/11.1\r\nHost: a\r\n\r\n", Version),
            (b"GET / HTTP/1,1\r\nHost: a\r\n\r\n", Version),
            (b"GET / HTTP/1.x\r\nHost: a\r\n\r\n", Version),
            (b"GET / http/1.1\r\nHost: a\r\n\r\n", Version),
            (b"GET / Http/1.1\r\nHost: a\r\n\r\n", Version),
            (b"GET / HTTPS/1.1\r\nHost: a\r\n\r\n", Version),
            (b"GET / ICY/1.1\r\nHost: a\r\n\r\n", Version),
            (b"GET / \r\nHost: a\r\n\r\n", Version),
            (b"GET /\r\n", Target),
            (b"GET /\n", Target),
            (b"GET\r\n\r\n", Method),
        ],
        accepted: &[b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    },
    Rule {
        rule: "methods are tokens of sane length; exactly one space",
        refused: &[
            (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
            (b"\tGET / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
            (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", Version),
            (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", Method),
            (b"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
            (b"G\xc3\x84T / HTTP/1.1\r\nHost: a\r\n\r\n", Method),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Method),
            (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n", MethodTooLong),
        ],
        accepted: &[
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"M-SEARCH /x HTTP/1.1\r\nHost: a\r\n\r\n",
            b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    },
    Rule {
        rule: "at most one empty line before a request",
        refused: &[
            (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", EmptyLines),
            (b"\r\n\r\n\r\n", EmptyLines),
            (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", LineEnd),
            (b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", LineEnd),
            (b"\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", LineEnd),
            (b"\r\n\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", LineEnd),
        ],
        accepted: &[b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
    },
    Rule {
        rule: "exactly one Host in 1.1, valid host and port, no userinfo, no list",
        refused: &[
            (b"GET / HTTP/1.1\r\n\r\n", HostMissing),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HostRepeated),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n", HostRepeated),
            (b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", HostRepeated),
            (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", Host(HostError::Empty)),
            (b"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", Host(HostError::Empty)),
            (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: %61\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: \xe4\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: ..\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", Host(HostError::Name)),
            (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Host(HostError::Userinfo)),
            (b"GET / HTTP/1.1\r\nHost: u:p@a\r\n\r\n", Host(HostError::Userinfo)),
            (b"GET / HTTP/1.1\r\nHost: @a\r\n\r\n", Host(HostError::Userinfo)),
            (b"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", Host(HostError::Port)),
            (b"GET / HTTP/1.1\r\nHost: a:0\r\n\r\n", Host(HostError::Port)),
            (b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", Host(HostError::Port)),
            (b"GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n", Host(HostError::Port)),
            (b"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", Host(HostError::Port)),
            (b"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", Host(HostError::Port)),
            (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Host(HostError::Literal)),
            (b"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", Host(HostError::Literal)),
            (b"GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", Host(HostError::Literal)),
            (b"GET / HTTP/1.1\r\nHost: []\r\n\r\n", Host(HostError::Literal)),
            (b"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", Host(HostError::Literal)),
        ],
        accepted: &[
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: Example.COM.\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: my_app-1:80\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: [::1]:65535\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]\r\n\r\n",
        ],
    },
    Rule {
        rule: "absolute-form: its authority wins and Host is rewritten to it",
        refused: &[
            (b"GET http://a/ HTTP/1.1\r\n\r\n", HostMissing),
            (b"GET http://a/ HTTP/1.1\r\nHost: b\r\nHost: a\r\n\r\n", HostRepeated),
            (b"GET http://a/ HTTP/1.1\r\nHost: b@c\r\n\r\n", Host(HostError::Userinfo)),
            (b"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Host(HostError::Userinfo)),
            (b"GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", Host(HostError::Empty)),
            (b"GET http://a:x/ HTTP/1.1\r\nHost: a\r\n\r\n", Host(HostError::Port)),
            (b"GET http:///a@b HTTP/1.1\r\nHost: a\r\n\r\n", Host(HostError::Empty)),
            (b"GET http://a\\@b/ HTTP/1.1\r\nHost: a\r\n\r\n", Host(HostError::Userinfo)),
            (b"GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"GET http:a HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"GET ws://a/ HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"GET ?x HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"GET \\a HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
        ],
        accepted: &[
            b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
            b"GET HTTPS://a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET http://a/ HTTP/1.0\r\n\r\n",
        ],
    },
    Rule {
        rule: "OPTIONS * only with *; CONNECT and TRACE refused",
        refused: &[
            (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"options * HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"OPTIONS *?x HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm),
            (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", MethodRefused),
            (b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", MethodRefused),
            (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", MethodRefused),
        ],
        accepted: &[b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"],
    },
    Rule {
        rule: "request targets are visible ASCII without a fragment",
        refused: &[
            (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET /?a#b HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET /?\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", Target),
            (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Version),
        ],
        accepted: &[b"GET /?a={|}^`\"<>[\\]'? HTTP/1.1\r\nHost: a\r\n\r\n"],
    },
    Rule {
        rule: "expectations other than 100-continue are refused",
        refused: &[
            (b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", Expectation),
            (b"PUT / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n", Expectation),
            (b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n", Expectation),
        ],
        accepted: &[b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n"],
    },
];

#[test]
fn request_line_and_fields() {
    for rule in RULES {
        rule.check(<[u8]>::to_vec);
    }
}

#[test]
fn absolute_form_its_authority_wins() {
    let parts = |target: &str| {
        let bytes = format!("OPTIONS {target} HTTP/1.1\r\nHost: field\r\n\r\n");
        with_request(bytes.as_bytes(), |head| {
            let [host, path] = [head.host, head.path].map(|part| text(part.to_vec()));
            (host, path, head.query.map(|query| text(query.to_vec())))
        })
    };
    let is = |host: &str, path: &str, query: Option<&str>| {
        (host.to_owned(), path.to_owned(), query.map(str::to_owned))
    };
    assert_eq!(parts("/p?q"), is("field", "/p", Some("q")));
    assert_eq!(parts("http://Target:81/p?q"), is("Target:81", "/p", Some("q")));
    assert_eq!(parts("http://target?"), is("target", "/", Some("")));
    assert_eq!(parts("http://target"), is("target", "*", None));
    assert_eq!(parts("/http://target"), is("field", "/http://target", None));
    assert_eq!(parts("/?a?b"), is("field", "/", Some("a?b")));
}

#[test]
fn http_1_0_may_have_no_host() {
    assert!(with_request(b"GET / HTTP/1.0\r\n\r\n", |head| head.host.is_empty()));
    assert_eq!(with_request(b"GET http://a/ HTTP/1.0\r\n\r\n", |head| head.host.to_vec()), b"a");
}

#[test]
fn connection_close_and_keep_alive_decide_with_the_version() {
    let keeps = |version: &str, options: &str| {
        let bytes = format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: {options}\r\n\r\n");
        with_request(bytes.as_bytes(), |head| head.keep_alive)
    };
    assert!(keeps("1.1", "") && keeps("1.1", "keep-alive") && keeps("1.1", "closed"));
    assert!(!keeps("1.1", "Close") && !keeps("1.1", "keep-alive, CLOSE"));
    assert!(!keeps("1.0", "") && !keeps("1.0", "close, keep-alive"));
    assert!(keeps("1.0", "Keep-Alive"));
}

#[test]
fn expect_100_continue_counts_with_a_body_in_1_1() {
    let expects = |version: &str, length: u32| {
        let line = format!("PUT / HTTP/{version}\r\nHost: a\r\n");
        let fields = format!("Expect: 100-Continue\r\nContent-Length: {length}\r\n\r\n");
        with_request(format!("{line}{fields}").as_bytes(), |head| head.expect_continue)
    };
    assert!(expects("1.1", 1));
    assert!(!expects("1.1", 0) && !expects("1.0", 1));
}

#[test]
fn connection_keep_alive_upgrade_in_any_case_is_fine() {
    let upgrade = |version: &str, connection: &str, to: &str| {
        let line = format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: {connection}\r\n");
        with_request(format!("{line}Upgrade: {to}\r\n\r\n").as_bytes(), |head| head.upgrade)
    };
    assert_eq!(upgrade("1.1", "keep-alive, Upgrade", "websocket"), Upgrade::WebSocket);
    assert_eq!(upgrade("1.1", "UPGRADE", "WebSocket"), Upgrade::WebSocket);
    assert_eq!(upgrade("1.1", "upgrade", "h2c, websocket"), Upgrade::WebSocket);
    assert_eq!(upgrade("1.1", "upgrade", "h2c"), Upgrade::Other);
    assert_eq!(upgrade("1.1", "upgrade", "websocket/13"), Upgrade::Other);
    assert_eq!(upgrade("1.1", "keep-alive", "websocket"), Upgrade::None);
    assert_eq!(upgrade("1.0", "upgrade", "websocket"), Upgrade::None);
}

#[test]
fn a_bodyless_get_is_followed_by_the_next_request() {
    let bytes = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let (len, body) = with_request(bytes, |head| (head.len, head.body));
    assert_eq!(body, Body::Empty);
    assert_eq!(with_request(&bytes[len..], |head| head.path.to_vec()), b"/2");
}

#[test]
fn every_fault_has_a_status_and_a_name_of_its_own() {
    let mut names = std::collections::HashSet::new();
    let faults = RULES.iter().flat_map(|rule| rule.refused).map(|(_, error)| *error);
    for error in faults.chain([UriTooLong, TooManyFields, HeadTooLarge, TooManyOptions]) {
        let expected = match error {
            MethodRefused => 405,
            UriTooLong => 414,
            Expectation => 417,
            TooManyFields | HeadTooLarge => 431,
            VersionUnsupported => 505,
            _ => 400,
        };
        assert_eq!(error.status(), expected, "{error:?}");
        names.insert(error.reason());
    }
    assert_eq!(names.len(), 20 - 1, "all but the faults of framing");
}
