//! Frames: a length, a word for what it is, and what belongs to that. All numbers are big-endian.

use std::sync::Arc;

use super::super::ws::Kind;

/// The longest frame, in bytes behind its length.
pub const FRAME_MAX: usize = 64 << 20;
/// The longest name of a channel, in bytes.
const NAME_MAX: usize = 128;
/// Memory that is kept for frames to come.
const SPARE: usize = 256 << 10;
/// No age.
const FOREVER: u64 = u64::MAX;

/// What one instance says to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first of each end: who it is.
    Hello {
        /// Another one for each process.
        instance: [u8; 16],
        /// How many messages were published there so far.
        published: u64,
    },
    /// What it sends here goes on with this number.
    Begin {
        /// The number of what comes next.
        number: u64,
    },
    /// What it wants to hear of.
    Interest {
        /// That was all since it began; nothing else is of interest to it.
        all: bool,
        /// Of these, or of these no more.
        on: bool,
        /// Names of channels.
        names: Vec<Arc<str>>,
    },
    /// Something was published.
    Said {
        /// Its place among all that is sent to the other one.
        number: u64,
        /// Text or binary.
        kind: Kind,
        /// How many messages of its channel are kept.
        messages: u32,
        /// How long, in milliseconds.
        age: Option<u64>,
        /// The channel's name.
        name: Arc<str>,
        /// What it says.
        payload: Arc<[u8]>,
    },
    /// Something was published and is lost.
    Missed {
        /// Its place among all that is sent to the other one.
        number: u64,
        /// Where; `None`: in any channel.
        names: Option<Vec<Arc<str>>>,
    },
    /// Everything has arrived, up to this number.
    Got {
        /// The number.
        number: u64,
    },
    /// It is there.
    Ping,
    /// It ends, and has nothing more to say.
    Bye,
}

/// What is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// It is longer than any may be.
    #[error("a frame is too long")]
    Long,
    /// Its word is unknown.
    #[error("a frame of unknown kind")]
    Unknown,
    /// It ends too early, goes on too long, or says what cannot be.
    #[error("a frame is malformed")]
    Malformed,
}

/// Writes a message, whose parts are elsewhere.
pub fn put_said(
    number: u64,
    kind: Kind,
    (messages, age): (u32, Option<u64>),
    name: &str,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    put(out, 3, |out| {
        out.extend_from_slice(&number.to_be_bytes());
        out.push(u8::from(kind == Kind::Binary));
        out.extend_from_slice(&messages.to_be_bytes());
        out.extend_from_slice(&age.unwrap_or(FOREVER).to_be_bytes());
        put_name(name, out);
        out.extend_from_slice(payload);
    });
}

/// Writes a frame.
pub fn put_frame(frame: &Frame, out: &mut Vec<u8>) {
    match frame {
        Frame::Hello { instance, published } => put(out, 1, |out| {
            out.extend_from_slice(instance);
            out.extend_from_slice(&published.to_be_bytes());
        }),
        Frame::Begin { number } => put(out, 8, |out| out.extend_from_slice(&number.to_be_bytes())),
        Frame::Interest { all, on, names } => put(out, 2, |out| {
            out.push(u8::from(*all) << 1 | u8::from(*on));
            names.iter().for_each(|name| put_name(name, out));
        }),
        Frame::Said { number, kind, messages, age, name, payload } => {
            put_said(*number, *kind, (*messages, *age), name, payload, out);
        }
        Frame::Missed { number, names } => put(out, 4, |out| {
            out.extend_from_slice(&number.to_be_bytes());
            out.push(u8::from(names.is_none()));
            names.iter().flatten().for_each(|name| put_name(name, out));
        }),
        Frame::Got { number } => put(out, 5, |out| out.extend_from_slice(&number.to_be_bytes())),
        Frame::Ping => put(out, 6, |_| {}),
        Frame::Bye => put(out, 7, |_| {}),
    }
}

fn put(out: &mut Vec<u8>, word: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(word);
    fill(out);
    let len = (out.len() - start - 4) as u32;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&len.to_be_bytes());
    }
}

fn put_name(name: &str, out: &mut Vec<u8>) {
    out.push(name.len().min(NAME_MAX) as u8);
    out.extend_from_slice(name.as_bytes().get(..NAME_MAX).unwrap_or(name.as_bytes()));
}

/// Makes frames of bytes, however these are cut. It holds less than one frame and what was fed last.
#[derive(Debug, Default)]
pub struct Frames {
    held: Vec<u8>,
    /// Bytes of it that are done with.
    done: usize,
}

impl Frames {
    /// Takes what has come. Frames are to be taken out before the next time.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.drain(..self.done);
        self.done = 0;
        if self.held.is_empty() && self.held.capacity() > SPARE {
            self.held = Vec::new();
        }
        self.held.extend_from_slice(bytes);
    }

    /// The next frame that is whole.
    ///
    /// # Errors
    /// When it is none; nothing sensible can follow.
    pub fn take(&mut self) -> Result<Option<Frame>, BadFrame> {
        let rest = self.held.get(self.done..).unwrap_or_default();
        let Some((len, behind)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let len = u32::from_be_bytes(*len) as usize;
        if len > FRAME_MAX {
            return Err(BadFrame::Long);
        }
        let Some(said) = behind.get(..len) else { return Ok(None) };
        let frame = parse(said)?;
        self.done += 4 + len;
        Ok(Some(frame))
    }

    /// Whether all that was fed has been taken out.
    pub fn is_empty(&self) -> bool {
        self.done == self.held.len()
    }
}

fn parse(said: &[u8]) -> Result<Frame, BadFrame> {
    let (word, rest) = said.split_first().ok_or(BadFrame::Malformed)?;
    let mut at = Rest(rest);
    let frame = match word {
        1 => Frame::Hello { instance: at.array()?, published: at.number()? },
        2 => {
            let [flags] = at.array()?;
            let (all, on) = (flags & 2 != 0, flags & 1 != 0);
            Frame::Interest { all, on, names: at.names()? }
        }
        3 => Frame::Said {
            number: at.number()?,
            kind: if at.flag()? { Kind::Binary } else { Kind::Text },
            messages: u32::from_be_bytes(at.array()?),
            age: Some(at.number()?).filter(|age| *age != FOREVER),
            name: at.name()?,
            payload: std::mem::take(&mut at.0).into(),
        },
        4 => {
            let (number, any) = (at.number()?, at.flag()?);
            Frame::Missed { number, names: if any { None } else { Some(at.names()?) } }
        }
        5 => Frame::Got { number: at.number()? },
        6 => Frame::Ping,
        7 => Frame::Bye,
        8 => Frame::Begin { number: at.number()? },
        _ => return Err(BadFrame::Unknown),
    };
    match &frame {
        _ if !at.0.is_empty() => Err(BadFrame::Malformed),
        Frame::Said { kind: Kind::Text, payload, .. } if std::str::from_utf8(payload).is_err() => {
            Err(BadFrame::Malformed)
        }
        _ => Ok(frame),
    }
}

/// What of a frame is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadFrame> {
        let (first, rest) = self.0.split_first_chunk().ok_or(BadFrame::Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, BadFrame> {
        self.array().map(u64::from_be_bytes)
    }

    fn flag(&mut self) -> Result<bool, BadFrame> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(BadFrame::Malformed),
        }
    }

    fn name(&mut self) -> Result<Arc<str>, BadFrame> {
        let [len] = self.array()?;
        let (name, rest) = self.0.split_at_checked(len.into()).ok_or(BadFrame::Malformed)?;
        self.0 = rest;
        let fits = (1..=NAME_MAX).contains(&name.len());
        let name = std::str::from_utf8(name).ok().filter(|_| fits);
        name.map(Arc::from).ok_or(BadFrame::Malformed)
    }

    fn names(&mut self) -> Result<Vec<Arc<str>>, BadFrame> {
        let mut names = Vec::new();
        while !self.0.is_empty() {
            names.push(self.name()?);
        }
        Ok(names)
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
