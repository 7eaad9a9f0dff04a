//! Listeners: from a configuration to sockets for every worker.

use std::net::SocketAddr;
use std::sync::Arc;

use super::account::Accounts;
use super::certificates::Certificates;
use super::systemd::Inherited;
use crate::base::Address;
use crate::config::Config;
use crate::reactor::{self, BindError, ListenOptions, Listener, Sharing};
use crate::session::Generation;
use crate::worker::{Door, Welcome};

/// An address to listen on, and how clients are met there.
pub(super) type Spot = (Address, Welcome);

/// Where a configuration listens. `certificates` are those it names.
pub(super) fn spots(config: &Config, certificates: &Certificates) -> Vec<Spot> {
    let plain = config.listeners.iter().map(|address| (address.value.clone(), Welcome::Plain));
    let secure = config.tls.listeners.iter().zip(certificates.doors());
    let secure = secure
        .map(|(listener, tls)| (listener.address.value.clone(), Welcome::Tls(Arc::clone(tls))));
    let redirectors = config
        .redirectors
        .iter()
        .map(|redirector| (redirector.address.value.clone(), Welcome::ToHttps(redirector.port)));
    plain.chain(secure).chain(redirectors).collect()
}

/// How a configuration binds what it listens on.
pub(super) fn options(config: &Config, accounts: &Accounts) -> ListenOptions {
    ListenOptions { backlog: config.backlog, mode: config.socket_mode, owner: accounts.sockets }
}

/// The listeners of each of `count` workers; those that cannot be bound twice are the first one's. What was `inherited`
/// is not bound again. `generation` is the configuration's.
///
/// # Errors
/// When an address cannot be listened on; then nothing is.
pub(super) fn open(
    spots: &[Spot],
    count: usize,
    options: &ListenOptions,
    generation: &Generation,
    inherited: Vec<Inherited>,
) -> Result<Vec<Vec<Door>>, BindError> {
    let mut doors: Vec<Vec<Door>> = (0..count).map(|_| Vec::new()).collect();
    let opened = open_into(&mut doors, spots, options, generation, inherited);
    if opened.is_err() {
        remove(&doors);
    }
    opened.map(|()| doors)
}

/// Removes the files that were made for them; those of others stay.
pub(super) fn remove(doors: &[Vec<Door>]) {
    doors.iter().flatten().for_each(|door| door.listener.unlink());
}

fn open_into(
    doors: &mut [Vec<Door>],
    spots: &[Spot],
    options: &ListenOptions,
    generation: &Generation,
    mut inherited: Vec<Inherited>,
) -> Result<(), BindError> {
    for (address, welcome) in spots {
        let name = address.to_string();
        let number = generation.listeners.iter().position(|known| *known == name);
        let number = number.and_then(|number| u16::try_from(number).ok()).unwrap_or(u16::MAX);
        let door = |listener, port| Door::new(listener, number, port, welcome.clone());
        let known = inherited.iter().position(|known| known.listener.serves(address));
        let first = match known {
            Some(at) => inherited.remove(at).listener.configured_as(address),
            None => Listener::bind(address, options)?,
        };
        let port = first.local().port().unwrap_or(0);
        let shared = first.sharing() == Sharing::PerWorker;
        for worker in doors.iter_mut().skip(1).filter(|_| shared) {
            worker.push(door(first.another(options)?, port));
        }
        if let Some(worker) = doors.first_mut() {
            worker.push(door(first, port));
        }
    }
    for Inherited { listener, name } in inherited {
        let address = listener.address();
        tracing::warn!(
            "{address} ({name} of LISTEN_FDS) is closed: the configuration does not listen there"
        );
    }
    Ok(())
}

/// One line per listener, as the contract says.
pub(super) fn announce(doors: &[Vec<Door>]) {
    for door in doors.iter().take(1).flatten() {
        let scheme = match door.welcome {
            Welcome::Plain => "http",
            Welcome::Tls(_) => "https",
            Welcome::ToHttps(_) => "http-to-https",
        };
        match door.listener.local() {
            reactor::Peer::Ip(address) => {
                let shown = SocketAddr::new(address.ip(), address.port());
                tracing::info!("listening on {scheme}://{shown}");
            }
            reactor::Peer::Unix if matches!(door.welcome, Welcome::Plain) => {
                tracing::info!("listening on {}", door.listener.address());
            }
            reactor::Peer::Unix => {
                tracing::info!("listening on {} for {scheme}", door.listener.address());
            }
        }
    }
}

/// What of `after` is not in `before`. An address may be in either more than once.
pub(super) fn fresh(before: &[Spot], after: &[Spot]) -> Vec<Spot> {
    let mut left: Vec<&Address> = before.iter().map(|(address, _)| address).collect();
    let is_fresh = |(address, _): &&Spot| {
        let known = left.iter().position(|known| *known == address);
        known.map(|at| left.swap_remove(at)).is_none()
    };
    after.iter().filter(is_fresh).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_told_from_what_stays() {
        let spots = |list: &[&str]| -> Vec<Spot> {
            list.iter().map(|address| (address.parse().unwrap(), Welcome::Plain)).collect()
        };
        let shown = |spots: Vec<Spot>| -> Vec<String> {
            spots.iter().map(|(address, _)| address.to_string()).collect()
        };
        let (before, after) = (spots(&[":80", ":81", ":81"]), spots(&[":81", ":82", ":80"]));
        assert_eq!(shown(fresh(&before, &after)), ["0.0.0.0:82"]);
        assert_eq!(shown(fresh(&after, &before)), ["0.0.0.0:81"]);
        assert!(fresh(&before, &before).is_empty());
    }
}
