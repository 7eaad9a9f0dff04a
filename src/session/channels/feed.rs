//! A stream of server-sent events: a response that goes on for as long as its client stays.

use std::time::Duration;

use crate::base::Millis;
use crate::buf::{Copied, Segment};
use crate::channel::{Answer, Batch, Speech};

use super::super::cx::Cx;
use super::super::port::{Port, TxEnd};
use super::super::reason::CloseReason;
use super::membership::Membership;

/// The state of a stream.
#[derive(Debug)]
pub(in super::super) struct Feed {
    member: Membership,
    speech: Speech,
    /// A comment is sent when nothing else was for so long.
    heartbeat: Duration,
    /// When anything was sent last.
    said: Millis,
    ending: Option<CloseReason>,
}

impl Feed {
    /// A stream whose response's head is on its way.
    pub(in super::super) fn new(
        member: Membership,
        speech: Speech,
        heartbeat: Duration,
        now: Millis,
    ) -> Feed {
        Feed { member, speech, heartbeat, said: now, ending: None }
    }

    /// Moves what can be moved. `Some` when it is over.
    pub(in super::super) fn advance(
        &mut self,
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Option<CloseReason> {
        if client.is_gone() || client.rx_end.is_some() {
            // Who does not wait for the end of a stream does not want it.
            return Some(self.ending.unwrap_or(CloseReason::ClientGone));
        }
        // No other request can be answered on this connection.
        client.rx.consume(client.rx.len());
        if cx.now >= self.member.expires() {
            self.end(CloseReason::TokenExpired);
        }
        if let Some(reason) = self.ending {
            client.tx.put(self.speech.ending(), Copied::Head, cx.pool);
            client.tx_end = Some(TxEnd::Finish);
            return Some(reason);
        }
        self.member.join(cx);
        self.member.catch_up(&mut client.tx, cx.pool);
        if cx.now >= self.said + self.heartbeat {
            self.said = cx.now;
            if client.tx.is_empty() {
                client.tx.queue(Segment::Shared(self.speech.heartbeat()));
            }
        }
        None
    }

    /// Something was published; returns how many messages were dropped for it.
    pub(in super::super) fn hear(
        &mut self,
        batch: &mut Batch<'_>,
        client: &mut Port,
        now: Millis,
    ) -> u64 {
        if self.ending.is_some() {
            return 0;
        }
        self.said = now;
        let heard = self.member.hear(batch, &mut client.tx, true);
        if heard.too_much {
            self.ending = Some(CloseReason::SlowSubscriber);
        }
        heard.dropped
    }

    /// What it hears of its channel.
    pub(in super::super) fn member(&mut self) -> &mut Membership {
        &mut self.member
    }

    /// What it asked for has come.
    pub(in super::super) fn told(&mut self, answer: &Answer, client: &mut Port) {
        self.member.told(answer, &mut client.tx);
    }

    /// Something that it should have heard is lost.
    pub(in super::super) fn miss(&mut self) -> bool {
        self.member.miss();
        self.ending.is_none()
    }

    /// Begins to end it.
    pub(in super::super) fn end(&mut self, reason: CloseReason) {
        self.ending.get_or_insert(reason);
    }

    /// Whether its end has begun.
    pub(in super::super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether nothing waits for room.
    pub(in super::super) fn rests(&self) -> bool {
        self.member.rests() && self.ending.is_none()
    }

    /// Bytes of the messages that it got.
    pub(in super::super) fn payload(&self) -> u64 {
        self.member.tally().payload
    }

    /// When it must be looked at again though nothing moves.
    pub(in super::super) fn deadline(&self) -> Millis {
        (self.said + self.heartbeat).min(self.member.expires())
    }
}
