//! How large a head may be.

/// The longest method name; the longest registered one has 17 bytes (RFC 9110 section 16.1.1).
pub const METHOD_MAX: usize = 32;

/// Bounds of a head, checked while it is still arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request target; beyond it 414. Without effect on responses.
    pub max_uri: usize,
    /// Bytes of a whole head, start line and empty lines included; beyond it 431, or 502.
    pub max_head: usize,
    /// Field lines; beyond it 431, or 502. [`crate::proto::http::FIELDS_MAX`] at most.
    pub max_fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_uri: 8 << 10, max_head: 16 << 10, max_fields: 100 }
    }
}
