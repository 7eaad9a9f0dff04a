//! Keys that say where requests go.

use super::super::condition;
use super::super::draft::Condition;
use super::super::value::{Fault, Value};
use super::{Group, Kind, Scope, Set, key, planned};

const MAIN: &[Scope] = &[Scope::Main];
const ROUTE: &[Scope] = &[Scope::Route];

pub(super) const GROUP: Group = Group {
    title: "Routes",
    intro: "Rules are tried in the order of the file, `[route:NAME]` sections included; the first that \
            matches decides. The first space ends the regex. Actions are `uwsgi:ADDR[,MOD1,MOD2]`, \
            `http:ADDR[,HOST[,URI]]`, `tcp:ADDR` (the messages of WebSockets as a stream of bytes, and back), `tcp:token:FILE,KEY` \
            (the same, to the server that FILE has for KEY) and `echo:` (WebSockets whose messages come back), where ADDR may be the NAME of an \
            `[upstream:NAME]`; in HOST, URI and KEY `$1` to `$9` are captures, `$0` is the \
            whole match, and `${qs[NAME]}`, `${cookie[NAME]}`, `${HTTP_NAME}` and `${REMOTE_ADDR}` what the \
            request says.",
    keys: &[
        key("route", Kind::Rule, Set::Main(|draft, value| draft.rule(Condition::Path, value)))
            .list()
            .says("what matches REGEX with its canonical path goes to ACTION")
            .example("^/ws/ http:127.0.0.1:9000"),
        key("route-host", Kind::Rule, Set::Main(|draft, value| draft.rule(Condition::Host, value)))
            .list()
            .says("the same for the host, in lower case and without port and trailing dot")
            .example(r"^api\.example\.com$ http:127.0.0.1:9001"),
        key("route-if", Kind::Conditional, Set::Main(|draft, value| draft.rule_if(false, value)))
            .list()
            .says(
                "what CONDITION holds for goes to ACTION: `is-websocket:`, a WebSocket handshake; \
             `websocket-draft:NAME`, one in this draft (named as in `websockets-drafts`)",
            )
            .example("is-websocket: http:127.0.0.1:9002"),
        key(
            "route-if-not",
            Kind::Conditional,
            Set::Main(|draft, value| draft.rule_if(true, value)),
        )
        .list()
        .says("what CONDITION does not hold for goes to ACTION")
        .example("is-websocket: uwsgi:127.0.0.1:3032"),
        key(
            "http-to",
            Kind::Address,
            Set::Main(|draft, value| {
                let address = match value.address() {
                    Err(fault)
                        if value.text().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') =>
                    {
                        let said = format!(
                            "{} (for an [upstream:NAME]: default = uwsgi:NAME)",
                            fault.expected
                        );
                        return Err(Fault::new(said));
                    }
                    address => address?,
                };
                draft.config.http_to.push(value.placed(address));
                Ok(())
            }),
        )
        .list()
        .unset("404")
        .says("uwsgi servers that take what no rule takes, each in turn")
        .example("127.0.0.1:3031"),
        key(
            "default",
            Kind::Action,
            Set::Main(|draft, value| {
                draft.default = Some(value.clone());
                Ok(())
            }),
        )
        .unset("404")
        .says("takes what no rule takes, with any action; instead of `http-to`")
        .example("http:127.0.0.1:9000"),
        key(
            "merge-slashes",
            Kind::Flag,
            Set::Main(|draft, value| {
                draft.config.merge_slashes = value.flag()?;
                Ok(())
            }),
        )
        .default("on")
        .says("`//` in a path is matched and forwarded as `/`")
        .example("off"),
        planned("route-uri", MAIN, ""),
        planned("route-qs", MAIN, ""),
        planned("route-remote-addr", MAIN, ""),
        planned("route-user-agent", MAIN, ""),
        planned("route-referer", MAIN, ""),
        planned("route-run", MAIN, ""),
        planned("route-label", MAIN, ""),
    ],
};

pub(super) const SECTION: Group = Group {
    title: "Routes with settings of their own: `[route:NAME]`",
    intro: "A rule with all conditions given, and settings that hold for what it takes: keys marked \
            with `[route:NAME]` below. NAME is what the access log calls it.",
    keys: &[
        key(
            "host",
            Kind::Regex,
            Set::Route(|route, value| {
                route.host = Some(value.placed(regex(value)?));
                Ok(())
            }),
        )
        .says("condition: regex for the host; at least one condition is needed")
        .example(r"^chat\.example\.com$"),
        key(
            "path",
            Kind::Regex,
            Set::Route(|route, value| {
                route.path = Some(value.placed(regex(value)?));
                Ok(())
            }),
        )
        .says("condition: regex for the canonical path; captures are its, when it is there")
        .example(r"^/ws/(\w+)$"),
        key(
            "is-websocket",
            Kind::Flag,
            Set::Route(|route, value| {
                route.is_websocket = Some(value.flag()?);
                Ok(())
            }),
        )
        .says("condition: on, a WebSocket handshake, good or bad; off, anything else")
        .example("on"),
        key(
            "websocket-draft",
            Kind::Word,
            Set::Route(|route, value| {
                route.websocket_draft = Some(condition::draft(value)?);
                Ok(())
            }),
        )
        .says("condition: a WebSocket handshake in this draft, named as in `websockets-drafts`")
        .example("13"),
        key(
            "to",
            Kind::Action,
            Set::Route(|route, value| {
                route.to = Some(value.clone());
                Ok(())
            }),
        )
        .says("the action; needed")
        .example("http:127.0.0.1:9000"),
        planned("uri", ROUTE, ""),
        planned("qs", ROUTE, ""),
        planned("remote-addr", ROUTE, ""),
        planned("user-agent", ROUTE, ""),
        planned("referer", ROUTE, ""),
        planned("if", ROUTE, ""),
        planned("if-not", ROUTE, ""),
    ],
};

fn regex(value: &Value) -> Result<String, Fault> {
    Ok(value.filled("expected a regex such as ^/ws/")?.into())
}
