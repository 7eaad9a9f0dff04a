//! Who asks: the client of the connection, or the one for whom a trusted proxy asks.

use std::net::IpAddr;

use crate::base::Neighbours;
use crate::proto::h1::RequestHead;
use crate::proto::http::forwarded::{Elements, Node, parse_node};
use crate::proto::http::{Known, list};

use super::peer::Peer;

/// The client of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    /// Who it is, as far as anybody who is believed says.
    pub(super) peer: Peer,
    /// A trusted proxy asks for it.
    pub(super) relayed: bool,
    /// The address at the other end of the connection.
    pub(super) neighbour: Option<IpAddr>,
}

/// What a trusted proxy says cannot be believed: it passed on what its own client wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    #[error("malformed Forwarded (RFC 7239 section 4)")]
    Malformed,
    #[error("Forwarded and X-Forwarded-For name different clients")]
    Contradiction,
}

impl Asker {
    /// The connection's own client.
    pub(super) fn direct(peer: &Peer) -> Asker {
        Asker { peer: *peer, relayed: false, neighbour: peer.ip }
    }

    /// Who asks by this head. Only what a peer among `trusted` says is looked at.
    ///
    /// # Errors
    /// When what it says can be read in two ways.
    pub(super) fn of(
        head: &RequestHead<'_, '_>,
        peer: &Peer,
        trusted: &Neighbours,
    ) -> Result<Asker, Doubt> {
        let mut asker = Asker::direct(peer);
        if !trusted.hold(peer.ip) {
            return Ok(asker);
        }
        asker.relayed = true;
        let mut way = Way::new(trusted);
        for field in head.fields.all(Known::XForwardedFor) {
            list::elements(field).for_each(|text| way.step(parse_node(text), None));
        }
        let mut other = Way::new(trusted);
        let mut names = false;
        for field in head.fields.all(Known::Forwarded) {
            for element in Elements::of(field) {
                let element = element.map_err(|_| Doubt::Malformed)?;
                names |= element.client.is_some();
                other.step(element.client.and_then(parse_node), element.proto);
            }
        }
        let newer = other.client.filter(|_| names);
        let ip = |client: Option<Node>| client.map(|node| node.ip);
        // One that names somebody and one that names nobody differ as well: either may be a lie.
        if let (Some(one), Some(another)) = (way.client, newer)
            && ip(one) != ip(another)
        {
            return Err(Doubt::Contradiction);
        }
        // RFC 7239 section 7.4: what is older gives way, where the newer one says anything.
        if let Some(client) = newer.or(way.client) {
            asker.peer.ip = ip(client);
            asker.peer.port = client.map_or(0, |node| node.port);
        }
        let said = head.fields.all(Known::XForwardedProto).flat_map(list::elements).last();
        let schemes = [other.proto, said].map(|scheme| scheme.and_then(is_secure));
        if schemes.iter().any(Option::is_some) {
            // Where they differ, one may be the client's own word, and nobody gains by saying that he came in the clear.
            asker.peer.secure = !schemes.contains(&Some(false));
        }
        Ok(asker)
    }
}

/// The way of a request from proxy to proxy. Its client is the last on it whom we do not trust, or the first where all
/// are trusted. Where that is somebody whose address is not told, or cannot be read, nobody knows who it is.
struct Way<'a> {
    trusted: &'a Neighbours,
    /// Nobody, as long as nothing is said.
    client: Option<Option<Node>>,
    /// How the client came.
    proto: Option<&'a [u8]>,
}

impl<'a> Way<'a> {
    fn new(trusted: &'a Neighbours) -> Way<'a> {
        Way { trusted, client: None, proto: None }
    }

    fn step(&mut self, node: Option<Node>, proto: Option<&'a [u8]>) {
        let is_proxy = node.is_some_and(|node| self.trusted.hold(Some(node.ip)));
        if self.client.is_none() || !is_proxy {
            (self.client, self.proto) = (Some(node), proto);
        }
    }
}

/// Whether a scheme is one of TLS; `None`: it is none we know.
fn is_secure(scheme: &[u8]) -> Option<bool> {
    let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
    if is("https") || is("wss") {
        return Some(true);
    }
    (is("http") || is("ws")).then_some(false)
}

#[cfg(test)]
#[path = "asker_tests.rs"]
mod tests;
