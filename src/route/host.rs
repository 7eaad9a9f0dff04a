//! The one form of a host in which hosts are compared.

/// The host of an authority `host[:port]`: in lower case, without port and trailing dot. Borrowed when nothing
/// is to change, else written into `buffer`.
pub fn normal_host<'a>(authority: &'a [u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    let host = without_port(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    if !host.iter().any(u8::is_ascii_uppercase) {
        return host;
    }
    buffer.clear();
    buffer.extend(host.iter().map(u8::to_ascii_lowercase));
    buffer
}

/// An IPv6 address in brackets keeps its colons.
fn without_port(authority: &[u8]) -> &[u8] {
    match memchr::memrchr2(b':', b']', authority) {
        Some(at) if authority.get(at) == Some(&b':') => authority.get(..at).unwrap_or(authority),
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_case_and_trailing_dot_are_taken_off() {
        let cases = [
            ("example.com", "example.com"),
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("example.com.:8080", "example.com"),
            ("EXAMPLE.com:80", "example.com"),
            ("[::1]", "[::1]"),
            ("[2001:DB8::1]:8443", "[2001:db8::1]"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("", ""),
            (":80", ""),
        ];
        let mut buffer = Vec::new();
        for (authority, host) in cases {
            let found = normal_host(authority.as_bytes(), &mut buffer);
            assert_eq!(found, host.as_bytes(), "{authority}");
        }
    }
}
