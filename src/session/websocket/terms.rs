//! What only some routes ask of a WebSocket: that it ends at some age, that its client gets pongs
//! unasked, that its messages keep to a rate, that its upstream is asked whether it lives, that its client hears of channels.

use std::time::Duration;

use crate::base::Millis;

use super::super::channels::Membership;
use super::super::cx::Cx;
use super::super::settings::WebSocketRules;
use super::super::snapshot::{Cursor, SnapshotError};
use super::allowance::Allowance;
use super::commands::Commands;
use super::keepalive::Keepalive;

/// The terms of one WebSocket. Plain data.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// When it is to be closed for its age.
    pub(super) ends: Millis,
    /// When the next unasked pong is due.
    pub(super) pong_due: Millis,
    /// Of messages of the client.
    pub(super) allowance: Allowance,
    /// Of the upstream.
    pub(super) upstream: Option<Keepalive>,
    /// What the client hears of channels besides.
    pub(super) guest: Option<Box<Membership>>,
    /// What the upstream may say about that.
    pub(super) commands: Option<Box<Commands>>,
}

impl Terms {
    /// Those of a route that asks for any. `has_pongs` says whether the client's draft knows them.
    pub(super) fn new(
        rules: &WebSocketRules,
        has_pongs: bool,
        upstream: Option<Keepalive>,
        cx: &mut Cx<'_>,
    ) -> Option<Box<Terms>> {
        let pong = rules.pong.filter(|_| has_pongs);
        let none = rules.max_age.is_none() && pong.is_none() && rules.rate.is_none();
        if none && upstream.is_none() {
            return None;
        }
        let ends = rules.max_age.map_or(Millis::NEVER, |age| {
            let spread = cx.rng.below((age / 5).as_millis() as u64 + 1);
            cx.now + (age - age / 10 + Duration::from_millis(spread))
        });
        Some(Box::new(Terms {
            ends,
            pong_due: pong.map_or(Millis::NEVER, |every| cx.now + every),
            allowance: Allowance::new(rules.rate, cx.now),
            upstream,
            ..Terms::blank()
        }))
    }

    /// Some to be read into from a snapshot.
    pub(super) fn blank() -> Terms {
        let (ends, pong_due) = (Millis::NEVER, Millis::NEVER);
        let allowance = Allowance::default();
        Terms { ends, pong_due, allowance, upstream: None, guest: None, commands: None }
    }

    /// Their fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.moment(&mut self.ends)?;
        at.moment(&mut self.pong_due)?;
        self.allowance.fields(at)?;
        at.maybe(&mut self.upstream, Keepalive::blank, Keepalive::fields)?;
        let blank = || Box::new(Membership::blank());
        at.maybe(&mut self.guest, blank, |guest, at| guest.fields(at))?;
        let blank = || Box::new(Commands::blank());
        at.maybe(&mut self.commands, blank, |commands, at| commands.fields(at))
    }
}
