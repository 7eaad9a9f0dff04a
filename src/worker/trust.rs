//! Makes the servers of a configuration fit to be dialled with TLS, where that is what they speak.

use std::path::PathBuf;

use crate::base::{Address, Place, Problem};
use crate::config::{Placed, Protocol, Upstream, UpstreamTrust};
use crate::reactor::tls::{Connectors, Named, Trust, server_name};
use crate::upstream::{Group, Identities};

/// What servers are secured with.
pub(super) struct Securer<'a> {
    pub(super) connectors: &'a mut Connectors,
    pub(super) problems: &'a mut Vec<Problem>,
    /// Some server could not be: what was built must not be run.
    pub(super) failed: bool,
}

impl Securer<'_> {
    /// Those of an `[upstream:NAME]`.
    pub(super) fn upstream(
        &mut self,
        group: &mut Group,
        upstream: &Upstream,
        ids: &mut Identities,
    ) {
        let UpstreamTrust { authorities, name, own } = &upstream.trust;
        let trust = Trust {
            place: upstream.place.clone(),
            authorities: authorities.as_ref().map(file),
            own: own.as_ref().map(|(certificate, key)| (file(certificate), file(key))),
            protocol: inside(upstream.protocol),
        };
        let name = name.as_ref().map(|name| (name.value.as_str(), &name.place));
        self.secure(group, &trust, name, ids);
    }

    /// A single server that an action at `place` names.
    pub(super) fn address(&mut self, group: &mut Group, place: &Place, ids: &mut Identities) {
        let protocol = inside(group.protocol);
        let trust = Trust { place: place.clone(), authorities: None, own: None, protocol };
        self.secure(group, &trust, None, ids);
    }

    fn secure(
        &mut self,
        group: &mut Group,
        trust: &Trust,
        expected: Option<(&str, &Place)>,
        ids: &mut Identities,
    ) {
        if !group.protocol.is_tls() {
            return;
        }
        let mut names = Vec::new();
        for address in group.servers.iter().map(|server| &server.address) {
            let (text, place) = match expected {
                Some((name, place)) => (name.to_owned(), place),
                None => (address.host().unwrap_or_default(), &trust.place),
            };
            match server_name(&text) {
                Some(name) => names.push(name),
                None => self.fail(place, address, &text),
            }
        }
        let connectors = self.connectors.connect(trust, &names, self.problems);
        if connectors.len() == group.servers.len() {
            let path = |file: &Named| file.path.clone();
            let own = trust.own.as_ref().map(|(certificate, key)| (path(certificate), path(key)));
            let who = format!("{names:?} {:?} {own:?}", trust.authorities.as_ref().map(path));
            group.secure(&who, connectors, ids);
        } else {
            self.failed = true;
        }
    }

    fn fail(&mut self, place: &Place, address: &Address, name: &str) {
        let said = format!(
            "the certificate of {address} cannot be for \"{name}\"; expected a name or IP address, as in verify-name = \
             app.internal"
        );
        self.problems.push(Problem::error(Some(place.clone()), said));
    }
}

/// What is spoken inside TLS, by its name in ALPN.
fn inside(protocol: Protocol) -> Option<&'static str> {
    (protocol == Protocol::Https).then_some("http/1.1")
}

fn file(path: &Placed<PathBuf>) -> Named {
    Named { path: path.value.clone(), place: path.place.clone() }
}
