//! Keys of `[upstream:NAME]`.

use super::super::model::{Balance, Protocol, ProxyVersion};
use super::super::tls;
use super::super::value::{Fault, Value};
use super::{Group, Kind, Scope, Set, key, planned};

const UPSTREAM: &[Scope] = &[Scope::Upstream];
const PROTOCOLS: [(&str, Protocol); 5] = [
    ("http", Protocol::Http),
    ("https", Protocol::Https),
    ("uwsgi", Protocol::Uwsgi),
    ("tcp", Protocol::Tcp),
    ("tcps", Protocol::Tcps),
];

pub(super) const GROUP: Group = Group {
    title: "Upstreams: `[upstream:NAME]`",
    intro: "A named group of servers for actions: `http:NAME`, `uwsgi:NAME`, `tcp:NAME` and so on, by its protocol.",
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
                upstream.protocol = value.one_of(&PROTOCOLS)?;
                Ok(())
            }),
        )
        .default("http")
        .says("what the servers speak: `http`, `uwsgi`, or `tcp` for any other protocol; `https` and `tcps`: the same over TLS")
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
            "with `protocol = tcp` or `tcps`: each connection begins with the PROXY protocol, `v1` or `v2`, which tells \
             the server the client's address",
        )
        .example("v2"),
        key(
            "ca",
            Kind::Path,
            Set::Upstream(|upstream, value| {
                let path = value.filled("expected a file, as in /etc/tls/internal-ca.pem")?.into();
                upstream.trust.authorities = Some(value.placed(path));
                Ok(())
            }),
        )
        .unset("those the system trusts")
        .says(
            "with `protocol = https` or `tcps`: the authorities (PEM) that sign the servers' certificates, \
             which are always verified",
        )
        .example("/etc/tls/internal-ca.pem"),
        key(
            "verify-name",
            Kind::Word,
            Set::Upstream(|upstream, value| {
                let said = "expected the name or IP address that the servers' certificates are for, as in app.internal";
                upstream.trust.name = Some(value.placed(value.filled(said)?.to_ascii_lowercase()));
                Ok(())
            }),
        )
        .unset("the host of each server's address")
        .says("with `protocol = https` or `tcps`: the name that servers are asked for, and that their certificates must have")
        .example("app.internal"),
        key(
            "client-cert",
            Kind::Word,
            Set::Upstream(|upstream, value| {
                upstream.trust.own = Some(tls::pair(value)?);
                Ok(())
            }),
        )
        .unset("none")
        .says("with `protocol = https` or `tcps`: our own certificate and its key, `CERT,KEY`, for servers that ask")
        .example("/etc/tls/router.pem,/etc/tls/router.key"),
        planned("health", UPSTREAM, "a server that fails is left out for a while by itself"),
        planned("queue", UPSTREAM, ""),
        planned("queue-timeout", UPSTREAM, ""),
        planned("slow-start", UPSTREAM, ""),
        planned("retries", UPSTREAM, ""),
    ],
};

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
