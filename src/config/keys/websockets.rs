//! Keys about WebSockets.

use std::time::Duration;

use super::super::settings::{Rate, WebSocketMode};
use super::super::value::{Fault, Value};
use super::{Group, Kind, Scope, Set, key, planned};

const SHARED: &[Scope] = &[Scope::Main, Scope::Route];

pub(super) const GROUP: Group = Group {
    title: "WebSockets",
    intro: "",
    keys: &[
        key(
            "http-websockets",
            Kind::Flag,
            Set::Settings(|settings, value| {
                settings.websockets = value.flag()?;
                Ok(())
            }),
        )
        .default("on")
        .says("WebSocket handshakes are routed; off: the upgrade is not passed on")
        .example("off"),
        key(
            "websockets-mode",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.websockets_mode = mode(value)?;
                Ok(())
            }),
        )
        .default("track")
        .says(
            "`pass`: once open, bytes go through unseen. `track`: frame headers are followed, so that \
             dead clients are found, limits hold and both ends are told of a close; payload stays \
             unseen. `guard` is not in this version; when it is, it will be the default for uwsgi",
        )
        .example("pass"),
        key(
            "websockets-ping-freq",
            Kind::FlagOrDuration,
            Set::Settings(|settings, value| {
                settings.ping_freq = frequency(value)?;
                Ok(())
            }),
        )
        .aliases(&["websocket-ping-freq"])
        .default("30s")
        .says("a client that was silent for this time is pinged; off: never")
        .example("1m"),
        key(
            "websockets-upstream-ping-freq",
            Kind::FlagOrDuration,
            Set::Settings(|settings, value| {
                settings.upstream_ping_freq = frequency(value)?;
                Ok(())
            }),
        )
        .default("off")
        .says("an upstream that was silent for this time is pinged too; one that gives no pong is dead")
        .example("1m"),
        key(
            "websockets-pong-tolerance",
            Kind::Duration,
            Set::Settings(|settings, value| {
                settings.pong_tolerance = value.duration()?;
                Ok(())
            }),
        )
        .aliases(&["websocket-pong-tolerance"])
        .default("10s")
        .says("a pinged client that stays silent for this time is dead: its WebSocket is closed")
        .example("5s"),
        key(
            "websockets-pong-freq",
            Kind::FlagOrDuration,
            Set::Settings(|settings, value| {
                settings.pong_freq = frequency(value)?;
                Ok(())
            }),
        )
        .default("off")
        .says("between two pongs that clients get unasked, as uWSGI sends them; off: none")
        .example("30s"),
        key(
            "websockets-max-size",
            Kind::Size,
            Set::Settings(|settings, value| {
                settings.max_message = value.kilobytes()?;
                Ok(())
            }),
        )
        .aliases(&["websocket-max-size"])
        .default("1024")
        .says("largest message in kilobytes, fragments together; its sender is told 1009")
        .example("64"),
        key(
            "websockets-max-age",
            Kind::FlagOrDuration,
            Set::Settings(|settings, value| {
                settings.max_age = frequency(value)?;
                Ok(())
            }),
        )
        .default("off")
        .says("closes a WebSocket with 1001 after this time, give or take 10 %")
        .example("1h"),
        key(
            "websockets-rate",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.rate = Some(rate(value)?);
                Ok(())
            }),
        )
        .unset("off")
        .says("`N/s[,burst=N]`: messages a client may send; beyond it is told 1008")
        .example("20/s,burst=100"),
        planned("websockets-drafts", SHARED, "version 13 (RFC 6455) is spoken"),
        planned("websockets-upstream-draft", SHARED, "version 13 (RFC 6455) is spoken"),
        planned("websockets-protocol", SHARED, ""),
        planned("websockets-memory", &[Scope::Main], ""),
        planned(
            "websockets-deflate",
            SHARED,
            "clients and servers agree on compression themselves",
        ),
        planned("origin", SHARED, "let the app check Origin"),
    ],
};

fn mode(value: &Value) -> Result<WebSocketMode, Fault> {
    match value.text() {
        "guard" => Err(Fault::new("guard is not in this version; expected pass or track")),
        _ => value.one_of(&[("pass", WebSocketMode::Pass), ("track", WebSocketMode::Track)]),
    }
}

/// A time between two things, or never.
fn frequency(value: &Value) -> Result<Option<Duration>, Fault> {
    if value.bare {
        return Err(Fault::new("expected a duration such as 30s, or off"));
    }
    value.duration_or_off()
}

fn rate(value: &Value) -> Result<Rate, Fault> {
    let fault = || Fault::new("expected a rate such as 20/s or 20/s,burst=100");
    let (rate, burst) = match value.text().split_once(',') {
        Some((rate, burst)) => (rate, Some(burst.trim().strip_prefix("burst=").ok_or_else(fault)?)),
        None => (value.text(), None),
    };
    let number = |text: &str| text.parse().ok().filter(|n: &u32| *n > 0).ok_or_else(fault);
    let per_second = number(rate.strip_suffix("/s").ok_or_else(fault)?)?;
    let burst = burst.map_or(Ok(per_second), number)?;
    Ok(Rate { per_second, burst })
}
