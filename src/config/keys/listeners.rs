//! Keys about listening, workers and who the process is.

use std::num::NonZeroU16;

use super::super::model::{Admin, Redirector, Workers};
use super::super::units::word_flag;
use super::super::value::{Fault, Value};
use super::{Group, Kind, Set, key};

use crate::base::{Neighbours, Network, Problem};

pub(super) const GROUP: Group = Group {
    title: "Listeners",
    intro: "",
    keys: &[
        key(
            "http",
            Kind::Address,
            Set::Main(|draft, value| {
                let address = value.placed(value.address()?);
                if let Some(first) = draft.config.listens_on(&address.value) {
                    return Err(Fault::new(format!("listened on already, from {first}")));
                }
                draft.config.listeners.push(address);
                Ok(())
            }),
        )
        .aliases(&["httprouter"])
        .list()
        .says("listens for plain HTTP and WebSockets")
        .example(":8080"),
        key(
            "http-to-https",
            Kind::AddressAndPort,
            Set::Main(|draft, value| {
                let redirector = redirector(value)?;
                if let Some(first) = draft.config.listens_on(&redirector.address.value) {
                    return Err(Fault::new(format!("listened on already, from {first}")));
                }
                draft.config.redirectors.push(redirector);
                Ok(())
            }),
        )
        .list()
        .says(
            "listens for plain HTTP and answers everything 301 to the same host, path and query by https, at PORT \
             where that is not 443",
        )
        .example(":8000,8443"),
        key(
            "proxy-protocol",
            Kind::Words,
            Set::Main(|draft, value| {
                draft.config.proxy_protocol = neighbours(value)?;
                Ok(())
            }),
        )
        .unset("nobody")
        .says(
            "proxies whose connections begin with a PROXY header, version 1 or 2, before TLS too: networks, and `unix` for \
             unix sockets. Theirs without one are closed; from others it is no request",
        )
        .example("10.0.0.0/8 ::1"),
        key(
            "http-enable-proxy-protocol",
            Kind::Flag,
            Set::Main(|draft, value| {
                if value.flag()? {
                    draft.config.proxy_protocol = Neighbours { any: true, ..Neighbours::default() };
                    let said = format!(
                        "{}: whoever connects must say for whom, and may say anything; expected proxy-protocol with \
                         the networks of the proxies, as in proxy-protocol = 10.0.0.0/8",
                        value.quoted()
                    );
                    draft.notices.push(Problem::warning(Some(value.place_at(0)), said));
                }
                Ok(())
            }),
        )
        .default("off")
        .says("`proxy-protocol` of everybody, as uWSGI has it")
        .example("false"),
        key(
            "trusted-proxies",
            Kind::Words,
            Set::Main(|draft, value| {
                draft.config.trusted_proxies = neighbours(value)?;
                Ok(())
            }),
        )
        .unset("nobody: what clients say is replaced")
        .says(
            "whose `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded` are believed: networks, and `unix` for unix \
             sockets. The right-most address that is not among them is the client",
        )
        .example("10.0.0.0/8 ::1 unix"),
        key(
            "workers",
            Kind::Word,
            Set::Main(|draft, value| {
                draft.config.workers = workers(value)?;
                Ok(())
            }),
        )
        .aliases(&["http-workers", "http-processes"])
        .default("auto")
        .says("reactors, each a thread of its own: a number, or `auto` for one per core")
        .example("4"),
        key(
            "listen",
            Kind::Number,
            Set::Main(|draft, value| {
                draft.config.backlog = value.number(1..=1 << 20)? as u32;
                Ok(())
            }),
        )
        .default("4096")
        .says("connections the kernel queues for each listener")
        .example("1024"),
        key(
            "max-connections",
            Kind::Number,
            Set::Main(|draft, value| {
                draft.config.max_connections = Some(value.number(1..=1 << 30)?);
                Ok(())
            }),
        )
        .unset("what the limit of open files allows")
        .says("clients served at once; beyond it, new ones wait in the kernel")
        .example("20000"),
        key(
            "admin",
            Kind::AddressOrOff,
            Set::Main(|draft, value| {
                draft.config.admin = match word_flag(value.text()) {
                    Some(false) => Admin::Off,
                    _ => Admin::At(value.address()?),
                };
                draft.admin = Some(value.clone());
                Ok(())
            }),
        )
        .unset("`unix:/run/tidegate.sock` where that can be made")
        .says("where `tidegate ctl` and curl ask the running router about itself, or `off`")
        .example("unix:/run/tidegate/admin.sock"),
        key(
            "user",
            Kind::Word,
            Set::Main(|draft, value| {
                value.filled("expected the name or number of a user, as in www-data")?;
                draft.config.user = Some(value.placed(value.text().to_owned()));
                Ok(())
            }),
        )
        .aliases(&["uid", "http-uid"])
        .unset("whoever started it")
        .says("who the process becomes once it listens, with all groups of that user")
        .example("root"),
        key(
            "group",
            Kind::Word,
            Set::Main(|draft, value| {
                value.filled("expected the name or number of a group, as in www-data")?;
                draft.config.group = Some(value.placed(value.text().to_owned()));
                Ok(())
            }),
        )
        .aliases(&["gid", "http-gid"])
        .unset("that of `user`")
        .says("its group")
        .example("root"),
        key(
            "chmod-socket",
            Kind::Mode,
            Set::Main(|draft, value| {
                draft.config.socket_mode = Some(mode(value)?);
                Ok(())
            }),
        )
        .unset("what the umask leaves")
        .says("permissions of unix sockets that clients connect to; alone it means 666")
        .example("660"),
        key(
            "chown-socket",
            Kind::Word,
            Set::Main(|draft, value| {
                let fault = || Fault::new("expected USER, USER:GROUP or :GROUP");
                let text = value.text();
                if matches!(text, "" | ":") || text.matches(':').count() > 1 {
                    return Err(fault());
                }
                draft.config.socket_owner = Some(value.placed(text.to_owned()));
                Ok(())
            }),
        )
        .unset("who binds them")
        .says("user and group of unix sockets that clients connect to: `USER[:GROUP]`")
        .example("root:root"),
    ],
};

/// Three or four octal digits.
fn mode(value: &Value) -> Result<u32, Fault> {
    let text = value.text();
    if value.bare || text == "true" {
        return Ok(0o666);
    }
    let digits = matches!(text.len(), 3 | 4) && text.bytes().all(|digit| digit.is_ascii_digit());
    let found = u32::from_str_radix(text, 8).ok().filter(|found| digits && *found <= 0o777);
    found.ok_or_else(|| Fault::new("expected permissions in octal digits, as in 660"))
}

/// `ADDR[,PORT]`
fn redirector(value: &Value) -> Result<Redirector, Fault> {
    let text = value.text();
    let (address, port) = match text.find(',') {
        Some(at) => (value.slice(0..at), Some(value.slice(at + 1..text.len()))),
        None => (value.clone(), None),
    };
    let placed = address.placed(address.address()?);
    let port = match port {
        Some(port) => port
            .number(1..=u64::from(u16::MAX))
            .map_err(|fault| value.fault_of(&port, &fault.expected))?,
        None => 443,
    };
    let port = u16::try_from(port).ok().and_then(NonZeroU16::new);
    let port = port.ok_or_else(|| Fault::new("expected a port"))?;
    Ok(Redirector { address: placed, port })
}

/// Networks, and `unix`.
fn neighbours(value: &Value) -> Result<Neighbours, Fault> {
    let mut found = Neighbours::default();
    for word in value.words() {
        match word.text() {
            "unix" => found.unix = true,
            text => {
                let network = text.parse::<Network>();
                let fault = |error| value.fault_of(&word, &format!("{error}"));
                found.networks.push(network.map_err(fault)?);
            }
        }
    }
    match found == Neighbours::default() {
        true => Err(Fault::new("expected networks, as in 10.0.0.0/8, or unix")),
        false => Ok(found),
    }
}

fn workers(value: &Value) -> Result<Workers, Fault> {
    if value.text() == "auto" {
        return Ok(Workers::Auto);
    }
    match value.number(1..=1024) {
        Ok(count) => Ok(Workers::Count(count as u16)),
        Err(_) => Err(Fault::new("expected auto or a number from 1 to 1024")),
    }
}
