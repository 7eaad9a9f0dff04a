//! What is known of a WebSocket whatever is seen of it: `pulse` says whether its sides live,
//! `closing` how it ends.

use crate::base::Millis;
use crate::proto::ws::{Draft, Tally};

use super::super::channels::{Heard, Membership};
use super::super::cx::Cx;
use super::super::figures::{Closer, Figures};
use super::super::port::Side;
use super::super::reason::CloseReason;
use super::super::settings::WebSocketRules;
use super::super::snapshot::{Cursor, SnapshotError};
use super::ending::Ending;
use super::keepalive::Keepalive;
use super::pulse::pace;
use super::terms::Terms;

/// How the client is joined to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bond {
    /// The two hear each other's frames, Close among them.
    Passed,
    /// Each hears only what we say.
    Spoken,
    /// There is no other side.
    Alone,
}

/// What is known of the two ends, and of the end. Plain data.
#[derive(Clone, Debug)]
pub(in super::super) struct Life {
    /// Of the client, where it is asked.
    pub(super) keepalive: Option<Keepalive>,
    // What is rare or belongs to the end is boxed: a WebSocket is small while it is idle.
    pub(super) ending: Option<Box<Ending>>,
    pub(super) closes: Option<Box<Closes>>,
    pub(super) terms: Option<Box<Terms>>,
    /// Who has said Close; nothing after it counts.
    pub(super) closed: [bool; 2],
    /// A Close of one side goes to the other by itself.
    pub(super) passes: bool,
    /// There is no other side.
    pub(super) alone: bool,
    /// An unasked pong waits for its place.
    pub(super) pong_wanted: bool,
}

/// What is remembered of Closes that came.
#[derive(Clone, Debug)]
pub(super) struct Closes {
    /// Who said it first, and with which code.
    pub(super) first: (Side, u16),
    /// When both had said it.
    pub(super) both: Millis,
}

impl Life {
    /// At the beginning. `asks` says of each side whether it can be pinged.
    pub(super) fn new(
        rules: &WebSocketRules,
        bond: Bond,
        asks: [bool; 2],
        cx: &mut Cx<'_>,
    ) -> Life {
        let [client, upstream] = [Side::Client, Side::Upstream].map(|side| {
            let pace = pace(side, rules).filter(|_| asks[side as usize])?;
            Some(Keepalive::new(pace.every, cx.rng))
        });
        Life {
            keepalive: client,
            terms: Terms::new(rules, asks[0], upstream, cx),
            passes: bond == Bond::Passed,
            alone: bond == Bond::Alone,
            closed: [false, bond == Bond::Alone],
            ..Life::blank()
        }
    }

    /// One to be read into from a snapshot.
    pub(super) fn blank() -> Life {
        Life {
            keepalive: None,
            ending: None,
            closes: None,
            terms: None,
            closed: [false; 2],
            passes: false,
            alone: false,
            pong_wanted: false,
        }
    }

    /// Its fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.maybe(&mut self.keepalive, Keepalive::blank, Keepalive::fields)?;
        at.maybe(&mut self.ending, || Box::new(Ending::blank()), |ending, at| ending.fields(at))?;
        at.maybe(
            &mut self.closes,
            || Box::new(Closes { first: (Side::Client, 0), both: Millis::NEVER }),
            |closes, at| {
                closes.first.0.fields(at)?;
                at.short(&mut closes.first.1)?;
                at.moment(&mut closes.both)
            },
        )?;
        at.maybe(&mut self.terms, || Box::new(Terms::blank()), |terms, at| terms.fields(at))?;
        for flag in
            self.closed.iter_mut().chain([&mut self.passes, &mut self.alone, &mut self.pong_wanted])
        {
            at.flag(flag)?;
        }
        Ok(())
    }

    /// The client hears of channels what others publish, between the messages of an upstream.
    pub(in super::super) fn invite(&mut self, guest: Option<Box<Membership>>) {
        if guest.is_some() {
            self.terms.get_or_insert_with(|| Box::new(Terms::blank())).guest = guest;
        }
    }

    /// What the client hears of channels, if anything.
    pub(in super::super) fn guest(&mut self) -> Option<&mut Membership> {
        self.terms.as_mut()?.guest.as_deref_mut()
    }

    /// What became of messages of a channel; returns how many were dropped.
    pub(super) fn heard_news(&mut self, heard: Option<Heard>, now: Millis) -> u64 {
        let heard = heard.unwrap_or_default();
        if heard.too_much {
            self.end(CloseReason::SlowSubscriber, now);
        }
        heard.dropped
    }

    /// Whether nothing of channels waits for room.
    pub(in super::super) fn guest_rests(&self) -> bool {
        let guest = self.terms.as_ref().and_then(|terms| terms.guest.as_ref());
        guest.is_none_or(|guest| guest.rests())
    }

    /// Whether the client may begin one more message.
    pub(super) fn may_begin(&self, rules: &WebSocketRules, now: Millis) -> bool {
        let Some((rate, terms)) = rules.rate.zip(self.terms.as_ref()) else { return true };
        terms.allowance.lasts(rate, now)
    }

    /// Takes what new messages of the client cost off its allowance; false when it is used up.
    pub(super) fn spend(&mut self, new: u64, rules: &WebSocketRules, now: Millis) -> bool {
        let Some((rate, terms)) = rules.rate.filter(|_| new > 0).zip(self.terms.as_mut()) else {
            return true;
        };
        terms.allowance.spend(new, rate, now)
    }

    /// What is known, with what was counted by the side that sent it.
    pub(super) fn figures(&self, draft: Draft, tallies: [Tally; 2]) -> Figures {
        let theirs = self.closes.as_ref().map(|closes| closes.first);
        let ours = self.ending.as_ref().filter(|ending| !ending.is_theirs());
        Figures {
            draft,
            tallies,
            first_close: theirs
                .map(|(side, code)| (Closer::End(side), code))
                .or_else(|| ours.map(|ending| (Closer::Router, ending.told_client().0))),
            round_trip: self.keepalive.and_then(|client| client.round_trip()),
            closing: self.is_ending() || self.closed != [false, self.alone],
        }
    }
}
