//! Keys about WebSockets.

use std::time::Duration;

use super::super::origin;
use super::super::settings::{
    Rate, Settings, WebSocketBinary, WebSocketDeflate, WebSocketDraft, WebSocketMode,
};
use super::super::units::word_flag;
use super::super::value::{Fault, Value};
use super::{Group, Kind, Set, key};

const MODES: [(&str, WebSocketMode); 3] = [
    ("pass", WebSocketMode::Pass),
    ("track", WebSocketMode::Track),
    ("guard", WebSocketMode::Guard),
];

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
                settings.websockets_mode = Some(value.one_of(&MODES)?);
                Ok(())
            }),
        )
        .unset("`guard` in front of uwsgi, else `track`")
        .says(
            "`pass`: once open, bytes go through unseen. `track`: frame headers are followed, so that \
             dead clients are found, limits hold and both ends are told of a close; payload stays \
             unseen. `guard`: the upstream gets whole, checked messages and nothing else",
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
                let other = settings.max_message != Settings::default().max_message;
                settings.max_message_said = other.then(|| value.placed(value.quoted()));
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
        key(
            "websockets-drafts",
            Kind::Words,
            Set::Settings(|settings, value| {
                settings.drafts = drafts(value)?;
                Ok(())
            }),
        )
        .default("hybi-07 hybi-08 13")
        .says(
            "what clients may speak: any of `hixie-75`, `hixie-76`, `hybi-07`, `hybi-08` and `13` \
             (RFC 6455), or `all`; others get 426 or 400",
        )
        .example("all"),
        key(
            "websockets-upstream-draft",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.upstream_draft = upstream_draft(value)?;
                Ok(())
            }),
        )
        .default("13")
        .says(
            "what the upstream speaks: one of the same names; a client that speaks another is \
             translated. `same`: what the client speaks",
        )
        .example("same"),
        key(
            "websockets-protocol",
            Kind::Words,
            Set::Settings(|settings, value| {
                settings.protocols = protocols(value)?;
                Ok(())
            }),
        )
        .unset("none")
        .says(
            "subprotocols to choose from where a WebSocket ends in the router, in order of \
             preference; one the client did not ask for is not chosen",
        )
        .example("binary base64"),
        key(
            "websockets-memory",
            Kind::Size,
            Set::Main(|draft, value| {
                draft.config.websocket_memory = value.size_within(1 << 16..=1 << 40)? as u64;
                draft.websocket_memory = Some(value.placed(value.quoted()));
                Ok(())
            }),
        )
        .default("64m")
        .says(
            "memory in which each worker puts messages together; when it is used up, the WebSocket \
             that holds most is told 1013",
        )
        .example("256m"),
        key(
            "websockets-binary",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.binary = value.one_of(&[
                    ("close", WebSocketBinary::Close),
                    ("drop", WebSocketBinary::Drop),
                    ("text", WebSocketBinary::Text),
                ])?;
                Ok(())
            }),
        )
        .default("close")
        .says(
            "what becomes of a binary message to a client of hixie-75 or hixie-76, which has only text, \
             where the subprotocol base64 was not agreed: its sender is told 1003, it is dropped, or it \
             goes as text where it is UTF-8",
        )
        .example("text"),
        key(
            "websockets-deflate",
            Kind::Word,
            Set::Settings(|settings, value| {
                settings.deflate = deflate(value)?;
                Ok(())
            }),
        )
        .default("on")
        .says(
            "permessage-deflate where a WebSocket ends in the router: `on`, each message by itself; \
             `takeover`, better compressed, for up to 300 KB per WebSocket; `off`",
        )
        .example("takeover"),
        key(
            "origin",
            Kind::Words,
            Set::Settings(|settings, value| {
                settings.origins = origin::parse(value)?;
                Ok(())
            }),
        )
        .default("*")
        .says(
            "pages that may open WebSockets, by their `Origin`; others get 403. `same`: those of the \
             host and port that are asked for; `null`; an origin such as `https://chat.example.com`; \
             `*`: any. A client without `Origin` is no browser, and passes",
        )
        .example("same https://chat.example.com"),
    ],
};

fn drafts(value: &Value) -> Result<Vec<WebSocketDraft>, Fault> {
    const SAID: &str = "expected a list of hixie-75, hixie-76, hybi-07, hybi-08 and 13, or all";
    if value.text() == "all" {
        return Ok(WebSocketDraft::NAMES.map(|(_, draft)| draft).into());
    }
    let mut drafts = Vec::new();
    for word in value.words() {
        drafts.push(word.one_of(&WebSocketDraft::NAMES).map_err(|_| value.fault_of(&word, SAID))?);
    }
    if drafts.is_empty() {
        return Err(Fault::new(SAID));
    }
    drafts.sort_unstable();
    drafts.dedup();
    Ok(drafts)
}

fn upstream_draft(value: &Value) -> Result<Option<WebSocketDraft>, Fault> {
    if value.text() == "same" {
        return Ok(None);
    }
    let said = "expected one of hixie-75, hixie-76, hybi-07, hybi-08 and 13, or same";
    value.one_of(&WebSocketDraft::NAMES).map(Some).map_err(|_| Fault::new(said))
}

/// Tokens of RFC 9110 section 5.6.2, as `Sec-WebSocket-Protocol` has them.
fn protocols(value: &Value) -> Result<Vec<String>, Fault> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let mut protocols: Vec<String> = Vec::new();
    for word in value.words() {
        let name = word.text();
        if !name.chars().all(token) {
            return Err(value.fault_of(
                &word,
                "expected names of letters, digits and any of \
                                              !#$%&'*+-.^_`|~, as in binary base64",
            ));
        }
        if protocols.iter().any(|known| known == name) {
            return Err(value.fault_of(&word, &format!("{name} is listed twice")));
        }
        protocols.push(name.into());
    }
    if protocols.is_empty() {
        return Err(Fault::new("expected names, as in binary base64"));
    }
    Ok(protocols)
}

fn deflate(value: &Value) -> Result<WebSocketDeflate, Fault> {
    match (value.text(), word_flag(value.text())) {
        ("takeover", _) => Ok(WebSocketDeflate::Takeover),
        (_, Some(true)) => Ok(WebSocketDeflate::On),
        (_, Some(false)) => Ok(WebSocketDeflate::Off),
        _ => Err(Fault::new("expected on, off or takeover")),
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
