//! Reading and writing of messages by the two ends: deliberately nothing of the router's own code.

use std::collections::HashMap;

/// What bodies are full of: whoever takes a body for a request is found out.
const TRAP: &[u8] = b"GET /http/999999 HTTP/1.1\r\nHost: trap\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nX-Id: 999999\r\n\r\n";

/// The byte at a place of a stream.
pub(super) fn content(stream: u64, at: u64) -> u8 {
    if at % 61 == 7 {
        return (stream as u8).wrapping_add((at / 61) as u8);
    }
    TRAP[((at + stream) % TRAP.len() as u64) as usize]
}

/// The bytes of a stream from a place on.
pub(super) fn stream(stream: u64, from: u64, len: usize) -> Vec<u8> {
    (from..from + len as u64).map(|at| content(stream, at)).collect()
}

/// The streams of one request: its body, its response's body, and a tunnel's two directions.
pub(super) fn stream_of(id: u64, which: u64) -> u64 {
    id * 4 + which
}

/// The head in front of `bytes` with its empty line, and its length.
pub(super) fn head(bytes: &[u8]) -> Option<(String, usize)> {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    Some((String::from_utf8(bytes[..at].to_vec()).expect("a head of text"), at))
}

/// The value of a field that may stand at most once.
pub(super) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut found = head.lines().filter_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    });
    let value = found.next();
    assert!(found.next().is_none(), "{name} twice in {head}");
    value
}

/// The variables of a uwsgi packet in front of `bytes`, and its length.
pub(super) fn packet(bytes: &[u8]) -> Option<(HashMap<String, String>, usize)> {
    let word =
        |at: usize| Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let end = 4 + word(1)?;
    bytes.get(..end)?;
    let mut vars = HashMap::new();
    let mut at = 4;
    let text = |at: &mut usize| {
        let len = word(*at).expect("a length");
        let text = String::from_utf8(bytes[*at + 2..*at + 2 + len].to_vec()).expect("text");
        *at += 2 + len;
        text
    };
    while at < end {
        let key = text(&mut at);
        let value = text(&mut at);
        assert!(vars.insert(key.clone(), value).is_none(), "{key} twice");
    }
    Some((vars, end))
}

/// How a body is framed.
#[derive(Debug, Clone)]
pub(super) enum Coding {
    Length(u64),
    Size(Vec<u8>),
    Data(u64),
    DataEnd(u8),
    LastLine(u8),
    Close,
    Done,
}

/// A body being read, each byte compared with what its stream says.
#[derive(Debug, Clone)]
pub(super) struct Body {
    /// `None`: anything may be in it.
    pub(super) stream: Option<u64>,
    pub(super) at: u64,
    pub(super) coding: Coding,
}

impl Body {
    pub(super) fn length(stream: Option<u64>, len: u64) -> Body {
        let coding = if len == 0 { Coding::Done } else { Coding::Length(len) };
        Body { stream, at: 0, coding }
    }

    pub(super) fn chunked(stream: u64) -> Body {
        Body { stream: Some(stream), at: 0, coding: Coding::Size(Vec::new()) }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.coding, Coding::Done)
    }

    /// Reads from the front of `bytes`; how many belonged to the body.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        while used < bytes.len() && !self.is_done() {
            used += self.step(&bytes[used..]);
        }
        used
    }

    fn step(&mut self, bytes: &[u8]) -> usize {
        match &mut self.coding {
            Coding::Length(left) | Coding::Data(left) => {
                let n = bytes.len().min(*left as usize);
                *left -= n as u64;
                let over = *left == 0;
                self.compare(&bytes[..n]);
                if over {
                    let chunk = matches!(self.coding, Coding::Data(_));
                    self.coding = if chunk { Coding::DataEnd(0) } else { Coding::Done };
                }
                n
            }
            Coding::Close => {
                self.compare(bytes);
                bytes.len()
            }
            Coding::Size(line) => {
                line.push(bytes[0]);
                if let Some(digits) = line.strip_suffix(b"\r\n") {
                    let digits = str::from_utf8(digits).expect("digits");
                    let size = u64::from_str_radix(digits, 16).expect("a chunk size");
                    self.coding = if size == 0 { Coding::LastLine(0) } else { Coding::Data(size) };
                }
                1
            }
            Coding::DataEnd(n) | Coding::LastLine(n) => {
                assert_eq!(bytes[0], b"\r\n"[usize::from(*n)], "CRLF behind a chunk");
                *n += 1;
                if *n == 2 {
                    let last = matches!(self.coding, Coding::LastLine(_));
                    self.coding = if last { Coding::Done } else { Coding::Size(Vec::new()) };
                }
                1
            }
            Coding::Done => 0,
        }
    }

    fn compare(&mut self, bytes: &[u8]) {
        if let Some(stream) = self.stream {
            for (byte, at) in bytes.iter().zip(self.at..) {
                assert_eq!(*byte, content(stream, at), "byte {at} of stream {stream}");
            }
        }
        self.at += bytes.len() as u64;
    }
}
