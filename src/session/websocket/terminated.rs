//! A WebSocket that ends here: messages are unmasked, inflated, checked and put together, and go on
//! as new ones to an upstream in its own draft, or back to where they came from.
//!
//! Control frames are answered here, for each side apart. A Close of one side is told to the other
//! behind what it sent before, and answered when the other has answered, or after some patience.

use std::sync::Arc;

use crate::base::Millis;
use crate::buf::{Copied, Pool};
use crate::channel::Speech;
use crate::proto::ws::{Challenge, CloseCode, DeflateParams, Draft, KEY3_LEN};

use super::super::channels::{Membership, Names, Wish};
use super::super::cx::Cx;
use super::super::figures::Figures;
use super::super::port::{Port, Side, TxEnd};
use super::super::reason::CloseReason;
use super::super::settings::{ChannelTerms, WebSockets};
use super::bridge::Bridge;
use super::end::End;
use super::life::{Bond, Life};
use super::pulse::Word;

/// The state of a terminated WebSocket.
#[derive(Debug)]
pub(in super::super) struct Terminated {
    pub(in super::super) life: Life,
    pub(super) client: End,
    pub(super) far: Far,
    /// The client of hixie-76 owes us eight bytes, and we it the answer, until then.
    pub(super) challenge: Option<Box<(Challenge, Millis)>>,
}

const _: () = assert!(size_of::<Terminated>() <= 184);

/// What was agreed with a client.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Opened {
    pub(in super::super) draft: Draft,
    /// To be answered when the client's eight bytes come: hixie-76.
    pub(in super::super) challenge: Option<Challenge>,
    pub(in super::super) deflate: Option<DeflateParams>,
    /// The subprotocol is `base64`.
    pub(in super::super) base64: bool,
}

/// Where a client's messages go.
#[derive(Debug)]
pub(super) enum Far {
    /// Back to it.
    Echo,
    /// To another end.
    Socket(Box<End>),
    /// To a server that knows nothing of WebSockets.
    Bridge(Box<Bridge>),
    /// To all who have joined a channel.
    Channel(Box<Membership>),
}

impl Terminated {
    /// One whose messages go back to the client.
    pub(in super::super) fn echo(client: Opened, settings: &WebSockets, cx: &mut Cx<'_>) -> Self {
        Terminated::new(client, Far::Echo, Bond::Alone, settings, cx)
    }

    /// One between a client and an upstream that speaks `draft`.
    pub(in super::super) fn between(
        client: Opened,
        draft: Draft,
        settings: &WebSockets,
        cx: &mut Cx<'_>,
    ) -> Self {
        let far = Far::Socket(Box::new(End::client(draft)));
        Terminated::new(client, far, Bond::Spoken, settings, cx)
    }

    /// One between a client and a TCP server.
    pub(in super::super) fn bridge(client: Opened, settings: &WebSockets, cx: &mut Cx<'_>) -> Self {
        let far = Far::Bridge(Box::new(Bridge::new(client.base64)));
        Terminated::new(client, far, Bond::Spoken, settings, cx)
    }

    /// One whose client joins a channel.
    pub(in super::super) fn channel(
        client: Opened,
        (wish, terms): (&Wish, &Arc<ChannelTerms>),
        settings: &WebSockets,
        cx: &mut Cx<'_>,
    ) -> Self {
        let speech = Speech::of(client.draft, client.base64, terms.ids);
        let member = Membership::new(
            Names::One(wish.name.as_str().into()),
            Arc::clone(terms),
            speech,
            wish.since,
        );
        let far = Far::Channel(Box::new(member.known_as(&wish.known)));
        Terminated::new(client, far, Bond::Alone, settings, cx)
    }

    fn new(
        client: Opened,
        far: Far,
        bond: Bond,
        settings: &WebSockets,
        cx: &mut Cx<'_>,
    ) -> Terminated {
        let Opened { draft, challenge, deflate, base64 } = client;
        let asks_far = matches!(&far, Far::Socket(end) if end.draft.has_frames());
        let until = cx.now + cx.generation.head_timeout;
        Terminated {
            life: Life::new(&settings.rules, bond, [draft.has_frames(), asks_far], cx),
            client: End::server(draft, deflate, base64),
            far,
            challenge: challenge.map(|challenge| Box::new((challenge, until))),
        }
    }

    /// Moves what can be moved, and adds to `bytes` what came from each side, answers to pings of ours
    /// apart. `Some` when it is over.
    pub(in super::super) fn advance(
        &mut self,
        ports: &mut [Port; 2],
        bytes: &mut [u64; 2],
        settings: &WebSockets,
        cx: &mut Cx<'_>,
    ) -> Option<CloseReason> {
        let rules = &settings.rules;
        self.life.notice(ports, rules, cx.now);
        if cx.now >= self.expires() {
            self.life.end(CloseReason::TokenExpired, cx.now);
        }
        let shaken = self.shakes_hands(&mut ports[0], cx);
        for side in [Side::Client, Side::Upstream] {
            // Of an upstream whose client never came so far the answer to our Close is heard.
            if shaken || side == Side::Upstream && self.life.is_ending() {
                self.relay(side, ports, bytes, settings, cx);
            }
        }
        if shaken {
            self.take_part(&mut ports[0], cx);
        }
        self.life.look(ports, rules, cx.now);
        self.speak(ports, settings, cx);
        self.life.over(ports, [true; 2], cx.now)
    }

    /// What its client hears of channels, if anything.
    pub(in super::super) fn member(&mut self) -> Option<&mut Membership> {
        match &mut self.far {
            Far::Channel(member) => Some(member),
            _ => self.life.guest(),
        }
    }

    /// Answers the challenge of hixie-76 once it is complete; true when it is, or there is none.
    fn shakes_hands(&mut self, client: &mut Port, cx: &mut Cx<'_>) -> bool {
        let Some((challenge, until)) = self.challenge.as_deref().copied() else { return true };
        if client.rx.bytes().len() < KEY3_LEN {
            client.rx.gather(cx.pool);
        }
        match client.rx.bytes().first_chunk() {
            Some(key3) => {
                client.tx.put(&challenge.answer(*key3), Copied::Head, cx.pool);
                client.rx.consume(KEY3_LEN);
                self.challenge = None;
                true
            }
            None if client.rx_end.is_some() => {
                client.rx.consume(client.rx.len());
                let code = CloseCode::GOING_AWAY;
                self.life.closes(Side::Client, code, "", cx.now);
                false
            }
            None => {
                if cx.now >= until {
                    self.life.end(CloseReason::HeadTimeout, cx.now);
                }
                false
            }
        }
    }

    /// Says what is due.
    fn speak(&mut self, ports: &mut [Port; 2], settings: &WebSockets, cx: &mut Cx<'_>) {
        for side in [Side::Client, Side::Upstream] {
            let has_answer = side == Side::Upstream || self.challenge.is_none();
            let is_last = ports[side.other() as usize].rx_end.is_some();
            if !self.life.was_told(side)
                && let Some(end) = self.end(side)
            {
                end.catch_up(&mut ports[side as usize].tx, cx.pool);
            }
            while let Some(word) = self.life.speak(side, &settings.rules, cx) {
                let port = &mut ports[side as usize];
                let closes = matches!(word, Word::Close(..));
                let has_close = match self.end(side) {
                    // Nothing can be said before the handshake.
                    Some(_) if !has_answer => continue,
                    Some(end) => {
                        end.say(word, &mut port.tx, cx.pool);
                        end.draft != Draft::Hixie75
                    }
                    None => false,
                };
                // FIN says it, or goes on as it came.
                if closes && (!has_close || is_last) {
                    port.tx_end = Some(TxEnd::Finish);
                }
            }
        }
    }

    /// The end of a side, where there is one.
    pub(super) fn end(&mut self, side: Side) -> Option<&mut End> {
        match (side, &mut self.far) {
            (Side::Client, _) => Some(&mut self.client),
            (Side::Upstream, Far::Socket(end)) => Some(end),
            (Side::Upstream, Far::Echo | Far::Bridge(_) | Far::Channel(_)) => None,
        }
    }

    /// Which sides there are that cannot be pinged.
    pub(in super::super) fn without_pings(&self) -> [bool; 2] {
        let far = match &self.far {
            Far::Echo | Far::Channel(_) => false,
            Far::Socket(end) => !end.draft.has_frames(),
            Far::Bridge(_) => true,
        };
        [!self.client.draft.has_frames(), far]
    }

    /// Where the messages of `side` go.
    pub(super) fn goes_to(&self, side: Side) -> Side {
        match self.far {
            Far::Echo | Far::Channel(_) => Side::Client,
            Far::Socket(_) | Far::Bridge(_) => side.other(),
        }
    }

    /// Whether nothing of ours waits for room.
    pub(in super::super) fn rests(&self) -> bool {
        let far = match &self.far {
            Far::Echo | Far::Bridge(_) => true,
            Far::Channel(member) => member.rests(),
            Far::Socket(end) => end.pong.is_none(),
        };
        far && self.client.pong.is_none() && !self.life.is_ending() && self.life.guest_rests()
    }

    /// Memory that holds parts of messages, in bytes.
    pub(in super::super) fn held(&self) -> usize {
        let far = match &self.far {
            Far::Echo | Far::Bridge(_) | Far::Channel(_) => 0,
            Far::Socket(end) => end.held(),
        };
        self.client.held() + far
    }

    /// Drops the parts of messages that are not whole, and ends it: their rest is not heard.
    pub(in super::super) fn forget(&mut self, now: Millis) {
        self.client.forget();
        if let Far::Socket(end) = &mut self.far {
            end.forget();
        }
        self.life.end(CloseReason::OutOfMemory, now);
        self.life.mute(Side::Client);
        self.life.mute(Side::Upstream);
    }

    /// Gives back what small parts of messages need not keep.
    pub(in super::super) fn settle(&mut self, pool: &Pool) {
        self.client.settle(pool);
        if let Far::Socket(end) = &mut self.far {
            end.settle(pool);
        }
    }

    /// What is known of it.
    pub(in super::super) fn figures(&self) -> Figures {
        let far = match &self.far {
            Far::Echo => self.client.tally,
            Far::Socket(end) => end.tally,
            Far::Bridge(bridge) => bridge.tally,
            Far::Channel(member) => member.tally(),
        };
        self.life.figures(self.client.draft, [self.client.tally, far])
    }

    /// When it must be looked at again though nothing moves, besides what its life says.
    pub(in super::super) fn deadline(&self) -> Option<Millis> {
        let challenge = self.challenge.as_ref().map_or(Millis::NEVER, |challenge| challenge.1);
        let until = challenge.min(self.expires());
        (until != Millis::NEVER && !self.life.is_ending()).then_some(until)
    }

    /// When what its client was allowed is over.
    fn expires(&self) -> Millis {
        match &self.far {
            Far::Channel(member) => member.expires(),
            _ => Millis::NEVER,
        }
    }
}
