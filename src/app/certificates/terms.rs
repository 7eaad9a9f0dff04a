//! What TLS listeners shall present, from the configuration's words to those of `reactor::tls`.

use std::path::PathBuf;

use crate::base::{Place, Problem};
use crate::config::{Config, Placed, TlsPresented};
use crate::reactor::tls::{Agreement, Named, Presented, Terms};

/// What each listener shall present; `None` when that cannot be, and `problems` says why.
pub(super) fn terms(config: &Config, problems: &mut Vec<Problem>) -> Option<Vec<Terms>> {
    let tls = &config.tls;
    let suites = tls.suites.as_ref().map_or(&[][..], |suites| &suites.value);
    let groups = tls.groups.as_deref().unwrap_or_default();
    let agreement = match Agreement::new(&tls.versions, suites, groups) {
        Ok(agreement) => agreement,
        Err(said) => {
            let place = tls.suites.as_ref().map(|suites| suites.place.clone());
            problems.push(Problem::error(place, said));
            return None;
        }
    };
    let named = tls.names.iter().map(|name| (name.name.value.clone(), presented(&name.presented)));
    let named: Vec<_> = named.collect();
    let terms = tls.listeners.iter().map(|listener| Terms {
        listener: listener.address.value.to_string(),
        own: presented(&listener.presented),
        named: named.clone(),
        agreement: agreement.clone(),
        tickets: tls.tickets,
        lists: tls.revoked.iter().map(file).collect(),
    });
    Some(terms.collect())
}

fn presented(presented: &TlsPresented) -> Presented {
    let clients = presented.clients.as_ref();
    Presented {
        certificate: file(&presented.certificate),
        key: file(&presented.key),
        clients: clients.map(|clients| (file(&clients.authorities), clients.mandatory)),
    }
}

fn file(path: &Placed<PathBuf>) -> Named {
    Named { path: path.value.clone(), place: Place::clone(&path.place) }
}
