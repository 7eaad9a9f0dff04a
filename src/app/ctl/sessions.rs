//! Live WebSockets as a table.

use serde_json::Value;

use super::table::{bytes, duration, number, table};

const HEADINGS: [&str; 13] = [
    "ID", "CLIENT", "ROUTE", "UPSTREAM", "DRAFT", "MODE", "STATE", "AGE", "IDLE", "MESSAGES",
    "BYTES", "QUEUED", "RTT",
];
/// How many of them are words.
const WORDS: usize = 7;

/// The cells of one session. What has two numbers is from the client and from the upstream.
pub(super) fn row(session: &Value) -> Vec<String> {
    let word = |name: &str| match &session[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let time = |name: &str| session[name].as_u64().map_or("-".into(), duration);
    let both = |name: &str, show: fn(u64) -> String| {
        let [from_client, from_upstream] =
            ["in", "out"].map(|way| session[format!("{name}_{way}")].as_u64().map(show));
        let shown = from_client.zip(from_upstream).map(|(one, other)| format!("{one}/{other}"));
        shown.unwrap_or("-".into())
    };
    vec![
        word("id"),
        client(session),
        word("route"),
        word("upstream"),
        word("draft"),
        word("mode"),
        word("state"),
        time("age_ms"),
        time("idle_ms"),
        both("messages", number),
        both("bytes", bytes),
        both("queued", bytes),
        time("rtt_ms"),
    ]
}

/// The client with its port, as an address is written.
fn client(session: &Value) -> String {
    match (session["client"].as_str().unwrap_or("-"), session["port"].as_u64()) {
        (name, None | Some(0)) => name.to_owned(),
        (ip, Some(port)) if ip.contains(':') => format!("[{ip}]:{port}"),
        (ip, Some(port)) => format!("{ip}:{port}"),
    }
}

/// All of them.
pub(super) fn page(rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "no live WebSockets\n".into();
    }
    table(&HEADINGS, rows, WORDS)
}
