//! The first words on a connection to a server that wants to know who it is for: the PROXY protocol.

use std::mem::take;
use std::net::SocketAddr;

use crate::buf::Copied;
use crate::config::ProxyVersion;
use crate::proto::proxyproto::{Ends, Version, encode};

use super::cx::Cx;
use super::exchange::Exchange;
use super::port::Port;
use super::settings::Place;

impl Exchange {
    /// Tells a server of the route who the connection is for, where it wants to know and was not told before
    /// the TLS handshake.
    pub(super) fn introduce(&self, upstream: &mut Port, cx: &mut Cx<'_>) {
        if self.server().is_some_and(|server| server.connector.is_some()) {
            return;
        }
        let out = &mut cx.scratch.out;
        out.clear();
        self.introduction(out);
        if out.is_empty() {
            return;
        }
        let mut behind = take(&mut upstream.tx);
        upstream.tx.put(out, Copied::Head, cx.pool);
        while let Some(segment) = behind.pop() {
            upstream.tx.queue(segment);
        }
    }

    /// Whether its connection may serve other requests: not where it was told whose it is.
    pub(super) fn may_last(&self) -> bool {
        matches!(self.route.target.place, Place::Http { .. }) && !self.is_introduced()
    }

    /// Whether its servers are told who a connection is for.
    pub(super) fn is_introduced(&self) -> bool {
        self.route.target.group.send_proxy.is_some()
    }

    /// Writes down who the connection is for, where the server wants to know.
    pub(super) fn introduction(&self, out: &mut Vec<u8>) {
        let Some(version) = self.route.target.group.send_proxy.map(version) else { return };
        let peer = &self.facts.peer;
        let source = peer.ip.map(|ip| SocketAddr::new(ip, peer.port));
        let ends = source.zip(self.endpoint);
        let ends = ends.map(|(source, destination)| Ends { source, destination });
        encode(version, ends.as_ref(), out);
    }
}

/// How it is written.
pub(super) fn version(said: ProxyVersion) -> Version {
    match said {
        ProxyVersion::V1 => Version::V1,
        ProxyVersion::V2 => Version::V2,
    }
}
