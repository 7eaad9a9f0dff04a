//! A hierarchical timer wheel: arming, re-arming and disarming cost the same however many timers there are.
//!
//! Time is cut into ticks of [`TICK`] milliseconds and a tick number into eight digits of six bits. A timer
//! lies at the level of the highest digit in which its tick differs from the present one, in the
//! slot of that digit; when the present reaches a slot, its timers move to lower levels, and from
//! level 0 they fire. So the first occupied slot of the lowest occupied level is always the next.

use super::Key;
use super::rooms::{CHUNK, Rooms, split};

/// Milliseconds in a tick: a timer fires in the first tick that starts at or after its deadline.
const TICK: u64 = 8;
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
const LEVELS: usize = 8;
/// The last tick there is, 71,000 years away; later deadlines count as this one.
const LAST: u64 = (1 << (DIGIT as usize * LEVELS)) - 1;
/// Where an entry is that is not armed.
const NOWHERE: u16 = u16::MAX;
/// The end of a list.
const NONE: u32 = u32::MAX;

/// Names one timer from `insert` to `remove`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerKey(u32);

/// All timers of a worker.
#[derive(Debug)]
pub struct Wheel {
    entries: Vec<Option<Box<[Entry; CHUNK]>>>,
    rooms: Rooms,
    /// First entry of each slot's list.
    heads: Box<[[u32; SLOTS]; LEVELS]>,
    /// One bit per slot: occupied.
    occupied: [u64; LEVELS],
    /// The present tick: everything armed lies after it, or is due in it.
    present: u64,
    armed: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    owner: Key,
    /// Six bytes of tick.
    tick: [u16; 3],
    /// Level and slot, or `NOWHERE`.
    place: u16,
    next: u32,
    previous: u32,
}

impl Entry {
    fn tick(&self) -> u64 {
        self.tick.iter().rev().fold(0, |tick, part| tick << 16 | u64::from(*part))
    }

    fn set_tick(&mut self, tick: u64) {
        self.tick = [tick as u16, (tick >> 16) as u16, (tick >> 32) as u16];
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Wheel::new()
    }
}

impl Wheel {
    /// A wheel without timers that stands at 0 ms.
    pub fn new() -> Wheel {
        Wheel {
            entries: Vec::new(),
            rooms: Rooms::default(),
            heads: Box::new([[NONE; SLOTS]; LEVELS]),
            occupied: [0; LEVELS],
            present: 0,
            armed: 0,
        }
    }

    /// How many timers there are, armed or not.
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many timers are armed.
    pub fn armed(&self) -> usize {
        self.armed
    }

    /// Makes a timer that is not armed.
    pub fn add(&mut self, owner: Key) -> TimerKey {
        let index = self.rooms.take();
        let (chunk, slot) = split(index);
        if chunk == self.entries.len() {
            self.entries.push(None);
        }
        let entry = Entry { owner, tick: [0; 3], place: NOWHERE, next: NONE, previous: NONE };
        self.entries[chunk].get_or_insert_with(|| Box::new([entry; CHUNK]))[slot] = entry;
        TimerKey(index)
    }

    /// Makes a timer that is armed for `deadline_ms`.
    pub fn insert(&mut self, owner: Key, deadline_ms: u64) -> TimerKey {
        let timer = self.add(owner);
        self.rearm(timer, deadline_ms);
        timer
    }

    /// Arms a timer, whether it was or not. A deadline that has passed counts as the next tick, so
    /// that whoever re-arms too early while timers are popped cannot hold the loop.
    pub fn rearm(&mut self, timer: TimerKey, deadline_ms: u64) {
        self.disarm(timer);
        let tick = deadline_ms.div_ceil(TICK).clamp(self.present + 1, LAST);
        self.entry(timer.0).set_tick(tick);
        self.link(timer.0);
        self.armed += 1;
    }

    /// Makes sure that a timer does not fire.
    pub fn disarm(&mut self, timer: TimerKey) {
        if self.entry(timer.0).place != NOWHERE {
            self.unlink(timer.0);
            self.armed -= 1;
        }
    }

    /// Whether a timer is armed.
    pub fn is_armed(&self, timer: TimerKey) -> bool {
        let (chunk, slot) = split(timer.0);
        self.entries[chunk].as_ref().is_some_and(|entries| entries[slot].place != NOWHERE)
    }

    /// Ends a timer; its key must not be used again.
    pub fn remove(&mut self, timer: TimerKey) {
        self.disarm(timer);
        if let Some(empty) = self.rooms.release(timer.0) {
            self.entries[empty] = None;
        }
    }

    /// The owner of a timer due at `now_ms`, earlier ticks first; the timer stays, disarmed.
    pub fn pop_expired(&mut self, now_ms: u64) -> Option<Key> {
        let now = (now_ms / TICK).min(LAST - 1);
        while let Some((level, slot, start)) = self.next_slot() {
            if start > now {
                break;
            }
            self.present = start;
            let first = self.heads[level][slot];
            if level == 0 {
                self.unlink(first);
                self.armed -= 1;
                return Some(self.entry(first).owner);
            }
            self.move_down(first, level, slot);
        }
        self.present = self.present.max(now);
        None
    }

    /// When to look again, in milliseconds: never later than the earliest deadline's tick, and often
    /// earlier for one that is far off.
    pub fn next_deadline(&self) -> Option<u64> {
        self.next_slot().map(|(_, _, start)| start * TICK)
    }

    /// The next slot that is occupied, and its first tick.
    #[inline]
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let shift = DIGIT * level as u32;
        // The digits above this level are the present's.
        let above = self.present >> shift >> DIGIT << DIGIT;
        Some((level, slot, (above | slot as u64) << shift))
    }

    /// Moves a slot's timers to where they belong now that the present has reached it.
    fn move_down(&mut self, first: u32, level: usize, slot: usize) {
        self.heads[level][slot] = NONE;
        self.occupied[level] &= !(1 << slot);
        let mut index = first;
        while index != NONE {
            let next = self.entry(index).next;
            self.link(index);
            index = next;
        }
    }

    fn link(&mut self, index: u32) {
        let tick = self.entry(index).tick();
        let differs = tick ^ self.present;
        let level = (differs | 1).ilog2() / DIGIT;
        let slot = (tick >> (DIGIT * level)) as usize % SLOTS;
        let level = level as usize;
        let next = self.heads[level][slot];
        self.heads[level][slot] = index;
        self.occupied[level] |= 1 << slot;
        let entry = self.entry(index);
        entry.place = (level * SLOTS + slot) as u16;
        entry.next = next;
        entry.previous = NONE;
        if next != NONE {
            self.entry(next).previous = index;
        }
    }

    fn unlink(&mut self, index: u32) {
        let entry = self.entry(index);
        let (place, next, previous) = (usize::from(entry.place), entry.next, entry.previous);
        entry.place = NOWHERE;
        if next != NONE {
            self.entry(next).previous = previous;
        }
        if previous != NONE {
            self.entry(previous).next = next;
            return;
        }
        let (level, slot) = (place / SLOTS, place % SLOTS);
        self.heads[level][slot] = next;
        if next == NONE {
            self.occupied[level] &= !(1 << slot);
        }
    }

    /// # Panics
    /// When the timer was removed and its memory freed.
    #[inline]
    fn entry(&mut self, index: u32) -> &mut Entry {
        let (chunk, slot) = split(index);
        &mut self.entries[chunk].as_mut().expect("a timer that was not removed")[slot]
    }
}

#[cfg(test)]
#[path = "wheel_tests.rs"]
mod tests;
