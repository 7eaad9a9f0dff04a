//! What is configured for the demo: options and rules as anybody could write them.

use crate::base::Address;
use crate::config::Given;

use super::{Certificate, Ticker};

/// Where the demo is, unless told otherwise.
pub const AT: &str = "127.0.0.1:8080";

/// The chat of all tabs: who comes says its name, and all hear of it.
const CHAT: &str = "^/live/chat$ channel:chat,ids=yes,who=${qs[name]},events=yes,public=yes";
/// What the ticker publishes, to whoever listens.
const COUNTER: &str = "^/live/counter$ channel:counter,mode=subscribe";
/// The box that publishes; a GET says who is there.
const SPEAK: &str = "^/publish/chat$ publish:chat,public=yes";
/// Messages of a channel that are kept for whoever comes back.
const HISTORY: &str = "50,1h";

/// What was asked for, and around it what the demo shows.
pub fn options(
    asked: Vec<Given>,
    tls: Option<(&str, &Certificate)>,
    worker: &Address,
    ticker: &Ticker,
) -> Vec<Given> {
    let has = |key| asked.iter().any(|option| option.key == key);
    let mut more = Vec::new();
    let mut give = |key: &str, value: String| {
        more.push(Given { key: key.into(), value: Some(value) });
    };
    if !has("http") {
        give("http", AT.into());
    }
    if let Some((at, made)) = tls {
        let (pem, key) = (made.certificate(), made.key());
        give("https", format!("{at},{},{}", pem.display(), key.display()));
    }
    if !has("admin") {
        // The usual place is for a router that is not a demo.
        give("admin", "off".into());
    }
    if !has("logto") {
        give("disable-logging", "true".into());
    }
    // A page that is open holds a WebSocket: waiting for it would only keep Ctrl-C from working.
    give("drain-timeout", "1s".into());
    // Nobody but the ticker can open this socket, so nobody else makes the counter count.
    give("http", ticker.door());
    give("route-if", format!("equal:${{LISTENER}};{} publish:counter,public=yes", ticker.door()));
    for rule in [CHAT, COUNTER, SPEAK] {
        give("route", rule.into());
    }
    give("channel-history", HISTORY.into());
    give("default", format!("http:{worker}"));
    [asked, more].concat()
}
