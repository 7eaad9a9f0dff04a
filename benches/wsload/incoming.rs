//! The stream of frames a server sends, checked against the messages that were sent.

use tidegate::proto::ws::{FrameHead, HEAD_MAX, Opcode, Rules, Sender, Sequence};

use crate::connection::Fault;
use crate::message::Message;

/// Frames of any data size are taken, as the message's size is checked on its own.
const RULES: Rules = Rules::new(Sender::Server, u64::MAX);

/// A frame that has come in whole.
pub(crate) enum Arrived {
    /// The last of a message, which is the expected one.
    Message,
    Ping(Vec<u8>),
    Close,
    /// A pong, or a fragment that is not the last.
    Other,
}

/// Where in the stream of frames that come in.
#[derive(Default)]
pub(crate) struct Incoming {
    /// The start of a frame header that was cut by the end of a read.
    head: Vec<u8>,
    sequence: Sequence,
    opcode: Option<Opcode>,
    fin: bool,
    /// Payload of this frame that is still to come.
    left: u64,
    /// Message payload seen so far.
    at: usize,
    control: Vec<u8>,
}

impl Incoming {
    /// Takes one whole frame off `bytes`; the message in it must be number `expected`.
    ///
    /// `None`, with all bytes taken, while the frame goes on.
    pub(crate) fn take(
        &mut self,
        bytes: &mut &[u8],
        message: &Message,
        expected: u64,
    ) -> Result<Option<Arrived>, Fault> {
        if self.opcode.is_none() {
            *bytes = self.header(bytes)?;
        }
        let Some(opcode) = self.opcode else { return Ok(None) };
        let take = self.left.min(bytes.len() as u64) as usize;
        let (payload, rest) = bytes.split_at(take);
        *bytes = rest;
        self.left -= take as u64;
        if opcode.is_control() {
            self.control.extend_from_slice(payload);
        } else if message.matches(expected, self.at, payload) {
            self.at += take;
        } else {
            return Err(Fault::Mismatch);
        }
        if self.left > 0 {
            return Ok(None);
        }
        self.opcode = None;
        Ok(Some(match opcode {
            Opcode::Close => Arrived::Close,
            Opcode::Ping => Arrived::Ping(std::mem::take(&mut self.control)),
            Opcode::Pong => {
                self.control.clear();
                Arrived::Other
            }
            _ if !self.fin => Arrived::Other,
            _ if self.at != message.size() => return Err(Fault::Mismatch),
            _ => {
                self.at = 0;
                Arrived::Message
            }
        }))
    }

    /// Takes a frame header off `bytes`, perhaps only its next part; returns what is behind it.
    fn header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let had = self.head.len();
        let parsed = if had == 0 {
            FrameHead::parse(bytes, &RULES)
        } else {
            self.head.extend(bytes.iter().take(HEAD_MAX));
            FrameHead::parse(&self.head, &RULES)
        };
        let Some((head, len)) = parsed? else {
            if had == 0 {
                self.head.extend_from_slice(bytes);
            }
            return Ok(&[]);
        };
        self.head.clear();
        self.sequence.accept(&head, &RULES)?;
        (self.opcode, self.fin, self.left) = (Some(head.opcode), head.fin, head.payload);
        Ok(&bytes[len - had..])
    }
}
