//! One HTTP connection of the load: it asks, and checks that every answer is whole.

use crate::connection::Fault;
use crate::inflating::Room;
use crate::stream::Stream;

/// The longest head that is read before giving up.
const HEAD_MAX: usize = 16 * 1024;

/// What a turn of a connection brought.
#[derive(Default)]
pub(crate) struct Seen {
    /// Answers that are whole.
    pub(crate) answers: u64,
    /// Bytes of answers.
    pub(crate) bytes: u64,
    /// The other side has ended the connection.
    pub(crate) ended: bool,
}

/// A connection, and its place in both directions.
pub(crate) struct Visit {
    stream: Stream,
    /// Bytes of the request that are out already; `None`: nothing is asked.
    asked: Option<usize>,
    /// The start of an answer whose head is not whole.
    head: Vec<u8>,
    /// Bytes of the answer's body that are still to come.
    left: Option<usize>,
    /// When the connection, or else the question, was begun.
    pub(crate) begun: u64,
}

impl Visit {
    /// Asks as soon as it can.
    pub(crate) fn new(stream: Stream, begun: u64) -> Visit {
        Visit { stream, asked: Some(0), head: Vec::new(), left: None, begun }
    }

    /// Asks once more.
    pub(crate) fn ask(&mut self, begun: u64) {
        self.asked = Some(0);
        self.begun = begun;
    }

    /// Whether TLS resumed a session.
    pub(crate) fn is_resumed(&self) -> Option<bool> {
        self.stream.is_resumed()
    }

    /// Writes what is left of the request.
    pub(crate) fn flush(&mut self, request: &[u8]) -> Result<(), Fault> {
        if !self.stream.push()? {
            return Ok(());
        }
        while let Some(offset) = self.asked.as_mut().filter(|offset| **offset < request.len()) {
            let Some(n) = self.stream.write(&request[*offset..])? else { break };
            *offset += n;
        }
        Ok(())
    }

    /// Reads what has come. With `hung_up` the stream is read to its end; without, a short read is the last.
    pub(crate) fn read(&mut self, room: &mut Room, hung_up: bool) -> Result<Seen, Fault> {
        let mut seen = Seen::default();
        loop {
            let Some(came) = self.stream.read(&mut room.bytes, &mut room.wire)? else {
                return Ok(seen);
            };
            if came.bytes == 0 {
                seen.ended = true;
                return if self.asked.is_some() { Err(Fault::Ended) } else { Ok(seen) };
            }
            seen.bytes += came.bytes as u64;
            self.take(&room.bytes[..came.bytes], &mut seen)?;
            if came.last && !hung_up {
                return Ok(seen);
            }
        }
    }

    fn take(&mut self, fresh: &[u8], seen: &mut Seen) -> Result<(), Fault> {
        let mut joined = std::mem::take(&mut self.head);
        let mut bytes = fresh;
        if !joined.is_empty() {
            joined.extend_from_slice(fresh);
            bytes = &joined;
        }
        while !bytes.is_empty() {
            if self.asked.is_none() {
                return Err(Fault::Answer("more than was asked for".to_owned()));
            }
            let left = match self.left {
                Some(left) => left,
                None => match head(bytes)? {
                    Some((used, length)) => {
                        bytes = &bytes[used..];
                        length
                    }
                    None => {
                        self.head = bytes.to_vec();
                        return Ok(());
                    }
                },
            };
            let part = left.min(bytes.len());
            bytes = &bytes[part..];
            self.left = Some(left - part).filter(|left| *left > 0);
            if self.left.is_none() {
                self.asked = None;
                seen.answers += 1;
            }
        }
        Ok(())
    }
}

/// The bytes of an answer's head, and of the body that it announces.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(bytes).map_err(|error| Fault::Answer(error.to_string()))?;
    let httparse::Status::Complete(used) = parsed else {
        let endless = bytes.len() > HEAD_MAX;
        return if endless { Err(Fault::Answer("an endless head".to_owned())) } else { Ok(None) };
    };
    if response.code != Some(200) {
        return Err(Fault::Answer(format!("status {}", response.code.unwrap_or_default())));
    }
    let mut lengths =
        response.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().and_then(|field| str::from_utf8(field.value).ok()?.parse().ok());
    match length {
        Some(length) => Ok(Some((used, length))),
        None => Err(Fault::Answer("no length".to_owned())),
    }
}
