//! A tunnel whose frame headers are followed: messages are counted, limits hold, dead ends are
//! found, and an end of ours is told to both sides in their own words. Payload is not looked at.
//!
//! A control frame of ours goes in only where the direction it joins stands between two frames,
//! judged on the bytes already queued.

use crate::base::Millis;
use crate::buf::{Copied, Pool};
use crate::proto::ws::{
    CONTROL_MAX, CloseCode, Control, Draft, Opcode, Rules, Sender, Step, Tally, Tracker, Until,
    parse_close,
};

use super::super::cx::Cx;
use super::super::figures::Figures;
use super::super::port::{Port, Side, TxEnd};
use super::super::reason::CloseReason;
use super::super::settings::WebSocketRules;
use super::super::snapshot::{Cursor, SnapshotError};
use super::held::keep_back;
use super::life::{Bond, Life};

/// One direction, named after the side that sends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    pub(super) tracker: Tracker,
    pub(super) tally: Tally,
}

/// The state of a tracked tunnel. Plain data.
#[derive(Clone, Debug)]
pub(in super::super) struct Track {
    pub(super) watch: [Watch; 2],
    pub(in super::super) life: Life,
    draft: Draft,
    /// RSV1 was agreed: permessage-deflate is the two ends' affair.
    rsv1: bool,
    /// Before that time nothing matters but what the two ends send; never where an end has begun. Worked out anew after a
    /// snapshot.
    pub(super) calm: Millis,
}

const _: () = assert!(size_of::<Track>() <= 168);

impl Track {
    pub(in super::super) fn new(
        draft: Draft,
        rsv1: bool,
        rules: &WebSocketRules,
        cx: &mut Cx<'_>,
    ) -> Track {
        let life = Life::new(rules, Bond::Passed, [true; 2], cx);
        Track { watch: [Watch::default(); 2], life, draft, rsv1, calm: Millis::default() }
    }

    /// Moves what can be moved, and adds to `bytes` what came from each side and went on. `Some` when
    /// the tunnel is over and both queues are empty or late. `silence` is when it ends for that.
    pub(in super::super) fn advance(
        &mut self,
        ports: &mut [Port; 2],
        bytes: &mut [u64; 2],
        rules: &WebSocketRules,
        silence: Option<Millis>,
        cx: &mut Cx<'_>,
    ) -> Option<CloseReason> {
        self.calm = Millis::default();
        self.life.notice(ports, rules, cx.now);
        for side in [Side::Client, Side::Upstream] {
            self.relay(side, ports, bytes, rules, cx);
        }
        self.tell_news(&mut ports[0], cx);
        self.life.look(ports, rules, cx.now);
        self.speak(ports, rules, cx);
        let between = [Side::Client, Side::Upstream].map(|side| self.is_between(side));
        let over = self.life.over(ports, between, cx.now);
        if over.is_none() {
            self.calm = self.life.calm_until(ports, rules).min(silence.unwrap_or(Millis::NEVER));
        }
        over
    }

    /// When it must be looked at again if nothing comes, where that is known from before: traffic
    /// only moves it.
    pub(in super::super) fn calm(&self) -> Option<Millis> {
        Some(self.calm).filter(|at| *at != Millis::default())
    }

    /// Its life, to be changed: nothing is calm until it was looked at again.
    pub(in super::super) fn life_mut(&mut self) -> &mut Life {
        self.calm = Millis::default();
        &mut self.life
    }

    /// What `side` may send.
    #[inline]
    pub(super) fn frames(&self, side: Side, rules: &WebSocketRules) -> Rules {
        let (sender, max_message) = match side {
            Side::Client => (Sender::Client, rules.max_message),
            Side::Upstream => (Sender::Server, u64::MAX),
        };
        Rules { draft: self.draft, sender, rsv1: self.rsv1, max_message }
    }

    /// Passes on what `side` sent, frame by frame as far as its headers must be seen.
    fn relay(
        &mut self,
        side: Side,
        ports: &mut [Port; 2],
        bytes: &mut [u64; 2],
        rules: &WebSocketRules,
        cx: &mut Cx<'_>,
    ) {
        let frames = self.frames(side, rules);
        let obeys = side == Side::Upstream && self.life.obeys();
        let bytes = &mut bytes[side as usize];
        loop {
            let (from, to) = pair(ports, side);
            if self.life.is_muted(side) {
                // Whoever is not listened to any more may go on sending for a while.
                return from.rx.consume(from.rx.len());
            }
            let discard = self.life.discards(side) || to.is_gone();
            if self.life.has_closed(side) {
                // Nothing counts behind a Close, not even what breaks the rules.
                from.rx.consume(from.rx.len());
            }
            if from.rx.is_empty() {
                break;
            }
            if !discard && to.tx.room() == 0 || obeys && self.life.must_wait(cx) {
                return;
            }
            let counts = side == Side::Client && rules.rate.is_some();
            if counts && self.begins_message(from.rx.bytes()) && !self.life.may_begin(rules, cx.now)
            {
                return self.life.refuse(
                    side,
                    CloseReason::TooManyMessages,
                    CloseCode::POLICY,
                    cx.now,
                );
            }
            let speaks = self.life.wants_to_speak(side.other(), cx.now);
            let has_news = side == Side::Upstream && !self.life.guest_rests();
            if obeys
                && self.watch[Side::Upstream as usize].tracker.at_message()
                && let Some(first) = from.rx.bytes().first()
            {
                self.life.begins(*first);
            }
            let until = match (speaks, has_news || obeys) {
                (true, _) => Until::Frame,
                (false, false) if !counts => Until::End,
                _ => Until::Message,
            };
            let counted = self.watch[Side::Client as usize].tally.messages;
            let watch = &mut self.watch[side as usize];
            match watch.tracker.advance(from.rx.bytes(), until, &frames, &mut watch.tally) {
                Ok(Step::Pass(n)) => {
                    *bytes += n as u64;
                    let last = watch.tracker.at_message();
                    if obeys && !discard && self.life.holds() {
                        keep_back(n, last, &mut self.life, ports, cx);
                    } else {
                        pass(n, discard, ports, side, cx.pool);
                    }
                }
                Ok(Step::Need(_)) if from.rx.gather(cx.pool) => continue,
                Ok(Step::Need(_)) => {
                    if from.rx_end.is_some() && !from.rx.is_split() {
                        // A header or control frame that was cut short is of no use to anybody.
                        from.rx.consume(from.rx.len());
                    }
                    break;
                }
                Ok(Step::Control(control)) => {
                    *bytes += self.control(control, side, discard, ports, cx);
                }
                Err(error) => return self.life.fault(error, side, cx.now),
            }
            if has_news {
                self.tell_news(&mut ports[0], cx);
            }
            if speaks {
                self.speak(ports, rules, cx);
            }
            let new = self.watch[Side::Client as usize].tally.messages - counted;
            self.life.spend(new, rules, cx.now);
        }
        if !ports[side as usize].is_drained() {
            return;
        }
        if self.life.is_ending() {
            self.life.finished(side);
        } else if !self.life.parts(ports) {
            pair(ports, side).1.tx_end.get_or_insert(TxEnd::Finish);
        }
    }

    /// Whether these bytes of the client's begin a message, and do not go on with one.
    fn begins_message(&self, bytes: &[u8]) -> bool {
        let opcode = bytes.first().map(|byte| byte & 0x0f);
        let begins = [Some(Opcode::Text as u8), Some(Opcode::Binary as u8)].contains(&opcode);
        begins && self.watch[Side::Client as usize].tracker.at_message()
    }

    /// A whole control frame stands at the front of what `side` sent; returns its size if it goes on.
    fn control(
        &mut self,
        control: Control,
        side: Side,
        discard: bool,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> u64 {
        let mut payload = [0; CONTROL_MAX];
        let (from, _) = pair(ports, side);
        let payload = control.payload(from.rx.bytes(), &mut payload);
        let swallow = match control.head.opcode {
            Opcode::Close => {
                let code = parse_close(payload, self.draft)
                    .ok()
                    .flatten()
                    .map_or(CloseCode::NONE, |close| close.code);
                self.life.heard_close(side, code, cx.now)
            }
            Opcode::Pong => self.life.answered(side, payload, cx.now),
            _ => false,
        };
        pass(control.len, discard || swallow, ports, side, cx.pool);
        if swallow { 0 } else { control.len as u64 }
    }

    /// Whether what goes to `side` stands between two frames.
    fn is_between(&self, side: Side) -> bool {
        self.watch[side.other() as usize].tracker.at_frame()
    }

    /// Puts in what is due where a direction stands between two frames.
    fn speak(&mut self, ports: &mut [Port; 2], rules: &WebSocketRules, cx: &mut Cx<'_>) {
        for side in [Side::Client, Side::Upstream] {
            if !self.is_between(side) {
                continue;
            }
            while let Some(word) = self.life.speak(side, rules, cx) {
                // A server takes only masked ones.
                let key = (side == Side::Upstream).then(|| (cx.rng.number() as u32).to_be_bytes());
                let frame = word.frame(self.draft, key);
                ports[side as usize].tx.put(frame.bytes(), Copied::Head, cx.pool);
            }
        }
    }

    /// What is known of it.
    pub(in super::super) fn figures(&self) -> Figures {
        self.life.figures(self.draft, self.watch.map(|watch| watch.tally))
    }

    /// One to be read into from a snapshot.
    pub(in super::super) fn blank() -> Track {
        Track {
            watch: [Watch::default(); 2],
            life: Life::blank(),
            draft: Draft::Rfc6455,
            rsv1: false,
            calm: Millis::default(),
        }
    }

    /// Its fields in a snapshot.
    pub(in super::super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        for watch in &mut self.watch {
            watch.fields(at)?;
        }
        self.life.fields(at)?;
        at.draft(&mut self.draft)?;
        at.flag(&mut self.rsv1)
    }
}

impl Watch {
    fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let (mut left, mut open) = (self.tracker.left(), self.tracker.open());
        at.number(&mut left)?;
        at.maybe(&mut open, || 0, |size, at| at.number(size))?;
        self.tracker = Tracker::resume(left, open);
        at.tally(&mut self.tally)
    }
}

/// Who sends and who receives in the direction named after `side`.
pub(super) fn pair(ports: &mut [Port; 2], side: Side) -> (&mut Port, &mut Port) {
    let [client, upstream] = ports;
    match side {
        Side::Client => (client, upstream),
        Side::Upstream => (upstream, client),
    }
}

/// Hands the first `n` bytes, which lie in one piece, to the other side, or drops them.
fn pass(n: usize, discard: bool, ports: &mut [Port; 2], side: Side, pool: &Pool) {
    let (from, to) = pair(ports, side);
    if discard {
        from.rx.consume(n);
    } else if let Some(segment) = from.rx.take(n as u64, pool) {
        to.tx.push(segment, pool);
    }
}
