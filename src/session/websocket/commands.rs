//! What an app says about channels in its own messages: texts that begin with the prefix of its route, which its client never
//! sees.

use std::sync::Arc;

use crate::channel::{Saying, is_name};
use crate::proto::ws::Kind;

use super::super::channels::Membership;
use super::super::cx::{Action, Cx};
use super::super::snapshot::{Cursor, SnapshotError};
use super::life::Life;
use super::message::Message;

/// Bytes of a command, at most, with its prefix and the frames around it.
pub(super) const LONGEST: usize = 64 << 10;

/// The commands of one app. Plain data.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    /// What they begin with.
    pub(super) prefix: Arc<[u8]>,
    pub(super) stage: Stage,
    /// Frames of a text that may be one.
    pub(super) held: Vec<u8>,
    /// The log says already that something is wrong here.
    told: bool,
}

/// What is known of the message that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is no command, or there is none.
    #[default]
    Apart,
    /// It may be one: its frames are held.
    Doubtful,
    /// It is one.
    Sure,
    /// It was one, and too long: nothing of it is heard.
    Refused,
}

/// Why a command is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Unknown,
    Name,
    TooMany,
    TooLong,
}

impl Fault {
    fn sentence(self) -> &'static str {
        match self {
            Fault::Unknown => "expected join NAME, leave NAME or publish NAME TEXT",
            Fault::Name => "a channel's name has at most 128 letters, digits and _.:-",
            Fault::TooMany => "a client joins at most 16 channels",
            Fault::TooLong => "a command has at most 64 KiB",
        }
    }
}

impl Commands {
    /// Those that begin so.
    pub(super) fn new(prefix: Arc<[u8]>) -> Commands {
        Commands { prefix, stage: Stage::Apart, held: Vec::new(), told: false }
    }

    /// Some to be read into from a snapshot.
    pub(super) fn blank() -> Commands {
        Commands::new(Arc::from([]))
    }

    /// Their fields in a snapshot.
    pub(super) fn fields(&mut self, at: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let mut prefix = self.prefix.to_vec();
        at.bytes(&mut prefix)?;
        self.prefix = prefix.into();
        let stages = [Stage::Apart, Stage::Doubtful, Stage::Sure, Stage::Refused];
        let mut stage = self.stage as u8;
        at.byte(&mut stage)?;
        self.stage = *stages.get(usize::from(stage)).ok_or(SnapshotError::Damaged)?;
        at.bytes(&mut self.held)?;
        at.flag(&mut self.told)
    }

    /// Whether a message begins as commands do.
    fn are_begun_by(&self, message: &Message) -> bool {
        let mut bytes = message.body.iter().flat_map(|piece| piece.bytes());
        message.kind == Kind::Text && self.prefix.iter().all(|byte| bytes.next() == Some(byte))
    }

    /// Says in the log, once, what is wrong here.
    pub(super) fn warn(&mut self, said: &str) {
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!("channels-control: {said}; said once of each WebSocket");
        }
    }
}

/// Does what a command says, of which the prefix is gone.
fn follow(command: &[u8], guest: &mut Membership, cx: &mut Cx<'_>) -> Result<(), Fault> {
    let text = std::str::from_utf8(command).map_err(|_| Fault::Unknown)?.trim_start_matches(' ');
    let (verb, rest) = text.split_once(' ').ok_or(Fault::Unknown)?;
    let (name, said) = match verb {
        "publish" => rest.split_once(' ').unwrap_or((rest, "")),
        "join" | "leave" => (rest, ""),
        _ => return Err(Fault::Unknown),
    };
    if !is_name(name.as_bytes()) {
        return Err(Fault::Name);
    }
    let channel: Arc<str> = name.into();
    // What it does comes behind what was there from the beginning.
    guest.join(cx);
    match verb {
        "join" if !guest.enter(&channel) => return Err(Fault::TooMany),
        "join" => cx.actions.push(Action::Join(channel, None)),
        "leave" => {
            guest.leave(&channel);
            cx.actions.push(Action::Leave(channel));
        }
        _ => {
            let (kind, payload) = (Kind::Text, said.as_bytes().into());
            let saying = Saying { channel, kind, payload, keep: guest.terms.keep };
            cx.actions.push(Action::Publish { saying, ask: false });
        }
    }
    Ok(())
}

impl Life {
    /// Texts of the upstream's that begin so are commands.
    pub(in super::super) fn obey(&mut self, prefix: Option<&Arc<[u8]>>) {
        if let (Some(prefix), Some(terms)) = (prefix, &mut self.terms) {
            terms.commands = Some(Box::new(Commands::new(Arc::clone(prefix))));
        }
    }

    pub(super) fn commands(&mut self) -> Option<&mut Commands> {
        self.terms.as_mut()?.commands.as_deref_mut()
    }

    /// Whether messages of the upstream may be commands.
    pub(super) fn obeys(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.commands.is_some())
    }

    /// Whether what an app says has to wait, because other cores are behind.
    pub(super) fn must_wait(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(guest) = self.guest() else { return false };
        if cx.crowded && !guest.waits {
            cx.actions.push(Action::AwaitRoom);
        }
        guest.waits = cx.crowded;
        cx.crowded
    }

    /// Does what a command says, or says what is wrong with it.
    pub(super) fn command(&mut self, command: Result<&[u8], Fault>, cx: &mut Cx<'_>) {
        let Some(guest) = self.guest() else { return };
        let done = command.and_then(|command| follow(command, guest, cx));
        if let (Err(fault), Some(commands)) = (done, self.commands()) {
            cx.counters.channel_commands_refused.add(1);
            commands.warn(fault.sentence());
        }
    }

    /// Whether a message of the upstream's, or a part of one, is a command, which is done then and goes nowhere. `first` and
    /// `last` say which part it is.
    pub(super) fn takes(
        &mut self,
        message: &Message,
        (first, last): (bool, bool),
        cx: &mut Cx<'_>,
    ) -> bool {
        let Some(commands) = self.commands() else { return false };
        if commands.stage == Stage::Refused {
            commands.stage = if last { Stage::Apart } else { Stage::Refused };
            return true;
        }
        if !first || !commands.are_begun_by(message) {
            return false;
        }
        if !last || message.body.len() > LONGEST {
            commands.stage = if last { Stage::Apart } else { Stage::Refused };
            self.command(Err(Fault::TooLong), cx);
            return true;
        }
        let begin = commands.prefix.len();
        self.command(Ok(message.bytes().get(begin..).unwrap_or_default()), cx);
        true
    }
}
