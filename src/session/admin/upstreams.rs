//! What is said of groups of servers.

use std::io::Write;

use crate::base::Millis;
use crate::config::Balance;
use crate::upstream::{Group, Server, Verdict};

use super::render::put_text;

/// A group.
#[derive(Clone, Debug)]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// What its servers speak.
    pub protocol: &'static str,
    /// How one of them is chosen.
    pub balance: &'static str,
    /// Requests that wait for a seat.
    pub waiting: u32,
    /// Its servers, in their order.
    pub servers: Vec<ServerStatus>,
}

/// A server of a group.
#[derive(Clone, Debug)]
pub struct ServerStatus {
    /// Its address as it is written.
    pub address: String,
    /// Where its name leads at present; empty for one without a name.
    pub found: Vec<String>,
    /// `up` or `down` by its checks, `unknown` before the first; `marked` while requests stay away from it, `slow` while it
    /// gets less than its share, else `used`.
    pub state: &'static str,
    /// What the last check found wrong.
    pub ill: Option<String>,
    /// Live sessions: WebSockets, and requests where those are counted.
    pub sessions: u32,
    /// Most of them.
    pub max: Option<u32>,
    /// Its share.
    pub weight: u16,
    /// Only for when no other is usable.
    pub backup: bool,
}

impl UpstreamStatus {
    /// A group as it is now.
    pub fn of(group: &Group, now: Millis) -> UpstreamStatus {
        UpstreamStatus {
            name: group.name.clone(),
            protocol: group.protocol.name(),
            balance: match group.balance {
                Balance::RoundRobin => "round-robin",
                Balance::Least => "least",
                Balance::RandomTwo => "random-2",
                Balance::Hash(_) => "hash",
            },
            waiting: group.line.as_ref().map_or(0, |line| line.waiting()),
            servers: group.servers.iter().map(|server| status(group, server, now)).collect(),
        }
    }
}

fn status(group: &Group, server: &Server, now: Millis) -> ServerStatus {
    let addresses = server.cell.as_ref().map(|cell| cell.addresses());
    let ill = server.health.ill().filter(|_| group.check.is_some());
    ServerStatus {
        address: server.address.to_string(),
        found: addresses.iter().flat_map(|all| all.iter()).map(ToString::to_string).collect(),
        state: state(group, server, now),
        ill: ill.map(|ill| ill.to_string()),
        sessions: server.seats.taken(),
        max: (server.max != u32::MAX).then_some(server.max),
        weight: server.weight,
        backup: server.backup,
    }
}

fn state(group: &Group, server: &Server, now: Millis) -> &'static str {
    let slow = group.slow_start.is_some_and(|slow| server.health.share(slow, now) < 100);
    match (&group.check, server.health.verdict()) {
        (Some(_), Verdict::Down) => "down",
        _ if server.health.is_marked(now) => "marked",
        (Some(_), Verdict::Unknown) => "unknown",
        _ if slow => "slow",
        (Some(_), Verdict::Up) => "up",
        (None, _) => "used",
    }
}

/// Writes groups as a member of an object.
pub(super) fn put_upstreams(groups: &[UpstreamStatus], out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"upstreams\":[");
    for (index, group) in groups.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",\n{\"name\":" } else { b"\n{\"name\":" });
        put_text(&group.name, out);
        let UpstreamStatus { protocol, balance, waiting, .. } = group;
        let _ = write!(
            out,
            ",\"protocol\":\"{protocol}\",\"balance\":\"{balance}\",\"waiting\":{waiting},\"servers\":["
        );
        for (index, server) in group.servers.iter().enumerate() {
            out.extend_from_slice(if index > 0 { b",\n" } else { b"\n" });
            put_server(server, out);
        }
        out.extend_from_slice(b"]}");
    }
    out.push(b']');
}

fn put_server(server: &ServerStatus, out: &mut Vec<u8>) {
    let ServerStatus { state, sessions, weight, backup, .. } = server;
    out.extend_from_slice(b"{\"address\":");
    put_text(&server.address, out);
    out.extend_from_slice(b",\"found\":[");
    for (index, found) in server.found.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\"{found}\"");
    }
    let _ = write!(out, "],\"state\":\"{state}\",\"ill\":");
    match &server.ill {
        Some(ill) => put_text(ill, out),
        None => out.extend_from_slice(b"null"),
    }
    let _ = write!(out, ",\"sessions\":{sessions},\"max\":");
    match server.max {
        Some(max) => drop(write!(out, "{max}")),
        None => out.extend_from_slice(b"null"),
    }
    let _ = write!(out, ",\"weight\":{weight},\"backup\":{backup}}}");
}
