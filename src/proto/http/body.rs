//! How the end of a message's body is known.

/// The framing of a body (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// None follows and none was announced; also a response that cannot have one (to HEAD, 1xx,
    /// 204, 304) whatever its fields say.
    Empty,
    /// As many bytes as `Content-Length` said, zero included.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// Everything up to the end of the connection: responses only.
    UntilClose,
}

impl Body {
    /// Whether no byte of a body follows the head.
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::Empty | Self::Length(0))
    }
}
