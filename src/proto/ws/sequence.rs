//! Which frames may follow each other in one direction, and how long their message may become.

use std::num::NonZeroU64;

use super::control::Control;
use super::frame::{FrameError, FrameHead, Opcode, Rules};

/// Whether a message is open in one direction, and how long it is so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// One more than the size of the message that is open.
    open: Option<NonZeroU64>,
}

const _: () = assert!(size_of::<Sequence>() == 8);

/// What comes next in a stream of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A data frame that may come here, and how long its header is.
    Data(FrameHead, usize),
    /// A control frame, whole.
    Control(Control),
    /// More bytes; so many at least.
    Need(usize),
}

impl Sequence {
    /// Reads the frame at the start of `bytes`: the header of a data frame, which is taken, or a
    /// whole control frame.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8], rules: &Rules) -> Result<Next, FrameError> {
        let Some((head, len)) = FrameHead::parse(bytes, rules)? else {
            return Ok(Next::Need(FrameHead::len_at_least(bytes)));
        };
        if !head.opcode.is_control() {
            self.accept(&head, rules)?;
            return Ok(Next::Data(head, len));
        }
        Ok(match Control::read(head, len, bytes, rules.draft)? {
            Some(control) => Next::Control(control),
            None => Next::Need(len + head.payload as usize),
        })
    }

    /// A direction in which a message of `size` bytes so far is open, or none.
    pub const fn resume(open: Option<u64>) -> Self {
        match open {
            Some(size) => Self { open: NonZeroU64::new(size.saturating_add(1)) },
            None => Self { open: None },
        }
    }

    /// Takes the next header of the direction (RFC 6455 section 5.4); nothing changes when it is
    /// refused.
    #[inline]
    pub fn accept(&mut self, head: &FrameHead, rules: &Rules) -> Result<(), FrameError> {
        if head.opcode.is_control() {
            return Ok(());
        }
        match (head.opcode == Opcode::Continuation, self.is_open()) {
            (true, false) => return Err(FrameError::UnexpectedContinuation),
            (false, true) => return Err(FrameError::UnfinishedMessage),
            _ => {}
        }
        let size = self.open().unwrap_or(0).saturating_add(head.payload);
        if size > rules.max_message {
            return Err(FrameError::TooLarge);
        }
        *self = Self::resume((!head.fin).then_some(size));
        Ok(())
    }

    /// Whether the next data frame must continue a message.
    pub const fn is_open(self) -> bool {
        self.open.is_some()
    }

    /// Bytes of payload of the open message that were announced so far; `None` between messages.
    pub const fn open(self) -> Option<u64> {
        match self.open {
            Some(more) => Some(more.get() - 1),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Sender;
    use super::*;

    const RULES: Rules = Rules::new(Sender::Server, 10);

    const fn frame(opcode: Opcode, fin: bool, payload: u64) -> FrameHead {
        FrameHead { fin, ..FrameHead::new(opcode, payload) }
    }

    #[test]
    fn fragments_follow_each_other() {
        let first = frame(Opcode::Text, false, 1);
        let middle = frame(Opcode::Continuation, false, 1);
        let last = frame(Opcode::Continuation, true, 1);
        let whole = frame(Opcode::Binary, true, 1);
        let ping = frame(Opcode::Ping, true, 0);
        let mut sequence = Sequence::default();
        for head in [whole, first, ping, middle, last, whole] {
            sequence.accept(&head, &RULES).unwrap();
        }
        assert_eq!(sequence.accept(&last, &RULES), Err(FrameError::UnexpectedContinuation));
        sequence.accept(&first, &RULES).unwrap();
        assert_eq!(sequence.open(), Some(1));
        assert_eq!(sequence.accept(&whole, &RULES), Err(FrameError::UnfinishedMessage));
        assert_eq!(sequence, Sequence::resume(Some(1)));
    }

    #[test]
    fn fragments_share_the_limit_of_their_message() {
        let mut sequence = Sequence::default();
        sequence.accept(&frame(Opcode::Text, false, 6), &RULES).unwrap();
        sequence.accept(&frame(Opcode::Ping, true, 125), &RULES).unwrap();
        let before = sequence;
        let next = frame(Opcode::Continuation, false, 5);
        assert_eq!(sequence.accept(&next, &RULES), Err(FrameError::TooLarge));
        assert_eq!(sequence, before);
        sequence.accept(&frame(Opcode::Continuation, true, 4), &RULES).unwrap();
        assert_eq!(sequence, Sequence::default(), "the next message counts anew");
        sequence.accept(&frame(Opcode::Text, true, 10), &RULES).unwrap();
        sequence.accept(&frame(Opcode::Text, false, 1), &RULES).unwrap();
        let endless = frame(Opcode::Continuation, false, (1 << 63) - 1);
        let unlimited = Rules { max_message: u64::MAX, ..RULES };
        for _ in 0..3 {
            sequence.accept(&endless, &unlimited).unwrap();
        }
        assert_eq!(sequence.open(), Some(u64::MAX - 1), "saturated");
    }
}
