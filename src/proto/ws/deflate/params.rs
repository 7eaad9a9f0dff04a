//! The parameters of permessage-deflate: offered, accepted, checked.

use std::fmt;

use super::super::frame::Sender;
use super::super::list::{element_name, elements};

/// The extension's name.
const NAME: &[u8] = b"permessage-deflate";
/// The largest window, as a power of two.
const BITS_MAX: u8 = 15;
/// The smallest window that zlib writes a raw stream with; RFC 7692 also has 8.
const BITS_MIN: u8 = 9;

/// The parameters of one offer, or of the answer to it (RFC 7692 section 7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeflateParams {
    /// The server starts each message with an empty window.
    pub server_no_takeover: bool,
    /// The client does.
    pub client_no_takeover: bool,
    /// The largest window of the server.
    pub server_bits: Option<u8>,
    /// The largest window of the client; in an offer the value may be missing.
    pub client_bits: Option<Option<u8>>,
}

/// What we want of permessage-deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflatePolicy {
    /// Windows are kept from message to message where the peer does not mind.
    pub takeover: bool,
    /// The largest window, 9 to 15, as a power of two.
    pub bits: u8,
}

/// How one direction's messages are deflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// It is kept from message to message.
    pub takeover: bool,
    /// Its size as a power of two, 9 to 15.
    pub bits: u8,
}

/// Why an element of `Sec-WebSocket-Extensions` is no good (RFC 7692 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A parameter RFC 7692 does not know.
    #[error("an unknown parameter of permessage-deflate")]
    Unknown,
    /// The same parameter twice, or the extension accepted twice.
    #[error("permessage-deflate or a parameter of it twice")]
    Repeated,
    /// A value that is none, or one where none may be.
    #[error("a bad value of a parameter of permessage-deflate")]
    Value,
    /// An answer that goes beyond what was offered.
    #[error("permessage-deflate was answered with what was not offered")]
    NotOffered,
}

impl DeflateParams {
    /// Answers the first offer in the values of a client's `Sec-WebSocket-Extensions` that can be
    /// met. A bad one is passed over (RFC 7692 section 7.1.3), and so is one that insists on a window
    /// of 256 bytes for us, which zlib cannot write.
    pub fn accept<'a>(
        offers: impl IntoIterator<Item = &'a [u8]>,
        policy: DeflatePolicy,
    ) -> Option<Self> {
        let offers = offers.into_iter().flat_map(elements);
        offers.flat_map(|offer| Self::parse(offer).ok().flatten()).find_map(|o| o.answer(policy))
    }

    fn answer(self, policy: DeflatePolicy) -> Option<Self> {
        let ours = self.server_bits.unwrap_or(BITS_MAX).min(policy.bits);
        let theirs = self.client_bits.map(|bits| bits.unwrap_or(BITS_MAX).min(policy.bits));
        (ours >= BITS_MIN).then_some(Self {
            server_no_takeover: self.server_no_takeover || !policy.takeover,
            client_no_takeover: self.client_no_takeover || !policy.takeover,
            server_bits: (self.server_bits.is_some() || ours < BITS_MAX).then_some(ours),
            // A client that says it stays below 9 may do so unasked.
            client_bits: theirs.filter(|bits| (BITS_MIN..BITS_MAX).contains(bits)).map(Some),
        })
    }

    /// What we offer as a client.
    pub fn offer(policy: DeflatePolicy) -> Self {
        let bits = (policy.bits < BITS_MAX).then_some(policy.bits);
        Self {
            server_no_takeover: !policy.takeover,
            client_no_takeover: !policy.takeover,
            server_bits: bits,
            client_bits: Some(bits),
        }
    }

    /// Checks the answer of a server to this offer; `Ok(None)` when it chose not to deflate.
    pub fn check<'a>(
        self,
        answer: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Option<Self>, ParamsError> {
        let mut chosen = None;
        for element in answer.into_iter().flat_map(elements) {
            let Some(params) = Self::parse(element)? else { continue };
            if chosen.replace(params).is_some() {
                return Err(ParamsError::Repeated);
            }
        }
        let Some(answer) = chosen else { return Ok(None) };
        let bits = match answer.client_bits {
            Some(None) => return Err(ParamsError::Value),
            Some(bits) => bits,
            None => None,
        };
        let least = |bits: Option<u8>| bits.unwrap_or(BITS_MAX);
        let kept = (answer.server_no_takeover || !self.server_no_takeover)
            && least(answer.server_bits) <= least(self.server_bits)
            && (bits.is_none() || self.client_bits.is_some())
            && bits.is_none_or(|bits| bits >= BITS_MIN);
        if kept { Ok(Some(answer)) } else { Err(ParamsError::NotOffered) }
    }

    /// How the messages of `sender` are deflated once these were agreed.
    pub fn direction(self, sender: Sender) -> Window {
        let (no_takeover, bits) = match sender {
            Sender::Server => (self.server_no_takeover, self.server_bits),
            Sender::Client => (self.client_no_takeover, self.client_bits.flatten()),
        };
        Window { takeover: !no_takeover, bits: bits.unwrap_or(BITS_MAX).max(BITS_MIN) }
    }

    /// Reads one element; `Ok(None)` when it is another extension.
    fn parse(element: &[u8]) -> Result<Option<Self>, ParamsError> {
        if !element_name(element).eq_ignore_ascii_case(NAME) {
            return Ok(None);
        }
        let mut params = Self::default();
        for param in element.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii) {
            let mut parts = param.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
            let name = parts.next().unwrap_or_default();
            params.set(name, parts.next())?;
        }
        Ok(Some(params))
    }

    fn set(&mut self, name: &[u8], value: Option<&[u8]>) -> Result<(), ParamsError> {
        let flag = |flag: &mut bool| {
            if value.is_some() {
                return Err(ParamsError::Value);
            }
            if std::mem::replace(flag, true) { Err(ParamsError::Repeated) } else { Ok(()) }
        };
        let fresh = |was_set: bool| if was_set { Err(ParamsError::Repeated) } else { Ok(()) };
        match name.to_ascii_lowercase().as_slice() {
            b"server_no_context_takeover" => flag(&mut self.server_no_takeover),
            b"client_no_context_takeover" => flag(&mut self.client_no_takeover),
            b"server_max_window_bits" => {
                let bits = parse_bits(value.ok_or(ParamsError::Value)?)?;
                fresh(self.server_bits.replace(bits).is_some())
            }
            b"client_max_window_bits" => {
                let bits = value.map(parse_bits).transpose()?;
                fresh(self.client_bits.replace(bits).is_some())
            }
            _ => Err(ParamsError::Unknown),
        }
    }
}

/// A decimal number from 8 to 15 without leading zeros, perhaps quoted (RFC 6455 section 9.1).
fn parse_bits(value: &[u8]) -> Result<u8, ParamsError> {
    let unquoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    match unquoted.unwrap_or(value) {
        [digit @ b'8'..=b'9'] => Ok(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Ok(10 + digit - b'0'),
        _ => Err(ParamsError::Value),
    }
}

impl fmt::Display for DeflateParams {
    /// As in `Sec-WebSocket-Extensions`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permessage-deflate")?;
        if self.server_no_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_bits {
            Some(Some(bits)) => write!(f, "; client_max_window_bits={bits}"),
            Some(None) => f.write_str("; client_max_window_bits"),
            None => Ok(()),
        }
    }
}
