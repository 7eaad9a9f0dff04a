//! Request methods, as far as the router treats them differently.

/// A request method (RFC 9110 section 9). Names are case-sensitive: `get` is [`Method::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`.
    Get,
    /// `HEAD`: its response has no body.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
    /// `OPTIONS`: the only one with the target `*`.
    Options,
    /// `PATCH`.
    Patch,
    /// Any other token; the head keeps its name.
    Other,
}

impl Method {
    /// The method of this name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            "PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    /// Whether the request may be sent a second time when a reused connection ended before any
    /// byte of the response (RFC 9110 section 9.2.1: safe methods).
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}
