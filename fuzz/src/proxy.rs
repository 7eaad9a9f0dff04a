//! The PROXY header in front of a connection.

use std::net::IpAddr;

use tidegate::proto::proxyproto::*;

/// A header means the same however it arrives, is bounded, ends where it ends, and what it says can be said again.
pub fn proxy_header(data: &[u8]) {
    let whole = parse(data);
    for cut in 0..data.len() {
        let (part, _) = data.split_at(cut);
        let early = parse(part);
        assert!(early == Ok(None) || early == whole, "what is decided stays whatever follows");
    }
    let Ok(Some(header)) = whole else {
        assert!(whole != Ok(None) || data.len() < BLOCK_MAX, "nobody waits for ever");
        return;
    };
    assert!(header.len <= data.len().min(BLOCK_MAX));
    let (said, _) = data.split_at(header.len);
    assert_eq!(parse(said), whole, "it does not look at what follows");
    if said.starts_with(b"PROXY") {
        assert!(said.len() <= LINE_MAX && said.ends_with(b"\r\n") && !header.secure);
    }
    let Some(ends) = header.ends else { return };
    for version in [Version::V1, Version::V2] {
        let mut again = Vec::new();
        encode(version, Some(&ends), &mut again);
        let found = parse(&again).expect("a header").expect("a whole one");
        assert_eq!(found.len, again.len());
        let canonical = |ip: IpAddr| ip.to_canonical();
        let same = |a: Ends, b: Ends| {
            (canonical(a.source.ip()), a.source.port())
                == (canonical(b.source.ip()), b.source.port())
                && (canonical(a.destination.ip()), a.destination.port())
                    == (canonical(b.destination.ip()), b.destination.port())
        };
        assert!(found.ends.is_some_and(|found| same(found, ends)), "{found:?} of {ends:?}");
    }
}
