//! One end of a tunnel: sends its stream, reads the other's, finishes.

use super::dice::Dice;
use super::message::{Body, Coding, stream};
use super::plan::Stop;
use super::wire::{Got, Wire};

/// An end of a tunnel.
#[derive(Debug)]
pub(super) struct TunnelEnd {
    sends: u64,
    sent: usize,
    total: usize,
    received: Body,
    expected: usize,
    /// Finishes only behind the other side.
    follows: bool,
    finished: bool,
    pub(super) ended: bool,
    /// How it stops before its time.
    doom: Option<Stop>,
    doomed: bool,
}

impl TunnelEnd {
    /// An end that sends the stream `sends` of `total` bytes, `sent` of which are on their way.
    pub(super) fn new(
        (sends, sent, total): (u64, usize, usize),
        (receives, expected): (u64, usize),
        follows: bool,
        doom: Option<Stop>,
    ) -> TunnelEnd {
        let received = Body { stream: Some(receives), at: 0, coding: Coding::Close };
        let (finished, ended, doomed) = (false, false, false);
        TunnelEnd { sends, sent, total, received, expected, follows, finished, ended, doom, doomed }
    }

    /// Takes bytes that were received.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.received.feed(bytes);
        assert!(self.received.at as usize <= self.expected, "more bytes than were sent");
    }

    /// Both directions came to their end with every byte.
    pub(super) fn is_complete(&self) -> bool {
        self.finished && self.ended && self.received.at as usize == self.expected
    }

    /// One move; `None` when it is over.
    pub(super) fn step(
        &mut self,
        pace: [usize; 2],
        wire: &mut Wire,
        dice: &mut Dice,
    ) -> Option<bool> {
        if wire.peer_is_gone() {
            return None;
        }
        if let Some(stop) = self.doom
            && dice.chance(10)
        {
            match stop {
                Stop::Finish => wire.peer_close(dice),
                Stop::Reset => wire.peer_reset(dice),
                Stop::Stall => {
                    self.doomed = true;
                    return if wire.router_is_gone() { None } else { Some(false) };
                }
            }
            return None;
        }
        if self.doomed {
            return if wire.router_is_gone() { None } else { Some(false) };
        }
        let read = match wire.peer_read(pace[0]) {
            Got::Bytes(bytes) => {
                self.feed(&bytes);
                true
            }
            Got::Nothing => false,
            Got::End => !std::mem::replace(&mut self.ended, true),
            Got::Reset => {
                wire.peer_close(dice);
                return None;
            }
        };
        let n = pace[1].min(self.total - self.sent);
        let wrote = match n {
            0 => 0,
            _ => wire.peer_write(&stream(self.sends, self.sent as u64, n), dice),
        };
        self.sent += wrote;
        let may_finish = self.sent == self.total && (!self.follows || self.ended);
        if may_finish && !self.finished {
            self.finished = true;
            wire.peer_finish();
            return Some(true);
        }
        if self.finished && self.ended {
            wire.peer_close(dice);
            return None;
        }
        Some(read || wrote > 0)
    }
}
