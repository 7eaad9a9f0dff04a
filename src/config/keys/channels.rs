//! Keys about channels.

use super::super::channel::{self, ChannelSlow};
use super::{Group, Kind, Set, key};

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
    ],
};
