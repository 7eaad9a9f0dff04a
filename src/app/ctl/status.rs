//! A status as text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::table::{bytes, duration, number, table};
use crate::base::Counters;
use crate::session::CloseReason;

/// Workers that get a column of their own; more are in the JSON.
const COLUMNS: usize = 8;

/// The whole page.
pub(super) fn page(status: &Value) -> String {
    let count = |name: &str| status["counters"][name].as_u64().unwrap_or_default();
    let workers = status["workers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = format!(
        "tidegate {}, pid {}, up {}, {} workers{}\n",
        status["version"].as_str().unwrap_or("-"),
        status["pid"],
        duration(status["uptime_ms"].as_u64().unwrap_or_default()),
        workers.len(),
        if status["draining"] == true { ", DRAINING" } else { "" },
    );
    text.push_str(&format!(
        "now: {} clients, {} tunnels, {} upstream connections\n",
        number(count("clients")),
        number(status["tunnels"].as_u64().unwrap_or_default()),
        number(count("upstreams")),
    ));
    let memory = |name: &str| status["memory"][name].as_u64().unwrap_or_default();
    text.push_str(&format!(
        "memory: {} blocks in use, {} taken for them, {} of unfinished messages\n",
        number(memory("blocks")),
        bytes(memory("bytes")),
        bytes(memory("messages")),
    ));
    for worker in workers.iter().filter(|worker| worker["answers"] != true) {
        text.push_str(&format!("worker-{} DOES NOT ANSWER\n", worker["worker"]));
    }
    text.push_str(&certificates(status));
    text.push_str(&upstreams(status));
    text.push_str(&instances(&status["instances"]));
    text.push_str(&bus(&status["bus"]));
    let order = Counters::new().named().map(|(name, _)| name);
    text.push_str(&part("COUNTERS", "counters", &order, true, status, workers));
    let order: Vec<&str> = CloseReason::ALL.iter().map(|reason| reason.word()).collect();
    text.push_str(&part("ENDED", "close_reasons", &order, false, status, workers));
    text
}

/// What TLS listeners present, if anything.
fn certificates(status: &Value) -> String {
    let all = status["certificates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
            let until = text("not_after").split('T').next().unwrap_or_default().to_owned();
            let days = match one["days_left"].as_i64() {
                Some(days @ 0..) => days.to_string(),
                Some(_) => "EXPIRED".to_owned(),
                None => "-".to_owned(),
            };
            vec![text("file"), text("subject"), until, days]
        })
        .collect();
    let headings = ["CERTIFICATE", "SUBJECT", "UNTIL", "DAYS"];
    if rows.is_empty() { String::new() } else { format!("\n{}", table(&headings, &rows, 3)) }
}

/// The servers of groups, if there are any.
fn upstreams(status: &Value) -> String {
    let groups = status["upstreams"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut rows = Vec::new();
    for group in groups {
        let name = group["name"].as_str().unwrap_or("-").to_owned();
        for server in group["servers"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let text = |name: &str| server[name].as_str().unwrap_or("-").to_owned();
            let count = |name: &str| server[name].as_u64().map_or("-".to_owned(), number);
            let address = match server["backup"] == true {
                true => format!("{} (backup)", text("address")),
                false => text("address"),
            };
            let (state, ill) = (text("state"), text("ill"));
            rows.push(vec![name.clone(), address, state, ill, count("sessions"), count("max")]);
        }
        if let Some(waiting @ 1..) = group["waiting"].as_u64() {
            let waiting = number(waiting);
            let row =
                [name, "waiting for a seat".into(), "-".into(), "-".into(), waiting, "-".into()];
            rows.push(row.into());
        }
    }
    let headings = ["UPSTREAM", "SERVER", "STATE", "LAST CHECK", "SESSIONS", "MAX"];
    if rows.is_empty() { String::new() } else { format!("\n{}", table(&headings, &rows, 4)) }
}

/// Other instances, if there are to be any.
fn instances(status: &Value) -> String {
    if status.is_null() {
        return String::new();
    }
    let list = |name: &str| status[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<String>> = list("others")
        .iter()
        .map(|other| {
            let count = |name: &str| other[name].as_u64().map_or("-".to_owned(), number);
            let id = other["id"].as_str().unwrap_or("-").to_owned();
            let address = other["address"].as_str().unwrap_or("AWAY").to_owned();
            let figures = ["waiting", "sent", "lost", "received", "gaps"].map(count);
            [id, address].into_iter().chain(figures).collect()
        })
        .collect();
    let alone = if status["alone"] == true { ", ALONE" } else { "" };
    let mut text = format!("\ninstance {}{alone}\n", status["id"].as_str().unwrap_or("-"));
    let headings = ["INSTANCE", "ADDRESS", "WAITING", "SENT", "LOST", "RECEIVED", "GAPS"];
    if !rows.is_empty() {
        text.push_str(&table(&headings, &rows, 2));
    }
    for one in list("failing") {
        let said = |name: &str| one[name].as_str().unwrap_or("-");
        text.push_str(&format!("not linked to {}: {}\n", said("address"), said("said")));
    }
    if let Some(refused @ 1..) = status["refused"].as_u64() {
        text.push_str(&format!("refused: {} that did not prove the secret\n", number(refused)));
    }
    text
}

/// The bus, if there is one.
fn bus(status: &Value) -> String {
    if status.is_null() {
        return String::new();
    }
    let count = |name: &str| status[name].as_u64().map_or("-".to_owned(), number);
    let others = status["others"].as_array().map_or(0, Vec::len);
    let state = match (&status["linked"], status["failing"].as_str()) {
        (Value::Bool(true), _) => format!("others there: {}", number(others as u64)),
        (_, Some(why)) => format!("ALONE: {why}"),
        (_, None) => "connecting".to_owned(),
    };
    let headings = ["BUS", "CHANNELS", "WAITING", "SENT", "LOST", "RECEIVED", "GAPS"];
    let address = status["address"].as_str().unwrap_or("-").to_owned();
    let figures = ["channels", "waiting", "sent", "lost", "received", "gaps"].map(count);
    let row: Vec<String> = [address].into_iter().chain(figures).collect();
    format!(
        "\ninstance {} on a bus, {state}\n{}",
        status["id"].as_str().unwrap_or("-"),
        table(&headings, &[row], 1)
    )
}

/// One table behind an empty line: a row for each number, in the order we know, then those we do not; 0 is left out unless
/// `zeros`.
fn part(
    title: &str,
    name: &str,
    order: &[&str],
    zeros: bool,
    status: &Value,
    workers: &[Value],
) -> String {
    let shown = if workers.len() > COLUMNS { &[] } else { workers };
    let numbers: BTreeMap<&str, u64> = status[name]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, number)| Some((name.as_str(), number.as_u64()?)))
        .collect();
    let known = order.iter().copied().filter(|name| numbers.contains_key(name));
    let new = numbers.keys().copied().filter(|name| !order.contains(name));
    let rows: Vec<Vec<String>> = known
        .chain(new)
        .filter_map(|row| Some((row, *numbers.get(row)?)))
        .filter(|(_, sum)| zeros || *sum > 0)
        .map(|(row, sum)| {
            let each = shown.iter().map(|worker| worker[name][row].as_u64().unwrap_or_default());
            [row.to_owned(), number(sum)].into_iter().chain(each.map(number)).collect()
        })
        .collect();
    let names: Vec<String> =
        shown.iter().map(|worker| format!("worker-{}", worker["worker"])).collect();
    let headings: Vec<&str> =
        [title, "all"].into_iter().chain(names.iter().map(String::as_str)).collect();
    if rows.is_empty() { String::new() } else { format!("\n{}", table(&headings, &rows, 1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_shown_with_their_ends() {
        let one = |file: &str, days: i64| serde_json::json!({"file": file, "subject": "CN=a", "not_after": "2030-01-02T03:04:05.000Z", "days_left": days});
        let status = serde_json::json!({"certificates": [one("a.pem", 12), one("old.pem", -1)]});
        let shown = certificates(&status);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "CERTIFICATE  SUBJECT  UNTIL          DAYS",
                "a.pem        CN=a     2030-01-02       12",
                "old.pem      CN=a     2030-01-02  EXPIRED",
            ]
        );
        assert_eq!(certificates(&serde_json::json!({})), "");
    }
    #[test]
    fn servers_are_shown_as_they_are() {
        let server = |address: &str, state: &str, ill: Option<&str>, backup: bool| serde_json::json!({"address": address, "state": state, "ill": ill, "sessions": 1200, "max": null, "backup": backup});
        let servers = [
            server("10.0.0.1:9000", "down", Some("status 500"), false),
            server("b:1", "up", None, true),
        ];
        let status =
            serde_json::json!({"upstreams": [{"name": "app", "waiting": 3, "servers": servers}]});
        let shown = upstreams(&status);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "UPSTREAM  SERVER              STATE  LAST CHECK  SESSIONS  MAX",
                "app       10.0.0.1:9000       down   status 500     1,200    -",
                "app       b:1 (backup)        up     -              1,200    -",
                "app       waiting for a seat  -      -                  3    -",
            ]
        );
        assert_eq!(upstreams(&serde_json::json!({})), "");
    }

    #[test]
    fn a_bus_is_shown_whether_it_is_there_or_not() {
        let status = |linked: bool, failing: Option<&str>| {
            serde_json::json!({
                "id": "01020304", "address": "redis://a:6379/0", "linked": linked, "failing": failing, "others": ["05060708"],
                "channels": 1000, "waiting": 1, "sent": 2, "lost": 3, "received": 4, "gaps": 5,
            })
        };
        let shown = bus(&status(true, None));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "instance 01020304 on a bus, others there: 1",
                "BUS               CHANNELS  WAITING  SENT  LOST  RECEIVED  GAPS",
                "redis://a:6379/0     1,000        1     2     3         4     5",
            ]
        );
        let shown = bus(&status(false, Some("it has closed")));
        assert!(shown.contains("on a bus, ALONE: it has closed"), "{shown}");
        assert_eq!(bus(&Value::Null), "");
    }

    #[test]
    fn other_instances_are_shown_and_those_that_are_not_there() {
        let other = |address: Option<&str>| serde_json::json!({"id": "0a0b0c0d", "address": address, "waiting": 1, "sent": 2000, "lost": 3, "received": 4, "gaps": 5});
        let status = serde_json::json!({
            "id": "01020304", "alone": true, "refused": 7, "others": [other(Some("10.0.0.2:7400")), other(None)],
            "failing": [{"address": "10.0.0.3:7400", "said": "refused"}],
        });
        let shown = instances(&status);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "",
                "instance 01020304, ALONE",
                "INSTANCE  ADDRESS        WAITING   SENT  LOST  RECEIVED  GAPS",
                "0a0b0c0d  10.0.0.2:7400        1  2,000     3         4     5",
                "0a0b0c0d  AWAY                 1  2,000     3         4     5",
                "not linked to 10.0.0.3:7400: refused",
                "refused: 7 that did not prove the secret",
            ]
        );
        assert_eq!(instances(&Value::Null), "");
    }
}
