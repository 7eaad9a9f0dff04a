//! What a request says of the channel it is about, and the answer to one that wants its events.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Millis;
use crate::buf::Copied;
use crate::channel::{Person, Refusal, Speech, is_name};
use crate::config::{ChannelMode, Template};
use crate::proto::h1::{Own, RequestHead, encode_own};
use crate::proto::http::{Body, Fields, Known as Field, Method, Pairs, Version};
use crate::proto::ws::Draft;

use super::super::cx::Cx;
use super::super::exchange::{Exchange, Outcome};
use super::super::expand::{Filler, query};
use super::super::port::Port;
use super::super::reason::CloseReason;
use super::super::settings::Place;
use super::feed::Feed;
use super::membership::{Known, Membership, Names};
use super::publishing::Form;

/// Channels that the client of one WebSocket may join, at most.
pub(super) const MOST: usize = 16;
/// Milliseconds that a token may last, 30 years: nobody is there for longer.
const LASTING: u64 = 1_000_000_000_000;
/// Bytes of a name of a person, at most.
const LONGEST: usize = 256;

/// The channel that a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Wish {
    /// Its name.
    pub(in super::super) name: String,
    /// The last id that the client has seen, where it says so.
    pub(in super::super) since: Option<u64>,
    /// What is known of the client besides.
    pub(in super::super) known: Known,
    /// What its body is, where it publishes.
    pub(super) form: Form,
}

impl Wish {
    /// What a request makes of a route's channel. `Last-Event-ID` goes before `since` in the query, with which a page may
    /// have begun.
    fn new(name: &Template, filler: &Filler<'_>) -> Result<Wish, CloseReason> {
        let name = name_of(name, filler)?;
        let said = filler.said;
        let mut asked = said.head.fields.find("last-event-id").unwrap_or_default().to_vec();
        if asked.is_empty() {
            query(said.query.unwrap_or_default(), "since", &mut |byte| asked.extend(byte));
        }
        let since = match asked.is_empty() {
            true => None,
            false => {
                let number = std::str::from_utf8(&asked).ok().and_then(|text| text.parse().ok());
                Some(number.ok_or(CloseReason::ChannelSince)?)
            }
        };
        let form = Form::of(said.head.fields.find("content-type"));
        Ok(Wish { name, since, known: Known::default(), form })
    }
}

fn name_of(template: &Template, filler: &Filler<'_>) -> Result<String, CloseReason> {
    let mut text = Vec::new();
    filler.plain(template, &mut text);
    let name = String::from_utf8(text).ok().filter(|name| is_name(name.as_bytes()));
    name.ok_or(CloseReason::ChannelName)
}

/// Who somebody is; nobody in particular where that comes to nothing.
fn person(
    who: &Template,
    announced: bool,
    filler: &Filler<'_>,
) -> Result<Option<Arc<Person>>, CloseReason> {
    let mut text = Vec::new();
    filler.plain(who, &mut text);
    let name = String::from_utf8(text).map_err(|_| CloseReason::ChannelWho)?;
    if name.len() > LONGEST || name.chars().any(char::is_control) {
        return Err(CloseReason::ChannelWho);
    }
    Ok((!name.is_empty()).then(|| Arc::new(Person { name, announced })))
}

/// The token that a request shows.
fn token(filler: &Filler<'_>) -> Option<Vec<u8>> {
    let said = filler.said;
    let field = said.head.fields.get(Field::Authorization).unwrap_or_default();
    if let Some((scheme, token)) = field.split_at_checked(7)
        && scheme.eq_ignore_ascii_case(b"Bearer ")
    {
        return Some(token.trim_ascii().to_vec());
    }
    let mut token = Vec::new();
    query(said.query.unwrap_or_default(), "token", &mut |byte| token.extend(byte));
    (!token.is_empty()).then_some(token)
}

/// What a client is told that came without the right token: RFC 6750, section 3.
pub(in super::super) fn challenge(reason: CloseReason, response: &mut Pairs) {
    let said: &[u8] = match reason {
        CloseReason::TokenMissing => b"Bearer",
        CloseReason::TokenChannel => b"Bearer error=\"insufficient_scope\"",
        CloseReason::TokenForged
        | CloseReason::TokenClaims
        | CloseReason::TokenAudience
        | CloseReason::TokenExpired => b"Bearer error=\"invalid_token\"",
        _ => return,
    };
    response.push("WWW-Authenticate", said);
}

/// Whether a plain request wants a channel's events.
pub(in super::super) fn wants_events(head: &RequestHead<'_, '_>) -> bool {
    let mut accepted = head.fields.all(Field::Accept);
    let is_event_stream = |range: &[u8]| {
        let kind = range.split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    };
    head.method == Method::Get
        && accepted.any(|field| field.split(|byte| *byte == b',').any(is_event_stream))
}

impl Exchange {
    /// Remembers the channel of a request whose route has one.
    pub(in super::super) fn remember_channel(
        &mut self,
        filler: &Filler<'_>,
        times: (Millis, u64),
    ) -> Result<(), CloseReason> {
        let (name, has_ids, who) = match &self.route.target.place {
            Place::Channel { name, who, events, terms, .. } => {
                let has_ids = terms.ids || self.facts.handshake.is_none();
                (name, has_ids, who.as_ref().map(|who| (who, *events)))
            }
            Place::Publish { name, .. } => (name, true, None),
            _ => return Ok(()),
        };
        let mut wish = Wish::new(name, filler)?;
        if wish.since.is_some() && !has_ids {
            return Err(CloseReason::ChannelSince);
        }
        self.admit(&mut wish, filler, times)?;
        if let Some((who, announced)) = who {
            wish.known.person = person(who, announced, filler)?;
        }
        self.wish = Some(Box::new(wish));
        Ok(())
    }

    /// Remembers the channel that a route has clients of its WebSockets join.
    pub(in super::super) fn remember_guests(
        &mut self,
        filler: &Filler<'_>,
    ) -> Result<(), CloseReason> {
        let Some(template) = &self.route.joins else { return Ok(()) };
        if self.facts.handshake.is_some() && self.wish.is_none() {
            self.guests.push(name_of(template, filler)?.into());
        }
        Ok(())
    }

    /// Lets in who has a token for the channel, where one is wanted. `times` is now, and the same in milliseconds since 1970.
    fn admit(
        &self,
        wish: &mut Wish,
        filler: &Filler<'_>,
        (now, wall): (Millis, u64),
    ) -> Result<(), CloseReason> {
        let (tokens, mode) = match &self.route.target.place {
            Place::Channel { tokens: Some(tokens), terms, .. } => (tokens, terms.mode),
            Place::Publish { tokens: Some(tokens), .. } => (tokens, ChannelMode::Both),
            _ => return Ok(()),
        };
        let token = token(filler).ok_or(CloseReason::TokenMissing)?;
        let grant = tokens.verify(&token, wall / 1000).map_err(|refusal| match refusal {
            Refusal::Forged => CloseReason::TokenForged,
            Refusal::Claims => CloseReason::TokenClaims,
            Refusal::Audience => CloseReason::TokenAudience,
            Refusal::Expired => CloseReason::TokenExpired,
        })?;
        let hears = grant.may_subscribe(&wish.name) && mode != ChannelMode::Publish;
        let speaks = grant.may_publish(&wish.name) && mode != ChannelMode::Subscribe;
        // A stream of events only hears, and a body only speaks.
        let is_event_stream = self.facts.handshake.is_none();
        let speaks_only = matches!(self.facts.method, Method::Post | Method::Put);
        wish.known.mode = Some(match (hears, speaks) {
            (true, true) => ChannelMode::Both,
            (true, false) if !speaks_only => ChannelMode::Subscribe,
            (false, true) if !is_event_stream || speaks_only => ChannelMode::Publish,
            _ => return Err(CloseReason::TokenChannel),
        });
        let left = grant.expires.saturating_mul(1000).saturating_sub(wall);
        wish.known.expires = now + Duration::from_millis(left.min(LASTING));
        Ok(())
    }

    /// Remembers the channels that an upstream's 101 names: its client joins them, and need not know.
    pub(in super::super) fn invite(&mut self, fields: Fields<'_, '_>) -> Result<(), CloseReason> {
        let lines = fields.all(Field::TidegateChannel);
        let names = lines.flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        for name in names.filter(|name| !name.is_empty()) {
            let text = std::str::from_utf8(name).ok().filter(|_| is_name(name));
            let name: Arc<str> = text.ok_or(CloseReason::BadChannels)?.into();
            if !self.guests.contains(&name) {
                self.guests.push(name);
            }
        }
        if self.guests.len() > MOST { Err(CloseReason::BadChannels) } else { Ok(()) }
    }

    /// What the commands of an upstream begin with, where it may give any.
    pub(in super::super) fn obeyed(&self) -> Option<&Arc<[u8]>> {
        let speaks = matches!(self.route.target.place, Place::Http { .. } | Place::Uwsgi { .. });
        self.route.control.as_ref().filter(|_| speaks)
    }

    /// What the client of a WebSocket to an upstream hears of channels.
    pub(in super::super) fn guest(&self, draft: Draft, base64: bool) -> Option<Box<Membership>> {
        if self.guests.is_empty() && self.obeyed().is_none() {
            return None;
        }
        let terms = Arc::clone(&self.route.guests);
        let speech = Speech::of(draft, base64, terms.ids);
        let names = Names::of(self.guests.clone());
        Some(Box::new(Membership::new(names, terms, speech, None)))
    }

    /// Answers a request for events: from here on it is a stream.
    pub(in super::super) fn open_feed(&mut self, client: &mut Port, cx: &mut Cx<'_>) -> Outcome {
        self.record.first_byte = Some(cx.now);
        self.record.status = 200;
        cx.counters.response(200);
        self.head = None;
        let mut extra: Vec<(&str, &[u8])> = vec![
            ("Cache-Control", b"no-store"),
            // What nginx would hold back it passes on.
            ("X-Accel-Buffering", b"no"),
        ];
        extra.extend(self.added().iter());
        let is_chunked = self.facts.version == Version::Http11;
        let own = Own {
            status: 200,
            media_type: "text/event-stream",
            body: if is_chunked { Body::Chunked } else { Body::UntilClose },
            version: self.facts.version,
            keep_alive: true,
            date: cx.clock.http_date(),
            extra: &extra,
        };
        let out = &mut cx.scratch.out;
        out.clear();
        encode_own(&own, out);
        client.tx.put(out, Copied::Head, cx.pool);
        Outcome::Switched
    }

    /// The stream that a request for events has become.
    pub(in super::super) fn feed(&self, cx: &Cx<'_>) -> Option<Feed> {
        let Place::Channel { terms, heartbeat, .. } = &self.route.target.place else { return None };
        let wish = self.wish.as_ref().filter(|_| self.facts.handshake.is_none())?;
        let speech = Speech::Events { chunked: self.facts.version == Version::Http11 };
        let name = Names::One(wish.name.as_str().into());
        let member =
            Membership::new(name, Arc::clone(terms), speech, wish.since).known_as(&wish.known);
        Some(Feed::new(member, speech, *heartbeat, cx.now))
    }
}
