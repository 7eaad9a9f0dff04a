//! What will be asked and answered: drawn before a run begins, known to both ends.

use super::dice::Dice;
use super::message::{stream, stream_of};

/// How somebody stops in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Finish,
    Reset,
    Stall,
}

/// How a request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Nothing,
    Length(usize),
    Chunked(usize),
}

impl Sent {
    pub(super) fn len(self) -> usize {
        match self {
            Sent::Nothing => 0,
            Sent::Length(n) | Sent::Chunked(n) => n,
        }
    }
}

/// What a client does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misdeed {
    /// Only so many bytes of the request are sent.
    Truncate(usize, Stop),
    /// The head is no request.
    BadHead(&'static str),
    /// The chunked body is malformed.
    BadChunk,
    /// The client resets while it waits.
    Vanish,
    /// It never reads.
    Deaf,
}

/// One request, and what its upstream will do with it.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) id: u64,
    pub(super) route: &'static str,
    pub(super) method: &'static str,
    pub(super) old: bool,
    pub(super) body: Sent,
    pub(super) expect: bool,
    pub(super) close: bool,
    pub(super) upgrade: bool,
    /// Bytes each side sends through the tunnel.
    pub(super) tunnel: [usize; 2],
    pub(super) misdeed: Option<Misdeed>,
    pub(super) reply: Reply,
}

/// How a response's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length,
    Chunked,
    Close,
}

/// What an upstream does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malice {
    /// Only so many bytes of the response are sent.
    Cut(usize, Stop),
    /// It is not HTTP.
    Garbage(&'static str),
    /// It ends without a byte, the first time it is asked.
    Drop(Stop),
    /// It never reads the request's body and closes behind its response.
    RefuseBody,
    /// Bytes follow the response.
    Extra,
    /// The proof of the handshake is wrong.
    WrongProof,
}

/// What an upstream answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) old: bool,
    pub(super) interims: usize,
    pub(super) framing: Framing,
    pub(super) len: usize,
    pub(super) close: bool,
    /// Before the request's body has come.
    pub(super) early: bool,
    pub(super) malice: Option<Malice>,
}

/// A key of RFC 6455 and the proof that goes with it.
pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(super) const PROOF: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const BAD_HEADS: [&str; 5] = [
    "GET /http/0 HTTP/9.9\r\nHost: a\r\n\r\n",
    "POST /http/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET /http/0 HTTP/1.1\r\nHost : a\r\n\r\n",
    "\0\u{1}\u{2}\r\n\r\n",
    "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
];

const GARBAGE: [&str; 5] = [
    "SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 99 Low\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
];

impl Ask {
    /// Draws a request; `faults` of a hundred are faulty on each side.
    pub(super) fn draw(id: u64, faults: usize, dice: &mut Dice) -> Ask {
        let route = dice
            .pick(&["http", "http", "http", "pair", "uwsgi", "uwsgi", "stream", "raw", "expect"]);
        let upgrade = route != "raw" && dice.chance(15);
        let old = !upgrade && dice.chance(10);
        let method = match upgrade {
            true => "GET",
            false => dice.pick(&["GET", "GET", "HEAD", "POST", "POST", "PUT", "OPTIONS"]),
        };
        let takes_body = matches!(method, "POST" | "PUT") || dice.chance(3) && !upgrade;
        let len = dice.size().min(if route == "uwsgi" { 190_000 } else { 300_000 });
        let body = match takes_body {
            true if old || dice.chance(50) => Sent::Length(len),
            true => Sent::Chunked(len),
            false => Sent::Nothing,
        };
        let reply = Reply::draw(faults, route, upgrade, body, dice);
        let mut ask = Ask {
            id,
            route,
            method,
            old,
            body,
            expect: !old && body.len() > 0 && dice.chance(20),
            close: dice.chance(15),
            upgrade,
            tunnel: [dice.size(), dice.size()],
            misdeed: None,
            reply,
        };
        if dice.chance(faults) {
            let all = ask.head().len() + ask.body_bytes(dice).len();
            ask.misdeed = Some(match dice.below(7) {
                0..=2 => {
                    let stop = dice.pick(&[Stop::Finish, Stop::Reset, Stop::Stall]);
                    Misdeed::Truncate(dice.below(all), stop)
                }
                3 => Misdeed::BadHead(dice.pick(&BAD_HEADS)),
                4 if matches!(body, Sent::Chunked(1..)) && route != "raw" => Misdeed::BadChunk,
                5 => Misdeed::Vanish,
                _ => Misdeed::Deaf,
            });
        }
        ask
    }

    /// Nothing is wrong with it on either side.
    pub(super) fn is_clean(&self) -> bool {
        self.misdeed.is_none() && self.reply.malice.is_none()
    }

    /// Bytes of the largest thing it moves.
    pub(super) fn most(&self) -> usize {
        let tunnel = if self.upgrade { self.tunnel } else { [0; 2] };
        self.body.len().max(self.reply.len).max(tunnel[0]).max(tunnel[1])
    }

    /// It may be sent a second time.
    pub(super) fn is_replayable(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS")
            && self.body.len() == 0
            && !matches!(self.body, Sent::Chunked(_))
    }

    pub(super) fn target(&self) -> String {
        format!("/{}/{}", self.route, self.id)
    }

    /// The request's head as it is sent.
    pub(super) fn head(&self) -> Vec<u8> {
        let version = if self.old { "1.0" } else { "1.1" };
        let mut head = format!("{} {} HTTP/{version}\r\nHost: sim\r\n", self.method, self.target());
        match self.body {
            Sent::Nothing => {}
            Sent::Length(n) => head += &format!("Content-Length: {n}\r\n"),
            Sent::Chunked(_) => head += "Transfer-Encoding: chunked\r\n",
        }
        if self.expect {
            head += "Expect: 100-continue\r\n";
        }
        if self.upgrade {
            head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
            head += &format!("Sec-WebSocket-Key: {KEY}\r\n");
        } else if self.close {
            head += "Connection: close\r\n";
        } else if self.old {
            head += "Connection: keep-alive\r\n";
        }
        (head + "\r\n").into_bytes()
    }

    /// The request's body as it is sent.
    pub(super) fn body_bytes(&self, dice: &mut Dice) -> Vec<u8> {
        let body = stream(stream_of(self.id, 0), 0, self.body.len());
        match self.body {
            Sent::Chunked(_) => chunked(&body, dice),
            _ => body,
        }
    }
}

impl Reply {
    fn draw(faults: usize, route: &str, upgrade: bool, body: Sent, dice: &mut Dice) -> Reply {
        let status = match upgrade {
            true => dice.pick(&[101, 101, 101, 200, 426]),
            false => dice.pick(&[200, 200, 200, 200, 204, 304, 404, 500]),
        };
        let old = status != 101 && dice.chance(10);
        let framing = match dice.below(3) {
            0 => Framing::Length,
            1 if !old => Framing::Chunked,
            _ => Framing::Close,
        };
        let len = if matches!(status, 101 | 204 | 304) { 0 } else { dice.size() };
        let malice = dice.chance(faults).then(|| match dice.below(9) {
            0..=3 => Malice::Cut(
                dice.below(len + 150),
                dice.pick(&[Stop::Finish, Stop::Reset, Stop::Stall]),
            ),
            4 if route != "raw" => Malice::Garbage(dice.pick(&GARBAGE)),
            5 | 6 => Malice::Drop(dice.pick(&[Stop::Finish, Stop::Reset])),
            7 if body.len() > 0 => Malice::RefuseBody,
            7 if status == 101 => Malice::WrongProof,
            _ if status != 101 && route != "raw" => Malice::Extra,
            _ => Malice::Drop(Stop::Finish),
        });
        Reply {
            status,
            old,
            interims: if dice.chance(10) && !upgrade && !old { 1 + dice.below(3) } else { 0 },
            framing,
            len,
            close: dice.chance(15) || route == "raw",
            early: dice.chance(25),
            malice,
        }
    }
}

/// A body in chunks of drawn sizes.
pub(super) fn chunked(body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let most = dice.pick(&[1, 50, 3000, 100_000]).max(body.len() / 500);
    let mut out = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at((1 + dice.below(most)).min(rest.len()));
        out.extend(format!("{:x}\r\n", chunk.len()).bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
        rest = after;
    }
    out.extend(b"0\r\n\r\n");
    out
}
