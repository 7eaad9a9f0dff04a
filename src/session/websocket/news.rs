//! What is published where a client has joined: said to it between the messages of its own WebSocket.

use crate::base::Millis;
use crate::channel::{Answer, Batch};

use super::super::channels::Membership;
use super::super::cx::Cx;
use super::super::port::{Port, Side};
use super::terminated::{Far, Terminated};
use super::track::Track;

impl Track {
    /// Whether a message of ours may go in behind what the upstream has said.
    fn is_open_for_news(&self) -> bool {
        let upstream = &self.watch[Side::Upstream as usize];
        let closed = self.life.has_closed(Side::Upstream) || self.life.is_ending();
        upstream.tracker.at_message() && !closed
    }

    /// The client joins its channels, and hears what waits of them.
    pub(super) fn tell_news(&mut self, client: &mut Port, cx: &mut Cx<'_>) {
        let open = self.is_open_for_news();
        if let Some(guest) = self.life.guest()
            && open
        {
            guest.join(cx);
            guest.catch_up(&mut client.tx, cx.pool);
        }
    }

    /// Something was published where the client has joined; returns how many messages were dropped for it.
    pub(in super::super) fn hear(
        &mut self,
        batch: &mut Batch<'_>,
        client: &mut Port,
        now: Millis,
    ) -> u64 {
        let open = self.is_open_for_news();
        if self.life.is_ending() {
            return 0;
        }
        let guest = self.life_mut().guest();
        let heard = guest.map(|guest| guest.hear(batch, &mut client.tx, open));
        self.life.heard_news(heard, now)
    }

    /// What the client hears of channels, if anything, about to be told more.
    pub(in super::super) fn member(&mut self) -> Option<&mut Membership> {
        self.life_mut().guest()
    }
}

impl Terminated {
    /// Joins the channel, and sends on what waits of it.
    pub(super) fn take_part(&mut self, client: &mut Port, cx: &mut Cx<'_>) {
        let open = self.is_between();
        let Some(member) = self.member() else { return };
        member.join(cx);
        if open {
            member.catch_up(&mut client.tx, cx.pool);
        }
    }

    /// Something was published where the client has joined; returns how many messages were dropped for it.
    pub(in super::super) fn hear(
        &mut self,
        batch: &mut Batch<'_>,
        client: &mut Port,
        now: Millis,
    ) -> u64 {
        let open = self.is_between();
        if self.life.is_ending() {
            return 0;
        }
        let heard = self.member().map(|member| member.hear(batch, &mut client.tx, open));
        self.life.heard_news(heard, now)
    }

    /// Whether a message to the client may begin.
    fn is_between(&self) -> bool {
        !self.client.sending && self.challenge.is_none() && !self.life.was_told(Side::Client)
    }

    /// What the client asked to hear of the past has come.
    pub(in super::super) fn told(&mut self, answer: &Answer, client: &mut Port) {
        if let Far::Channel(member) = &mut self.far
            && !self.life.is_ending()
        {
            member.told(answer, &mut client.tx);
        }
    }
}
