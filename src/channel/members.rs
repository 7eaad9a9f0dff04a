//! Which sessions of one core have joined which channels.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::{Key, Slab};

use super::letter::Presence;

/// There are as many channels as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The members of all channels on one core.
#[derive(Debug, Default)]
pub(super) struct Members {
    names: HashMap<Arc<str>, Key>,
    circles: Slab<Circle>,
    /// The first that each session has joined, by its place in the slab: mostly there is no other.
    joined: Vec<Option<Seat>>,
    /// What some have joined besides.
    more: HashMap<Key, Vec<Seat>>,
    /// Channels whose homes are to be told how many are here.
    stirred: Vec<Key>,
    /// Circles so far.
    numbers: u32,
}

/// Those who have joined one channel.
#[derive(Debug)]
struct Circle {
    name: Arc<str>,
    here: Vec<Key>,
    /// Its number.
    number: u32,
    /// It stands among those whose homes are to be told.
    stirred: bool,
}

/// A session's place in a circle.
#[derive(Clone, Copy, Debug)]
struct Seat {
    circle: Key,
    place: u32,
}

impl Members {
    /// A session joins a channel, of which there may be `most`; again does nothing. Returns the channel's name as it is kept.
    pub(super) fn join(
        &mut self,
        name: &Arc<str>,
        who: Key,
        most: usize,
    ) -> Result<Arc<str>, Full> {
        let number = match self.names.get(name) {
            Some(number) => *number,
            None if self.names.len() >= most => return Err(Full),
            None => self.open(name),
        };
        let Some(circle) = self.circles.get_mut(number) else { return Err(Full) };
        let name = Arc::clone(&circle.name);
        let at = who.index() as usize;
        let first = self.joined.get(at).copied().flatten();
        let more = self.more.get(&who).into_iter().flatten();
        if first.iter().chain(more).any(|seat| seat.circle == number) {
            return Ok(name);
        }
        let seat = Seat { circle: number, place: circle.here.len() as u32 };
        circle.here.push(who);
        stir(circle, number, &mut self.stirred);
        if first.is_some() {
            self.more.entry(who).or_default().push(seat);
            return Ok(name);
        }
        if at >= self.joined.len() {
            self.joined.resize(at + 1, None);
        }
        if let Some(place) = self.joined.get_mut(at) {
            *place = Some(seat);
        }
        Ok(name)
    }

    /// The first joins a channel.
    fn open(&mut self, name: &Arc<str>) -> Key {
        self.numbers = self.numbers.wrapping_add(1);
        let (here, name) = (Vec::new(), Arc::clone(name));
        let circle = Circle { name: Arc::clone(&name), here, number: self.numbers, stirred: false };
        let key = self.circles.insert(circle);
        self.names.insert(name, key);
        key
    }

    /// A session leaves all it has joined.
    pub(super) fn leave(&mut self, who: Key) {
        let first = self.joined.get_mut(who.index() as usize).and_then(Option::take);
        let Some(first) = first else { return };
        while let Some(None) = self.joined.last() {
            self.joined.pop();
        }
        self.leave_circle(first);
        for seat in self.more.remove(&who).unwrap_or_default() {
            self.leave_circle(seat);
        }
    }

    /// A session leaves one channel, if it is there.
    pub(super) fn leave_one(&mut self, name: &str, who: Key) {
        let Some(number) = self.names.get(name).copied() else { return };
        let Some(first) = self.joined.get_mut(who.index() as usize) else { return };
        let more = self.more.get(&who).into_iter().flatten();
        let (left, mut others): (Vec<Seat>, Vec<Seat>) =
            first.iter().chain(more).partition(|seat| seat.circle == number);
        let [left] = left[..] else { return };
        *first = others.pop();
        self.more.remove(&who);
        if !others.is_empty() {
            self.more.insert(who, others);
        }
        while let Some(None) = self.joined.last() {
            self.joined.pop();
        }
        self.leave_circle(left);
    }

    fn leave_circle(&mut self, left: Seat) {
        let Some(circle) = self.circles.get_mut(left.circle) else { return };
        let place = left.place as usize;
        circle.here.swap_remove(place);
        stir(circle, left.circle, &mut self.stirred);
        // The last one has taken the free place.
        let Some(moved) = circle.here.get(place) else { return };
        let more = self.more.get_mut(moved).into_iter().flatten();
        let first = self.joined.get_mut(moved.index() as usize).and_then(Option::as_mut);
        let mut seats = first.into_iter().chain(more);
        if let Some(seat) = seats.find(|seat| seat.circle == left.circle) {
            seat.place = left.place;
        }
    }

    fn circle(&self, name: &str) -> Option<&Circle> {
        self.circles.get(*self.names.get(name)?)
    }

    /// Who has joined.
    pub(super) fn of(&self, name: &str) -> &[Key] {
        self.circle(name).map_or(&[], |circle| &circle.here)
    }

    /// Who has joined anything; more than once where that is more than one channel.
    pub(super) fn everybody(&self) -> Vec<Key> {
        self.circles.iter().flat_map(|(_, circle)| circle.here.iter().copied()).collect()
    }

    /// Whether this circle still is.
    pub(super) fn is(&self, name: &str, number: u32) -> bool {
        self.circle(name).is_some_and(|circle| circle.number == number)
    }

    /// Where it has changed since this was asked last: how many there are.
    pub(super) fn news(&mut self) -> Vec<(Arc<str>, Presence)> {
        let mut news = Vec::with_capacity(self.stirred.len());
        for key in self.stirred.drain(..) {
            let Some(circle) = self.circles.get_mut(key) else { continue };
            circle.stirred = false;
            let presence = Presence { count: circle.here.len() as u32, circle: circle.number };
            news.push((Arc::clone(&circle.name), presence));
            if circle.here.is_empty() {
                self.names.remove(&circle.name);
                self.circles.remove(key);
            }
        }
        news
    }

    /// Whether it has changed anywhere.
    pub(super) fn has_news(&self) -> bool {
        !self.stirred.is_empty()
    }

    /// Whether nobody has joined anything.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.joined.is_empty() && self.more.is_empty()
    }
}

fn stir(circle: &mut Circle, key: Key, stirred: &mut Vec<Key>) {
    if !std::mem::replace(&mut circle.stirred, true) {
        stirred.push(key);
    }
}
