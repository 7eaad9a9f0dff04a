//! A connection between a stranger and the router: what the kernel holds of it.

use std::collections::VecDeque;

use super::dice::Dice;
use super::router::Kernel;

/// Both directions of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    /// On its way to the router.
    inward: VecDeque<u8>,
    inward_room: usize,
    inward_fin: bool,
    /// On its way to the peer.
    outward: VecDeque<u8>,
    outward_room: usize,
    outward_fin: bool,
    /// The router will learn of a reset.
    reset_in: bool,
    /// The peer will learn of a reset.
    reset_out: bool,
    peer_gone: bool,
    router_gone: bool,
    /// What the router wrote after the peer had gone.
    pub(super) vanished: Vec<u8>,
}

/// What a read gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    Bytes(Vec<u8>),
    Nothing,
    End,
    Reset,
}

impl Wire {
    /// A new connection.
    pub(super) fn new(kernel: Kernel, dice: &mut Dice) -> Wire {
        let rooms = [7, 600, 5_000, 70_000, 1_000_000];
        let rooms = match kernel {
            Kernel::Any => &rooms[..],
            Kernel::Much => &rooms[2..],
            Kernel::All => &[usize::MAX],
        };
        Wire {
            inward: VecDeque::new(),
            inward_room: dice.pick(rooms),
            inward_fin: false,
            outward: VecDeque::new(),
            outward_room: dice.pick(rooms),
            outward_fin: false,
            reset_in: false,
            reset_out: false,
            peer_gone: false,
            router_gone: false,
            vanished: Vec::new(),
        }
    }

    /// The peer writes; how many bytes the kernel took.
    pub(super) fn peer_write(&mut self, bytes: &[u8], dice: &mut Dice) -> usize {
        if self.router_gone {
            // What arrives at a closed socket is answered by a reset, which may destroy what the
            // peer has not read.
            self.lose_outward(dice);
            return bytes.len();
        }
        let n = bytes.len().min(self.inward_room - self.inward.len());
        self.inward.extend(&bytes[..n]);
        n
    }

    pub(super) fn peer_finish(&mut self) {
        self.inward_fin = true;
    }

    pub(super) fn peer_close(&mut self, dice: &mut Dice) {
        if !self.outward.is_empty() && !self.router_gone {
            return self.peer_reset(dice);
        }
        self.peer_gone = true;
        self.inward_fin = true;
    }

    pub(super) fn peer_reset(&mut self, dice: &mut Dice) {
        self.peer_gone = true;
        self.reset_in = true;
        self.vanished.extend(self.outward.drain(..));
        let left = dice.below(self.inward.len() + 1);
        self.inward.truncate(left);
    }

    pub(super) fn peer_read(&mut self, max: usize) -> Got {
        if max > 0 && !self.outward.is_empty() {
            let n = max.min(self.outward.len());
            return Got::Bytes(self.outward.drain(..n).collect());
        }
        match () {
            () if !self.outward.is_empty() => Got::Nothing,
            () if self.reset_out => Got::Reset,
            () if self.outward_fin => Got::End,
            () => Got::Nothing,
        }
    }

    pub(super) fn peer_is_gone(&self) -> bool {
        self.peer_gone
    }

    pub(super) fn router_is_gone(&self) -> bool {
        self.router_gone
    }

    /// Whether a read of the router would give anything.
    pub(super) fn is_readable(&self) -> bool {
        !self.inward.is_empty() || self.reset_in || self.inward_fin
    }

    /// Bytes the router could read.
    pub(super) fn readable(&self) -> usize {
        self.inward.len()
    }

    /// The first bytes of that, at most so many.
    pub(super) fn next(&self, most: usize) -> Vec<u8> {
        self.inward.iter().take(most).copied().collect()
    }

    pub(super) fn router_read(&mut self, max: usize) -> Got {
        if max > 0 && !self.inward.is_empty() {
            let n = max.min(self.inward.len());
            return Got::Bytes(self.inward.drain(..n).collect());
        }
        match () {
            () if !self.inward.is_empty() => Got::Nothing,
            () if self.reset_in => Got::Reset,
            () if self.inward_fin => Got::End,
            () => Got::Nothing,
        }
    }

    /// The router writes; `None` when the connection is broken.
    pub(super) fn router_write(&mut self, bytes: &[u8], max: usize) -> Option<usize> {
        if self.peer_gone {
            if self.reset_in {
                return None;
            }
            self.reset_in = true;
            self.vanished.extend(bytes);
            return Some(bytes.len());
        }
        let n = bytes.len().min(max).min(self.outward_room - self.outward.len());
        self.outward.extend(&bytes[..n]);
        Some(n)
    }

    pub(super) fn router_finish(&mut self) {
        self.outward_fin = true;
    }

    /// Whether the peer has all that the router wrote.
    pub(super) fn is_delivered(&self) -> bool {
        self.outward.is_empty()
    }

    /// The router closes; unread bytes make that a reset.
    pub(super) fn router_close(&mut self, abort: bool, dice: &mut Dice) {
        assert!(!self.router_gone, "closed twice");
        self.router_gone = true;
        if abort || !self.inward.is_empty() {
            self.lose_outward(dice);
        }
        self.outward_fin = true;
        self.inward.clear();
    }

    fn lose_outward(&mut self, dice: &mut Dice) {
        self.reset_out = true;
        let left = dice.below(self.outward.len() + 1);
        self.outward.truncate(left);
    }
}
