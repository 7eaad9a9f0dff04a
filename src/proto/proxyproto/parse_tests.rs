use proptest::prelude::*;

use super::super::{Version, encode};
use super::*;

fn ends(source: &str, destination: &str) -> Ends {
    Ends { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

fn block_of(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE.as_slice(), &[command, family], &len, body].concat()
}

#[test]
fn lines() {
    let example = ends("192.168.0.1:56324", "192.168.0.11:443");
    let line = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET /";
    assert_eq!(
        parse(line),
        Ok(Some(Header { ends: Some(example), secure: false, len: line.len() - 5 }))
    );
    let line = b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n";
    let found = parse(line).unwrap().unwrap();
    assert_eq!(found.ends, Some(ends("[2001:db8::1]:1", "[::1]:65535")));
    for unknown in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"] {
        let found = parse(unknown.as_bytes());
        assert_eq!(found, Ok(Some(Header { ends: None, secure: false, len: unknown.len() })));
    }
}

/// Section 2.1: at most 107 bytes, one space between words, nothing left out and nothing more.
#[test]
fn malformed_lines_are_refused() {
    for line in [
        "PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 1 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4  1.2.3.5 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 +1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n",
        "PROXY TCP4 1.2.3.256 1.2.3.5 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n",
        "PROXY UDP4 1.2.3.4 1.2.3.5 1 2\r\n",
        "PROXY \r\n",
        "PROXY TCP4 a\u{e9} 1.2.3.5 1 2\r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(HeaderError::Line), "{line}");
    }
    let long = |fill: usize| format!("PROXY UNKNOWN{}\r\n", " ".repeat(fill));
    assert_eq!(long(92).len(), LINE_MAX);
    assert!(parse(long(92).as_bytes()).unwrap().is_some());
    assert_eq!(parse(long(93).as_bytes()), Err(HeaderError::LongLine));
    for nothing in ["GET / HTTP/1.1\r\n", "proxy TCP4", "\x16\x03\x01", "\r\nGET", "PROXYTCP4"] {
        assert_eq!(parse(nothing.as_bytes()), Err(HeaderError::Missing), "{nothing}");
    }
}

#[test]
fn blocks() {
    let addresses = [192, 168, 0, 1, 192, 168, 0, 11, 0xdc, 0x04, 0x01, 0xbb];
    let said = Some(ends("192.168.0.1:56324", "192.168.0.11:443"));
    let plain = block_of(PROXY, TCP_OVER_IPV4, &addresses);
    assert_eq!(parse(&plain), Ok(Some(Header { ends: said, secure: false, len: 28 })));
    let extra = [&addresses[..], &[0x02, 0, 3, b'a', b'.', b'b', 0x04, 0, 0]].concat();
    let found = parse(&block_of(PROXY, TCP_OVER_IPV4, &extra));
    assert_eq!(found, Ok(Some(Header { ends: said, secure: false, len: 37 })));
    for (command, family, body) in [
        (LOCAL, UNSPEC, vec![]),
        (LOCAL, TCP_OVER_IPV4, vec![0; 12]),
        (LOCAL, TCP_OVER_IPV6, vec![7; 3]),
        (PROXY, UNSPEC, vec![7; 5]),
        (PROXY, 0x31, vec![b'/'; 216]),
    ] {
        let found = parse(&block_of(command, family, &body));
        assert_eq!(found, Ok(Some(Header { ends: None, secure: false, len: 16 + body.len() })));
    }
}

/// Section 2.2: versions, commands, families, lengths and TLVs are checked, and as early as they are there.
#[test]
fn malformed_blocks_are_refused() {
    for (command, family, body, fault) in [
        (0x11, TCP_OVER_IPV4, vec![0; 12], HeaderError::Command),
        (0x22, TCP_OVER_IPV4, vec![0; 12], HeaderError::Command),
        (PROXY, 0x12, vec![0; 12], HeaderError::Family),
        (PROXY, 0x41, vec![0; 12], HeaderError::Family),
        (PROXY, TCP_OVER_IPV4, vec![0; 11], HeaderError::Length),
        (PROXY, TCP_OVER_IPV6, vec![0; 35], HeaderError::Length),
        (PROXY, 0x31, vec![0; 215], HeaderError::Length),
        (PROXY, TCP_OVER_IPV4, vec![0; BLOCK_MAX - 15], HeaderError::Length),
        (PROXY, TCP_OVER_IPV4, [vec![0; 12], vec![2, 0]].concat(), HeaderError::Extra),
        (PROXY, TCP_OVER_IPV4, [vec![0; 12], vec![2, 0, 2, 7]].concat(), HeaderError::Extra),
        (PROXY, TCP_OVER_IPV4, [vec![0; 12], vec![ABOUT_TLS, 0, 0]].concat(), HeaderError::Extra),
    ] {
        let bytes = block_of(command, family, &body);
        assert_eq!(parse(&bytes), Err(fault), "{command:x} {family:x} {}", body.len());
    }
    let early = [SIGNATURE.as_slice(), &[0x11]].concat();
    assert_eq!(parse(&early), Err(HeaderError::Command));
}

/// Section 2.2.6: what the proxy says of the client's TLS, among things that are skipped.
#[test]
fn a_proxy_says_that_its_client_came_over_tls() {
    let skipped = [&[0x02, 0, 1, b'a'][..], &[0x04, 0, 2, 0, 0], &[0xee, 0, 0]].concat();
    for (flags, secure) in [(0x01, true), (0x07, true), (0x00, false), (0x06, false)] {
        let told = [ABOUT_TLS, 0, 5, flags, 0, 0, 0, 0];
        for extra in [[&told[..], &skipped].concat(), [&skipped[..], &told].concat()] {
            let body = [vec![7; 12], extra].concat();
            let found = parse(&block_of(PROXY, TCP_OVER_IPV4, &body)).unwrap().unwrap();
            assert_eq!((found.secure, found.len), (secure, 16 + body.len()));
        }
        let local = [vec![7; 12], told.to_vec()].concat();
        let found = parse(&block_of(LOCAL, TCP_OVER_IPV4, &local)).unwrap().unwrap();
        assert!(!found.secure, "it is about the proxy's own connection");
    }
}

fn any_ends() -> impl Strategy<Value = Ends> {
    let v4 = any::<([u8; 4], u16, [u8; 4], u16)>().prop_map(|(a, p, b, q)| Ends {
        source: SocketAddr::new(a.into(), p),
        destination: SocketAddr::new(b.into(), q),
    });
    let v6 = any::<([u8; 16], u16, [u8; 16], u16)>().prop_map(|(a, p, b, q)| Ends {
        source: SocketAddr::new(a.into(), p),
        destination: SocketAddr::new(b.into(), q),
    });
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_again_and_every_prefix_asks_for_more(
        ends in any_ends(),
        v1 in any::<bool>(),
        behind in any::<Vec<u8>>(),
    ) {
        let mut bytes = Vec::new();
        encode(if v1 { Version::V1 } else { Version::V2 }, Some(&ends), &mut bytes);
        let len = bytes.len();
        for cut in 0..len {
            prop_assert_eq!(parse(bytes.split_at(cut).0), Ok(None));
        }
        bytes.extend(behind);
        prop_assert_eq!(parse(&bytes), Ok(Some(Header { ends: Some(ends), secure: false, len })));
    }

    #[test]
    fn what_is_decided_stays_whatever_follows(bytes in any::<Vec<u8>>(), start in prop::sample::select(vec![b"".as_slice(), START, SIGNATURE])) {
        let bytes = [start, &bytes].concat();
        let whole = parse(&bytes);
        for cut in 0..bytes.len() {
            let part = parse(bytes.split_at(cut).0);
            if part != Ok(None) {
                prop_assert_eq!(part, whole);
            }
        }
    }
}
