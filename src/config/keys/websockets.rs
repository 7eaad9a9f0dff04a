//! Keys about WebSockets.

use super::super::settings::WebSocketMode;
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
        .default("pass")
        .says(
            "`pass`: once open, bytes go through unseen. Other modes are not in this version; when \
             they are, the default will be `track`, and `guard` for uwsgi",
        )
        .example("pass"),
        planned("websockets-max-size", SHARED, "set it in the app server")
            .aliases(&["websocket-max-size"]),
        planned("websockets-drafts", SHARED, "version 13 (RFC 6455) is spoken"),
        planned("websockets-upstream-draft", SHARED, "version 13 (RFC 6455) is spoken"),
        planned("websockets-protocol", SHARED, ""),
        planned("websockets-memory", &[Scope::Main], ""),
        planned("websockets-pong-freq", SHARED, ""),
        planned(
            "websockets-deflate",
            SHARED,
            "clients and servers agree on compression themselves",
        ),
        planned("origin", SHARED, "let the app check Origin"),
        planned("websockets-rate", SHARED, ""),
        planned("websockets-max-age", SHARED, ""),
    ],
};

fn mode(value: &Value) -> Result<WebSocketMode, Fault> {
    match value.text() {
        later @ ("track" | "guard") => {
            Err(Fault::new(format!("{later} is not in this version; expected pass")))
        }
        _ => value.one_of(&[("pass", WebSocketMode::Pass)]),
    }
}
