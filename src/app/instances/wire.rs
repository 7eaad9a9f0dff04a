//! One connection to or from another instance: TLS, then the proof of the secret, then frames.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Millis;
use crate::channel::LinkFault;
use crate::proto::instances::{Frame, Frames, Proving, Role, Secret, Unproven};
use crate::reactor::{Secure, unforeseen};

/// How long it may take until the other end has proven itself.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a link may be silent: each end says something every [`PULSE`].
const SILENCE: Duration = Duration::from_secs(12);
/// How often something is said.
const PULSE: Duration = Duration::from_secs(3);
/// Bytes read for one turn.
const READ: usize = 256 << 10;

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) link: Secure,
    pub(super) address: SocketAddr,
    pub(super) role: Role,
    stage: Stage,
    frames: Frames,
    /// When it began, or when anything came last.
    heard: Millis,
    /// When anything was said last.
    pub(super) said: Millis,
}

#[derive(Debug)]
enum Stage {
    Connecting,
    Handshake,
    Proving(Box<Proving>),
    Linked,
}

/// Why one has ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error(transparent)]
    System(#[from] io::Error),
    #[error(transparent)]
    Unproven(#[from] Unproven),
    #[error(transparent)]
    Fault(#[from] LinkFault),
    #[error("it closed before it had proven the secret; is that the same there?")]
    ClosedEarly,
    #[error("it has closed")]
    Closed,
    #[error("nothing came for {} s", SILENCE.as_secs())]
    Silent,
    #[error("it took longer than {} s to begin", PATIENCE.as_secs())]
    Late,
}

/// What came of a look at it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// There may be more to be read at once.
    More,
    /// All was read that is there.
    Done,
}

impl Wire {
    pub(super) fn new(link: Secure, address: SocketAddr, role: Role, now: Millis) -> Wire {
        let stage = if role == Role::Dialler { Stage::Connecting } else { Stage::Handshake };
        Wire { link, address, role, stage, frames: Frames::default(), heard: now, said: now }
    }

    /// Whether both ends have proven themselves.
    pub(super) fn is_linked(&self) -> bool {
        matches!(self.stage, Stage::Linked)
    }

    /// Reads what has come and writes what can be written. `linked` is called once, when it may begin with frames; what came of
    /// them is taken by [`next`](Wire::next).
    pub(super) fn advance(
        &mut self,
        secret: &Secret,
        now: Millis,
        linked: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Looked, Ended> {
        if matches!(self.stage, Stage::Connecting) {
            if !self.link.is_connected()? {
                return Ok(Looked::Done);
            }
            self.stage = Stage::Handshake;
        }
        let mut came = Vec::new();
        let read = self.link.read(READ, &mut came);
        if !came.is_empty() {
            self.heard = now;
        }
        let mut bytes = &*came;
        let mut out = Vec::new();
        if matches!(self.stage, Stage::Handshake)
            && let Some(binding) = self.link.binding()
        {
            let nonce = unforeseen()?;
            let proving = Proving::begin(secret.clone(), self.role, binding, nonce, &mut out);
            self.stage = Stage::Proving(Box::new(proving));
        }
        if let Stage::Proving(proving) = &mut self.stage
            && proving.take(&mut bytes, &mut out)?
        {
            self.stage = Stage::Linked;
            self.said = now;
            linked(&mut out);
        }
        self.frames.feed(bytes);
        self.link.queue(&out);
        match read {
            // What came before the end is looked at first.
            Err(_) if self.is_linked() && !came.is_empty() => Ok(Looked::More),
            Err(_) if matches!(self.stage, Stage::Proving(_)) => Err(Ended::ClosedEarly),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Ended::Closed),
            Err(error) => Err(error.into()),
            Ok(more) => {
                match self.link.flush() {
                    Err(_) if matches!(self.stage, Stage::Proving(_)) => {
                        return Err(Ended::ClosedEarly);
                    }
                    flushed => flushed?,
                }
                Ok(if more { Looked::More } else { Looked::Done })
            }
        }
    }

    /// The next frame.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, LinkFault> {
        Ok(self.frames.take()?)
    }

    /// Has frames sent.
    pub(super) fn say(&mut self, frames: &[u8], now: Millis) -> Result<(), Ended> {
        self.said = now;
        self.link.queue(frames);
        Ok(self.link.flush()?)
    }

    /// Whether it is time to say something, lest the other end think that nobody is there.
    pub(super) fn is_quiet(&self, now: Millis) -> bool {
        self.is_linked() && now >= self.said + PULSE
    }

    /// Why it is to be given up, where it is.
    pub(super) fn expired(&self, now: Millis) -> Option<Ended> {
        match self.is_linked() {
            true => (now >= self.heard + SILENCE).then_some(Ended::Silent),
            false => (now >= self.said + PATIENCE).then_some(Ended::Late),
        }
    }
}
