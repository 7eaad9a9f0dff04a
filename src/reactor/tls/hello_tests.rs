//! Tests of the ClientHello parser.

use std::sync::Arc;

use proptest::prelude::*;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::super::message::{CLIENT_HELLO, FRAGMENT_MAX, HELLO_MAX};
use super::*;

/// A hello as rustls' client makes it.
fn real(name: &str, alpn: &[&str]) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &(data.len() as u16).to_be_bytes(), data].concat()
}

fn sni(names: &[(u8, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, name) in names {
        list.push(*kind);
        list.extend((name.len() as u16).to_be_bytes());
        list.extend(*name);
    }
    let data = [&(list.len() as u16).to_be_bytes()[..], &list].concat();
    extension(SERVER_NAME, &data)
}

/// A handshake message with these extensions.
fn message_of(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let len = (body.len() as u32).to_be_bytes();
    [&[CLIENT_HELLO, len[1], len[2], len[3]][..], &body].concat()
}

fn record_of(fragment: &[u8]) -> Vec<u8> {
    [&[HANDSHAKE, 3, 1][..], &(fragment.len() as u16).to_be_bytes(), fragment].concat()
}

fn hello_of(extensions: &[u8]) -> Vec<u8> {
    record_of(&message_of(extensions))
}

fn name_of(bytes: &[u8]) -> Result<Option<Box<str>>, HelloError> {
    parse_hello(bytes).map(|hello| hello.unwrap().server_name)
}

#[test]
fn a_real_hello_is_read_and_every_prefix_asks_for_more() {
    let bytes = real("WWW.Example.com", &["h2", "http/1.1"]);
    for end in 0..bytes.len() {
        assert_eq!(parse_hello(&bytes[..end]), Ok(None), "{end} bytes");
    }
    let hello = parse_hello(&bytes).unwrap().unwrap();
    assert_eq!(hello.server_name.as_deref(), Some("www.example.com"));
    assert_eq!(hello.alpn, Alpn { any: true, http1: true, h2: true });
    assert_eq!(hello.len, bytes.len());
    let hello = parse_hello(&real("127.0.0.1", &[])).unwrap().unwrap();
    assert_eq!((hello.server_name, hello.alpn), (None, Alpn::default()));
}

#[test]
fn what_is_behind_is_not_looked_at() {
    let bytes = real("a.example", &["http/1.1"]);
    let more = [&bytes[..], b"\x14\x03\x03\x00\x01\x01 early data"].concat();
    assert_eq!(parse_hello(&more), parse_hello(&bytes));
}

#[test]
fn names() {
    let host = |name: &'static str| hello_of(&sni(&[(HOST_NAME, name.as_bytes())]));
    assert_eq!(name_of(&host("Example.COM")), Ok(Some("example.com".into())));
    assert_eq!(name_of(&host("example.com.")), Ok(Some("example.com".into())));
    assert_eq!(name_of(&host("xn--bcher-kva.example")), Ok(Some("xn--bcher-kva.example".into())));
    // rustls ignores or refuses these.
    for none in ["127.0.0.1", "::1", "a b", "a/b", "*.example.com", "", "-", "b\u{fc}cher.example"]
    {
        assert_eq!(name_of(&host(none)), Ok(None), "{none}");
    }
    assert_eq!(name_of(&hello_of(&[])), Ok(None));
    let unknown = sni(&[(HOST_NAME, b"a.example"), (9, b"what")]);
    assert_eq!(name_of(&hello_of(&unknown)), Ok(Some("a.example".into())));
}

#[test]
fn malformed_ones() {
    let a = sni(&[(HOST_NAME, b"a.example")]);
    let twice = sni(&[(HOST_NAME, b"a.example"), (HOST_NAME, b"b.example")]);
    for (extensions, what) in [
        (twice, "two names"),
        ([&a[..], &a].concat(), "the extension twice"),
        (sni(&[]), "an empty list of names"),
        (extension(SERVER_NAME, &[0, 9, 0]), "a list longer than its extension"),
        (extension(SERVER_NAME, &[0, 3, 0, 0, 9]), "a name longer than its list"),
        (extension(SERVER_NAME, &[0, 1, 7, 7]), "more behind the list"),
        (extension(ALPN, &[0, 0]), "no protocols"),
        (extension(ALPN, &[0, 1, 0]), "an empty protocol"),
        (extension(ALPN, &[0, 2, 9, 0]), "a protocol longer than its list"),
        (vec![0, 0, 0], "half an extension"),
        (vec![0, 0, 0, 9, 1], "an extension longer than all of them"),
    ] {
        assert_eq!(parse_hello(&hello_of(&extensions)), Err(HelloError::Malformed), "{what}");
    }
    let mut longer = message_of(&[]);
    longer.push(0);
    longer[3] += 1;
    assert_eq!(parse_hello(&record_of(&longer)), Err(HelloError::Malformed), "more behind");
    let empty = record_of(&[CLIENT_HELLO, 0, 0, 0]);
    assert_eq!(parse_hello(&empty), Err(HelloError::Malformed));
    // TLS 1.2 may end behind the compression methods (RFC 5246 section 7.4.1.2).
    let whole = message_of(&[]);
    let mut bare = whole[..whole.len() - 2].to_vec();
    bare[3] -= 2;
    assert_eq!(name_of(&record_of(&bare)), Ok(None));
}

#[test]
fn other_records_and_messages() {
    let hello = message_of(&[]);
    for (bytes, error) in [
        ([record_of(&hello[..9]), vec![21, 3, 3, 0, 2, 2, 40]].concat(), HelloError::Unexpected),
        ([record_of(&hello[..9]), record_of(&[])].concat(), HelloError::Unexpected),
        (record_of(&[2, 0, 0, 1, 0]), HelloError::Unexpected),
        (record_of(&[&hello[..], &[20, 0, 0, 0]].concat()), HelloError::Unexpected),
        (vec![22, 3, 1, 0x40, 1], HelloError::TooLarge),
        (vec![22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff], HelloError::TooLarge),
        (vec![22, 2], HelloError::NotTls),
        (vec![21, 3, 3, 0, 2, 2, 40], HelloError::NotTls),
        (vec![0x80, 0x2e, 1, 0, 2], HelloError::TooOld),
        (vec![0x80, 0, 1], HelloError::NotTls),
        (vec![0xff, 0xff, 0xff], HelloError::NotTls),
    ] {
        assert_eq!(parse_hello(&bytes), Err(error), "{bytes:?}");
    }
}

#[test]
fn plain_http_is_known() {
    for head in ["GET / HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n"] {
        let space = head.find(' ').unwrap();
        for end in 0..=space {
            assert_eq!(parse_hello(&head.as_bytes()[..end]), Ok(None), "{end} of {head}");
        }
        assert_eq!(parse_hello(head.as_bytes()), Err(HelloError::PlainHttp));
    }
    for other in ["get / ", "GET\r\n", "\r\n", "SSH-2.0-OpenSSH", "ABCDEFGHIJKLMNOPQ", " "] {
        assert_eq!(parse_hello(other.as_bytes()), Err(HelloError::NotTls), "{other}");
    }
}

#[test]
fn a_hello_in_many_records_has_its_bound() {
    let message = message_of(&sni(&[(HOST_NAME, b"a.example")]));
    let small: Vec<u8> = message.chunks(1).flat_map(record_of).collect();
    let hello = parse_hello(&small).unwrap().unwrap();
    assert_eq!((hello.server_name.as_deref(), hello.len), (Some("a.example"), small.len()));
    let long = message_of(&extension(21, &[0; 20_000]));
    let two: Vec<u8> = long.chunks(FRAGMENT_MAX).flat_map(record_of).collect();
    assert_eq!(parse_hello(&two).unwrap().unwrap().len, two.len());
    // Each record carries a few bytes, so that the message never gets as long as it may be.
    let slow: Vec<u8> = long.chunks(1).take(1025).flat_map(record_of).collect();
    assert_eq!(parse_hello(&slow[..slow.len() - 1]), Ok(None));
    assert_eq!(parse_hello(&slow), Err(HelloError::TooLarge), "one record too many");
    let long = message_of(&extension(21, &[0; 65_400]));
    let endless: Vec<u8> = long.chunks(65).flat_map(record_of).take(HELLO_MAX).collect();
    assert_eq!(parse_hello(&endless[..HELLO_MAX - 1]), Ok(None));
    assert_eq!(parse_hello(&endless), Err(HelloError::TooLarge));
}

proptest! {
    #[test]
    fn any_split_into_records_gives_the_same(cuts in proptest::collection::vec(1..200usize, 1..9)) {
        let message = message_of(&sni(&[(HOST_NAME, b"a.example")]));
        let (mut rest, mut bytes) = (&message[..], Vec::new());
        for cut in cuts {
            let (fragment, behind) = rest.split_at(cut.min(rest.len()));
            if !fragment.is_empty() {
                bytes.extend(record_of(fragment));
            }
            rest = behind;
        }
        if !rest.is_empty() {
            bytes.extend(record_of(rest));
        }
        let hello = parse_hello(&bytes).unwrap().unwrap();
        prop_assert_eq!((hello.server_name.as_deref(), hello.len), (Some("a.example"), bytes.len()));
        prop_assert_eq!(parse_hello(&bytes[..bytes.len() - 1]), Ok(None));
    }

    #[test]
    fn anything_has_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_hello(&bytes);
        let _ = parse_hello(&record_of(&[&[CLIENT_HELLO, 0, 0, bytes.len() as u8][..], &bytes].concat()));
    }
}

/// What openssl 3.0, curl, Node, Python and Chromium sent to www.example.com.
#[test]
fn hellos_of_real_clients() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/tls_hello");
    let (none, h1, both) = (Alpn::default(), (true, false), (true, true));
    let alpn = |(http1, h2)| Alpn { any: true, http1, h2 };
    for (client, offered) in [
        ("openssl", alpn(both)),
        ("openssl-tls-1.2", none),
        ("openssl-split", none),
        ("curl", alpn(both)),
        ("curl-wss", alpn(h1)),
        ("node", alpn(h1)),
        ("python", none),
        ("chromium", alpn(both)),
    ] {
        let bytes = std::fs::read(folder.join(client)).unwrap();
        let hello = parse_hello(&bytes).unwrap().unwrap();
        assert_eq!(hello.server_name.as_deref(), Some("www.example.com"), "{client}");
        assert_eq!((hello.alpn, hello.len), (offered, bytes.len()), "{client}");
    }
}
