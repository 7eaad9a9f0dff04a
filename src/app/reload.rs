//! Reload: the running router goes over to a new configuration, or stays as it is and says why.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender as Channel, channel};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::certificates::{self, Certificates};
use super::crossing::Crossing;
use super::doors::{self, Spot};
use super::site::{Compiled, Maker};
use super::{boot, diagnostics, systemd};
use crate::base::{Address, Problem};
use crate::config::{Config, Instances, Placed};
use crate::reactor::Sender;
use crate::session::Generation;
use crate::worker::{Door, LogBook, Mail, Renewal};

/// How long workers have to go over.
const PATIENCE: Duration = Duration::from_secs(5);

/// What runs, as the thread knows it that controls it.
pub(super) struct Running {
    /// Reads the configuration.
    pub(super) maker: Maker,
    /// What is followed.
    pub(super) config: Config,
    /// What is presented, for whoever asks.
    pub(super) certificates: Arc<ArcSwap<Certificates>>,
    /// What is followed, compiled, for whoever asks.
    pub(super) generation: Arc<ArcSwap<Generation>>,
    /// Has certificates read anew; their watch ends with it.
    pub(super) watch: Option<Channel<()>>,
    /// Where is listened.
    pub(super) spots: Vec<Spot>,
    pub(super) workers: Vec<Sender<Mail>>,
    pub(super) book: LogBook,
    /// Most clients where the configuration does not say.
    pub(super) most: u64,
}

impl Running {
    /// Reads the configuration anew and goes over to it. When anything in what is returned is an error, nothing has
    /// changed.
    pub(super) fn reload(&mut self) -> Vec<Problem> {
        systemd::reloading();
        let mut lagging = None;
        let problems = self.try_reload(&mut lagging);
        systemd::ready();
        let failed = problems.iter().any(Problem::is_error);
        self.maker.settle(!failed);
        for problem in &problems {
            diagnostics::tell(problem);
        }
        match (failed, lagging) {
            (true, _) => tracing::error!("reload: the configuration stays as it was"),
            (false, None) => done(),
            (false, Some(lagging)) => {
                if let Err(error) = lagging.follow(done) {
                    tracing::error!(%error, "nobody waits for the workers that are late");
                }
            }
        }
        problems
    }

    /// With those workers that take longer.
    fn try_reload(&mut self, lagging: &mut Option<Crossing>) -> Vec<Problem> {
        let Compiled { config, accounts, generation, certificates, mut problems, .. } =
            self.maker.compile();
        let (Some(generation), Some(certificates)) = (generation, certificates) else {
            return problems;
        };
        if problems.iter().any(Problem::is_error) {
            return problems;
        }
        self.name_fixed(&config, &mut problems);
        self.maker.names().iter().for_each(|names| boot::settle(names));
        let spots = doors::spots(&config, &certificates);
        let options = doors::options(&config, &accounts);
        let opened = doors::fresh(&self.spots, &spots);
        let opened =
            match doors::open(&opened, self.workers.len(), &options, &generation, Vec::new()) {
                Ok(opened) => opened,
                Err(error) => {
                    problems.push(Problem::error(None, error.to_string()));
                    return problems;
                }
            };
        let target = boot::log_target(&config);
        if target != boot::log_target(&self.config)
            && let Err(error) = self.book.turn_to(target.clone())
        {
            let said = format!("cannot open the access log {target}: {error}");
            problems.push(Problem::error(None, said));
            doors::remove(&opened);
            return problems;
        }
        let watched = match certificates.is_any() {
            true => certificates::watch(&certificates).map(Some),
            false => Ok(None),
        };
        match watched {
            Ok(watch) => self.watch = watch,
            Err(error) => tracing::error!(%error, "files of certificates are not watched"),
        }
        if let Err(error) = self.maker.watch() {
            tracing::error!(%error, "files of users are not watched");
        }
        doors::announce(&opened);
        let gone = doors::fresh(&spots, &self.spots);
        gone.iter().for_each(|(address, _)| tracing::info!("not listening on {address} any more"));
        if certificates.is_any() {
            tracing::info!("certificates were read anew");
        }
        self.certificates.store(Arc::clone(&certificates));
        self.generation.store(Arc::clone(&generation));
        let mut crossing = self.tell(&config, &generation, opened, &gone, &spots);
        if !crossing.wait(PATIENCE) {
            problems.push(crossing.problem(PATIENCE));
            *lagging = Some(crossing);
        }
        certificates.settle();
        (self.config, self.spots) = (config, spots);
        problems
    }

    /// Has all workers go over.
    fn tell(
        &self,
        config: &Config,
        generation: &Arc<Generation>,
        opened: Vec<Vec<Door>>,
        gone: &[Spot],
        spots: &[Spot],
    ) -> Crossing {
        let closed: Arc<[Address]> = gone.iter().map(|(address, _)| address.clone()).collect();
        let welcomes: Arc<[Spot]> = spots.into();
        let most = config.max_connections.unwrap_or(self.most);
        let (done, over) = channel();
        for (worker, opened) in self.workers.iter().zip(opened) {
            let renewal = Renewal {
                generation: Arc::clone(generation),
                opened,
                closed: Arc::clone(&closed),
                welcomes: Arc::clone(&welcomes),
                spool_dir: config.spool_dir.as_deref().map(Arc::<Path>::from),
                most: u32::try_from(most).unwrap_or(u32::MAX),
                done: done.clone(),
            };
            // A worker that has ended needs no telling.
            let _ = worker.send_waiting(Mail::Renew(Box::new(renewal)));
        }
        Crossing::new(self.workers.len(), over)
    }

    /// Names what cannot change while the router runs.
    fn name_fixed(&self, config: &Config, problems: &mut Vec<Problem>) {
        let mut fixed = Vec::new();
        if boot::worker_count(config.workers) != self.workers.len() {
            fixed.push("workers");
        }
        if config.admin != self.config.admin {
            fixed.push("admin");
        }
        let value = |said: &Option<Placed<String>>| said.as_ref().map(|said| said.value.clone());
        if value(&config.user) != value(&self.config.user) {
            fixed.push("user");
        }
        if value(&config.group) != value(&self.config.group) {
            fixed.push("group");
        }
        if config.backlog != self.config.backlog {
            fixed.push("listen (of listeners that stay)");
        }
        if config.socket_mode != self.config.socket_mode {
            fixed.push("chmod-socket (of listeners that stay)");
        }
        if value(&config.socket_owner) != value(&self.config.socket_owner) {
            fixed.push("chown-socket (of listeners that stay)");
        }
        let addresses = |config: &Config| {
            let Instances { listen, peers, secret } = config.instances.clone();
            let all: Vec<Address> =
                listen.clone().into_iter().chain(peers).map(|one| one.value).collect();
            (listen.is_some(), all, secret.map(|file| file.value))
        };
        if addresses(config) != addresses(&self.config) {
            fixed.push("channel-listen, channel-peer and channel-secret");
        }
        let bus = |config: &Config| config.bus.as_ref().map(|bus| bus.value.clone());
        if bus(config) != bus(&self.config) {
            fixed.push("channel-bus");
        }
        if config.log.level != self.config.log.level {
            fixed.push("log-level");
        }
        for name in fixed {
            let said =
                format!("{name} cannot change while the router runs: it stays until a restart");
            problems.push(Problem::warning(None, said));
        }
    }
}

/// Says that all workers have gone over.
fn done() {
    tracing::info!("reload: done");
}
