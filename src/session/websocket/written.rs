//! A terminated WebSocket written down and taken up again; `snapshot` says how.

use std::sync::Arc;

use crate::base::Millis;
use crate::buf::{Segment, Stub, Tx};
use crate::channel::Speech;
use crate::proto::ws::{
    Challenge, Deflater, Draft, INCOMING_SAVED, Incoming, Inflater, Sender, Tally, Window,
};

use super::super::channels::Membership;
use super::super::settings::Place;
use super::super::snapshot::{Cursor, SnapshotError};
use super::bridge::Bridge;
use super::end::{Deflate, End};
use super::life::Life;
use super::terminated::{Far, Terminated};

/// All of a terminated WebSocket, as one list of fields that is both written and read.
pub(in super::super) struct Written {
    life: Life,
    client: WrittenEnd,
    /// The other end, where it is one of a WebSocket.
    socket: Option<WrittenEnd>,
    /// The other end, where it is raw.
    bridge: Option<Bridge>,
    /// The channel that was joined.
    member: Option<Membership>,
    /// The numbers of a challenge that is not answered yet, and until when that may be.
    challenge: Option<([u32; 2], Millis)>,
}

/// An end with its bytes in one piece.
struct WrittenEnd {
    draft: Draft,
    incoming: [u8; INCOMING_SAVED],
    body: Vec<u8>,
    sending: bool,
    base64: bool,
    /// What is inflated, and what is deflated.
    windows: Option<[Window; 2]>,
    /// An answer that waits for room; empty: none.
    pong: Vec<u8>,
    tally: Tally,
}

impl Written {
    /// One to be read into.
    pub(in super::super) fn blank() -> Written {
        let (socket, bridge, member, challenge) = (None, None, None, None);
        let client = WrittenEnd::blank();
        Written { life: Life::blank(), client, socket, bridge, member, challenge }
    }

    /// A copy of what is there; `None` while a window is in use, which cannot be written down.
    pub(in super::super) fn of(from: &Terminated) -> Option<Written> {
        let (socket, bridge, member) = match &from.far {
            Far::Echo => (None, None, None),
            Far::Socket(end) => (Some(WrittenEnd::of(end)?), None, None),
            Far::Bridge(bridge) => (None, Some(Bridge::clone(bridge)), None),
            Far::Channel(member) => (None, None, Some(Membership::clone(member))),
        };
        Some(Written {
            life: from.life.clone(),
            client: WrittenEnd::of(&from.client)?,
            socket,
            bridge,
            member,
            challenge: from.challenge.as_ref().map(|both| (both.0.numbers(), both.1)),
        })
    }

    /// The WebSocket again, on its way to `place`.
    pub(in super::super) fn restore(self, place: &Place) -> Result<Terminated, SnapshotError> {
        let Written { life, client, socket, bridge, member, challenge } = self;
        let far = match (socket, bridge, member) {
            (None, None, None) => Far::Echo,
            (Some(end), None, None) => Far::Socket(Box::new(end.restore(Sender::Server)?)),
            (None, Some(bridge), None) => Far::Bridge(Box::new(bridge)),
            (None, None, Some(mut member)) => {
                let Place::Channel { terms, .. } = place else {
                    return Err(SnapshotError::NoRoute);
                };
                let speech = Speech::of(client.draft, client.base64, terms.ids);
                member.under(Arc::clone(terms), speech);
                Far::Channel(Box::new(member))
            }
            _ => return Err(SnapshotError::Damaged),
        };
        let challenge = challenge.map(|(numbers, until)| Box::new((Challenge::of(numbers), until)));
        Ok(Terminated { life, client: client.restore(Sender::Client)?, far, challenge })
    }

    pub(in super::super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        self.life.fields(at)?;
        self.client.fields(at)?;
        at.maybe(&mut self.socket, WrittenEnd::blank, WrittenEnd::fields)?;
        at.maybe(&mut self.bridge, Bridge::default, |bridge, at| {
            at.flag(&mut bridge.base64)?;
            at.tally(&mut bridge.tally)
        })?;
        at.maybe(&mut self.member, Membership::blank, Membership::fields)?;
        at.maybe(
            &mut self.challenge,
            || ([0; 2], Millis::default()),
            |([first, second], until), at| {
                at.word(first)?;
                at.word(second)?;
                at.time(until)
            },
        )
    }
}

impl WrittenEnd {
    fn blank() -> WrittenEnd {
        WrittenEnd {
            draft: Draft::Rfc6455,
            incoming: [0; INCOMING_SAVED],
            body: Vec::new(),
            sending: false,
            base64: false,
            windows: None,
            pong: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn of(end: &End) -> Option<WrittenEnd> {
        let windows = match end.deflate.as_deref() {
            Some(deflate) => {
                Some([deflate.inflater.written_down()?, deflate.deflater.written_down()?])
            }
            None => None,
        };
        Some(WrittenEnd {
            draft: end.draft,
            incoming: end.incoming.saved(),
            body: end.body.iter().flat_map(Segment::bytes).copied().collect(),
            sending: end.sending,
            base64: end.base64,
            windows,
            pong: end.pong.as_ref().map(Stub::bytes).unwrap_or_default().to_vec(),
            tally: end.tally,
        })
    }

    fn restore(self, peer: Sender) -> Result<End, SnapshotError> {
        let incoming = Incoming::resume(self.draft, self.incoming).ok_or(SnapshotError::Damaged)?;
        let mut body = Tx::default();
        body.queue(Segment::Stub(Stub::new(&self.body)));
        let deflate = self.windows.map(|[theirs, ours]| {
            let (inflater, deflater) = (Inflater::new(theirs), Deflater::new(ours));
            Box::new(Deflate { inflater, deflater, takeover: ours.takeover })
        });
        Ok(End {
            draft: self.draft,
            peer,
            incoming,
            body,
            sending: self.sending,
            base64: self.base64,
            deflate,
            pong: Some(self.pong).filter(|pong| !pong.is_empty()).map(|pong| Stub::new(&pong)),
            tally: self.tally,
        })
    }

    fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        at.draft(&mut self.draft)?;
        at.array(&mut self.incoming)?;
        at.bytes(&mut self.body)?;
        at.flag(&mut self.sending)?;
        at.flag(&mut self.base64)?;
        let none = Window { takeover: false, bits: 15 };
        at.maybe(
            &mut self.windows,
            || [none; 2],
            |windows, at| {
                for window in windows {
                    at.flag(&mut window.takeover)?;
                    at.byte(&mut window.bits)?;
                    if !(9..=15).contains(&window.bits) {
                        return Err(SnapshotError::Damaged);
                    }
                }
                Ok(())
            },
        )?;
        at.bytes(&mut self.pong)?;
        at.tally(&mut self.tally)
    }
}
