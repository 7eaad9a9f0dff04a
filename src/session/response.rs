//! The response as the client sees it.

use crate::buf::Copied;
use crate::proto::h1::{
    Limits, Reply, ResponseHead, encode_interim, encode_response, parse_request, parse_response,
};
use crate::proto::http::{Body, FIELDS_MAX, FieldStore, Fields, Known, Version};
use crate::proto::ws::{self, AcceptError, offered_protocols};

use super::body::{BodyPipe, Framing};
use super::cx::Cx;
use super::exchange::{Exchange, Outcome, Request, Response};
use super::handshake::Handshake;
use super::port::{Port, RxEnd};
use super::reason::CloseReason;

/// Interim responses passed or dropped before an upstream is given up.
pub(super) const INTERIMS: u8 = 16;
/// Bounds of an upstream's head; a block holds the longest.
pub(super) const LIMITS: Limits = Limits { max_uri: 0, max_head: 16 << 10, max_fields: 256 };
/// Bounds of a request's head that was parsed before.
pub(super) const KEPT: Limits =
    Limits { max_uri: usize::MAX, max_head: usize::MAX, max_fields: FIELDS_MAX };

impl Exchange {
    /// Goes on with the response as far as possible.
    pub(super) fn advance_response(
        &mut self,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Result<Outcome, CloseReason> {
        loop {
            match &mut self.response {
                Response::Wait => {
                    if let Some(outcome) = self.await_head(ports, cx)? {
                        return Ok(outcome);
                    }
                }
                Response::Body(pipe) => {
                    let [client, upstream] = &mut *ports;
                    let done = pipe
                        .pump(upstream, &mut client.tx, cx.pool)
                        .map_err(|_| CloseReason::ResponseCut);
                    self.record.bytes_out = pipe.moved;
                    if !done? {
                        return Ok(Outcome::Wait);
                    }
                    self.response = Response::Done;
                }
                Response::Done => return Ok(self.at_end(&ports[1])),
            }
        }
    }

    /// The response is through: so is the exchange, unless the upstream still takes the request.
    fn at_end(&mut self, upstream: &Port) -> Outcome {
        let still_coming = matches!(self.request, Request::Body | Request::Replay(_));
        let still_sending = still_coming || !upstream.tx.is_empty();
        let accepts = self.reusable && upstream.rx_end.is_none() && !upstream.tx_broken;
        if still_sending && accepts && !self.until_close {
            return Outcome::Wait;
        }
        // What the client still sends of this request must not become the next one.
        self.keep &= self.request_is_read();
        self.reusable &= accepts
            && matches!(self.request, Request::Done)
            && upstream.rx.is_empty()
            && upstream.tx.is_empty();
        Outcome::Complete
    }

    /// `None`: a head was taken, go on.
    fn await_head(
        &mut self,
        ports: &mut [Port; 2],
        cx: &mut Cx<'_>,
    ) -> Result<Option<Outcome>, CloseReason> {
        let [client, upstream] = ports;
        let nothing = upstream.rx.is_empty() && upstream.rx_end.is_none();
        if nothing || client.tx.room() == 0 {
            return Ok(Some(Outcome::Wait));
        }
        let mut store = FieldStore::new();
        let parsed = parse_response(upstream.rx.bytes(), &mut store, self.facts.method, &LIMITS);
        let head = match &parsed {
            Ok(Some(head)) => head,
            Ok(None) => {
                if upstream.rx.gather(cx.pool) {
                    return Ok(None);
                }
                return self.head_incomplete(upstream, cx).map(Some);
            }
            Err(_) => return Err(CloseReason::BadResponse),
        };
        if self.record.first_byte.is_none() {
            self.record.first_byte = Some(cx.now);
        }
        let mut len = head.len;
        let switched = match head.status {
            101 => {
                let Some(behind) = self.switch(head, upstream.rx.bytes(), client, cx)? else {
                    if upstream.rx.gather(cx.pool) {
                        return Ok(None);
                    }
                    return self.head_incomplete(upstream, cx).map(Some);
                };
                len += behind;
                true
            }
            100..=199 => {
                self.interim(head, client, cx)?;
                upstream.rx.consume(len);
                return Ok(None);
            }
            _ => {
                self.begin_response(head, cx);
                false
            }
        };
        upstream.rx.consume(len);
        self.head = None;
        if switched {
            return Ok(Some(Outcome::Switched));
        }
        let head = &cx.scratch.out;
        match &mut self.response {
            Response::Body(pipe) => pipe.lead(head, &mut upstream.rx, &mut client.tx, cx.pool),
            _ => client.tx.put(head, Copied::Head, cx.pool),
        }
        Ok(None)
    }

    fn head_incomplete(
        &mut self,
        upstream: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<Outcome, CloseReason> {
        let Some(end) = upstream.rx_end else { return Ok(Outcome::Wait) };
        if upstream.rx.is_empty() && self.interims == 0 && self.retry(upstream, cx)? {
            return Ok(Outcome::Wait);
        }
        if self.packet > 4096 && upstream.rx.is_empty() {
            tracing::warn!(
                route = %self.route.name,
                packet = self.packet,
                "the uwsgi worker closed without an answer: is its buffer-size smaller than the packet?"
            );
        }
        Err(match end {
            RxEnd::Finished if !upstream.rx.is_empty() => CloseReason::BadResponse,
            _ => CloseReason::NoResponse,
        })
    }

    /// A 101 opens a WebSocket only when it answers the handshake with the right proof. `bytes` begin
    /// with it; so many behind it belong to the proof. `None`: they are not all there.
    fn switch(
        &mut self,
        response: &ResponseHead<'_, '_>,
        bytes: &[u8],
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<Option<usize>, CloseReason> {
        let bad = |_: AcceptError| CloseReason::BadUpgrade;
        let (Some(handshake), Some(kept)) = (self.facts.handshake, self.head.take()) else {
            return Err(CloseReason::BadUpgrade);
        };
        let chosen = [Known::SecWebSocketProtocol, Known::SecWebSocketExtensions];
        if handshake.upstream.is_none() && !chosen.iter().any(|field| response.fields.has(*field)) {
            // What was offered does not matter where nothing of it is chosen.
            self.invite(response.fields)?;
            return self.pass_switch(response, (&handshake, None, None), client, cx).map(Some);
        }
        let mut store = FieldStore::new();
        let Ok(Some(request)) = parse_request(kept.bytes(), &mut store, &KEPT) else {
            return Err(CloseReason::BadUpgrade);
        };
        let offered = offered_protocols(handshake.draft, request.fields);
        self.invite(response.fields)?;
        let Some(opening) = handshake.opening(&request) else {
            let asked = (&handshake, offered.as_deref(), Some(request.fields));
            return self.pass_switch(response, asked, client, cx).map(Some);
        };
        match opening.check(bytes, response, offered.as_deref()).map_err(bad)? {
            Some((accepted, behind)) => {
                let upstream = Some((response, accepted));
                let opened = handshake.answer(kept.bytes(), upstream, self, client, cx)?;
                self.opened = Some(opened);
                Ok(Some(behind))
            }
            None => {
                self.head = Some(kept);
                Ok(None)
            }
        }
    }

    /// The 101 that answers the client's own handshake goes on. `protocols` and `offer` are what the client offered, where any
    /// of it is chosen. Nothing behind it belongs to the proof.
    fn pass_switch(
        &mut self,
        response: &ResponseHead<'_, '_>,
        (handshake, protocols, offer): (&Handshake, Option<&[u8]>, Option<Fields<'_, '_>>),
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<usize, CloseReason> {
        let accept = handshake.accept().ok_or(CloseReason::BadUpgrade)?;
        ws::check_response(response, accept, protocols, offer)
            .map_err(|_| CloseReason::BadUpgrade)?;
        self.extensions = response.fields.has(Known::SecWebSocketExtensions);
        self.write_head(response, Body::Empty, cx);
        client.tx.put(&cx.scratch.out, Copied::Head, cx.pool);
        Ok(0)
    }

    /// 100 goes on when the client waits for the upstream's; other interim heads to HTTP/1.1 clients.
    fn interim(
        &mut self,
        head: &ResponseHead<'_, '_>,
        client: &mut Port,
        cx: &mut Cx<'_>,
    ) -> Result<(), CloseReason> {
        self.interims += 1;
        if self.interims > INTERIMS {
            return Err(CloseReason::BadResponse);
        }
        let wanted = match head.status {
            100 => std::mem::take(&mut self.facts.expects_continue),
            _ => true,
        };
        if wanted && self.facts.version == Version::Http11 {
            let out = &mut cx.scratch.out;
            out.clear();
            encode_interim(head, out);
            client.tx.put(out, Copied::Head, cx.pool);
        }
        Ok(())
    }

    /// The final head: decides how the body goes on, and writes the client's.
    fn begin_response(&mut self, head: &ResponseHead<'_, '_>, cx: &mut Cx<'_>) {
        let chunks = self.facts.version == Version::Http11;
        let (framing, sent_as) = match head.body {
            Body::Empty | Body::Length(_) => (Framing::Plain, head.body),
            Body::Chunked if chunks => (Framing::Chunked { first: true }, Body::Chunked),
            Body::UntilClose if chunks && self.route.bodies.auto_chunked => {
                (Framing::Chunked { first: true }, Body::Chunked)
            }
            Body::Chunked | Body::UntilClose => (Framing::Plain, Body::UntilClose),
        };
        let body_unread = !self.request_is_read();
        self.until_close = sent_as == Body::UntilClose;
        self.reusable = self.may_last()
            && head.keep_alive
            && head.body != Body::UntilClose
            && !matches!(self.request, Request::Refused);
        self.keep &= !self.until_close
            && !cx.draining
            && !(body_unread && (head.status >= 400 || !self.reusable));
        self.record.status = head.status;
        cx.counters.response(head.status);
        self.write_head(head, sent_as, cx);
        self.response = match head.body {
            Body::Empty => Response::Done,
            body => Response::Body(BodyPipe::new(body, framing)),
        };
    }

    /// Writes a head as the client shall see it into `cx.scratch.out`.
    fn write_head(&mut self, head: &ResponseHead<'_, '_>, body: Body, cx: &mut Cx<'_>) {
        let out = &mut cx.scratch.out;
        out.clear();
        let reply = Reply {
            body,
            version: self.facts.version,
            keep_alive: self.keep,
            date: cx.clock.http_date(),
            extra: self.added(),
            without: self.removed(),
        };
        encode_response(head, &reply, out);
    }
}
