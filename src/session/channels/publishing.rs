//! Requests that publish, one message or many, and those that ask how many have joined.

use std::io::Write as _;
use std::sync::Arc;

use crate::base::write_json;
use crate::buf::{Copied, Pool, Tx};
use crate::channel::{Answer, Saying};
use crate::proto::h1::{Own, RequestHead, Upgrade, encode_own};
use crate::proto::http::{Body, Method, Pairs};
use crate::proto::ws::{Kind, decode_base64};

use super::super::body::{BodyFault, BodyPipe, Framing};
use super::super::cx::{Action, Cx};
use super::super::exchange::{Exchange, Outcome, Request, Response};
use super::super::port::Port;
use super::super::reason::CloseReason;
use super::super::settings::Place;

/// What methods there are.
const ALLOWED: &[u8] = b"GET, HEAD, POST, PUT";
/// Messages in one request, at most.
const MANY: usize = 10_000;

/// The body of a request that publishes, as far as it has come.
#[derive(Debug)]
pub(in super::super) struct Gather {
    pipe: BodyPipe,
    said: Vec<u8>,
    form: Form,
    /// There is no memory for it.
    dropped: bool,
}

/// What is published: of which kind, and what it says.
type Message = (Kind, Arc<[u8]>);

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text, whatever it says.
    Text,
    /// Binary.
    Binary,
    /// Text where it is UTF-8, else binary.
    Either,
    /// A message in each line, as JSON: `{"text":"..."}` or `{"base64":"..."}`.
    Lines,
}

impl Form {
    pub(super) fn of(media_type: Option<&[u8]>) -> Form {
        let kind = media_type.unwrap_or_default().split(|byte| *byte == b';').next();
        let kind = kind.unwrap_or_default().trim_ascii().to_ascii_lowercase();
        match &*kind {
            b"application/x-ndjson" | b"application/jsonl" => Form::Lines,
            b"application/octet-stream" => Form::Binary,
            b"application/json" => Form::Text,
            kind if kind.starts_with(b"text/") => Form::Text,
            _ => Form::Either,
        }
    }
}

impl Gather {
    fn new(body: Body, form: Form) -> Gather {
        let pipe = BodyPipe::new(body, Framing::Plain);
        Gather { pipe, said: Vec::new(), form, dropped: false }
    }

    /// Takes what has come; true when that is all.
    fn advance(&mut self, client: &mut Port, most: u64, pool: &Pool) -> Result<bool, CloseReason> {
        if self.dropped {
            return Err(CloseReason::Overloaded);
        }
        loop {
            let before = self.pipe.moved;
            let mut arrived = Tx::default();
            let done = self.pipe.pump(client, &mut arrived, pool);
            while let Some(segment) = arrived.pop() {
                self.said.extend_from_slice(segment.bytes());
            }
            if self.pipe.moved > most {
                return Err(CloseReason::BodyTooLarge);
            }
            if done.map_err(BodyFault::of_request)? {
                return Ok(true);
            }
            if self.pipe.moved == before {
                return Ok(false);
            }
        }
    }

    /// What it says.
    fn messages(self) -> Result<Vec<Message>, CloseReason> {
        let is_text = std::str::from_utf8(&self.said).is_ok();
        let kind = match self.form {
            Form::Lines => return lines(&self.said),
            Form::Text if !is_text => return Err(CloseReason::BadPublication),
            Form::Text => Kind::Text,
            Form::Either if is_text => Kind::Text,
            Form::Either | Form::Binary => Kind::Binary,
        };
        Ok(vec![(kind, self.said.into())])
    }
}

fn lines(said: &[u8]) -> Result<Vec<Message>, CloseReason> {
    let lines = said.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let messages: Option<Vec<_>> = lines.take(MANY + 1).map(line).collect();
    messages
        .filter(|messages| !messages.is_empty() && messages.len() <= MANY)
        .ok_or(CloseReason::BadPublication)
}

fn line(line: &[u8]) -> Option<Message> {
    let value: serde_json::Value = serde_json::from_slice(line).ok()?;
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (key, value) = fields.iter().next()?;
    let text = value.as_str()?.as_bytes();
    match key.as_str() {
        "text" => Some((Kind::Text, text.into())),
        "base64" => Some((Kind::Binary, decode_base64(text)?.into())),
        _ => None,
    }
}

/// Whether a request can be one that publishes or asks; `response` gets what its client has to know.
pub(in super::super) fn screen(
    head: &RequestHead<'_, '_>,
    response: &mut Pairs,
) -> Result<(), CloseReason> {
    match head.method {
        _ if head.upgrade == Upgrade::WebSocket => Err(CloseReason::NoWebSocket),
        Method::Get | Method::Head | Method::Post | Method::Put => Ok(()),
        _ => {
            response.push("Allow", ALLOWED);
            Err(CloseReason::MethodNotAllowed)
        }
    }
}

impl Exchange {
    /// Begins what a request is about where its route publishes.
    pub(in super::super) fn begin_publishing(&mut self, client: &mut Port, cx: &mut Cx<'_>) {
        self.request = match self.facts.method {
            Method::Post | Method::Put => {
                self.invite_body(client, cx);
                Request::Gather(Box::new(Gather::new(
                    self.facts.body,
                    self.wish.as_ref().map_or(Form::Either, |wish| wish.form),
                )))
            }
            _ => {
                let name = self.wish.as_ref().map_or("", |wish| &wish.name);
                cx.actions.push(Action::Ask { channel: name.into(), since: None });
                Request::Done
            }
        };
    }

    /// Goes on with a request that publishes.
    pub(in super::super) fn advance_publishing(
        &mut self,
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<Outcome, CloseReason> {
        if let Request::Gather(gather) = &mut self.request {
            let done = gather.advance(client, self.facts.max_body, cx.pool);
            self.record.bytes_in = gather.pipe.moved;
            if !done? {
                return Ok(Outcome::Wait);
            }
            if cx.crowded {
                return Err(CloseReason::Overloaded);
            }
            if let Request::Gather(gather) = std::mem::replace(&mut self.request, Request::Done) {
                self.publish(*gather, cx)?;
            }
        }
        Ok(match self.response {
            Response::Done => Outcome::Complete,
            _ => Outcome::Wait,
        })
    }

    fn publish(&mut self, gather: Gather, cx: &mut Cx<'_>) -> Result<(), CloseReason> {
        let (Some(wish), Place::Publish { keep, .. }) = (&self.wish, &self.route.target.place)
        else {
            return Ok(());
        };
        let messages = gather.messages()?;
        let channel: Arc<str> = wish.name.as_str().into();
        self.published = messages.len() as u32;
        for (place, (kind, payload)) in messages.into_iter().enumerate() {
            let saying = Saying { channel: Arc::clone(&channel), kind, payload, keep: *keep };
            // They arrive in their order: the last answer speaks for all.
            let ask = place + 1 == self.published as usize;
            cx.actions.push(Action::Publish { saying, ask });
        }
        Ok(())
    }

    /// A channel's home has answered.
    pub(in super::super) fn told(&mut self, answer: &Answer, client: &mut Port, cx: &mut Cx<'_>) {
        if !matches!((&self.request, &self.response), (Request::Done, Response::Wait)) {
            return;
        }
        let mut said = Vec::new();
        // Writing to a Vec does not fail.
        let status = match answer {
            Answer::Published { id, reached } => {
                let count = self.published;
                let _ =
                    write!(said, "{{\"id\":{id},\"published\":{count},\"subscribers\":{reached}}}");
                202
            }
            Answer::Present { count, who, more } => {
                said.extend_from_slice(b"{\"channel\":");
                let name = self.wish.as_ref().map_or("", |wish| &wish.name);
                write_json(name.as_bytes(), &mut said);
                let _ = write!(said, ",\"subscribers\":{count}");
                for (place, name) in who.iter().enumerate() {
                    said.extend_from_slice(if place == 0 { b",\"who\":[" } else { b"," });
                    write_json(name.as_bytes(), &mut said);
                }
                if !who.is_empty() {
                    said.push(b']');
                }
                if *more > 0 {
                    let _ = write!(said, ",\"more\":{more}");
                }
                said.push(b'}');
                200
            }
            Answer::Story { .. } => return,
        };
        said.push(b'\n');
        self.keep &= !cx.draining;
        let mut extra: Vec<(&str, &[u8])> = vec![("Cache-Control", b"no-store")];
        extra.extend(self.added().iter());
        let own = Own {
            status,
            media_type: "application/json",
            body: Body::Length(said.len() as u64),
            version: self.facts.version,
            keep_alive: self.keep,
            date: cx.clock.http_date(),
            extra: &extra,
        };
        let out = &mut cx.scratch.out;
        out.clear();
        encode_own(&own, out);
        if !self.facts.is_head {
            out.extend_from_slice(&said);
            self.record.bytes_out = said.len() as u64;
        }
        client.tx.put(out, Copied::Head, cx.pool);
        self.head = None;
        self.record.first_byte = Some(cx.now);
        self.record.status = status;
        cx.counters.response(status);
        self.response = Response::Done;
    }

    /// Memory that holds what is to be published, in bytes.
    pub(in super::super) fn held(&self) -> usize {
        match &self.request {
            Request::Gather(gather) => gather.said.capacity(),
            _ => 0,
        }
    }

    /// Drops what is to be published.
    pub(in super::super) fn forget(&mut self) {
        if let Request::Gather(gather) = &mut self.request {
            gather.said = Vec::new();
            gather.dropped = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(said: &[u8]) -> Result<Vec<Message>, CloseReason> {
        lines(said)
    }

    #[test]
    fn a_message_in_each_line() {
        let messages = text(b"{\"text\":\"a\\nb\"}\n\n {\"base64\":\"AP8=\"}\r\n").expect("two");
        assert_eq!(messages.len(), 2);
        assert_eq!((messages[0].0, &*messages[0].1), (Kind::Text, b"a\nb".as_slice()));
        assert_eq!((messages[1].0, &*messages[1].1), (Kind::Binary, b"\0\xff".as_slice()));
        for bad in [
            &b""[..],
            b"\n",
            b"text",
            b"{\"text\":1}",
            b"{\"text\":\"a\",\"base64\":\"\"}",
            b"{\"base64\":\"?\"}",
            b"{\"text\":\"a\"}\n[",
            b"{\"other\":\"a\"}",
        ] {
            assert_eq!(text(bad), Err(CloseReason::BadPublication), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn the_media_type_says_what_a_body_is() {
        for (media_type, form) in [
            (None, Form::Either),
            (Some(&b"application/x-www-form-urlencoded"[..]), Form::Either),
            (Some(b"text/plain; charset=utf-8"), Form::Text),
            (Some(b"Application/JSON"), Form::Text),
            (Some(b"application/octet-stream"), Form::Binary),
            (Some(b"application/x-ndjson"), Form::Lines),
        ] {
            assert_eq!(Form::of(media_type), form);
        }
    }
}
