//! A server at the other end of an upstream connection: checks what it is asked, and answers as planned.

use std::collections::{HashMap, HashSet, VecDeque};

use super::dice::Dice;
use super::message::{Body, field, head, packet, stream, stream_of};
use super::plan::{Ask, Framing, Malice, Misdeed, PROOF, Sent, Stop, chunked};
use super::tunnel_end::TunnelEnd;
use super::wire::{Got, Wire};

/// What both ends know of a run, and what was seen.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) asks: HashMap<u64, Ask>,
    /// How often each request's head reached a server.
    pub(super) executed: HashMap<u64, u32>,
    /// Requests that met with a fault which is neither end's.
    pub(super) tainted: HashSet<u64>,
    /// Idle connections may die.
    pub(super) mortal: bool,
    /// Requests of which bytes went into a connection that had died.
    pub(super) lost: HashSet<u64>,
}

#[derive(Debug)]
struct Work {
    id: u64,
    body: Body,
    replied: bool,
}

/// One upstream connection.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) wire: usize,
    pub(super) over: bool,
    pub(super) asleep_until: u64,
    uwsgi: bool,
    served: u32,
    received: Vec<u8>,
    work: Option<Work>,
    out: VecDeque<u8>,
    /// What happens when all is sent.
    then: Option<Stop>,
    stalled: bool,
    ended: bool,
    tunnel: Option<TunnelEnd>,
    pace: [usize; 2],
    mortal: bool,
}

impl Upstream {
    pub(super) fn new(wire: usize, route: &str, mortal: bool, dice: &mut Dice) -> Upstream {
        let paces = [40, 5_000, 1_000_000];
        Upstream {
            wire,
            over: false,
            asleep_until: 0,
            uwsgi: matches!(route, "uwsgi" | "stream"),
            served: 0,
            received: Vec::new(),
            work: None,
            out: VecDeque::new(),
            then: None,
            stalled: false,
            ended: false,
            tunnel: None,
            pace: [dice.pick(&paces[1..]), dice.pick(&paces)],
            mortal,
        }
    }

    pub(super) fn wakes(&self) -> Option<u64> {
        Some(self.asleep_until).filter(|_| !self.over)
    }

    /// One move; whether there was anything to do.
    pub(super) fn step(
        &mut self,
        now: u64,
        wire: &mut Wire,
        book: &mut Book,
        dice: &mut Dice,
    ) -> bool {
        if self.over || now < self.asleep_until {
            return false;
        }
        if dice.chance(1) {
            self.asleep_until = now + dice.below(1000) as u64;
            return false;
        }
        if wire.peer_is_gone() || self.stalled && wire.router_is_gone() {
            self.over = true;
            return true;
        }
        if self.stalled {
            return false;
        }
        if let Some(tunnel) = &mut self.tunnel
            && self.out.is_empty()
        {
            let moved = tunnel.step(self.pace, wire, dice);
            self.over = moved.is_none();
            return moved.unwrap_or(true);
        }
        let idle = self.work.is_none() && self.out.is_empty() && self.received.is_empty();
        if idle && self.served > 0 && self.mortal && dice.chance(20) {
            wire.peer_close(dice);
            self.over = true;
            return true;
        }
        let rested = self.rest(wire, book, dice);
        if self.over {
            return true;
        }
        if rested && !self.received.is_empty() {
            self.understand(wire, book, dice);
        }
        let read = self.receive(wire, book, dice);
        let wrote = self.send(wire, dice);
        rested || read || wrote
    }

    fn receive(&mut self, wire: &mut Wire, book: &mut Book, dice: &mut Dice) -> bool {
        let refuses = self
            .work
            .as_ref()
            .is_some_and(|work| book.asks[&work.id].reply.malice == Some(Malice::RefuseBody));
        if refuses || self.ended || self.tunnel.is_some() {
            return false;
        }
        match wire.peer_read(self.pace[0]) {
            Got::Bytes(bytes) => {
                self.received.extend(bytes);
                self.understand(wire, book, dice);
                true
            }
            Got::Nothing => false,
            Got::End => {
                self.ended = true;
                let broken = self.work.as_ref().is_some_and(|work| !work.body.is_done());
                if broken || self.work.is_none() {
                    wire.peer_close(dice);
                    self.over = true;
                }
                true
            }
            Got::Reset => {
                wire.peer_close(dice);
                self.over = true;
                true
            }
        }
    }

    fn understand(&mut self, wire: &mut Wire, book: &mut Book, dice: &mut Dice) {
        if self.work.is_none() {
            let Some((id, body)) = self.take_head(book) else { return };
            let count = book.executed.entry(id).or_default();
            *count += 1;
            let ask = &book.asks[&id];
            assert!(*count == 1 || ask.is_replayable(), "{id} was executed twice: {ask:?}");
            assert!(*count <= 2, "{id} was executed {count} times");
            assert!(
                !book.lost.contains(&id) || ask.is_replayable(),
                "{id} was sent again: {ask:?}"
            );
            if *count == 2 && !book.lost.contains(&id) {
                assert!(
                    matches!(ask.reply.malice, Some(Malice::Drop(_))),
                    "a needless retry: {ask:?}"
                );
            }
            assert!(!self.uwsgi || self.served == 0, "a second request on a uwsgi connection");
            self.served += 1;
            self.work = Some(Work { id, body, replied: false });
            if ask.reply.early || ask.reply.malice == Some(Malice::RefuseBody) {
                self.reply(wire, book, dice);
            } else if ask.expect && ask.route == "expect" {
                self.out.extend(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
        }
        if let Some(work) = &mut self.work {
            let used = work.body.feed(&self.received);
            self.received.drain(..used);
            let ask = &book.asks[&work.id];
            if work.body.is_done() {
                assert_eq!(work.body.at, ask.body.len() as u64, "the length of {ask:?}");
                let whole = !matches!(ask.misdeed, Some(Misdeed::BadChunk));
                assert!(whole, "a truncated body was completed");
                if !work.replied {
                    self.reply(wire, book, dice);
                }
            }
        }
        // Of an early answer nobody knows here when it was whole there: the next request may follow at once.
        let early = |work: &Work| book.asks[&work.id].reply.early && self.out.is_empty();
        let done = self.work.as_ref().is_none_or(|work| work.body.is_done() && !early(work));
        let behind = String::from_utf8_lossy(&self.received);
        assert!(!done || behind.is_empty() || self.over, "behind {:?}: {behind}", self.work);
    }

    /// The head of a request, once it is whole.
    fn take_head(&mut self, book: &Book) -> Option<(u64, Body)> {
        let id_of = |target: &str| -> u64 {
            let id = target.rsplit('/').next().and_then(|id| id.parse().ok());
            id.filter(|id| book.asks.contains_key(id)).unwrap_or_else(|| panic!("{target}?"))
        };
        if self.uwsgi {
            let (vars, len) = packet(&self.received)?;
            self.received.drain(..len);
            let id = id_of(&vars["REQUEST_URI"]);
            let ask = &book.asks[&id];
            assert_eq!(vars["REQUEST_METHOD"], ask.method);
            assert_eq!(vars["REMOTE_ADDR"], "192.0.2.7");
            let length = vars.get("CONTENT_LENGTH").map(|n| n.parse().expect("a length"));
            let chunked = vars.contains_key("HTTP_TRANSFER_ENCODING");
            return Some((id, self.body_of(ask, length, chunked)));
        }
        let (text, len) = head(&self.received)?;
        self.received.drain(..len);
        let mut words = text.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let id = id_of(target);
        let ask = &book.asks[&id];
        assert_eq!((method, target), (ask.method, ask.target().as_str()));
        assert_eq!(field(&text, "X-Forwarded-For"), Some("192.0.2.7"));
        let expects = field(&text, "Expect").is_some();
        assert_eq!(expects, ask.expect && matches!(ask.route, "expect" | "raw"), "{text}");
        let length = field(&text, "Content-Length").map(|n| n.parse().expect("a length"));
        let chunked = field(&text, "Transfer-Encoding").is_some();
        Some((id, self.body_of(ask, length, chunked)))
    }

    fn body_of(&self, ask: &Ask, length: Option<u64>, chunked: bool) -> Body {
        let stream = stream_of(ask.id, 0);
        assert!(length.is_none() || !chunked);
        match (ask.body, length) {
            (Sent::Nothing, length) => {
                assert!(!chunked && length.unwrap_or(0) == 0);
                Body::length(Some(stream), 0)
            }
            (Sent::Chunked(_), None) => {
                assert!(chunked, "an unframed body: {ask:?}");
                Body::chunked(stream)
            }
            (body, length) => {
                assert_eq!(length, Some(body.len() as u64));
                Body::length(Some(stream), body.len() as u64)
            }
        }
    }

    fn reply(&mut self, wire: &mut Wire, book: &Book, dice: &mut Dice) {
        let Some(work) = &mut self.work else { return };
        work.replied = true;
        let ask = &book.asks[&work.id];
        let reply = &ask.reply;
        let again = book.executed[&work.id] > 1;
        match reply.malice {
            Some(Malice::Drop(_)) if again => {}
            Some(Malice::Drop(stop)) => {
                match stop {
                    Stop::Reset => wire.peer_reset(dice),
                    _ => wire.peer_close(dice),
                }
                self.over = true;
                return;
            }
            Some(Malice::Garbage(text)) => {
                self.out.extend(text.bytes());
                self.then = Some(Stop::Finish);
                return;
            }
            _ => {}
        }
        let mut bytes = response_head(ask);
        if reply.status == 101 {
            let doom = match reply.malice {
                Some(Malice::Cut(at, stop)) if at < bytes.len() => {
                    bytes.truncate(at);
                    self.out.extend(&bytes);
                    self.then = Some(stop);
                    return;
                }
                Some(Malice::Cut(_, stop)) => Some(stop),
                _ => None,
            };
            let [theirs, mine] = ask.tunnel;
            let early = if dice.chance(50) { dice.below(mine + 1) } else { 0 };
            bytes.extend(stream(stream_of(ask.id, 3), 0, early));
            self.out.extend(bytes);
            self.tunnel = Some(TunnelEnd::new(
                (stream_of(ask.id, 3), early, mine),
                (stream_of(ask.id, 2), theirs),
                ask.id.is_multiple_of(3),
                doom,
            ));
            return;
        }
        let bodiless = matches!(reply.status, 204 | 304) || ask.method == "HEAD";
        if !bodiless {
            let body = stream(stream_of(ask.id, 1), 0, reply.len);
            match reply.framing {
                Framing::Chunked => bytes.extend(chunked(&body, dice)),
                _ => bytes.extend(body),
            }
        }
        let until_close = reply.framing == Framing::Close && !bodiless;
        let closes = reply.close || reply.old || until_close;
        self.then = closes.then_some(Stop::Finish);
        match reply.malice {
            Some(Malice::Cut(at, stop)) if at < bytes.len() => {
                bytes.truncate(at);
                self.then = Some(stop);
            }
            Some(Malice::Extra) if reply.framing != Framing::Close => {
                bytes.extend(b"HTTP/1.1 200 OK\r\nX-Id: 999999\r\nContent-Length: 0\r\n\r\n");
                self.then = Some(Stop::Finish);
            }
            Some(Malice::RefuseBody) => self.then = Some(Stop::Finish),
            _ => {}
        }
        self.out.extend(bytes);
    }

    fn send(&mut self, wire: &mut Wire, dice: &mut Dice) -> bool {
        let n = self.out.len().min(self.pace[1]);
        if n == 0 || self.over {
            return false;
        }
        let n = wire.peer_write(&self.out.make_contiguous()[..n], dice);
        self.out.drain(..n);
        n > 0
    }

    /// What follows a reply.
    fn rest(&mut self, wire: &mut Wire, book: &Book, dice: &mut Dice) -> bool {
        let Some(work) = &self.work else { return false };
        if self.over || !work.replied || !self.out.is_empty() || self.tunnel.is_some() {
            return false;
        }
        let malice = book.asks[&work.id].reply.malice;
        // Who means well reads the whole request before it closes.
        if !work.body.is_done()
            && (self.then.is_none()
                || !matches!(malice, Some(Malice::RefuseBody | Malice::Cut(..))))
        {
            return false;
        }
        match self.then.take() {
            None => {
                self.work = None;
                return true;
            }
            Some(Stop::Finish) => wire.peer_close(dice),
            Some(Stop::Reset) => wire.peer_reset(dice),
            Some(Stop::Stall) => {
                self.stalled = true;
                return false;
            }
        }
        self.over = true;
        true
    }
}

fn response_head(ask: &Ask) -> Vec<u8> {
    let reply = &ask.reply;
    let mut text = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(reply.interims);
    let version = if reply.old { "1.0" } else { "1.1" };
    text += &format!("HTTP/{version} {} Fine\r\nX-Id: {}\r\n", reply.status, ask.id);
    if reply.status == 101 {
        let wrong = reply.malice == Some(Malice::WrongProof);
        let proof = if wrong { "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" } else { PROOF };
        text += "Upgrade: WebSocket\r\nConnection: Upgrade\r\n";
        text += &format!("Sec-WebSocket-Accept: {proof}\r\n");
    } else if !matches!(reply.status, 204 | 304) {
        match reply.framing {
            Framing::Length => text += &format!("Content-Length: {}\r\n", reply.len),
            Framing::Chunked => text += "Transfer-Encoding: chunked\r\n",
            Framing::Close => {}
        }
    }
    if reply.close && reply.status != 101 {
        text += "Connection: close\r\n";
    }
    (text + "\r\n").into_bytes()
}
