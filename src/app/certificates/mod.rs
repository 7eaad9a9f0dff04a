//! Certificates from the configuration to the doors: read at the start, read anew when files change or at
//! HUP, and watched for their end.

mod terms;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use crate::base::Problem;
use crate::config::Config;
use crate::reactor::tls::{
    self, Acceptor, Built, Certificate, Connectors, Files, Terms, Tickets, TrafficLog, Used,
};
use crate::session::admin::CertificateStatus;

pub(super) use watch::watch;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Everything that is shown and trusted over TLS, as long as the process runs.
#[derive(Debug)]
pub(super) struct Certificates {
    terms: Vec<Terms>,
    tickets: Arc<Tickets>,
    /// In the order of the listeners.
    doors: Vec<Arc<ArcSwap<Acceptor>>>,
    changing: Mutex<Changing>,
}

/// What changes with the files.
#[derive(Debug)]
struct Changing {
    shown: Vec<Certificate>,
    used: Used,
    files: Files,
    connectors: Connectors,
}

/// Reads what a configuration names; `connectors` are read already, `tickets` outlive it. `None` when something is wrong.
pub(super) fn load(
    config: &Config,
    connectors: Connectors,
    tickets: Arc<Tickets>,
    problems: &mut Vec<Problem>,
) -> Option<Certificates> {
    let terms = terms::terms(config, problems)?;
    let Built { acceptors, files, certificates: shown, used } =
        tls::build(&terms, &tickets, Arc::new(TrafficLog), problems);
    let doors = acceptors?.into_iter().map(|acceptor| Arc::new(ArcSwap::new(acceptor))).collect();
    let changing = Mutex::new(Changing { shown, used, files, connectors });
    Some(Certificates { terms, tickets, doors, changing })
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

    /// These are followed from here on: ticket keys of what was before are forgotten.
    pub(super) fn settle(&self) {
        self.tickets.keep(&self.changing().used);
    }

    /// Whether there are any files.
    pub(super) fn is_any(&self) -> bool {
        !self.terms.is_empty() || self.changing().connectors.is_any()
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> Vec<Certificate> {
        let changing = self.changing();
        changing.shown.iter().chain(changing.connectors.certificates()).cloned().collect()
    }

    /// Reads all files anew. What is broken changes nothing, and is said.
    fn read_again(&self) {
        let mut problems = Vec::new();
        let mut changing = self.changing();
        let built = tls::build(&self.terms, &self.tickets, Arc::new(TrafficLog), &mut problems);
        changing.files = built.files;
        if let Some(acceptors) = built.acceptors {
            for (door, acceptor) in self.doors.iter().zip(acceptors) {
                door.store(acceptor);
            }
            changing.shown = built.certificates;
            changing.used = built.used;
            self.tickets.keep(&changing.used);
        }
        changing.connectors.refresh(&mut problems);
        drop(changing);
        let whole = !problems.iter().any(Problem::is_error);
        for problem in problems {
            match problem.is_error() {
                true => tracing::error!("{problem}"),
                // The line says that it is a warning.
                false => tracing::warn!("{}", Problem::error(problem.place, problem.message)),
            }
        }
        match whole {
            true => tracing::info!("certificates were read anew"),
            false => tracing::error!("what is broken stays as it was, until the files change"),
        }
    }

    fn changed(&self) -> bool {
        let changing = self.changing();
        changing.files.changed() || changing.connectors.changed()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_left_are_whole_ones() {
        let on = |hours: u64| {
            status(&watch::tests::ends("a.pem", 3), UNIX_EPOCH + Duration::from_secs(3600 * hours))
                .days
        };
        assert_eq!([on(0), on(1), on(71), on(72), on(73), on(97)], [3, 2, 0, 0, -1, -2]);
    }
}
