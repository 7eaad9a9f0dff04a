//! What an exchange becomes when it is no exchange any more: a WebSocket that ends here, or a tunnel.

use super::cx::Cx;
use super::exchange::{Exchange, Outcome, Request};
use super::opaque::Opaque;
use super::port::Port;
use super::reason::CloseReason;
use super::settings::{Mode, Place};
use super::tunnel::Sight;
use super::websocket::{Terminated, Track};

impl Exchange {
    /// Whether no upstream has a say in the handshake, and what it needs is there.
    pub(super) fn opens_here(&self) -> bool {
        match self.route.target.place {
            Place::Echo | Place::Channel { .. } => true,
            Place::Tcp { .. } => {
                !matches!(self.request, Request::Finding | Request::Queued(_) | Request::Dialling)
            }
            Place::Http { .. } | Place::Uwsgi { .. } | Place::Publish { .. } | Place::Files(_) => {
                false
            }
        }
    }

    /// Answers the handshake.
    pub(super) fn open_here(
        &mut self,
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<Outcome, CloseReason> {
        if self.facts.handshake.is_none() && self.wish.is_some() {
            return Ok(self.open_feed(client, cx));
        }
        let (Some(handshake), Some(kept)) = (self.facts.handshake, self.head.take()) else {
            return Err(CloseReason::BadHandshake);
        };
        self.record.first_byte = Some(cx.now);
        self.opened = Some(handshake.answer(kept.bytes(), None, self, client, cx)?);
        Ok(Outcome::Switched)
    }

    /// What is to be seen of the tunnel that this has become.
    pub(super) fn sight(&self, cx: &mut Cx<'_>) -> Sight {
        if let Some(feed) = self.feed(cx) {
            return Sight::Events(Box::new(feed));
        }
        if self.facts.handshake.is_none() && matches!(self.route.target.place, Place::Http { .. }) {
            return Sight::Opaque(Opaque::within(self.facts.body));
        }
        let (Some(handshake), Some(settings)) = (&self.facts.handshake, &self.route.websockets)
        else {
            return Sight::Opaque(Opaque::default());
        };
        let base64 = self.opened.is_some_and(|opened| opened.base64);
        let guest = self.guest(handshake.draft, base64);
        let Some(opened) = self.opened else {
            if settings.mode == Mode::Pass && guest.is_none() {
                return Sight::Opaque(Opaque::default());
            }
            let mut track = Track::new(handshake.draft, self.extensions, &settings.rules, cx);
            track.life.invite(guest);
            track.life.obey(self.obeyed());
            return Sight::Frames(Box::new(track));
        };
        let mut terminated = match (&self.route.target.place, &self.wish) {
            (Place::Echo, _) => Terminated::echo(opened, settings, cx),
            (Place::Channel { terms, .. }, Some(wish)) => {
                Terminated::channel(opened, (wish, terms), settings, cx)
            }
            (Place::Tcp { .. }, _) => Terminated::bridge(opened, settings, cx),
            _ => {
                let draft = handshake.upstream.unwrap_or(handshake.draft);
                Terminated::between(opened, draft, settings, cx)
            }
        };
        terminated.life.invite(guest);
        terminated.life.obey(self.obeyed());
        Sight::Messages(Box::new(terminated))
    }

    /// The rest is passed unseen once the head is on its way.
    pub(super) fn is_raw(&self) -> bool {
        self.route.bodies.raw && self.facts.handshake.is_none()
    }
}
