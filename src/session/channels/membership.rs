//! A client that has joined a channel: what waits for it, and what it missed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::Millis;
use crate::buf::{Pool, Segment, Shared, Tx};
use crate::channel::{Answer, Batch, Encoded, Keep, Person, Speech};
use crate::config::{ChannelMode, ChannelSlow};
use crate::proto::ws::Tally;

use super::super::cx::{Action, Cx};
use super::super::settings::ChannelTerms;
use super::super::snapshot::{Cursor, SnapshotError};
use super::joining::MOST;

/// The channels of a member. Mostly there is one.
#[derive(Clone, Debug)]
pub(in super::super) enum Names {
    /// One.
    One(Arc<str>),
    /// Any number. Boxed, so that they are no larger than the one.
    #[allow(clippy::box_collection)]
    Many(Box<Vec<Arc<str>>>),
}

impl Names {
    /// These.
    pub(in super::super) fn of(mut names: Vec<Arc<str>>) -> Names {
        match names.pop() {
            Some(one) if names.is_empty() => Names::One(one),
            last => {
                names.extend(last);
                Names::Many(Box::new(names))
            }
        }
    }

    fn all(&self) -> &[Arc<str>] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Many(names) => names,
        }
    }

    fn all_mut(&mut self) -> &mut [Arc<str>] {
        match self {
            Names::One(name) => std::slice::from_mut(name),
            Names::Many(names) => names,
        }
    }
}

/// What is known of some members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Known {
    /// Who it is.
    pub(in super::super) person: Option<Arc<Person>>,
    /// What its token allows.
    pub(in super::super) mode: Option<ChannelMode>,
    /// Until when.
    pub(in super::super) expires: Millis,
}

impl Default for Known {
    /// Nothing.
    fn default() -> Known {
        Known { person: None, mode: None, expires: Millis::NEVER }
    }
}

impl Known {
    /// What it may do where these terms hold: what both the token and they allow.
    fn mode_under(&self, terms: &ChannelTerms) -> ChannelMode {
        self.mode.filter(|_| terms.mode == ChannelMode::Both).unwrap_or(terms.mode)
    }

    fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let (mut name, mut announced) = (String::new(), false);
        if let Some(person) = &self.person {
            (name, announced) = (person.name.clone(), person.announced);
        }
        at.text(&mut name)?;
        at.flag(&mut announced)?;
        self.person = (!name.is_empty()).then(|| Arc::new(Person { name, announced }));
        let modes = [ChannelMode::Both, ChannelMode::Subscribe, ChannelMode::Publish];
        let place = modes.iter().position(|mode| Some(*mode) == self.mode);
        let mut place = place.map_or(u8::MAX, |place| place as u8);
        at.byte(&mut place)?;
        self.mode = modes.get(usize::from(place)).copied();
        at.moment(&mut self.expires)
    }
}

/// The state of a member.
#[derive(Clone, Debug)]
pub(in super::super) struct Membership {
    /// Which channels.
    names: Names,
    /// What it may do there.
    pub(in super::super) mode: ChannelMode,
    /// What holds there.
    pub(in super::super) terms: Arc<ChannelTerms>,
    speech: Speech,
    stage: Stage,
    /// The worker was asked to look at it again when there is room for what it publishes.
    pub(in super::super) waits: bool,
    /// It has missed something that it is not told of yet.
    missed: bool,
    /// It has seen everything up to this id, or has not said what.
    since: u64,
    /// What waits for room, oldest first. Boxed: mostly nothing does.
    #[allow(clippy::box_collection)]
    backlog: Option<Box<VecDeque<Shared>>>,
    /// What is known of it besides, where anything is.
    known: Option<Box<Known>>,
    /// Messages that were published, as far as they got here.
    messages: u64,
    /// Bytes of what they said.
    payload: u64,
}

/// Of a member that has not said what it has seen.
const UNSAID: u64 = u64::MAX;

const _: () = assert!(size_of::<Membership>() <= 72);

/// How far it has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not yet.
    Outside,
    /// What was published since is on its way.
    Asked,
    /// It gets what is published.
    Inside,
}

/// What became of messages for a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Heard {
    /// So many were dropped.
    pub(in super::super) dropped: u64,
    /// There is no room, and who does not read is to be closed.
    pub(in super::super) too_much: bool,
}

impl Membership {
    /// One of these channels that is spoken to in `speech`, and has seen everything up to the id `since` in the first.
    pub(in super::super) fn new(
        names: Names,
        terms: Arc<ChannelTerms>,
        speech: Speech,
        since: Option<u64>,
    ) -> Membership {
        Membership {
            names,
            mode: terms.mode,
            terms,
            speech,
            stage: Stage::Outside,
            waits: false,
            missed: false,
            since: since.unwrap_or(UNSAID),
            backlog: None,
            known: None,
            messages: 0,
            payload: 0,
        }
    }

    /// The same, of whom this is known besides.
    #[must_use]
    pub(in super::super) fn known_as(self, known: &Known) -> Membership {
        let mode = known.mode_under(&self.terms);
        let is_any = known.person.is_some() || known.expires != Millis::NEVER;
        let known = is_any.then(|| Box::new(known.clone()));
        Membership { mode, known, ..self }
    }

    /// When what it was allowed is over.
    pub(in super::super) fn expires(&self) -> Millis {
        self.known.as_ref().map_or(Millis::NEVER, |known| known.expires)
    }

    /// One to be read into from a snapshot.
    pub(in super::super) fn blank() -> Membership {
        let keep = Keep::default();
        let (mode, slow) = (ChannelMode::Both, ChannelSlow::DropOldest);
        let terms = ChannelTerms { mode, ids: false, backlog: 0, slow, keep };
        Membership::new(Names::of(Vec::new()), Arc::new(terms), Speech::Frames { ids: false }, None)
    }

    /// These terms hold for it.
    pub(in super::super) fn under(&mut self, terms: Arc<ChannelTerms>, speech: Speech) {
        self.mode = self.known.as_ref().map_or(terms.mode, |known| known.mode_under(&terms));
        (self.terms, self.speech) = (terms, speech);
    }

    /// Its fields in a snapshot. Whoever is restored joins again.
    pub(in super::super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut names = self.names.all().join(",");
        at.text(&mut names)?;
        self.names =
            Names::of(names.split(',').filter(|name| !name.is_empty()).map(Arc::from).collect());
        at.flag(&mut self.missed)?;
        at.maybe(&mut self.known, Box::default, |known, at| known.fields(at))?;
        let mut len = self.waiting() as u32;
        at.word(&mut len)?;
        for place in 0..len as usize {
            let waiting = self
                .backlog
                .as_ref()
                .and_then(|all| all.get(place))
                .map(|one| one.bytes().to_vec());
            let is_new = waiting.is_none();
            let mut waiting = waiting.unwrap_or_default();
            at.bytes(&mut waiting)?;
            if is_new {
                self.wait(Shared::new(waiting.into()));
            }
        }
        let mut tally = self.tally();
        at.tally(&mut tally)?;
        (self.messages, self.payload) = (tally.messages, tally.payload);
        Ok(())
    }

    /// The channel in which it publishes.
    pub(in super::super) fn name(&self) -> Option<Arc<str>> {
        self.names.all().first().cloned()
    }

    /// What was published, as far as it got here.
    pub(in super::super) fn tally(&self) -> Tally {
        Tally { messages: self.messages, payload: self.payload, ..Tally::default() }
    }

    /// It has joined a channel, whose name is kept once for all who have.
    pub(in super::super) fn joined(&mut self, shared: &Arc<str>) {
        if let Some(name) = self.names.all_mut().iter_mut().find(|name| *name == shared) {
            *name = Arc::clone(shared);
        }
    }

    /// It is in one channel more; false where that is one too many.
    pub(in super::super) fn enter(&mut self, channel: &Arc<str>) -> bool {
        let mut names = self.names.all().to_vec();
        if !names.contains(channel) {
            names.push(Arc::clone(channel));
        }
        let fits = names.len() <= MOST;
        if fits {
            self.names = Names::of(names);
        }
        fits
    }

    /// It is in a channel no more.
    pub(in super::super) fn leave(&mut self, channel: &Arc<str>) {
        let others = self.names.all().iter().filter(|name| *name != channel);
        self.names = Names::of(others.cloned().collect());
    }

    /// It joins, if it has not yet.
    pub(in super::super) fn join(&mut self, cx: &mut Cx<'_>) {
        if self.stage != Stage::Outside {
            return;
        }
        self.stage = Stage::Inside;
        if self.mode == ChannelMode::Publish {
            return;
        }
        let person = self.known.as_ref().and_then(|known| known.person.clone());
        let join = |name: &Arc<str>| Action::Join(Arc::clone(name), person.clone());
        cx.actions.extend(self.names.all().iter().map(join));
        if let Some(channel) = self.name().filter(|_| self.since != UNSAID) {
            self.stage = Stage::Asked;
            cx.actions.push(Action::Ask { channel, since: Some(self.since) });
        }
    }

    /// What it asked for has come: it goes before everything that is published later.
    pub(in super::super) fn told(&mut self, answer: &Answer, tx: &mut Tx) {
        let Answer::Story { kept, gap } = answer else { return };
        if self.stage != Stage::Asked {
            return;
        }
        self.stage = Stage::Inside;
        self.missed |= gap;
        for publication in kept {
            let mut encoded = Encoded::new(publication);
            let Some(message) = encoded.of(self.speech) else { continue };
            self.count(&encoded);
            self.add(message, tx, true);
        }
        self.own_up(tx, true);
    }

    /// Something was published: it goes to the client, or waits for room, and while `tx` is not open, because it stands in
    /// the middle of another message.
    pub(in super::super) fn hear(
        &mut self,
        batch: &mut Batch<'_>,
        tx: &mut Tx,
        open: bool,
    ) -> Heard {
        let mut heard = Heard::default();
        if self.stage == Stage::Asked {
            // It is in what is on its way.
            return heard;
        }
        if open && !self.missed && self.backlog.is_none() && tx.room() > 0 {
            let together = batch.together(self.speech);
            self.messages += together.messages;
            self.payload += together.payload;
            heard.dropped = together.left_out;
            if let Some(bytes) = together.bytes {
                tx.queue(Segment::Shared(bytes));
            }
            return heard;
        }
        for encoded in batch.each() {
            let one = self.hear_one(encoded, tx, open);
            heard.dropped += one.dropped;
            heard.too_much |= one.too_much;
        }
        heard
    }

    fn hear_one(&mut self, encoded: &mut Encoded<'_>, tx: &mut Tx, open: bool) -> Heard {
        let dropped = Heard { dropped: 1, too_much: false };
        let Some(message) = encoded.of(self.speech) else { return dropped };
        let mut heard = Heard::default();
        let has_room = open && self.backlog.is_none() && tx.room() > 0;
        if !has_room && self.waiting() >= self.terms.backlog as usize {
            heard = dropped;
            match self.terms.slow {
                ChannelSlow::DropOldest => {
                    self.next();
                    self.missed = true;
                }
                ChannelSlow::DropNewest => {
                    self.missed = true;
                    return heard;
                }
                ChannelSlow::Close => return Heard { dropped: 1, too_much: true },
            }
        }
        self.count(encoded);
        self.add(message, tx, open);
        heard
    }

    fn count(&mut self, encoded: &Encoded<'_>) {
        self.messages += 1;
        self.payload += encoded.payload() as u64;
    }

    fn add(&mut self, message: Shared, tx: &mut Tx, open: bool) {
        // Of the newest that were dropped it is told before the next one.
        if self.terms.slow == ChannelSlow::DropNewest || self.backlog.is_none() {
            self.own_up(tx, open);
        }
        if open && self.backlog.is_none() && tx.room() > 0 {
            tx.queue(Segment::Shared(message));
        } else {
            self.wait(message);
        }
    }

    /// Tells it that it has missed something, where it has ids to ask for it.
    fn own_up(&mut self, tx: &mut Tx, open: bool) {
        if !std::mem::take(&mut self.missed) || !self.speech.has_ids() {
            return;
        }
        if open && self.backlog.is_none() {
            tx.queue(Segment::Shared(self.speech.gap()));
        } else {
            self.wait(self.speech.gap());
        }
    }

    /// What waits goes on as far as there is room.
    pub(in super::super) fn catch_up(&mut self, tx: &mut Tx, pool: &Pool) {
        if self.backlog.is_none() {
            return self.own_up(tx, true);
        }
        if self.terms.slow == ChannelSlow::DropOldest && self.missed && tx.room() > 0 {
            self.missed = false;
            if self.speech.has_ids() {
                tx.push(Segment::Shared(self.speech.gap()), pool);
            }
        }
        while tx.room() > 0
            && let Some(message) = self.next()
        {
            tx.push(Segment::Shared(message), pool);
        }
    }

    /// Whether nothing waits for room.
    pub(in super::super) fn rests(&self) -> bool {
        self.backlog.is_none() && !self.missed
    }

    /// How many wait.
    fn waiting(&self) -> usize {
        self.backlog.as_ref().map_or(0, |all| all.len())
    }

    /// One more waits.
    fn wait(&mut self, message: Shared) {
        self.backlog.get_or_insert_default().push_back(message);
    }

    /// The one that has waited longest.
    fn next(&mut self) -> Option<Shared> {
        let all = self.backlog.as_mut()?;
        let first = all.pop_front();
        if all.is_empty() {
            self.backlog = None;
        }
        first
    }

    /// Something it should have heard is lost: it is told as soon as there is room.
    pub(in super::super) fn miss(&mut self) {
        self.missed = true;
    }
}
