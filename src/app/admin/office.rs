//! Carries out what is wanted: asks the workers, waits for their answers, and not for ever.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::base::{Clock, Counters, Millis, Problem};
use crate::reactor::Sender;
use crate::session::admin::{
    BusStatus, CertificateStatus, Filter, Inside, InstancesStatus, Status, UpstreamStatus,
    WorkerStatus,
};
use crate::session::admin::{put_live, put_status, put_text};
use crate::worker::{Ask, Mail, Question, Reply};

use super::super::line::Line;
use super::answer::{self, Flow};
use super::request::{Request, Wish};

/// How long a worker has for one answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whom to ask.
pub(in super::super) struct Office {
    /// All workers' mailboxes.
    pub(in super::super) workers: Vec<Sender<Mail>>,
    /// All workers' counters.
    pub(in super::super) counters: Vec<Arc<Counters>>,
    /// The router is stopping.
    pub(in super::super) draining: Arc<AtomicBool>,
    /// Begins that.
    pub(in super::super) drain: Box<dyn Fn() + Send + Sync>,
    /// What TLS listeners present.
    pub(in super::super) certificates: Box<dyn Fn() -> Vec<CertificateStatus> + Send + Sync>,
    /// The groups of servers.
    pub(in super::super) upstreams: Box<dyn Fn() -> Vec<UpstreamStatus> + Send + Sync>,
    /// Other instances.
    pub(in super::super) instances: Box<dyn Fn() -> Option<InstancesStatus> + Send + Sync>,
    /// The bus.
    pub(in super::super) bus: Box<dyn Fn() -> Option<BusStatus> + Send + Sync>,
    /// Reads the configuration anew: what is wrong with it.
    pub(in super::super) check: Box<dyn Fn() -> Vec<Problem> + Send + Sync>,
    /// Goes over to it: what is wrong with it. With an error among that, nothing has changed.
    pub(in super::super) reload: Box<dyn Fn() -> Vec<Problem> + Send + Sync>,
}

impl Office {
    /// Does what is wanted and says what came of it.
    ///
    /// # Errors
    /// Whoever asked does not take the answer.
    pub(super) fn answer(&self, request: &Request, line: &mut Line) -> io::Result<()> {
        match &request.wish {
            Wish::Status => answer::put(line, &self.status()?),
            Wish::Sessions(filter) => self.sessions(filter, Flow::begin(line, request.version)?),
            Wish::Kill(filter, written) => answer::put(line, &self.kill(filter, written)?),
            Wish::Check => answer::put(line, &told("sound", &(self.check)())),
            Wish::Reload => {
                tracing::info!("admin: reload");
                answer::put(line, &told("reloaded", &(self.reload)()))
            }
            Wish::Drain => {
                tracing::info!("admin: drain");
                // First the answer: with nothing left to wait for, the process ends at once.
                answer::put(line, b"{\"draining\":true}\n").map(|()| (self.drain)())
            }
        }
    }

    fn status(&self) -> io::Result<Vec<u8>> {
        let mut inside: Vec<Option<Inside>> = vec![None; self.workers.len()];
        self.ask_all(&Question::Inside, |worker, reply| {
            if let (Reply::Inside(said), Some(place)) = (reply, inside.get_mut(worker)) {
                *place = Some(said);
            }
            Ok(None)
        })?;
        let workers: Vec<WorkerStatus<'_>> = self
            .counters
            .iter()
            .zip(inside)
            .map(|(counters, inside)| WorkerStatus { counters, inside })
            .collect();
        let (instances, bus) = ((self.instances)(), (self.bus)());
        let status = Status {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            uptime: Clock::new().now().since(Millis(0)),
            draining: self.draining.load(Ordering::Relaxed),
            certificates: &(self.certificates)(),
            upstreams: &(self.upstreams)(),
            instances: instances.as_ref(),
            bus: bus.as_ref(),
            workers: &workers,
        };
        let mut json = Vec::new();
        put_status(&status, &mut json);
        Ok(json)
    }

    fn sessions(&self, filter: &Filter, mut flow: Flow<'_>) -> io::Result<()> {
        let filter = Arc::new(filter.clone());
        let list = |from| Question::List { from, filter: Arc::clone(&filter) };
        let mut json = b"{\"sessions\":[".to_vec();
        let mut count = 0;
        let silent = self.ask_all(&list(0), |worker, reply| {
            let Reply::Listed(found, next) = reply else { return Ok(None) };
            for live in found.iter().take((filter.limit() - count) as usize) {
                json.extend_from_slice(if count > 0 { b",\n" } else { b"\n" });
                put_live(live, worker, &mut json);
                count += 1;
            }
            flow.put(&mut json)?;
            Ok(next.filter(|_| count < filter.limit()).map(list))
        })?;
        json.extend_from_slice(format!("\n],\"count\":{count},").as_bytes());
        put_silent(&silent, &mut json);
        flow.put(&mut json)?;
        flow.end()
    }

    fn kill(&self, filter: &Filter, written: &str) -> io::Result<Vec<u8>> {
        let filter = Arc::new(filter.clone());
        let kill = |from| Question::Kill { from, filter: Arc::clone(&filter) };
        let mut count = 0;
        let silent = self.ask_all(&kill(0), |_, reply| {
            let Reply::Killed(closed, next) = reply else { return Ok(None) };
            count += closed;
            Ok(next.map(kill))
        })?;
        tracing::info!("admin: kill {written}: {count} closed");
        let mut json = format!("{{\"closed\":{count},").into_bytes();
        put_silent(&silent, &mut json);
        Ok(json)
    }

    /// Asks all workers at once, and each of them further what `heard` makes of its answer. Returns those
    /// that did not answer in time.
    fn ask_all(
        &self,
        question: &Question,
        mut heard: impl FnMut(usize, Reply) -> io::Result<Option<Question>>,
    ) -> io::Result<Vec<usize>> {
        let (reply, replies) = mpsc::channel();
        let mut clock = Clock::new();
        let ask = |worker: usize, question: Question, now: Millis| {
            let until = now + PATIENCE;
            let letter = Mail::Ask(Ask { question, until, reply: reply.clone() });
            // A full mailbox is one nobody empties.
            let sent = self.workers.get(worker).map(|to| to.send(letter).is_ok());
            if sent == Some(true) { Wait::Until(until) } else { Wait::InVain }
        };
        let all = 0..self.workers.len();
        let mut waits: Vec<Wait> =
            all.map(|worker| ask(worker, question.clone(), clock.now())).collect();
        while let Some(until) = waits.iter().filter_map(Wait::until).min() {
            match replies.recv_timeout(until - clock.now()) {
                Ok((worker, said)) => {
                    clock.tick();
                    let Some(wait) = waits.get_mut(worker) else { continue };
                    if wait.until().is_some() {
                        *wait = match heard(worker, said)? {
                            Some(next) => {
                                clock.tick();
                                ask(worker, next, clock.now())
                            }
                            None => Wait::Over,
                        };
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    clock.tick();
                    let late = |wait: &&mut Wait| wait.until().is_some_and(|at| clock.now() >= at);
                    waits.iter_mut().filter(late).for_each(|wait| *wait = Wait::InVain);
                }
            }
        }
        let silent = waits.iter().enumerate().filter(|(_, wait)| **wait == Wait::InVain);
        Ok(silent.map(|(worker, _)| worker).collect())
    }
}

/// What is expected of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Until(Millis),
    Over,
    InVain,
}

impl Wait {
    fn until(&self) -> Option<Millis> {
        match self {
            Wait::Until(at) => Some(*at),
            Wait::Over | Wait::InVain => None,
        }
    }
}

/// Whether all is well, under the name `word`, and what is not.
fn told(word: &str, problems: &[Problem]) -> Vec<u8> {
    let well = !problems.iter().any(Problem::is_error);
    let mut json = format!("{{\"{word}\":{well},\"problems\":[").into_bytes();
    for (index, problem) in problems.iter().enumerate() {
        json.extend_from_slice(if index > 0 { b",\n" } else { b"\n" });
        put_text(&problem.to_string(), &mut json);
    }
    json.extend_from_slice(b"]}\n");
    json
}

/// Ends an object with the workers that did not answer.
fn put_silent(silent: &[usize], json: &mut Vec<u8>) {
    let numbers: Vec<String> = silent.iter().map(usize::to_string).collect();
    json.extend_from_slice(format!("\"silent\":[{}]}}\n", numbers.join(",")).as_bytes());
}

#[cfg(test)]
mod tests {
    use mio::{Poll, Token, Waker};

    use super::*;
    use crate::reactor::Mailbox;

    /// An office of so many workers, and their mailboxes.
    fn office(count: usize) -> (Office, Vec<Mailbox<Mail>>) {
        let (workers, mailboxes) = (0..count)
            .map(|_| {
                let poll = Poll::new().expect("a poll");
                let waker = Waker::new(poll.registry(), Token(0)).expect("a waker");
                Mailbox::new(1, Arc::new(waker))
            })
            .unzip();
        let office = Office {
            workers,
            counters: vec![Arc::default(); count],
            draining: Arc::default(),
            drain: Box::new(|| {}),
            certificates: Box::new(Vec::new),
            upstreams: Box::new(Vec::new),
            instances: Box::new(|| None),
            bus: Box::new(|| None),
            reload: Box::new(Vec::new),
            check: Box::new(Vec::new),
        };
        (office, mailboxes)
    }

    /// Answers as a worker of this number that closes one for each letter, until there is no more to do.
    fn answer_on(worker: usize, mailbox: &Mailbox<Mail>, pieces: u32) {
        let mut letters = Vec::new();
        loop {
            mailbox.drain(&mut letters, 8);
            for letter in letters.drain(..) {
                let Mail::Ask(ask) = letter else { panic!("not a question") };
                let (reply, last) = match ask.question {
                    Question::Inside => {
                        (Reply::Inside(Inside { blocks: 7, bytes: 1 << 20, messages: 0 }), true)
                    }
                    Question::List { .. } => (Reply::Listed(Vec::new(), None), true),
                    Question::Kill { from, .. } => {
                        let next = Some(from + 1).filter(|next| *next < pieces);
                        (Reply::Killed(1, next), next.is_none())
                    }
                };
                ask.reply.send((worker, reply)).expect("somebody waits");
                if last {
                    return;
                }
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn walks_go_on_where_each_worker_says() {
        let (office, mailboxes) = office(2);
        let json = std::thread::scope(|scope| {
            for (worker, mailbox) in mailboxes.into_iter().enumerate() {
                scope.spawn(move || answer_on(worker, &mailbox, 3 + worker as u32));
            }
            office.kill(&Filter::default(), "all=1")
        });
        assert_eq!(json.expect("an answer"), b"{\"closed\":7,\"silent\":[]}\n");
    }

    #[test]
    fn a_stuck_worker_is_named_and_the_others_answer() {
        let (office, mut mailboxes) = office(3);
        let gone = mailboxes.pop();
        drop(gone);
        let stuck = mailboxes.pop().expect("a mailbox");
        let first = mailboxes.pop().expect("a mailbox");
        let json = std::thread::scope(|scope| {
            scope.spawn(move || answer_on(0, &first, 1));
            office.status()
        });
        let status: serde_json::Value =
            serde_json::from_slice(&json.expect("an answer")).expect("JSON");
        let answers: Vec<_> = (0..3).map(|n| status["workers"][n]["answers"] == true).collect();
        assert_eq!(answers, [true, false, false]);
        assert_eq!(status["memory"]["blocks"], 7);
        let mut letters = Vec::new();
        stuck.drain(&mut letters, 8);
        let Some(Mail::Ask(ask)) = letters.pop() else { panic!("it was asked") };
        assert!(ask.until <= Clock::new().now(), "and need not answer any more");
    }

    #[test]
    fn a_full_mailbox_is_not_waited_for() {
        let (office, mailboxes) = office(1);
        office.workers[0].offer(Mail::Stop).expect("room for one");
        let json = office.kill(&Filter::default(), "all=1").expect("an answer");
        assert_eq!(json, b"{\"closed\":0,\"silent\":[0]}\n");
        drop(mailboxes);
    }
}
