//! Frames of a tracked tunnel that may be a command: those of a text are held, as they came, until it is clear that it is none,
//! and then go on, or until it is whole.

use crate::buf::{Copied, Tx};
use crate::proto::ws::{FrameHead, Rules, Sender};

use super::super::cx::Cx;
use super::super::port::Port;
use super::commands::{Commands, Fault, LONGEST, Stage};
use super::life::Life;

impl Commands {
    /// What is known of the message that is held, once more of it has come.
    fn judged(&self) -> Stage {
        let mut left = &*self.prefix;
        for piece in payload(&self.held) {
            let n = left.len().min(piece.len());
            let (begin, rest) = left.split_at(n);
            if !piece.starts_with(begin) {
                return Stage::Apart;
            }
            left = rest;
        }
        if left.is_empty() { Stage::Sure } else { Stage::Doubtful }
    }
}

/// The payload in frames of one message, the last of which may be cut.
fn payload(mut frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    let rules = Rules::new(Sender::Server, u64::MAX);
    std::iter::from_fn(move || {
        let (head, len) = FrameHead::parse(frames, &rules).ok().flatten()?;
        let rest = frames.get(len..)?;
        let (piece, behind) = rest.split_at((head.payload as usize).min(rest.len()));
        frames = behind;
        Some(piece)
    })
}

impl Life {
    /// A message of the upstream's begins with this byte of its first frame.
    pub(super) fn begins(&mut self, byte: u8) {
        let Some(commands) = self.commands() else { return };
        let is_text = byte & 0x0f == 1;
        let is_compressed = byte & 0x40 != 0;
        commands.stage = if is_text && !is_compressed { Stage::Doubtful } else { Stage::Apart };
        if is_text && is_compressed {
            commands.warn(
                "the app compresses what it says, and what is compressed is no command: have it not do that, or guard the route",
            );
        }
    }

    /// Whether what comes of the upstream's message is held.
    pub(super) fn holds(&self) -> bool {
        let commands = self.terms.as_ref().and_then(|terms| terms.commands.as_ref());
        commands.is_some_and(|commands| commands.stage != Stage::Apart)
    }

    /// Holds what has come of a message; what is no command goes to the client. `last` says that it is whole.
    pub(super) fn hold(&mut self, bytes: &[u8], last: bool, tx: &mut Tx, cx: &mut Cx<'_>) {
        let Some(commands) = self.commands() else { return };
        if commands.stage != Stage::Refused {
            commands.held.extend_from_slice(bytes);
        }
        if commands.stage == Stage::Doubtful {
            commands.stage = commands.judged();
            if last && commands.stage == Stage::Doubtful {
                commands.stage = Stage::Apart;
            }
        }
        let is_long = commands.held.len() > LONGEST;
        match commands.stage {
            Stage::Apart => tx.put(&std::mem::take(&mut commands.held), Copied::Payload, cx.pool),
            Stage::Doubtful | Stage::Sure if is_long => {
                commands.held = Vec::new();
                commands.stage = if last { Stage::Apart } else { Stage::Refused };
                self.command(Err(Fault::TooLong), cx);
            }
            Stage::Sure if last => {
                commands.stage = Stage::Apart;
                let whole: Vec<u8> =
                    payload(&std::mem::take(&mut commands.held)).flatten().copied().collect();
                let begin = commands.prefix.len();
                self.command(Ok(whole.get(begin..).unwrap_or_default()), cx);
            }
            Stage::Refused if last => commands.stage = Stage::Apart,
            _ => {}
        }
    }
}

/// Takes the first `n` bytes off what the upstream sent, to be held.
pub(super) fn keep_back(
    n: usize,
    last: bool,
    life: &mut Life,
    ports: &mut [Port; 2],
    cx: &mut Cx<'_>,
) {
    let [client, upstream] = ports;
    if let Some(piece) = upstream.rx.take(n as u64, cx.pool) {
        life.hold(piece.bytes(), last, &mut client.tx, cx);
    }
}
