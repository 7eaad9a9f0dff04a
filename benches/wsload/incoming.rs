//! The stream of frames a server sends, checked against the messages that were sent.

use tidegate::proto::ws::{DeflateParams, FrameHead, HEAD_MAX, Opcode, Rules, Sender, Sequence};

use crate::connection::Fault;
use crate::inflating::{Deflated, Inflating};
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
pub(crate) struct Incoming {
    rules: Rules,
    /// Where permessage-deflate was agreed.
    deflated: Option<Deflated>,
    /// The message at hand is deflated.
    is_deflated: bool,
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
    /// At the beginning, with what was agreed of permessage-deflate.
    pub(crate) fn new(agreed: Option<DeflateParams>) -> Incoming {
        Incoming {
            rules: Rules { rsv1: agreed.is_some(), ..RULES },
            deflated: agreed.map(Deflated::new),
            is_deflated: false,
            head: Vec::new(),
            sequence: Sequence::default(),
            opcode: None,
            fin: false,
            left: 0,
            at: 0,
            control: Vec::new(),
        }
    }

    /// Takes one whole frame off `bytes`; the message in it must be number `expected`.
    ///
    /// `None`, with all bytes taken, while the frame goes on.
    pub(crate) fn take(
        &mut self,
        bytes: &mut &[u8],
        message: &Message,
        expected: u64,
        inflating: &mut Inflating,
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
        } else if let Some(deflated) = self.deflated.as_mut().filter(|_| self.is_deflated) {
            deflated.push(payload);
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
            _ => {
                if let Some(deflated) = self.deflated.as_mut().filter(|_| self.is_deflated) {
                    let text = deflated.whole(inflating)?;
                    if !message.matches(expected, 0, text) {
                        return Err(Fault::Mismatch);
                    }
                    self.at = text.len();
                }
                if self.at != message.payload(expected).len() {
                    return Err(Fault::Mismatch);
                }
                self.at = 0;
                Arrived::Message
            }
        }))
    }

    /// Takes a frame header off `bytes`, perhaps only its next part; returns what is behind it.
    fn header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let had = self.head.len();
        let parsed = if had == 0 {
            FrameHead::parse(bytes, &self.rules)
        } else {
            self.head.extend(bytes.iter().take(HEAD_MAX));
            FrameHead::parse(&self.head, &self.rules)
        };
        let Some((head, len)) = parsed? else {
            if had == 0 {
                self.head.extend_from_slice(bytes);
            }
            return Ok(&[]);
        };
        self.head.clear();
        let continues = self.sequence.is_open();
        self.sequence.accept(&head, &self.rules)?;
        if !continues && !head.opcode.is_control() {
            self.is_deflated = head.rsv1;
        }
        (self.opcode, self.fin, self.left) = (Some(head.opcode), head.fin, head.payload);
        Ok(&bytes[len - had..])
    }
}
