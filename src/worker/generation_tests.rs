//! Tests of what a configuration comes to.

use super::*;
use crate::config::{Surroundings, parse};
use crate::proto::ws::Drafts;

fn built(text: &str) -> Generation {
    let text = format!("[tidegate]\nhttp = :80\n{text}");
    let (config, mut problems) = parse(text.as_bytes(), "site.ini", &Surroundings::none());
    let generation = build(&config, &mut Identities::default(), "router", &mut problems);
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
    assert_eq!(found.protocols, ["binary".into()]);
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
