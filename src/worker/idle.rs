//! Idle upstream connections of one worker, newest first.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::{ByNumber, Key, Millis, Slab};
use crate::upstream::ServerId;

use super::entry::{Conn, Role};

/// Idle connections kept per server.
const MOST: usize = 256;
/// How long one is kept.
const AGE: Duration = Duration::from_secs(30);

/// Which connections are idle, by server. A key whose connection is gone or busy is passed over.
#[derive(Debug, Default)]
pub(super) struct Idle {
    servers: HashMap<ServerId, Vec<(Key, Millis)>, ByNumber>,
}

impl Idle {
    /// Takes the connection that was used last: it is the warmest and the least likely to be closed.
    pub(super) fn check_out(&mut self, server: ServerId, conns: &Slab<Conn>) -> Option<Key> {
        let list = self.servers.get_mut(&server)?;
        while let Some((key, _)) = list.pop() {
            if conns.get(key).is_some_and(|conn| conn.role == Role::Idle) {
                return Some(key);
            }
        }
        None
    }

    /// Puts a connection in; false when the server has enough of them.
    pub(super) fn put(
        &mut self,
        server: ServerId,
        key: Key,
        conns: &Slab<Conn>,
        now: Millis,
    ) -> bool {
        let list = self.servers.entry(server).or_default();
        if list.len() >= MOST {
            list.retain(|(key, _)| conns.get(*key).is_some_and(|conn| conn.role == Role::Idle));
        }
        if list.len() >= MOST {
            return false;
        }
        list.push((key, now));
        true
    }

    /// Takes out all that are too old, or all there are.
    pub(super) fn expire(&mut self, now: Millis, all: bool) -> Vec<Key> {
        let mut expired = Vec::new();
        self.servers.retain(|_, list| {
            list.retain(|(key, since)| {
                let stale = all || now - *since >= AGE;
                if stale {
                    expired.push(*key);
                }
                !stale
            });
            !list.is_empty()
        });
        expired
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }
}
