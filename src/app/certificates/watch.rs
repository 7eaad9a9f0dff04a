//! Looks at the files of certificates every few seconds, and says ahead when one expires.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use super::{Certificates, DAY};
use crate::reactor::tls::Certificate;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(3);
/// How many days ahead the end of a certificate is said, the last first.
const AHEAD: [u64; 3] = [1, 7, 30];

/// Watches the files, on a thread of its own that ends with what is returned. A letter to it has them read anew.
///
/// # Errors
/// When there is no thread to be had.
pub(in super::super) fn watch(certificates: &Arc<Certificates>) -> std::io::Result<Sender<()>> {
    let certificates = Arc::clone(certificates);
    let (wake, woken) = channel();
    let watch = move || keep_watch(&certificates, &woken);
    std::thread::Builder::new().name("certificates".into()).spawn(watch)?;
    Ok(wake)
}

fn keep_watch(certificates: &Certificates, woken: &Receiver<()>) {
    let mut said = Said::default();
    loop {
        for line in said.due(&certificates.shown(), SystemTime::now()) {
            tracing::warn!("{line}");
        }
        match woken.recv_timeout(LOOK) {
            Ok(()) => certificates.read_again(),
            Err(RecvTimeoutError::Timeout) if certificates.changed() => certificates.read_again(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        certificates.tickets.rotate();
    }
}

/// Which ends of certificates were said, and how many days before.
#[derive(Debug, Default)]
struct Said(HashMap<(PathBuf, SystemTime), u64>);

impl Said {
    /// What is to be said now: each certificate's end at most once a step.
    fn due(&mut self, certificates: &[Certificate], now: SystemTime) -> Vec<String> {
        let mut lines = Vec::new();
        for Certificate { path, facts } in certificates {
            let left = facts.not_after.duration_since(now).unwrap_or_default();
            let step = match left {
                Duration::ZERO => 0,
                left => match AHEAD.iter().find(|days| left <= DAY * **days as u32) {
                    Some(days) => *days,
                    None => continue,
                },
            };
            let key = (path.clone(), facts.not_after);
            if self.0.get(&key).is_some_and(|said| *said <= step) {
                continue;
            }
            self.0.insert(key, step);
            let (path, subject) = (path.display(), &facts.subject);
            lines.push(match step {
                0 => format!("{path}: the certificate of {subject} has expired"),
                _ => format!("{path}: the certificate of {subject} expires {}", within(left)),
            });
        }
        lines
    }
}

/// `in 12 days`, `in 5 hours`.
fn within(left: Duration) -> String {
    match left.as_secs() / DAY.as_secs() {
        0 => format!("in {} hours", left.as_secs() / 3600),
        1 => "in 1 day".into(),
        days => format!("in {days} days"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::reactor::tls::Facts;
    use std::time::UNIX_EPOCH;

    pub(in super::super) fn ends(path: &str, day: u64) -> Certificate {
        let facts = Facts {
            subject: "CN=a.example".into(),
            not_before: UNIX_EPOCH,
            not_after: UNIX_EPOCH + DAY * day as u32,
            stapled: false,
        };
        Certificate { path: path.into(), facts }
    }

    #[test]
    fn an_end_is_said_a_month_a_week_and_a_day_ahead_each_once() {
        let mut said = Said::default();
        let mut on = |day: u64, hours: u64, end: u64| {
            let now = UNIX_EPOCH + DAY * day as u32 + Duration::from_secs(3600 * hours);
            said.due(&[ends("a.pem", end)], now)
        };
        assert_eq!(on(0, 0, 100), [""; 0]);
        assert_eq!(on(70, 0, 100), ["a.pem: the certificate of CN=a.example expires in 30 days"]);
        assert_eq!(on(71, 0, 100), [""; 0]);
        assert_eq!(on(93, 1, 100), ["a.pem: the certificate of CN=a.example expires in 6 days"]);
        assert_eq!(on(99, 1, 100), ["a.pem: the certificate of CN=a.example expires in 23 hours"]);
        assert_eq!(on(99, 9, 100), [""; 0]);
        assert_eq!(on(100, 0, 100), ["a.pem: the certificate of CN=a.example has expired"]);
        assert_eq!(on(101, 0, 100), [""; 0]);
        assert_eq!(on(101, 0, 104), ["a.pem: the certificate of CN=a.example expires in 3 days"]);
        assert_eq!(on(101, 0, 200), [""; 0], "renewed");
    }
}
