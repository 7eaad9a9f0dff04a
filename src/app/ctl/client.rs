//! Asking the admin socket: one request, and its answer as it comes.

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::ops::Range;
use std::time::Duration;

use super::super::line::Line;
use crate::base::Address;
use crate::proto::h1::{ChunkedDecoder, Limits, parse_response};
use crate::proto::http::{self, Body, FieldStore};

/// How long each part of an answer may take: workers are given a second, and others may ask as well.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nobody listens there.
    Nobody(Address),
    /// It is not for this user.
    Denied(Address),
    /// Somebody listens and does not answer.
    Silent(Address),
    /// What answers is no tidegate.
    Stranger(Address),
    /// The answer ended early.
    Cut(Address),
    /// It will not, and says why.
    Refused(String),
    /// What the system says.
    Failed(Address, io::Error),
}

impl Fault {
    pub(super) fn of(address: &Address, error: &io::Error) -> Fault {
        let at = address.clone();
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Fault::Nobody(at),
            ErrorKind::PermissionDenied => Fault::Denied(at),
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Fault::Silent(at),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                Fault::Cut(at)
            }
            ErrorKind::InvalidData => Fault::Stranger(at),
            kind => Fault::Failed(at, kind.into()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Nobody(at) => write!(f, "no tidegate listens on {at}"),
            Fault::Denied(at) => {
                write!(f, "{at} is not for this user: be root, or whom tidegate runs as")
            }
            Fault::Silent(at) => write!(f, "the tidegate on {at} does not answer"),
            Fault::Stranger(at) => write!(f, "what answers on {at} is no tidegate's admin socket"),
            Fault::Cut(at) => write!(f, "the answer of {at} ended early: has it stopped?"),
            Fault::Refused(said) => f.write_str(said),
            Fault::Failed(at, error) => write!(f, "{at}: {error}"),
        }
    }
}

/// Asks for `target`; what is returned reads the answer's body.
pub(super) fn ask(address: &Address, method: Method, target: &str) -> Result<Answer, Fault> {
    let mut answer = begin(address, method, target).map_err(|error| Fault::of(address, &error))?;
    if answer.status == 200 {
        return Ok(answer);
    }
    let mut text = Vec::new();
    answer.read_to_end(&mut text).map_err(|error| Fault::of(address, &error))?;
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    match value["error"].as_str() {
        Some(said) => Err(Fault::Refused(said.to_owned())),
        None => Err(Fault::Stranger(address.clone())),
    }
}

fn begin(address: &Address, method: Method, target: &str) -> io::Result<Answer> {
    let mut line = Line::dial(address, PATIENCE)?;
    let (word, method) = match method {
        Method::Get => ("GET", http::Method::Get),
        Method::Post => ("POST", http::Method::Post),
    };
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "{word} {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: tidegate/{version}\r\n\
         Connection: close\r\n\r\n"
    );
    line.write_all(request.as_bytes())?;
    let mut answer = Answer {
        line,
        status: 0,
        bytes: Vec::new(),
        at: 0,
        payload: 0..0,
        left: Left::Chunks(ChunkedDecoder::new()),
    };
    loop {
        if answer.fill()? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if answer.parse_head(method)? {
            return Ok(answer);
        }
    }
}

/// An answer whose body is read as it comes.
pub(super) struct Answer {
    line: Line,
    status: u16,
    /// What has come, how much of it was looked at, and what of it is payload not yet taken.
    bytes: Vec<u8>,
    at: usize,
    payload: Range<usize>,
    left: Left,
}

/// What is still to come of the body.
enum Left {
    Bytes(u64),
    Chunks(ChunkedDecoder),
    Over,
}

impl Answer {
    /// Reads once more; 0 at the end. Payload was taken before.
    fn fill(&mut self) -> io::Result<usize> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let mut room = [0; 16 << 10];
        self.line.allow(PATIENCE);
        let n = self.line.read(&mut room)?;
        self.bytes.extend_from_slice(room.get(..n).unwrap_or_default());
        Ok(n)
    }

    /// Whether the head is there.
    fn parse_head(&mut self, method: http::Method) -> io::Result<bool> {
        let mut store = FieldStore::new();
        let head = parse_response(&self.bytes, &mut store, method, &Limits::default())
            .map_err(|_| ErrorKind::InvalidData)?;
        let Some(head) = head else { return Ok(false) };
        if head.fields.find("Server") != Some(b"tidegate") {
            return Err(ErrorKind::InvalidData.into());
        }
        self.left = match head.body {
            Body::Length(length) => Left::Bytes(length),
            Body::Chunked => Left::Chunks(ChunkedDecoder::new()),
            Body::Empty => Left::Over,
            Body::UntilClose => return Err(ErrorKind::InvalidData.into()),
        };
        (self.status, self.at) = (head.status, head.len);
        Ok(true)
    }

    /// Finds payload in what has come.
    fn find(&mut self) -> io::Result<()> {
        let came = self.bytes.get(self.at..).unwrap_or_default();
        let (framing, len, done) = match &mut self.left {
            Left::Over => (0, 0, true),
            Left::Bytes(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(came.len());
                *left -= len as u64;
                (0, len, *left == 0)
            }
            Left::Chunks(decoder) => {
                let chunk = decoder.advance(came).map_err(|_| ErrorKind::InvalidData)?;
                (chunk.framing, chunk.data, chunk.done)
            }
        };
        if done {
            self.left = Left::Over;
        }
        let begin = self.at + framing;
        self.at = begin + len;
        self.payload = begin..self.at;
        Ok(())
    }
}

impl BufRead for Answer {
    /// # Errors
    /// `UnexpectedEof` when the connection ends before the body does.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.payload.is_empty() {
            self.find()?;
            if !self.payload.is_empty() || matches!(self.left, Left::Over) {
                break;
            }
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.bytes.get(self.payload.clone()).unwrap_or_default())
    }

    fn consume(&mut self, n: usize) {
        self.payload.start += n;
    }
}

impl Read for Answer {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut payload = self.fill_buf()?;
        let n = payload.read(room)?;
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// What comes of one request when it is answered with these pieces and then the end.
    fn asked(pieces: &[&str]) -> Result<String, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let address = Address::Unix(path.clone());
        let listener = UnixListener::bind(&path).expect("bound");
        let said = std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut socket, _) = listener.accept().expect("accepted");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut room = [0; 512];
                    let n = socket.read(&mut room).expect("read");
                    request.extend_from_slice(&room[..n]);
                }
                assert!(request.starts_with(b"POST /kill?id=1 HTTP/1.1\r\nHost: localhost\r\n"));
                for piece in pieces {
                    socket.write_all(piece.as_bytes()).expect("written");
                }
            });
            let mut text = String::new();
            let mut answer = ask(&address, Method::Post, "/kill?id=1")?;
            answer.read_to_string(&mut text).map_err(|error| Fault::of(&address, &error))?;
            Ok(text)
        });
        let path = address.to_string();
        said.map_err(|fault: Fault| fault.to_string().replace(&path, "X"))
    }

    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\nServer: tidegate\r\nTransfer-Encoding: chunked\r\n\r\n";
    const REFUSED: &str =
        "HTTP/1.1 400 Bad Request\r\nServer: tidegate\r\nContent-Length: 16\r\n\r\n";

    #[test]
    fn bodies() {
        assert_eq!(
            asked(&[CHUNKED, "5\r\nhello\r\n6\r\n wor", "ld\r\n0\r\n\r\n"]),
            Ok("hello world".into())
        );
        assert_eq!(asked(&[REFUSED, "{\"error\":\"no 1\"}"]), Err("no 1".into()));
    }

    #[test]
    fn what_is_no_answer() {
        let early = Err("the answer of X ended early: has it stopped?".into());
        assert_eq!(asked(&[CHUNKED, "5\r\nhel"]), early);
        assert_eq!(asked(&[&CHUNKED[..20]]), early);
        assert_eq!(asked(&[]), early);
        let stranger = Err("what answers on X is no tidegate's admin socket".into());
        assert_eq!(asked(&["SSH-2.0-OpenSSH\r\n\r\n"]), stranger);
        assert_eq!(asked(&["HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n"]), stranger);
        assert_eq!(asked(&[REFUSED, "not of our kind."]), stranger);
        let nobody = Address::Unix("/nowhere/at/all".into());
        let fault = ask(&nobody, Method::Get, "/status").err().expect("nobody");
        assert_eq!(fault.to_string(), "no tidegate listens on unix:/nowhere/at/all");
    }
}
