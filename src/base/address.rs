//! Addresses as the configuration writes them.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// The longest path or name of a unix socket, in bytes (`sun_path` without its NUL).
const UNIX_MAX: usize = 107;

/// Where to listen or dial.
///
/// `127.0.0.1:8080`, `:8080` (every IPv4 address), `[::1]:8080`, `unix:/run/app.sock` or
/// `/run/app.sock`, `@abstract`, `name:port`. [`Display`](fmt::Display) writes a form that parses to the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A name to be resolved and a port.
    Name {
        /// In lower case.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket in the file system.
    Unix(PathBuf),
    /// A unix socket in Linux's abstract namespace, without the leading NUL.
    Abstract(Vec<u8>),
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing there.
    Empty,
    /// No colon and port.
    NoPort,
    /// Digits only.
    OnlyPort,
    /// The port is not a number from 0 to 65535.
    Port,
    /// An IPv6 address without brackets.
    Brackets,
    /// Brackets without an IPv6 address in them.
    Ipv6,
    /// Digits and dots, but not an IPv4 address.
    Ipv4,
    /// A host name with what no host name has.
    Name,
    /// A path or abstract name that is empty.
    NoPath,
    /// A path or abstract name over 107 bytes, or with a NUL.
    Path,
    /// A URL.
    Scheme,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::Empty => {
                "expected an address such as 127.0.0.1:8080, :8080, [::1]:8080, \
                                    unix:/run/app.sock, @name or localhost:8080"
            }
            AddressError::NoPort => {
                "an address needs a port, as in localhost:8080; \
                                     a unix socket is written unix:/run/app.sock"
            }
            AddressError::OnlyPort => "a port alone is written with a colon, as in :8080",
            AddressError::Port => "a port is a number from 0 to 65535",
            AddressError::Brackets => "an IPv6 address stands in brackets, as in [::1]:8080",
            AddressError::Ipv6 => "expected an IPv6 address in the brackets, as in [::1]:8080",
            AddressError::Ipv4 => "expected an IPv4 address such as 127.0.0.1:8080",
            AddressError::Name => {
                "a host name has letters, digits, hyphens and dots, as in \
                                   app.example.com:8080"
            }
            AddressError::NoPath => {
                "expected a path, as in unix:/run/app.sock, or a name, as in @app"
            }
            AddressError::Path => "the name of a unix socket has at most 107 bytes and no NUL",
            AddressError::Scheme => "expected an address without a scheme, such as 127.0.0.1:8080",
        })
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(name) = text.strip_prefix('@') {
            return Ok(Address::Abstract(unix_name(name)?.as_bytes().to_vec()));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Address::Unix(unix_name(path)?.into()));
        }
        if text.starts_with('/') {
            return Ok(Address::Unix(unix_name(text)?.into()));
        }
        if text.contains("://") {
            return Err(AddressError::Scheme);
        }
        parse_inet(text)
    }
}

fn unix_name(name: &str) -> Result<&str, AddressError> {
    match name.len() {
        0 => Err(AddressError::NoPath),
        1..=UNIX_MAX if !name.contains('\0') => Ok(name),
        _ => Err(AddressError::Path),
    }
}

fn parse_inet(text: &str) -> Result<Address, AddressError> {
    let Some((host, port)) = text.rsplit_once(':') else {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        return Err(if digits { AddressError::OnlyPort } else { AddressError::NoPort });
    };
    if host.starts_with('[') {
        if !host.ends_with(']') {
            let closed = host.contains(']');
            return Err(if closed { AddressError::Ipv6 } else { AddressError::NoPort });
        }
        parse_port(port)?;
        return text.parse().map(Address::Ip).map_err(|_| AddressError::Ipv6);
    }
    if host.contains(':') {
        return Err(AddressError::Brackets);
    }
    let port = parse_port(port)?;
    if host.is_empty() {
        return Ok(Address::Ip(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))));
    }
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let ip: Ipv4Addr = host.parse().map_err(|_| AddressError::Ipv4)?;
        return Ok(Address::Ip(SocketAddr::from((ip, port))));
    }
    check_name(host)?;
    Ok(Address::Name { host: host.to_ascii_lowercase(), port })
}

fn parse_port(port: &str) -> Result<u16, AddressError> {
    if port.is_empty() {
        return Err(AddressError::NoPort);
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AddressError::Port);
    }
    port.parse().map_err(|_| AddressError::Port)
}

fn check_name(host: &str) -> Result<(), AddressError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let relative = host.strip_suffix('.').unwrap_or(host);
    if host.len() <= 253 && relative.split('.').all(label) {
        Ok(())
    } else {
        Err(AddressError::Name)
    }
}

impl Address {
    /// The name or IP address of the machine, where it is on one that may be another.
    pub fn host(&self) -> Option<String> {
        match self {
            Address::Ip(address) => Some(address.ip().to_string()),
            Address::Name { host, .. } => Some(host.clone()),
            Address::Unix(_) | Address::Abstract(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => address.fmt(f),
            Address::Name { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Ip(address)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(host: &str, port: u16) -> Address {
        Address::Name { host: host.into(), port }
    }

    #[test]
    fn forms() {
        let ip = |text: &str| Address::Ip(text.parse().unwrap());
        for (text, address) in [
            ("127.0.0.1:8080", ip("127.0.0.1:8080")),
            (":8080", ip("0.0.0.0:8080")),
            ("[::]:0", ip("[::]:0")),
            ("[::1]:80", ip("[::1]:80")),
            ("unix:/run/app.sock", Address::Unix("/run/app.sock".into())),
            ("/run/app.sock", Address::Unix("/run/app.sock".into())),
            ("unix:app:1.sock", Address::Unix("app:1.sock".into())),
            ("@app", Address::Abstract(b"app".to_vec())),
            ("LocalHost:80", name("localhost", 80)),
            ("my_app.example.com.:65535", name("my_app.example.com.", 65535)),
            ("1and1.com:1", name("1and1.com", 1)),
        ] {
            let parsed: Address = text.parse().unwrap();
            assert_eq!(parsed, address, "{text}");
            assert_eq!(parsed.to_string().parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn refusals() {
        for (text, error) in [
            ("", AddressError::Empty),
            ("localhost", AddressError::NoPort),
            ("localhost:", AddressError::NoPort),
            ("[::1]", AddressError::NoPort),
            ("8080", AddressError::OnlyPort),
            (":65536", AddressError::Port),
            (":+80", AddressError::Port),
            ("a:80 ", AddressError::Port),
            ("::1:80", AddressError::Brackets),
            ("[127.0.0.1]:80", AddressError::Ipv6),
            ("[::1]x:80", AddressError::Ipv6),
            ("256.0.0.1:80", AddressError::Ipv4),
            ("127.1:80", AddressError::Ipv4),
            ("a b:80", AddressError::Name),
            ("-a:80", AddressError::Name),
            ("a..b:80", AddressError::Name),
            ("*:80", AddressError::Name),
            ("unix:", AddressError::NoPath),
            ("@", AddressError::NoPath),
            ("@a\0b", AddressError::Path),
            ("http://127.0.0.1:80", AddressError::Scheme),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
        let long = format!("/{}", "x".repeat(UNIX_MAX));
        assert_eq!(long.parse::<Address>(), Err(AddressError::Path));
        assert!(long[..UNIX_MAX].parse::<Address>().is_ok());
    }

    proptest! {
        #[test]
        fn what_parses_round_trips(text in "[\\[\\]:@/.a-c0-9_%-]{0,20}|unix:.{0,9}|.*") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
