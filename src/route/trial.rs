//! Conditions that are no regex: two texts of one request compared, an address and networks.

use std::net::IpAddr;

use crate::base::{FileKind, Network};
use crate::config::Comparison;

/// What is asked of a text.
#[derive(Debug)]
pub(super) enum Trial {
    /// How it compares with another text of the request.
    Compares(Comparison, u16),
    /// Whether it is an address in one of these networks.
    In(Vec<Network>),
    /// Whether it is the path of a file.
    Exists(FileKind),
    /// Whether the client's address is, which needs no text.
    ClientIn(Vec<Network>),
}

/// The answer to a comparison.
pub(super) fn compare(how: Comparison, text: &[u8], with: &[u8]) -> bool {
    match how {
        Comparison::Equal => text == with,
        Comparison::StartsWith => text.starts_with(with),
        Comparison::EndsWith => text.ends_with(with),
        Comparison::Contains => memchr::memmem::find(text, with).is_some(),
    }
}

/// Whether a text is an address in one of the networks.
pub(super) fn is_in(networks: &[Network], text: &[u8]) -> bool {
    let address = str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok());
    holds(networks, address)
}

/// Whether there is an address, and it is in one of the networks.
pub(super) fn holds(networks: &[Network], address: Option<IpAddr>) -> bool {
    address.is_some_and(|address| networks.iter().any(|network| network.contains(address)))
}
