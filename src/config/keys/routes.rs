//! Keys that say where requests go.

use super::super::condition::{self, Subject, Test};
use super::super::draft::{Draft, RouteDraft};
use super::super::template::{Cgi, Template, Variable};
use super::super::value::{Fault, Value};
use super::{Group, Key, Kind, Outcome, Set, key};

pub(super) const GROUP: Group = Group {
    title: "Routes",
    intro: "Rules are tried in the order of the file, `[route:NAME]` sections included; the first that \
            matches and leads somewhere decides. The first space ends the regex or condition. Conditions and \
            actions are listed [below](#rules), and what can stand in them in [configuration.md](configuration.md#actions).",
    keys: &[
        rule("route", |draft, value| draft.rule(Subject::Path, value))
            .says("what matches REGEX with its canonical path goes to ACTION")
            .example("^/ws/ http:127.0.0.1:9000"),
        rule("route-host", |draft, value| draft.rule(Subject::Host, value))
            .says("the same for the host, in lower case and without port and trailing dot")
            .example(r"^api\.example\.com$ http:127.0.0.1:9001"),
        rule("route-uri", |draft, value| draft.rule(Subject::cgi(Cgi::Uri), value))
            .says("the same for `${REQUEST_URI}`: canonical path, question mark and query")
            .example(r"^/search\?q=old http:127.0.0.1:9001"),
        rule("route-qs", |draft, value| draft.rule(Subject::cgi(Cgi::QueryString), value))
            .says("the same for the query, as the client wrote it")
            .example("(^|&)beta=1(&|$) http:127.0.0.1:9001"),
        rule("route-remote-addr", |draft, value| draft.rule(Subject::cgi(Cgi::RemoteAddr), value))
            .says("the same for the client's address; for networks there is `ipv4in:`")
            .example(r"^127\. http:127.0.0.1:9001"),
        rule("route-user-agent", |draft, value| draft.rule(Subject::field("user-agent"), value))
            .says("the same for the field `User-Agent`")
            .example("(?i)bot http:127.0.0.1:9001"),
        rule("route-referer", |draft, value| draft.rule(Subject::field("referer"), value))
            .says("the same for the field `Referer`")
            .example("^https://old\\.example/ http:127.0.0.1:9001"),
        rule("route-remote-user", |draft, value| {
            draft.rule(remote_user(), value)
        })
        .says("the same for the user that a `basicauth:` above has let in")
        .example("^admin$ http:127.0.0.1:9001"),
        key("route-if", Kind::Conditional, Set::Main(|draft, value| draft.rule_if(false, value)))
            .list()
            .says(
                "what CONDITION holds for goes to ACTION: `equal:A;B`, `startswith:A;B`, `endswith:A;B`, \
                 `contains:A;B`, `regexp:A;REGEX`, `empty:A`, `ipv4in:A;NETWORK,...`, \
                 `ipv6in:A;NETWORK,...`, `exists:PATH`, `isfile:PATH`, `isdir:PATH`, `is-websocket:`, `websocket-draft:NAME`",
            )
            .example("equal:${HTTP_X_TENANT};blue http:127.0.0.1:9002"),
        key(
            "route-if-not",
            Kind::Conditional,
            Set::Main(|draft, value| draft.rule_if(true, value)),
        )
        .list()
        .says("what CONDITION does not hold for goes to ACTION")
        .example("is-websocket: uwsgi:127.0.0.1:3032"),
        key("route-run", Kind::Action, Set::Main(|draft, value| draft.rule_run(value)))
            .list()
            .says("whatever comes here goes to ACTION")
            .example("last:"),
        key("route-label", Kind::Word, Set::Main(|draft, value| draft.label(value)))
            .list()
            .says("a place between rules where `goto:NAME` of a rule above goes on")
            .example("static"),
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
    ],
};

pub(super) const SECTION: Group = Group {
    title: "Routes with settings of their own: `[route:NAME]`",
    intro: "A rule with all conditions given, and settings that hold for what it takes: keys marked \
            with `[route:NAME]` below. NAME is what the access log calls it.",
    keys: &[
        regex("host", |route, value| route.matches("host", Subject::Host, value))
            .says("condition: regex for the host; at least one condition is needed")
            .example(r"^chat\.example\.com$"),
        regex("path", |route, value| route.matches("path", Subject::Path, value))
            .says("condition: regex for the canonical path; captures are its, when it is there")
            .example(r"^/ws/(\w+)$"),
        regex("uri", |route, value| route.matches("uri", Subject::cgi(Cgi::Uri), value))
            .says("condition: regex for path and query")
            .example(r"\?q="),
        regex("qs", |route, value| route.matches("qs", Subject::cgi(Cgi::QueryString), value))
            .says("condition: regex for the query")
            .example("beta=1"),
        regex("remote-addr", |route, value| {
            route.matches("remote-addr", Subject::cgi(Cgi::RemoteAddr), value)
        })
        .says("condition: regex for the client's address")
        .example(r"^127\."),
        regex("user-agent", |route, value| {
            route.matches("user-agent", Subject::field("user-agent"), value)
        })
        .says("condition: regex for the field `User-Agent`")
        .example("(?i)bot"),
        regex("referer", |route, value| route.matches("referer", Subject::field("referer"), value))
            .says("condition: regex for the field `Referer`")
            .example("^https://old\\.example/"),
        regex("remote-user", |route, value| route.matches("remote-user", remote_user(), value))
            .says("condition: regex for the user that a `basicauth:` above has let in")
            .example("^admin$"),
        key("if", Kind::Condition, Set::Route(|route, value| route.condition(false, value)))
            .list()
            .says("a condition as in `route-if`, which must hold")
            .example("ipv4in:${REMOTE_ADDR};10.0.0.0/8"),
        key("if-not", Kind::Condition, Set::Route(|route, value| route.condition(true, value)))
            .list()
            .says("a condition as in `route-if`, which must not hold")
            .example("empty:${cookie[session]}"),
        key(
            "is-websocket",
            Kind::Flag,
            Set::Route(|route, value| {
                let negated = !value.flag()?;
                route.single("is-websocket", Test::Opens(None), negated, value);
                Ok(())
            }),
        )
        .says("condition: on, a WebSocket handshake, good or bad; off, anything else")
        .example("on"),
        key(
            "websocket-draft",
            Kind::Word,
            Set::Route(|route, value| {
                let draft = condition::draft(value)?;
                route.single("websocket-draft", Test::Opens(Some(draft)), false, value);
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
    ],
};

/// Who has logged in.
fn remote_user() -> Subject {
    Subject::Text(Template::of(Variable::Own("REMOTE_USER".into())))
}

const fn rule(name: &'static str, set: fn(&mut Draft, &Value) -> Outcome) -> Key {
    key(name, Kind::Rule, Set::Main(set)).list()
}

const fn regex(name: &'static str, set: fn(&mut RouteDraft, &Value) -> Outcome) -> Key {
    key(name, Kind::Regex, Set::Route(set))
}
