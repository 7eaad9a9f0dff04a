//! Where a request is sent that came without TLS and should come with it.

use std::num::NonZeroU16;

use crate::proto::h1::RequestHead;
use crate::proto::http::{CanonicalPath, host};

/// The usual port, which is not said.
const HTTPS: u16 = 443;

/// Writes down the same request's URL by https: its host, the canonical path and the raw query. False without a host
/// (RFC 9110 section 7.2): there is no saying where to.
pub(super) fn locate(
    head: &RequestHead<'_, '_>,
    path: &CanonicalPath<'_>,
    port: NonZeroU16,
    out: &mut Vec<u8>,
) -> bool {
    let Ok(authority) = host::parse(head.host) else { return false };
    out.clear();
    out.extend_from_slice(b"https://");
    out.extend_from_slice(authority.host);
    if port.get() != HTTPS {
        out.push(b':');
        out.extend_from_slice(itoa::Buffer::new().format(port.get()).as_bytes());
    }
    // `OPTIONS *` asks about the whole server.
    if path.sent.starts_with(b"/") {
        out.extend_from_slice(path.sent);
    } else {
        out.push(b'/');
    }
    if let Some(query) = head.query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    true
}
