//! Follows the frames of one direction by their headers alone, while the bytes themselves pass.

use super::control::Control;
use super::frame::{FrameError, FrameHead, Opcode, Rules, Sender};
use super::sequence::{Next, Sequence};

/// Where in the stream of frames of one direction the next byte lies.
///
/// The caller shows the bytes that come next in pieces of any size and does what the [`Step`] says.
/// A frame's header and a control frame are held until whole, so that bytes of ours may go in
/// wherever the tracker stands between frames; data payload passes as it comes, unseen.
///
/// What is held is at most a header or a control frame: a piece of [`CONTROL_FRAME_MAX`] bytes is
/// always enough for a step other than [`Step::Need`].
///
/// [`CONTROL_FRAME_MAX`]: super::CONTROL_FRAME_MAX
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracker {
    left: u64,
    sequence: Sequence,
}

const _: () = assert!(size_of::<Tracker>() <= 16);

/// What has gone by in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages, counted at the header of their last fragment.
    pub messages: u64,
    /// Fragments, the last of each message not counted.
    pub fragments: u64,
    /// Bytes of data payload that were announced.
    pub payload: u64,
    /// Pings.
    pub pings: u32,
    /// Pongs.
    pub pongs: u32,
}

impl Tally {
    fn count(&mut self, control: &Control) {
        match control.head.opcode {
            Opcode::Ping => self.pings = self.pings.wrapping_add(1),
            Opcode::Pong => self.pongs = self.pongs.wrapping_add(1),
            _ => {}
        }
    }
}

/// Where messages of one frame lead that lie in a piece: the end of the last one, which may lie behind the piece.
struct Ahead {
    at: u64,
    messages: u64,
    payload: u64,
}

/// How far [`Tracker::advance`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// To the end of the piece, over as many frames as lie in it.
    End,
    /// To the next end of a frame: where a control frame of ours may follow.
    Frame,
    /// To the next end of a message: where a message of ours may follow.
    Message,
}

/// What to do with the bytes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes pass, at least one; the tracker is behind them.
    Pass(usize),
    /// The piece starts with a whole control frame; the tracker is behind it.
    Control(Control),
    /// Nothing can be said before this many bytes lie in one piece; the tracker has not moved.
    Need(usize),
}

impl Tracker {
    /// A tracker that stands where another one did: `left` bytes before the end of a frame, in a
    /// message of which `open` bytes were announced.
    pub const fn resume(left: u64, open: Option<u64>) -> Self {
        Self { left, sequence: Sequence::resume(open) }
    }

    /// Bytes of payload up to the next frame boundary: they may pass unseen.
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Bytes announced so far of the fragmented message that is open.
    pub const fn open(&self) -> Option<u64> {
        self.sequence.open()
    }

    /// Whether the next byte starts a frame: a control frame of ours may go in here.
    pub const fn at_frame(&self) -> bool {
        self.left == 0
    }

    /// Whether the next byte starts a frame outside any message: a message of ours may go in here.
    pub const fn at_message(&self) -> bool {
        self.left == 0 && !self.sequence.is_open()
    }

    /// Notes that `n` of the [`Tracker::left`] bytes went by unseen.
    pub fn pass(&mut self, n: u64) {
        debug_assert!(n <= self.left);
        self.left = self.left.saturating_sub(n);
    }

    /// Looks at the bytes that come next.
    ///
    /// A fault is reported when everything before its frame has passed, and again at each call; of
    /// that frame nothing passes. [`FrameError::close_code`] is what its sender is told.
    #[inline]
    pub fn advance(
        &mut self,
        bytes: &[u8],
        until: Until,
        rules: &Rules,
        tally: &mut Tally,
    ) -> Result<Step, FrameError> {
        let mut rest = bytes;
        loop {
            let here = self.left.min(rest.len() as u64);
            self.left -= here;
            rest = rest.get(here as usize..).unwrap_or_default();
            let passed = bytes.len() - rest.len();
            if passed > 0 && (rest.is_empty() || self.is_at(until)) {
                return Ok(Step::Pass(passed));
            }
            if self.left > 0 {
                return Ok(Step::Need(1));
            }
            let (head, len) = match self.sequence.next(rest, rules) {
                Ok(Next::Data(head, len)) => (head, len),
                // It is looked at again when what lies before it has passed.
                _ if passed > 0 => return Ok(Step::Pass(passed)),
                Ok(Next::Control(control)) => {
                    tally.count(&control);
                    return Ok(Step::Control(control));
                }
                Ok(Next::Need(least)) => return Ok(Step::Need(least)),
                Err(fault) => return Err(fault),
            };
            tally.messages += u64::from(head.fin);
            tally.fragments += u64::from(!head.fin);
            tally.payload = tally.payload.wrapping_add(head.payload);
            self.left = head.payload;
            rest = rest.get(len..).unwrap_or_default();
        }
    }

    /// Passes what most pieces are, with no more than a look at each header: the rest of a payload,
    /// then messages of one frame. How many bytes those take; what comes behind them, short of the
    /// end, is for [`Tracker::advance`] to read.
    #[inline(always)]
    pub fn stream(&mut self, bytes: &[u8], rules: &Rules, tally: &mut Tally) -> usize {
        let ahead = self.ahead(bytes, rules);
        let passed = ahead.at.min(bytes.len() as u64);
        self.go(&ahead, passed, tally);
        passed as usize
    }

    /// Passes a piece that is one message in one frame, no more and no less, of [`LONE_MAX`] bytes at most: most pieces are
    /// that. False, and nothing done, for all else.
    ///
    /// [`LONE_MAX`]: super::LONE_MAX
    #[inline(always)]
    pub fn lone(&mut self, bytes: &[u8], sender: Sender, tally: &mut Tally) -> bool {
        if self.at_message()
            && let Some(payload) = FrameHead::lone_message(bytes, sender)
        {
            tally.messages += 1;
            tally.payload = tally.payload.wrapping_add(payload);
            return true;
        }
        false
    }

    /// Passes all of a piece by no more than a look at each header; false, and nothing done, where
    /// that is not enough.
    pub fn stream_all(&mut self, bytes: &[u8], rules: &Rules, tally: &mut Tally) -> bool {
        let ahead = self.ahead(bytes, rules);
        let end = bytes.len() as u64;
        if ahead.at < end {
            return false;
        }
        self.go(&ahead, end, tally);
        true
    }

    /// How many bytes may pass with no more than a look at the headers in the next ones, `next`: the rest of a payload,
    /// and messages of one frame. It may end in the middle of `next`, or far behind it.
    pub fn reach(&self, next: &[u8], rules: &Rules) -> u64 {
        self.ahead(next, rules).at
    }

    /// Notes that `n` bytes went by, at most as many as [`Tracker::reach`] says of `next`.
    pub fn go_over(&mut self, next: &[u8], n: u64, rules: &Rules, tally: &mut Tally) {
        let ahead = self.ahead(next, rules);
        debug_assert!(n <= ahead.at);
        self.go(&ahead, n.min(ahead.at), tally);
    }

    #[inline(always)]
    fn ahead(&self, bytes: &[u8], rules: &Rules) -> Ahead {
        let end = bytes.len() as u64;
        let mut ahead = Ahead { at: self.left, messages: 0, payload: 0 };
        while ahead.at < end && !self.sequence.is_open() {
            let rest = bytes.get(ahead.at as usize..).unwrap_or_default();
            let Some((payload, len)) = FrameHead::whole_message(rest, rules) else { break };
            ahead.messages += 1;
            ahead.payload = ahead.payload.wrapping_add(payload);
            ahead.at += len + payload;
        }
        ahead
    }

    #[inline(always)]
    fn go(&mut self, ahead: &Ahead, passed: u64, tally: &mut Tally) {
        tally.messages += ahead.messages;
        tally.payload = tally.payload.wrapping_add(ahead.payload);
        self.left = ahead.at - passed;
    }

    #[inline]
    fn is_at(&self, until: Until) -> bool {
        match until {
            Until::End => false,
            Until::Frame => self.at_frame(),
            Until::Message => self.at_message(),
        }
    }
}

#[cfg(test)]
mod tests;
