//! How servers are asked whether they are well: `health` as it is written.

use std::time::Duration;

use super::units::{digits, parse_duration};
use super::value::{Fault, Value};

/// A group's `health`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What a server is asked.
    pub question: Question,
    /// `host`: what stands in `Host`, where it is not the server's address.
    pub host: Option<String>,
    /// `every`: from one check to the next.
    pub every: Duration,
    /// `timeout`: how long one may take, no longer than `every`.
    pub timeout: Duration,
    /// `fall`: failures in a row before a server is down.
    pub fall: u8,
    /// `rise`: successes in a row before it is up again.
    pub rise: u8,
}

/// What a server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether it takes a connection, over TLS where that is what it speaks.
    Connect,
    /// What it answers to a request.
    Request {
        /// HEAD instead of GET.
        head: bool,
        /// Path and query.
        target: String,
        /// Statuses that are well, from the first to the last of each.
        well: Vec<(u16, u16)>,
    },
    /// Whether it opens a WebSocket.
    WebSocket {
        /// Path and query.
        target: String,
    },
}

const EXPECTED: &str = "expected what to ask and how often, as in GET /healthz 200 every 5s, websocket /chat every 10s or \
                        tcp every 2s";
const OPTION: &str =
    "expected a status such as 200 or 200-399, or every, timeout, fall, rise or host and its value";
/// How long a check may take where that is not said.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is well where that is not said.
const WELL: (u16, u16) = (200, 399);

/// `GET TARGET STATUS... OPTION VALUE...`, `HEAD` alike; `websocket TARGET` and `tcp` with options.
pub(super) fn health(value: &Value) -> Result<HealthCheck, Fault> {
    let mut words = value.words().peekable();
    let first = words.next().ok_or_else(|| Fault::new(EXPECTED))?;
    let mut target = || -> Result<String, Fault> {
        let wrong = |at| Fault::at(at, "expected the path to ask for, as in /healthz");
        let word = words.next().ok_or_else(|| wrong(value.text().len()))?;
        let is_target = word.text().starts_with('/')
            && word.text().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if is_target {
            Ok(word.text().into())
        } else {
            Err(value.fault_of(&word, &wrong(0).expected))
        }
    };
    let mut question = match first.text() {
        "tcp" => Question::Connect,
        "websocket" => Question::WebSocket { target: target()? },
        method @ ("GET" | "HEAD") => {
            Question::Request { head: method == "HEAD", target: target()?, well: Vec::new() }
        }
        _ => return Err(value.fault_of(&first, EXPECTED)),
    };
    if let Question::Request { well, .. } = &mut question {
        while let Some(range) = words.peek().and_then(|word| statuses(word.text())) {
            well.push(range);
            words.next();
        }
        if well.is_empty() {
            well.push(WELL);
        }
    }
    let every = Duration::from_secs(5);
    let mut check =
        HealthCheck { question, host: None, every, timeout: PATIENCE, fall: 3, rise: 2 };
    let mut timeout = None;
    while let Some(word) = words.next() {
        let said = words.next();
        let text = said.as_ref().map(Value::text).unwrap_or_default();
        let wrong = |expected| value.fault_of(said.as_ref().unwrap_or(&word), expected);
        let duration = || {
            let found = parse_duration(text).filter(|found| !found.is_zero());
            found.ok_or_else(|| wrong("expected a duration such as 5s or 250ms"))
        };
        let times = || {
            let found = digits(text).filter(|found| (1..=100).contains(found));
            found.map(|found| found as u8).ok_or_else(|| wrong("expected a number from 1 to 100"))
        };
        match word.text() {
            "every" => check.every = duration()?,
            "timeout" => timeout = Some(duration()?),
            "fall" => check.fall = times()?,
            "rise" => check.rise = times()?,
            "host" if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                check.host = Some(text.into());
            }
            "host" => return Err(wrong("expected a host, as in app.example.com")),
            _ => return Err(value.fault_of(&word, OPTION)),
        }
    }
    if check.every < Duration::from_millis(100) {
        return Err(Fault::new("expected at least 100ms from one check to the next"));
    }
    if timeout.is_some_and(|timeout| timeout > check.every) {
        return Err(Fault::new("expected a timeout no longer than the time to the next check"));
    }
    check.timeout = timeout.unwrap_or(PATIENCE.min(check.every));
    Ok(check)
}

/// `200` or `200-399`.
fn statuses(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status = |text| digits(text).filter(|found| (100..=599).contains(found));
    let (first, last) = (status(first)? as u16, status(last)? as u16);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Place;

    fn read(text: &str) -> Result<HealthCheck, (usize, String)> {
        let place = Place { file: "k".into(), line: 1, column: 1 };
        let value = Value::new("health =", text, text, place, false);
        health(&value).map_err(|fault| (fault.at, fault.expected))
    }

    #[test]
    fn questions_and_their_terms() {
        let check = read("GET /healthz?x=1 200 every 5s").expect("a check");
        let target = "/healthz?x=1".to_owned();
        assert_eq!(
            check.question,
            Question::Request { head: false, target, well: vec![(200, 200)] }
        );
        assert_eq!((check.every.as_secs(), check.timeout.as_secs()), (5, 5));
        assert_eq!((check.fall, check.rise), (3, 2));
        let check = read("HEAD / 200-299,401 every 30 timeout 2s fall 1 rise 4 host a.b:1")
            .expect("a check");
        let well = vec![(200, 299), (401, 401)];
        assert_eq!(check.question, Question::Request { head: true, target: "/".into(), well });
        assert_eq!((check.every.as_secs(), check.timeout.as_secs()), (30, 2));
        assert_eq!((check.fall, check.rise, check.host.as_deref()), (1, 4, Some("a.b:1")));
        let check = read("websocket /ws every 250ms").expect("a check");
        assert_eq!(check.question, Question::WebSocket { target: "/ws".into() });
        assert_eq!(check.timeout, Duration::from_millis(250));
        let check = read("tcp every 1h").expect("a check");
        assert_eq!((check.question, check.timeout), (Question::Connect, PATIENCE));
        let check = read("GET /").expect("a check");
        assert!(matches!(check.question, Question::Request { well, .. } if well == [WELL]));
    }

    #[test]
    fn what_is_none() {
        for (text, at) in [
            ("", 0),
            ("POST /", 0),
            ("GET", 3),
            ("GET healthz", 4),
            ("GET / 99", 6),
            ("GET / 300-200", 6),
            ("GET / every", 6),
            ("GET / every 0", 12),
            ("GET / every 10ms", 0),
            ("tcp fall 0", 9),
            ("tcp rise 101", 9),
            ("tcp 200", 4),
            ("websocket every 5s", 10),
            ("tcp every 1s timeout 2s", 0),
            ("GET / host", 6),
        ] {
            assert_eq!(read(text).map_err(|(at, _)| at), Err(at), "{text}");
        }
    }
}
