//! Keys about time.

use std::time::Duration;

use super::super::units::word_flag;
use super::super::value::{Fault, Value};
use super::{Group, Kind, Set, key};

/// What `http-keepalive` alone means, and its default. `1` is a second, as it is to uWSGI.
const KEEPALIVE: Duration = Duration::from_secs(60);

pub(super) const GROUP: Group = Group {
    title: "Time",
    intro: "",
    keys: &[
        key(
            "http-headers-timeout",
            Kind::Duration,
            Set::Main(|draft, value| {
                draft.config.times.headers = value.duration()?;
                Ok(())
            }),
        )
        .default("10s")
        .says("bounds a whole request head, from its first byte, else 408")
        .example("5s"),
        key(
            "http-keepalive",
            Kind::FlagOrDuration,
            Set::Main(|draft, value| {
                draft.config.times.keepalive = keepalive(value)?;
                Ok(())
            }),
        )
        .default("60s")
        .says(
            "bounds a client's silence between requests; `0` or `off`: one request per connection; \
             alone or `true`: the default",
        )
        .example("15s"),
        key(
            "http-connect-timeout",
            Kind::Duration,
            Set::Settings(|settings, value| {
                settings.connect_timeout = value.duration()?;
                Ok(())
            }),
        )
        .default("5s")
        .says("bounds dialling an upstream")
        .example("2s"),
        key(
            "http-timeout",
            Kind::Duration,
            Set::Settings(|settings, value| {
                settings.timeout = value.duration()?;
                Ok(())
            }),
        )
        .aliases(&["timeout"])
        .default("60s")
        .says("bounds the silence of either side during an exchange; of the upstream, else 504")
        .example("5m"),
        key(
            "tunnel-timeout",
            Kind::FlagOrDuration,
            Set::Settings(|settings, value| {
                if value.bare {
                    return Err(Fault::new("expected a duration such as 10m, or off"));
                }
                settings.tunnel_timeout = value.duration_or_off()?;
                Ok(())
            }),
        )
        .default("off")
        .says("bounds the silence of a WebSocket from both ends")
        .example("10m"),
        key(
            "drain-timeout",
            Kind::Duration,
            Set::Main(|draft, value| {
                draft.config.times.drain = value.duration()?;
                Ok(())
            }),
        )
        .default("30s")
        .says("bounds what sessions still take when tidegate is stopped")
        .example("2m"),
    ],
};

fn keepalive(value: &Value) -> Result<Option<Duration>, Fault> {
    if value.bare || value.text() != "1" && word_flag(value.text()) == Some(true) {
        return Ok(Some(KEEPALIVE));
    }
    value.duration_or_off()
}
