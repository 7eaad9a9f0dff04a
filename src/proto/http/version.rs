//! The protocol version a message names.

use std::fmt;

/// The HTTP/1 versions we speak (RFC 9112 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `HTTP/1.0`: one request per connection unless `keep-alive` is agreed, no chunked coding.
    Http10,
    /// `HTTP/1.1`.
    Http11,
}

impl Version {
    /// The name on the wire, such as `HTTP/1.1`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
