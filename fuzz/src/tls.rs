//! TLS: a ClientHello is read the way rustls reads it, or refused.

use rustls::server::Acceptor;
use tidegate::reactor::tls::{HELLO_MAX, HelloError, parse_hello};

/// What is read does not depend on what follows, every shorter piece asks for more, and where rustls takes
/// a hello it finds the same name in it.
pub fn tls_hello(data: &[u8]) {
    let found = parse_hello(data);
    if let Ok(Some(hello)) = &found {
        assert!(hello.len <= data.len().min(HELLO_MAX), "it ends within what there is");
        assert_eq!(parse_hello(&data[..hello.len]), found, "what is behind is not looked at");
        for cut in [0, 1, 4, 5, 9, hello.len / 2, hello.len - 1] {
            assert_eq!(parse_hello(&data[..cut.min(hello.len - 1)]), Ok(None), "cut at {cut}");
        }
        if let Some(name) = &hello.server_name {
            assert!(!name.is_empty() && !name.ends_with('.') && !name.contains(char::is_uppercase));
        }
    }
    if data.first() == Some(&22)
        && let Some(name) = as_rustls(data)
    {
        match found {
            Ok(Some(hello)) => assert_eq!(hello.server_name.as_deref(), name.as_deref()),
            Err(HelloError::TooLarge) => {}
            other => panic!("rustls takes it, and we say {other:?}"),
        }
    }
}

/// The name rustls finds, without a dot at its end; `None`: it finds no hello.
fn as_rustls(mut data: &[u8]) -> Option<Option<String>> {
    let mut acceptor = Acceptor::default();
    while !data.is_empty() {
        acceptor.read_tls(&mut data).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            let hello = accepted.client_hello();
            let name = hello.server_name().map(|name| name.trim_end_matches('.').to_owned());
            return Some(name);
        }
    }
    None
}
