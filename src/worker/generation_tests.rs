//! Tests of what a configuration comes to.

use super::*;
use crate::config::{Answer, Surroundings, parse};
use crate::proto::ws::Drafts;
use crate::reactor::tls::TrafficLog;

fn connectors() -> Connectors {
    Connectors::new(Arc::new(TrafficLog))
}

fn built(text: &str) -> Generation {
    let text = format!("[tidegate]\nhttp = :80\n{text}");
    let (config, mut problems) = parse(text.as_bytes(), "site.ini", &Surroundings::none());
    let generation = build(
        &config,
        &mut Identities::default(),
        &mut connectors(),
        &Guards::default(),
        "router",
        &mut problems,
    );
    assert_eq!(problems, []);
    generation.unwrap()
}

#[test]
fn uwsgi_is_guarded_unless_something_else_is_said() {
    let uwsgi = Place::Uwsgi { modifier1: 0, modifier2: 0, vars: Vec::new() };
    let mut settings = Settings::default();
    assert_eq!(websockets(&settings, &uwsgi).mode, Mode::Guard);
    assert_eq!(websockets(&settings, &Place::Echo).mode, Mode::Track);
    settings.websockets_mode = Some(WebSocketMode::Pass);
    assert_eq!(websockets(&settings, &uwsgi).mode, Mode::Pass);
}

#[test]
fn drafts_and_the_rest_arrive() {
    let settings = Settings {
        drafts: WebSocketDraft::NAMES.map(|(_, draft)| draft).into(),
        upstream_draft: None,
        protocols: vec!["binary".into()],
        deflate: WebSocketDeflate::Takeover,
        ..Settings::default()
    };
    let found = websockets(&settings, &Place::Echo);
    assert_eq!((found.drafts, found.upstream), (Drafts::ALL, None));
    assert_eq!(found.protocols, [Box::from("binary")]);
    assert_eq!(found.deflate, Some(DeflatePolicy { takeover: true, bits: 15 }));
    for (name, draft) in WebSocketDraft::NAMES {
        assert_eq!(super::draft(draft).name(), name);
    }
}

#[test]
fn routes_lead_where_they_say() {
    let generation = built(
        "websockets-memory = 1m\nroute = ^/e echo:\nroute = ^/t tcp:irc\ndefault = tcp:a:1\n\
         [upstream:irc]\nprotocol = tcp\nserver = b:1\nserver = c:1\n",
    );
    assert_eq!(generation.websocket_memory, 1 << 20);
    let [echo, irc] = &generation.routes[..] else { panic!() };
    assert!(matches!(echo.target.place, Place::Echo) && echo.target.group.servers.is_empty());
    assert!(matches!(irc.target.place, Place::Tcp { token: None }));
    assert_eq!(irc.target.group.servers.len(), 2);
    let fallback = &generation.fallback.as_ref().unwrap().target;
    assert!(matches!(fallback.place, Place::Tcp { token: None }));
    assert_eq!(fallback.group.servers.len(), 1);
}

#[test]
fn what_no_rule_takes_may_be_answered() {
    let generation = built("route = ^/e echo:\ndefault = return:403\n");
    assert!(generation.fallback.is_none());
    assert!(matches!(generation.answer, Some(Answer::Status { status: 403, .. })));
}

#[test]
fn servers_are_secured_or_nothing_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    std::fs::write(&ca, made.cert.pem()).unwrap();
    let group = |name: &str, more: &str| {
        format!(
            "[upstream:{name}]\nprotocol = https\nca = {}\nserver = a:1\nserver = b:1\n{more}\n",
            ca.display()
        )
    };
    let text = format!(
        "route = ^/x https:x\nroute = ^/y https:y\nroute = ^/z https:z\ndefault = http:a:1\n{}{}{}",
        group("x", ""),
        group("y", "verify-name = c.example"),
        group("z", ""),
    );
    let generation = built(&text);
    let names = |route: usize| -> Vec<String> {
        let servers = generation.routes[route].target.group.servers.iter();
        servers
            .map(|server| server.connector.as_ref().unwrap().name.to_str().into_owned())
            .collect()
    };
    assert_eq!([names(0), names(1)], [["a", "b"], ["c.example", "c.example"]]);
    let ids = |route: usize| generation.routes[route].target.group.servers[0].id;
    assert_ne!(ids(0), ids(1), "an idle connection is not for who expects another name");
    assert_eq!(ids(0), ids(2));
    let plain = &generation.fallback.as_ref().unwrap().target.group.servers[0];
    assert!(plain.connector.is_none() && plain.id != ids(0));

    for (bad, said) in [
        (group("x", "verify-name = a b"), "cannot be for \"a b\""),
        (group("x", "client-cert = /none.pem,/none.key"), "/none.pem: there is no such file"),
        (group("x", "").replace("ca.pem", "none.pem"), "none.pem: there is no such file"),
    ] {
        let text = format!("[tidegate]\nhttp = :80\ndefault = https:x\n{bad}");
        let (config, mut problems) = parse(text.as_bytes(), "site.ini", &Surroundings::none());
        assert_eq!(problems, []);
        let generation = build(
            &config,
            &mut Identities::default(),
            &mut connectors(),
            &Guards::default(),
            "router",
            &mut problems,
        );
        assert!(generation.is_none() && problems[0].is_error());
        assert!(problems[0].message.contains(said), "{problems:?}");
    }
}
