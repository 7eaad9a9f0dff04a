//! Keys about channels.

use super::super::bus;
use super::super::channel::{self, ChannelSlow};
use super::super::value::{Fault, Value};
use super::{Group, Kind, Set, key};
use crate::base::Address;

const SLOW: [(&str, ChannelSlow); 3] = [
    ("drop-oldest", ChannelSlow::DropOldest),
    ("drop-newest", ChannelSlow::DropNewest),
    ("close", ChannelSlow::Close),
];

pub(super) const GROUP: Group = Group {
    title: "Channels",
    intro: "For routes with `channel:NAME` and `publish:NAME`. [channels.md](channels.md) tells what they are for.",
    keys: &[
        key(
            "channel",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.channel = Some(channel::name_of(value.text(), 0)?);
                Ok(())
            }),
        )
        .unset("what the upstream's 101 names in `Tidegate-Channel`")
        .says(
            "clients of WebSockets to upstreams join this channel besides: its messages come between those of the app",
        )
        .example("room-$1"),
        key(
            "channels-control",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.channels_control = channel::control(value)?;
                Ok(())
            }),
        )
        .default("off")
        .says(
            "texts that apps send over WebSockets and that begin so are commands: `join NAME`, `leave NAME`, `publish NAME TEXT`; \
             their clients do not see them. 4 to 64 characters that nobody else can have an app begin a message with",
        )
        .example("@channels:"),
        key(
            "channel-backlog",
            Kind::Number,
            Set::Settings(|settings, value| {
                settings.channel_backlog = value.number(1..=65_536)? as u32;
                Ok(())
            }),
        )
        .default("64")
        .says("messages that may wait for a client that does not read")
        .example("1000"),
        key(
            "channel-slow",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.channel_slow = value.one_of(&SLOW)?;
                Ok(())
            }),
        )
        .default("drop-oldest")
        .says("what becomes of one more: `drop-oldest`, `drop-newest`, or `close` the client with 1013")
        .example("close"),
        key(
            "channel-history",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.channel_history = channel::history(value)?;
                Ok(())
            }),
        )
        .default("off")
        .says(
            "what is published by this route is kept for those who come back: the last so many messages, those of a time, \
             or both",
        )
        .example("100,60s"),
        key(
            "channel-token",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.channel_token = channel::token(value)?;
                Ok(())
            }),
        )
        .default("off")
        .says(
            "whoever joins or publishes needs a token (JWT) that names the channel: what signs it (`HS256`, `RS256`, `ES256`), and \
             the file with the secret or the public key in PEM",
        )
        .example("ES256,/etc/tidegate/chat.pem"),
        key(
            "channel-audience",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.channel_audience = Some(value.text().to_owned());
                Ok(())
            }),
        )
        .unset("tokens for nobody in particular")
        .says("only tokens for this audience count")
        .example("chat"),
        key(
            "channel-heartbeat",
            Kind::Duration,
            Set::Settings(|settings, value| {
                settings.channel_heartbeat = value.duration()?;
                Ok(())
            }),
        )
        .default("15s")
        .says("a stream of server-sent events that was silent for this time gets a comment")
        .example("1m"),
        key(
            "channel-memory",
            Kind::Size,
            Set::Main(|draft, value| {
                draft.config.channel_memory = value.size()?;
                Ok(())
            }),
        )
        .default("64m")
        .says("bytes that each worker keeps of what was published, over all channels; beyond, the oldest goes")
        .example("256m"),
        key(
            "channels",
            Kind::Number,
            Set::Main(|draft, value| {
                draft.config.channels = value.number(1..=10_000_000)? as u32;
                Ok(())
            }),
        )
        .default("100000")
        .says("channels there may be at once, in each worker; a client that asks for one more is closed with 1013")
        .example("1000"),
        key(
            "channel-listen",
            Kind::Address,
            Set::Main(|draft, value| {
                let address = value.placed(instance(value)?);
                if let Some(first) = draft.config.listens_on(&address.value) {
                    return Err(Fault::new(format!("listened on already, from {first}")));
                }
                draft.config.instances.listen = Some(address);
                Ok(())
            }),
        )
        .says("other instances connect here, to share channels with this one")
        .example("10.0.0.1:7400"),
        key(
            "channel-peer",
            Kind::Address,
            Set::Main(|draft, value| {
                let peer = value.placed(instance(value)?);
                draft.config.instances.peers.push(peer);
                Ok(())
            }),
        )
        .list()
        .says(
            "another instance to share channels with; of a name, all that it resolves to. Each has to know all others, and \
             this one may be among them",
        )
        .example("tidegate.internal:7400"),
        key(
            "channel-secret",
            Kind::Path,
            Set::Main(|draft, value| {
                let file = value.filled("expected the path of a file")?;
                draft.config.instances.secret = Some(value.placed(file.into()));
                Ok(())
            }),
        )
        .says("file with at least 32 bytes that all instances know and nobody else: who does not prove that is no instance")
        .example("/etc/tidegate/channels.secret"),
        key(
            "channel-bus",
            Kind::Word,
            Set::Main(|draft, value| {
                let bus = bus::parse(value)?;
                draft.config.bus = Some(value.placed(bus));
                Ok(())
            }),
        )
        .says(
            "instances share channels through a Redis or NATS server: \
             `redis://[USER:PASS@]HOST[:PORT][/DB][?prefix=WORD&passfile=PATH]`, `rediss://` for TLS, `nats://` without a DB. \
             `prefix` keeps those apart that share a server, `passfile` is a file with the password. `%` is written `%%`",
        )
        .example("redis://10.0.0.9:6379/0?prefix=chat:"),
    ],
};

/// An address by which other machines can be reached.
fn instance(value: &Value) -> Result<Address, Fault> {
    match value.address()? {
        Address::Unix(_) | Address::Abstract(_) => {
            Err(Fault::new("expected HOST:PORT, as in 10.0.0.1:7400"))
        }
        address => Ok(address),
    }
}
