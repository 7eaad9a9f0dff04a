//! Certificates from the configuration to the doors: read at the start, read anew when files change or at
//! HUP, and watched for their end.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use crate::base::{Place, Problem};
use crate::config::{Config, Placed, TlsPresented};
use crate::reactor::tls::{self, Acceptor, Agreement, Built, Certificate, Files, Named, Presented};
use crate::reactor::tls::{Terms, Tickets, TrafficLog};
use crate::session::admin::CertificateStatus;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(3);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How many days ahead the end of a certificate is said, the last first.
const AHEAD: [u64; 3] = [1, 7, 30];

/// Everything that TLS listeners present, as long as the process runs.
#[derive(Debug)]
pub(super) struct Certificates {
    terms: Vec<Terms>,
    tickets: Tickets,
    /// In the order of the listeners.
    doors: Vec<Arc<ArcSwap<Acceptor>>>,
    shown: Mutex<Vec<Certificate>>,
    files: Mutex<Files>,
}

/// Reads what a configuration names. `None` when it names no listener, or something is wrong.
pub(super) fn load(config: &Config, problems: &mut Vec<Problem>) -> Option<Certificates> {
    let terms = terms(config, problems)?;
    let tickets = Tickets::default();
    let Built { acceptors, files, certificates } =
        tls::build(&terms, &tickets, Arc::new(TrafficLog), problems);
    let doors = acceptors?.into_iter().map(|acceptor| Arc::new(ArcSwap::new(acceptor))).collect();
    let (shown, files) = (Mutex::new(certificates), Mutex::new(files));
    Some(Certificates { terms, tickets, doors, shown, files })
}

/// What each listener shall present; `None` without any.
fn terms(config: &Config, problems: &mut Vec<Problem>) -> Option<Vec<Terms>> {
    let tls = &config.tls;
    let first = tls.listeners.first()?;
    let suites = tls.suites.as_ref().map_or(&[][..], |suites| &suites.value);
    let groups = tls.groups.as_deref().unwrap_or_default();
    let agreement = match Agreement::new(&tls.versions, suites, groups) {
        Ok(agreement) => agreement,
        Err(said) => {
            problems.push(Problem::error(Some(first.address.place.clone()), said));
            return None;
        }
    };
    let named = tls.names.iter().map(|name| (name.name.value.clone(), presented(&name.presented)));
    let named: Vec<_> = named.collect();
    let terms = tls.listeners.iter().map(|listener| Terms {
        listener: listener.address.value.to_string(),
        own: presented(&listener.presented),
        named: named.clone(),
        agreement: agreement.clone(),
        tickets: tls.tickets,
        lists: tls.revoked.iter().map(file).collect(),
    });
    Some(terms.collect())
}

fn presented(presented: &TlsPresented) -> Presented {
    let clients = presented.clients.as_ref();
    Presented {
        certificate: file(&presented.certificate),
        key: file(&presented.key),
        clients: clients.map(|clients| (file(&clients.authorities), clients.mandatory)),
    }
}

fn file(path: &Placed<PathBuf>) -> Named {
    Named { path: path.value.clone(), place: Place::clone(&path.place) }
}

impl Certificates {
    /// What each listener presents, now and later.
    pub(super) fn doors(&self) -> &[Arc<ArcSwap<Acceptor>>] {
        &self.doors
    }

    /// Each certificate that is presented, for people.
    pub(super) fn status(&self) -> Vec<CertificateStatus> {
        let now = SystemTime::now();
        self.shown().iter().map(|certificate| status(certificate, now)).collect()
    }

    fn shown(&self) -> Vec<Certificate> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads all files anew. What is broken changes nothing, and is said.
    fn read_again(&self) {
        let mut problems = Vec::new();
        let built = tls::build(&self.terms, &self.tickets, Arc::new(TrafficLog), &mut problems);
        let whole = built.acceptors.is_some();
        for problem in problems {
            match problem.is_error() {
                true => tracing::error!("{problem}"),
                // The line says that it is a warning.
                false => tracing::warn!("{}", Problem::error(problem.place, problem.message)),
            }
        }
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = built.files;
        if let Some(acceptors) = built.acceptors {
            for (door, acceptor) in self.doors.iter().zip(acceptors) {
                door.store(acceptor);
            }
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = built.certificates;
        }
        match whole {
            true => tracing::info!("certificates were read anew"),
            false => tracing::error!("all certificates stay as they were, until the files change"),
        }
    }

    fn changed(&self) -> bool {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).changed()
    }
}

fn status(certificate: &Certificate, now: SystemTime) -> CertificateStatus {
    let Certificate { path, facts } = certificate;
    let days = |span: Duration| (span.as_secs() / DAY.as_secs()) as i64;
    CertificateStatus {
        file: path.display().to_string(),
        subject: facts.subject.clone(),
        end: facts.not_after.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        days: match facts.not_after.duration_since(now) {
            Ok(left) => days(left),
            Err(over) => -1 - days(over.duration()),
        },
        stapled: facts.stapled,
    }
}

/// Watches the files, on a thread of its own that ends with what is returned. A letter to it has them read anew.
///
/// # Errors
/// When there is no thread to be had.
pub(super) fn watch(certificates: &Arc<Certificates>) -> std::io::Result<Sender<()>> {
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
mod tests {
    use super::*;
    use crate::reactor::tls::Facts;

    fn ends(path: &str, day: u64) -> Certificate {
        let facts = Facts {
            subject: "CN=a.example".into(),
            not_before: UNIX_EPOCH,
            not_after: UNIX_EPOCH + DAY * day as u32,
            stapled: false,
        };
        Certificate { path: path.into(), facts }
    }

    #[test]
    fn the_days_left_are_whole_ones() {
        let on = |hours: u64| {
            status(&ends("a.pem", 3), UNIX_EPOCH + Duration::from_secs(3600 * hours)).days
        };
        assert_eq!([on(0), on(1), on(71), on(72), on(73), on(97)], [3, 2, 0, 0, -1, -2]);
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
