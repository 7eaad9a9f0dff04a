//! Keys of `[upstream:NAME]`.

use super::super::model::{Balance, Protocol, ProxyVersion};
use super::super::value::{Fault, Value};
use super::{Group, Kind, Scope, Set, key, planned};

const UPSTREAM: &[Scope] = &[Scope::Upstream];
const PROTOCOLS: [(&str, Protocol); 3] =
    [("http", Protocol::Http), ("uwsgi", Protocol::Uwsgi), ("tcp", Protocol::Tcp)];

pub(super) const GROUP: Group = Group {
    title: "Upstreams: `[upstream:NAME]`",
    intro: "A named group of servers for actions: `http:NAME`, `uwsgi:NAME`, `tcp:NAME`.",
    keys: &[
        key(
            "server",
            Kind::Address,
            Set::Upstream(|upstream, value| {
                let (address, options) = match value.text().split_once([' ', '\t']) {
                    Some((address, _)) => {
                        let options = value.slice(address.len()..value.text().len());
                        (value.slice(0..address.len()), Some(options))
                    }
                    None => (value.clone(), None),
                };
                upstream.servers.push(value.placed(address.address()?));
                options.map_or(Ok(()), |options| {
                    let at = value.text().len() - options.text().len();
                    Err(Fault::at(at, server_option(options.text())))
                })
            }),
        )
        .list()
        .says("a server of the group; at least one is needed")
        .example("10.0.0.1:9000"),
        key(
            "protocol",
            Kind::Word,
            Set::Upstream(|upstream, value| {
                upstream.protocol = protocol(value)?;
                Ok(())
            }),
        )
        .default("http")
        .says("what the servers speak: `http`, `uwsgi`, or `tcp` for any other protocol")
        .example("uwsgi"),
        key(
            "balance",
            Kind::Word,
            Set::Upstream(|upstream, value| {
                upstream.balance = balance(value)?;
                Ok(())
            }),
        )
        .default("round-robin")
        .says("how a server is chosen: `round-robin`, each in turn")
        .example("round-robin"),
        key(
            "connect-timeout",
            Kind::Duration,
            Set::Upstream(|upstream, value| {
                upstream.connect_timeout = Some(value.duration()?);
                Ok(())
            }),
        )
        .unset("`http-connect-timeout`")
        .says("bounds dialling one of these servers")
        .example("2s"),
        key(
            "send-proxy",
            Kind::Word,
            Set::Upstream(|upstream, value| {
                let version = value.one_of(&[("v1", ProxyVersion::V1), ("v2", ProxyVersion::V2)])?;
                upstream.send_proxy = Some(value.placed(version));
                Ok(())
            }),
        )
        .unset("off")
        .says(
            "with `protocol = tcp`: each connection begins with the PROXY protocol, `v1` or `v2`, which tells \
             the server the client's address",
        )
        .example("v2"),
        planned("health", UPSTREAM, "a server that fails is left out for a while by itself"),
        planned("queue", UPSTREAM, ""),
        planned("queue-timeout", UPSTREAM, ""),
        planned("slow-start", UPSTREAM, ""),
        planned("retries", UPSTREAM, ""),
        planned("ca", UPSTREAM, ""),
        planned("verify-name", UPSTREAM, ""),
        planned("client-cert", UPSTREAM, ""),
    ],
};

fn protocol(value: &Value) -> Result<Protocol, Fault> {
    match value.text() {
        later @ ("https" | "tcps") => {
            Err(Fault::new(format!("{later} is not in this version; expected http, uwsgi or tcp")))
        }
        _ => value.one_of(&PROTOCOLS),
    }
}

fn balance(value: &Value) -> Result<Balance, Fault> {
    let text = value.text();
    if matches!(text, "least" | "random-2") || text.starts_with("hash:") {
        return Err(Fault::new(format!("{text} is not in this version; expected round-robin")));
    }
    value.one_of(&[("round-robin", Balance::RoundRobin)])
}

/// What to say of what stands behind a server's address.
fn server_option(text: &str) -> String {
    let word = text.split([' ', '\t', '=']).next().unwrap_or_default();
    match word {
        "weight" | "max" | "backup" => format!("{word} is not in this version"),
        _ => "expected nothing behind the address".into(),
    }
}
