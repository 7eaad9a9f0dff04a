//! A tunnel: what comes of each side goes to the other, opaque or seen, until both have ended.

use std::sync::Arc;

use crate::base::{Address, Millis};
use crate::buf::Pool;
use crate::channel::{Answer, Batch, Speech};

use super::bounds::Bounds;
use super::channels::{Feed, Membership};
use super::cx::{Action, Cx};
use super::figures::Figures;
use super::opaque::Opaque;
use super::port::{Port, Side};
use super::reason::CloseReason;
use super::settings::Route;
use super::websocket::{Life, Terminated, Track};

/// What a tunnel carries. `http-timeout` bounds the silence of a raw one, `tunnel-timeout` that of a
/// WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelKind {
    /// Opened by a 101 with the right proof.
    WebSocket,
    /// `http-raw-body`: everything after the request's head.
    Raw,
    /// Server-sent events.
    Events,
}

/// The state of an open tunnel. Plain data, written down by `snapshot`.
#[derive(Debug)]
pub struct Tunnel {
    /// What it carries.
    pub kind: TunnelKind,
    /// Joins the access line of its end to that of its opening.
    pub id: u64,
    /// When it opened.
    pub opened: Millis,
    /// Bytes received, by side.
    pub bytes: [u64; 2],
    /// The settings it began under.
    pub route: Arc<Route>,
    /// Place of the server in the route's group.
    pub server: u16,
    /// The server that a token stood for, where one did.
    pub found: Option<Box<Address>>,
    /// When something last passed that was not ours.
    pub(super) active: Millis,
    /// The worker was asked to look after the sides that cannot be pinged.
    pub(super) watched: bool,
    /// Its end is not logged.
    pub(super) silent: bool,
    /// It has a seat at its server.
    pub(super) seated: bool,
    /// What is seen of what it carries.
    pub(super) sight: Sight,
}

/// What is seen of what a tunnel carries.
#[derive(Debug)]
pub(super) enum Sight {
    /// Nothing: opaque bytes.
    Opaque(Opaque),
    /// Frame headers.
    Frames(Box<Track>),
    /// Messages: they end here and go on as new ones.
    Messages(Box<Terminated>),
    /// Server-sent events: there is no other side.
    Events(Box<Feed>),
}

impl Tunnel {
    /// Takes a seat at its server, where it has one, and keeps it for as long as it lives.
    pub(super) fn seated(mut self) -> Tunnel {
        let server = self.route.target.server(self.server).filter(|_| self.found.is_none());
        if let Some(server) = server {
            server.seats.sit();
            self.seated = true;
        }
        self
    }

    /// Moves what can be moved. `Some` when the tunnel is over.
    pub(super) fn advance(
        &mut self,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Option<CloseReason> {
        if let (Sight::Frames(track), Some(websockets)) = (&mut self.sight, &self.route.websockets)
            && track.stream(ports, &mut self.bytes, &mut self.active, &websockets.rules, cx)
        {
            return None;
        }
        if !self.watched {
            self.watch(cx);
        }
        let silence = self.silent_at(cx.active);
        let silent = silence.is_some_and(|at| cx.now >= at);
        if silent && !self.leave(CloseReason::TunnelTimeout, cx.now) {
            return Some(CloseReason::TunnelTimeout);
        }
        let before = self.bytes;
        let over = match (&mut self.sight, &self.route.websockets) {
            (Sight::Frames(track), Some(websockets)) => {
                track.advance(ports, &mut self.bytes, &websockets.rules, silence, cx)
            }
            (Sight::Messages(messages), Some(websockets)) => {
                messages.advance(ports, &mut self.bytes, websockets, cx)
            }
            (Sight::Events(feed), _) => {
                self.bytes[1] = feed.payload();
                feed.advance(&mut ports[0], cx)
            }
            (Sight::Opaque(opaque), _) => opaque.advance(ports, &mut self.bytes, cx.now, cx.pool),
            // Its route carries no WebSockets any more.
            (Sight::Frames(_) | Sight::Messages(_), None) => return Some(CloseReason::NoRoute),
        };
        if self.bytes != before {
            self.active = cx.now;
        }
        over
    }

    /// Whether bytes that came of `side` may all go over as they are, where nothing waits and no end is in sight, and
    /// nothing else is to be done; then they are counted. If not, nothing has happened.
    #[inline]
    pub(super) fn passes(&mut self, side: Side, bytes: &[u8], now: Millis) -> bool {
        let passes = match &mut self.sight {
            Sight::Frames(track) => {
                let rules = || self.route.websockets.as_ref().map(|websockets| &websockets.rules);
                track.passes_lone(side, bytes, now)
                    || rules().is_some_and(|rules| track.passes(side, bytes, rules, now))
            }
            Sight::Opaque(opaque) => self.watched && opaque.is_plain(),
            _ => false,
        };
        if passes {
            self.bytes[side as usize] += bytes.len() as u64;
            self.active = now;
        }
        passes
    }

    /// How many of the bytes that come next of `side` may go over unseen; see [`Client::reach`](super::Client::reach).
    pub(super) fn reach(&self, side: Side, next: &[u8], now: Millis) -> Option<u64> {
        match (&self.sight, &self.route.websockets) {
            (Sight::Frames(track), Some(websockets)) => {
                track.reach(side, next, &websockets.rules, now)
            }
            (Sight::Opaque(opaque), _) if self.watched && opaque.is_plain() => Some(u64::MAX),
            _ => Some(0),
        }
    }

    /// So many of them went over.
    pub(super) fn pass_unseen(&mut self, side: Side, next: &[u8], n: u64, now: Millis) {
        if let (Sight::Frames(track), Some(websockets)) = (&mut self.sight, &self.route.websockets)
        {
            track.pass_unseen(side, next, n, &websockets.rules);
        }
        self.bytes[side as usize] += n;
        self.active = now;
    }

    /// Something was published where its client has joined; returns how many messages were dropped for it.
    pub(super) fn hear(&mut self, batch: &mut Batch<'_>, client: &mut Port, now: Millis) -> u64 {
        match &mut self.sight {
            Sight::Messages(messages) => messages.hear(batch, client, now),
            Sight::Events(feed) => feed.hear(batch, client, now),
            Sight::Frames(track) => track.hear(batch, client, now),
            Sight::Opaque(_) => 0,
        }
    }

    /// Its client is in its channels under the terms of its route again.
    pub(super) fn invite(&mut self) {
        let terms = Arc::clone(&self.route.guests);
        let draft = self.figures().map(|figures| figures.draft);
        if let (Some(life), Some(draft)) = (self.life(), draft)
            && let Some(guest) = life.guest()
        {
            let speech = Speech::of(draft, false, terms.ids);
            guest.under(terms, speech);
        }
    }

    /// Its client has joined a channel, whose name is kept once for all who have.
    pub(super) fn joined(&mut self, name: &Arc<str>) {
        let member = match &mut self.sight {
            Sight::Opaque(_) => None,
            Sight::Frames(track) => track.life.guest(),
            Sight::Messages(messages) => messages.member(),
            Sight::Events(feed) => Some(feed.member()),
        };
        if let Some(member) = member {
            member.joined(name);
        }
    }

    /// Something that was published where its client has joined is lost; false where it hears of no channel.
    pub(super) fn miss(&mut self) -> bool {
        let member = match &mut self.sight {
            Sight::Messages(messages) => messages.member(),
            Sight::Events(feed) => return feed.miss(),
            Sight::Frames(track) => track.member(),
            Sight::Opaque(_) => None,
        };
        member.map(Membership::miss).is_some()
    }

    /// A channel's home has said what its client asked for.
    pub(super) fn told(&mut self, answer: &Answer, client: &mut Port) {
        match &mut self.sight {
            Sight::Messages(messages) => messages.told(answer, client),
            Sight::Events(feed) => feed.told(answer, client),
            Sight::Opaque(_) | Sight::Frames(_) => {}
        }
    }

    /// Asks for what finds a vanished peer, on each side that cannot be pinged.
    fn watch(&mut self, cx: &mut Cx<'_>) {
        self.watched = true;
        let Some(websockets) = &self.route.websockets else { return };
        let mute = match &self.sight {
            Sight::Opaque(_) => [true; 2],
            Sight::Frames(_) => [false; 2],
            Sight::Messages(messages) => messages.without_pings(),
            Sight::Events(_) => [true, false],
        };
        for side in [Side::Client, Side::Upstream] {
            if let Some(mut bounds) = Bounds::of(side, &websockets.rules)
                && mute[side as usize]
            {
                if self.kind == TunnelKind::Raw {
                    // A server that takes its time to read has `http-timeout` for that.
                    bounds.patience = bounds.patience.max(self.route.times.silence);
                }
                cx.actions.push(Action::Watch { side, bounds });
            }
        }
    }

    /// Its server's address as the configuration or the file of tokens says it.
    pub fn server_address(&self) -> Option<&Address> {
        let of_group = || self.route.target.server(self.server).map(|server| &server.address);
        self.found.as_deref().or_else(of_group)
    }

    /// What is known of it, where its frames are seen.
    pub fn figures(&self) -> Option<Figures> {
        match &self.sight {
            Sight::Opaque(_) | Sight::Events(_) => None,
            Sight::Frames(track) => Some(track.figures()),
            Sight::Messages(messages) => Some(messages.figures()),
        }
    }

    /// Memory that holds parts of messages, in bytes.
    pub(super) fn held(&self) -> usize {
        match &self.sight {
            Sight::Messages(messages) => messages.held(),
            _ => 0,
        }
    }

    /// Gives back what small parts of messages need not keep.
    pub(super) fn settle(&mut self, pool: &Pool) {
        if let Sight::Messages(messages) = &mut self.sight {
            messages.settle(pool);
        }
    }

    /// Whether we have begun to end it in words.
    pub fn is_leaving(&self) -> bool {
        match &self.sight {
            Sight::Opaque(_) => false,
            Sight::Frames(track) => track.life.is_ending(),
            Sight::Messages(messages) => messages.life.is_ending(),
            Sight::Events(feed) => feed.is_ending(),
        }
    }

    /// When something last passed that was not ours; `moved` is when bytes last moved.
    pub fn active(&self, moved: Millis) -> Millis {
        if self.is_seen() { self.active } else { moved }
    }

    /// Whether more than bytes are seen of it.
    pub(super) fn is_seen(&self) -> bool {
        !matches!(self.sight, Sight::Opaque(_))
    }

    fn life(&mut self) -> Option<&mut Life> {
        match &mut self.sight {
            Sight::Opaque(_) | Sight::Events(_) => None,
            Sight::Frames(track) => Some(track.life_mut()),
            Sight::Messages(messages) => Some(&mut messages.life),
        }
    }

    /// Whether all that came has gone over and no end is near: then nothing waits for what leaves.
    pub(super) fn rests(&self, ports: &[Port; 2]) -> bool {
        let waits = match &self.sight {
            Sight::Messages(messages) => !messages.rests(),
            Sight::Events(feed) => !feed.rests(),
            Sight::Frames(track) => !track.life.guest_rests(),
            Sight::Opaque(_) => false,
        };
        ports.iter().all(Port::is_still) && !self.is_leaving() && !waits
    }

    /// When it ends for silence.
    fn silent_at(&self, active: Millis) -> Option<Millis> {
        match self.kind {
            TunnelKind::Raw => Some(active + self.route.times.silence),
            // Our own pings and their answers are no sign of life between the two ends.
            TunnelKind::WebSocket => Some(self.active(active) + self.route.times.tunnel?),
            // Nothing ever comes of its client.
            TunnelKind::Events => None,
        }
    }

    /// When it must be looked at again if nothing moves.
    pub(super) fn deadline(&self, active: Millis, ports: &[Port; 2]) -> Option<Millis> {
        if let Sight::Frames(track) = &self.sight
            && let Some(at) = track.calm()
        {
            return Some(at);
        }
        let (life, own) = match &self.sight {
            Sight::Opaque(opaque) => {
                return [self.silent_at(active), opaque.deadline(ports)]
                    .into_iter()
                    .flatten()
                    .min();
            }
            Sight::Frames(track) => (&track.life, None),
            Sight::Messages(messages) => (&messages.life, messages.deadline()),
            Sight::Events(feed) => return Some(feed.deadline()),
        };
        let rules = self.route.websockets.as_ref().map(|websockets| &websockets.rules);
        let alive = rules.and_then(|rules| life.deadline(ports, rules));
        // An end that has begun has its own time.
        let silence = if life.is_ending() { None } else { self.silent_at(active) };
        [alive, own, silence].into_iter().flatten().min()
    }

    /// Begins to end it in words both ends understand; false where that cannot be said.
    pub(super) fn leave(&mut self, reason: CloseReason, now: Millis) -> bool {
        if let (Sight::Messages(messages), CloseReason::OutOfMemory) = (&mut self.sight, reason) {
            messages.forget(now);
        }
        if let Sight::Events(feed) = &mut self.sight {
            feed.end(reason);
            return true;
        }
        match self.life() {
            Some(life) => {
                life.end(reason, now);
                true
            }
            None => false,
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        if let Some(server) = self.route.target.server(self.server).filter(|_| self.seated) {
            server.seats.rise();
        }
    }
}
