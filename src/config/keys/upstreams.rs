//! Keys of `[upstream:NAME]`.

use super::super::health;
use super::super::model::{Protocol, ProxyVersion};
use super::super::server;
use super::super::tls;
use super::{Group, Kind, Set, key};

const PROTOCOLS: [(&str, Protocol); 5] = [
    ("http", Protocol::Http),
    ("https", Protocol::Https),
    ("uwsgi", Protocol::Uwsgi),
    ("tcp", Protocol::Tcp),
    ("tcps", Protocol::Tcps),
];

pub(super) const GROUP: Group = Group {
    title: "Upstreams: `[upstream:NAME]`",
    intro: "A named group of servers for actions: `http:NAME`, `uwsgi:NAME`, `tcp:NAME` and so on, by its protocol. \
            What the words come to is told in [upstreams.md](upstreams.md).",
    keys: &[
        key(
            "server",
            Kind::Address,
            Set::Upstream(|upstream, value| {
                upstream.servers.push(server::server(value)?);
                Ok(())
            }),
        )
        .list()
        .says(
            "a server of the group; at least one is needed. Behind its address: `weight=N`, its share of the requests, \
             from 1 to 1000; `max=N`, most sessions at once, WebSockets included; `backup`, only for when no other is usable",
        )
        .example("10.0.0.1:9000 weight=2 max=500"),
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
                upstream.balance = server::balance(value)?;
                Ok(())
            }),
        )
        .default("round-robin")
        .says(
            "how a server is chosen: `round-robin`, each in turn; `least`, the one with the fewest live sessions; `random-2`, \
             the better of two that chance picks; `hash:${VAR}`, always the same one for the same text, as in \
             `hash:${cookie[sid]}` or `hash:${REMOTE_ADDR}`",
        )
        .example("least"),
        key(
            "queue",
            Kind::Number,
            Set::Upstream(|upstream, value| {
                upstream.queue = value.number(0..=1_000_000)? as u32;
                Ok(())
            }),
        )
        .default("0")
        .says(
            "requests that wait while every server has as many sessions as its `max` allows; those beyond it get 503",
        )
        .example("100"),
        key(
            "queue-timeout",
            Kind::Duration,
            Set::Upstream(|upstream, value| {
                upstream.queue_timeout = value.duration()?;
                Ok(())
            }),
        )
        .default("5s")
        .says("bounds how long a request waits in the queue, else 503")
        .example("2s"),
        key(
            "retries",
            Kind::Words,
            Set::Upstream(|upstream, value| {
                upstream.retries = server::retries(value)?;
                Ok(())
            }),
        )
        .default("6 budget=20")
        .says(
            "how often a request that a server did not take is tried again, and, in percent, in what share of the requests \
             of the last seconds at most; `off`: never",
        )
        .example("2 budget=10"),
        key(
            "health",
            Kind::Words,
            Set::Upstream(|upstream, value| {
                upstream.health = Some(value.placed(health::health(value)?));
                Ok(())
            }),
        )
        .unset("off: only requests find out")
        .says(
            "what each server is asked now and then: `GET PATH`, `HEAD PATH` and perhaps the statuses that are well \
             (`200-399`); `websocket PATH`, an opening handshake; `tcp`, a connection. Behind it `every` 5s, `timeout` (the \
             same, 5s at most), `fall` 3 failures and it is down, `rise` 2 successes and it is up, `host` for `Host`",
        )
        .example("GET /healthz 200 every 5s"),
        key(
            "slow-start",
            Kind::Duration,
            Set::Upstream(|upstream, value| {
                upstream.slow_start = value.duration_or_off()?;
                Ok(())
            }),
        )
        .default("off")
        .says("a server that has come back gets a tenth of its share at first, and the whole of it after this time")
        .example("30s"),
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
            "each connection begins with the PROXY protocol, `v1` or `v2`, which tells the server the client's address, \
             before TLS; a connection then serves one request, or one WebSocket",
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
    ],
};
