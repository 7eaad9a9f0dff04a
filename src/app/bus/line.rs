//! The loop of the thread that is on the bus.

use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::inbox::{Arrival, Inbox, inbox};
use super::link::{Job, Link, Story};
use super::password::tamed;
use super::{Bell, Board, Target};
use crate::base::{Clock, Millis, Rng};
use crate::channel::{Bulletin, Bus, Incoming, InstanceId, Letter, Lost, home};
use crate::reactor::{Mailbox, Sender};
use crate::session::admin::BusStatus;
use crate::worker::Mail;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(250);
/// Bulletins read in a turn, and packets.
const TURN: usize = 1024;
/// Channels of which is read in one job what the bus has kept.
const RECALLS: usize = 256;
/// Bytes said in one job, about.
const ROOM: usize = 256 << 10;
/// How often we show that we are there.
const PULSE: Duration = Duration::from_secs(3);
/// How long what we show may take to come back.
const SILENCE: Duration = Duration::from_secs(12);
/// How long the whole of a connection may take to begin, with all the channels that there may be.
const BEGINNING: Duration = Duration::from_secs(30);
/// Before the second try, and at most.
const FIRST: Duration = Duration::from_millis(200);
const LAST: Duration = Duration::from_secs(10);
/// How long the end waits until everything is told.
const GOODBYE: Duration = Duration::from_secs(2);

/// What it is made of.
pub(super) struct Parts {
    pub(super) me: InstanceId,
    pub(super) target: Target,
    pub(super) bell: Arc<Bell>,
    pub(super) mailbox: Mailbox<Bulletin>,
    pub(super) workers: Vec<Sender<Mail>>,
    pub(super) board: Board,
    pub(super) rng: Rng,
}

/// Something under way with a connection, and what came of it.
type Work = Pin<Box<dyn Future<Output = Result<Done, String>>>>;

struct Done {
    link: Link,
    /// That was its beginning.
    begun: bool,
    /// What it has read.
    stories: Vec<Story>,
}

/// What there is to look at.
enum Event {
    Mail,
    Came(Option<Arrival>),
    Done(Result<Done, String>),
    Tick,
}

/// The thread.
pub(super) struct Line {
    parts: Parts,
    /// There may be more in the mailbox.
    more: bool,
    bus: Bus,
    clock: Clock,
    tick: Interval,
    /// A connection that has nothing to do.
    idle: Option<Link>,
    work: Option<Work>,
    /// What comes on it, and whether it is up.
    inbox: Option<Inbox>,
    is_up: bool,
    /// Since when it was.
    since: Millis,
    /// When our own sign of life came back last, and when the next is due.
    heard: Millis,
    pulse: Millis,
    /// The next try, and the pause before the one after that.
    due: Millis,
    pause: Duration,
    /// Why there is no connection; said already.
    failing: Option<String>,
    /// When it has to be over.
    ending: Option<Millis>,
    said_goodbye: bool,
}

impl Line {
    /// To be made within a runtime.
    pub(super) fn new(parts: Parts) -> Line {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bus = Bus::new(parts.me, parts.target.keeps());
        let never = Millis::default();
        Line {
            parts,
            more: true,
            bus,
            clock: Clock::new(),
            tick,
            idle: None,
            work: None,
            inbox: None,
            is_up: false,
            since: never,
            heard: never,
            pulse: never,
            due: never,
            pause: Duration::ZERO,
            failing: None,
            ending: None,
            said_goodbye: false,
        }
    }

    /// Runs until it is told to end, and has told everything then.
    pub(super) async fn run(mut self) {
        while !self.is_over() {
            self.begin();
            let event = tokio::select! {
                () = std::future::ready(()), if self.more => Event::Mail,
                () = self.parts.bell.0.notified(), if !self.more => Event::Mail,
                came = next(&mut self.inbox), if self.is_up => Event::Came(came),
                done = finished(&mut self.work) => Event::Done(done),
                _ = self.tick.tick() => Event::Tick,
            };
            self.clock.tick();
            match event {
                Event::Mail => self.read_bulletins(),
                Event::Came(came) => self.read_arrivals(came),
                Event::Done(done) => self.finish(done),
                Event::Tick => self.tend(),
            }
        }
        self.show();
    }

    fn is_over(&self) -> bool {
        let told = self.said_goodbye && self.work.is_none();
        self.ending.is_some_and(|until| told || !self.is_up || self.clock.now() >= until)
    }

    /// Begins what is to be done next, where nothing is under way.
    fn begin(&mut self) {
        if self.work.is_some() {
            return;
        }
        let now = self.clock.now();
        let Some(mut link) = self.idle.take() else {
            if now >= self.due && self.ending.is_none() {
                self.connect();
            }
            return;
        };
        let mut job = Job::default();
        if self.bus.has_work() {
            (job.on, job.off) = self.bus.changes();
            job.sheets = self.bus.speak(ROOM, link.most(), now);
            job.recalls = self.bus.to_recall(RECALLS);
        }
        if now >= self.pulse {
            self.pulse = now + PULSE;
            job.sheets.push(self.bus.beat());
        }
        if self.ending.is_some() && !self.bus.has_work() && !self.said_goodbye {
            self.said_goodbye = true;
            job.sheets.push(self.bus.goodbye());
        }
        let says = !job.on.is_empty() || !job.off.is_empty() || !job.sheets.is_empty();
        if !says && job.recalls.is_empty() {
            self.idle = Some(link);
            return;
        }
        self.work = Some(Box::pin(async move {
            let stories = link.perform(&job).await?;
            Ok(Done { link, begun: false, stories })
        }));
    }

    fn connect(&mut self) {
        let (slot, inbox) = inbox();
        self.inbox = Some(inbox);
        let (target, me) = (self.parts.target.clone(), self.parts.me);
        let channels = self.bus.interests();
        self.work = Some(Box::pin(async move {
            let connecting = Link::connect(&target, &me, &channels, slot);
            let late = |_| format!("it took longer than {} s to begin", BEGINNING.as_secs());
            let link = tokio::time::timeout(BEGINNING, connecting).await.map_err(late)??;
            Ok(Done { link, begun: true, stories: Vec::new() })
        }));
    }

    /// What was under way has come to an end.
    fn finish(&mut self, done: Result<Done, String>) {
        self.work = None;
        match done {
            Ok(Done { link, begun, stories }) => {
                self.idle = Some(link);
                match begun {
                    true => self.up(),
                    false => {
                        self.recall(stories);
                        self.bus.confirm(self.clock.now());
                    }
                }
            }
            Err(why) => self.down(why),
        }
    }

    /// Hubs are told what was read. What came on the way before is looked at first: the rest was published before we were there.
    fn recall(&mut self, stories: Vec<Story>) {
        if stories.is_empty() {
            return;
        }
        let mut over = None;
        while let Some(arrival) = self.inbox.as_mut().and_then(Inbox::try_next) {
            match arrival {
                Arrival::Packet(packet) => self.hear(&packet),
                Arrival::Over(why) => over = Some(why),
            }
        }
        let mut came = Vec::new();
        for Story { channel, entries } in stories {
            self.bus.recall(channel, entries, &mut came);
        }
        came.into_iter().for_each(|incoming| self.pass_on(incoming));
        if let Some(why) = over {
            self.down(why);
        }
    }

    /// Hubs that wait in vain are told so.
    fn excuse(&mut self) {
        let mut came = Vec::new();
        let is_away = !self.is_up && self.failing.is_some();
        self.bus.excuse(is_away, self.clock.now(), &mut came);
        came.into_iter().for_each(|incoming| self.pass_on(incoming));
    }

    /// We are on the bus.
    fn up(&mut self) {
        let now = self.clock.now();
        (self.is_up, self.since, self.heard, self.pulse) = (true, now, now, now);
        let address = &self.parts.target.bus;
        if self.failing.take().is_some() {
            tracing::info!(
                "back on the bus at {address}; what others published meanwhile is lost here"
            );
            self.bus.back(now);
            self.pass_on(Incoming::Lost(Lost::Anywhere));
        } else {
            tracing::info!("on the bus at {address}");
        }
        self.show();
    }

    /// We are not, any more or not yet.
    fn down(&mut self, why: String) {
        let why = tamed(&why, self.parts.target.password.as_ref());
        let now = self.clock.now();
        if std::mem::take(&mut self.is_up) {
            // One that takes us in and throws us out again is not tried ever faster.
            if now >= self.since + LAST {
                self.pause = Duration::ZERO;
            }
            // What came before the end is looked at first.
            while let Some(Arrival::Packet(packet)) = self.inbox.as_mut().and_then(Inbox::try_next)
            {
                self.hear(&packet);
            }
        }
        (self.inbox, self.work, self.idle) = (None, None, None);
        self.bus.retract();
        let jitter = self.parts.rng.below(1000) as u32;
        self.pause = (self.pause * 2).clamp(FIRST, LAST);
        // Between a half and the whole of it, so that many do not come at once.
        self.due = now + self.pause / 2 + self.pause / 2 * jitter / 1000;
        if self.failing.is_none() {
            let address = &self.parts.target.bus;
            tracing::warn!(
                "not on the bus at {address}: {why}; channels are this instance's alone until it is there"
            );
        }
        self.failing = Some(why);
        self.excuse();
        self.show();
    }

    fn read_bulletins(&mut self) {
        let mut bulletins = Vec::new();
        self.more = self.parts.mailbox.drain(&mut bulletins, TURN);
        let now = self.clock.now();
        for bulletin in bulletins {
            if matches!(bulletin, Bulletin::End) {
                self.ending = Some(now + GOODBYE);
            }
            self.bus.tell(bulletin, now);
        }
        if self.failing.is_some() {
            self.excuse();
        }
    }

    fn read_arrivals(&mut self, first: Option<Arrival>) {
        let mut arrival = first;
        let mut count = 0;
        while let Some(came) = arrival {
            match came {
                Arrival::Packet(packet) => self.hear(&packet),
                Arrival::Over(why) => return self.down(why),
            }
            count += 1;
            arrival = match count < TURN {
                true => self.inbox.as_mut().and_then(Inbox::try_next),
                false => None,
            };
        }
        if self.inbox.as_ref().is_some_and(Inbox::has_spilled) {
            tracing::warn!("more came from the bus than could be read: some of it is lost");
            self.bus.traffic.gaps += 1;
            self.bus.back(self.clock.now());
            self.pass_on(Incoming::Lost(Lost::Anywhere));
        }
    }

    fn hear(&mut self, packet: &[u8]) {
        let now = self.clock.now();
        let mut came = Vec::new();
        if self.bus.take(packet, now, &mut came) {
            self.heard = now;
        }
        came.into_iter().for_each(|incoming| self.pass_on(incoming));
    }

    /// What came from elsewhere goes to those here.
    fn pass_on(&self, incoming: Incoming) {
        let workers = &self.parts.workers;
        let send = |core: usize, letter: Letter| {
            if let Some(worker) = workers.get(core) {
                // A worker that has ended has nobody to hear it.
                let _ = worker.send_waiting(Mail::Channel(letter));
            }
        };
        match incoming {
            Incoming::Said(saying, origin) => {
                send(home(&saying.channel, workers.len()), Letter::Heard(saying, origin));
            }
            Incoming::Recalled(channel, story) => {
                send(home(&channel, workers.len()), Letter::Recalled(channel, story));
            }
            Incoming::Lost(Lost::Anywhere) => {
                (0..workers.len()).for_each(|core| send(core, Letter::Lost(Lost::Anywhere)));
            }
            Incoming::Lost(Lost::In(names)) => {
                for name in names {
                    let core = home(&name, workers.len());
                    send(core, Letter::Lost(Lost::In(vec![name])));
                }
            }
        }
    }

    /// What is due now and then.
    fn tend(&mut self) {
        let now = self.clock.now();
        self.excuse();
        if self.is_up {
            let silent = self.bus.forget(now);
            if silent > 0 {
                tracing::warn!("{silent} instances on the bus have ended without saying so");
                self.pass_on(Incoming::Lost(Lost::Anywhere));
            }
            if now >= self.heard + SILENCE {
                self.down(format!("nothing came back for {} s", SILENCE.as_secs()));
            }
        } else {
            let late = self.bus.expire(now);
            if late > 0 {
                tracing::debug!("{late} messages have waited too long for the bus and are lost");
            }
        }
        self.show();
    }

    fn show(&self) {
        let (waiting_bytes, waiting, channels) = self.bus.waiting();
        let mut board = self.parts.board.lock().unwrap_or_else(PoisonError::into_inner);
        let (me, address) = (board.me, std::mem::take(&mut board.address));
        *board = BusStatus {
            me,
            address,
            linked: self.is_up,
            failing: self.failing.clone(),
            others: self.bus.others(),
            channels,
            waiting,
            waiting_bytes,
            traffic: self.bus.traffic,
        };
    }
}

/// Waits for the end of what is under way, if anything is.
async fn finished(work: &mut Option<Work>) -> Result<Done, String> {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// Waits for what comes.
async fn next(inbox: &mut Option<Inbox>) -> Option<Arrival> {
    match inbox {
        Some(inbox) => inbox.next().await,
        None => std::future::pending().await,
    }
}
