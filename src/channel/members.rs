//! Which sessions of one core have joined which channels.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::base::Key;

use super::letter::Presence;

/// There are as many channels as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The members of all channels on one core.
#[derive(Debug, Default)]
pub(super) struct Members {
    channels: HashMap<Arc<str>, Circle>,
    /// What each session has joined, and its place there.
    joined: HashMap<Key, Vec<(Arc<str>, usize)>>,
    /// Channels whose homes are to be told how many are here.
    stirred: Vec<Arc<str>>,
    /// Circles so far.
    circles: u32,
}

/// Those who have joined one channel.
#[derive(Debug, Default)]
struct Circle {
    here: Vec<Key>,
    /// Its number.
    number: u32,
    /// It stands among those whose homes are to be told.
    stirred: bool,
}

impl Members {
    /// A session joins a channel, of which there may be `most`; again does nothing.
    pub(super) fn join(&mut self, name: &Arc<str>, who: Key, most: usize) -> Result<(), Full> {
        let is_known = self.channels.contains_key(name);
        if !is_known && self.channels.len() >= most {
            return Err(Full);
        }
        let mine = self.joined.entry(who).or_insert_with(|| Vec::with_capacity(1));
        if mine.iter().any(|(joined, _)| joined == name) {
            return Ok(());
        }
        let circle = self.channels.entry(Arc::clone(name)).or_insert_with(|| {
            self.circles = self.circles.wrapping_add(1);
            Circle { number: self.circles, ..Circle::default() }
        });
        mine.push((Arc::clone(name), circle.here.len()));
        circle.here.push(who);
        stir(circle, name, &mut self.stirred);
        Ok(())
    }

    /// A session leaves all it has joined.
    pub(super) fn leave(&mut self, who: Key) {
        for (name, place) in self.joined.remove(&who).unwrap_or_default() {
            self.leave_circle(&name, place);
        }
    }

    fn leave_circle(&mut self, name: &Arc<str>, place: usize) {
        let Some(circle) = self.channels.get_mut(name) else { return };
        circle.here.swap_remove(place);
        stir(circle, name, &mut self.stirred);
        // The last one has taken the free place.
        let moved = circle.here.get(place).and_then(|key| self.joined.get_mut(key));
        let moved = moved.and_then(|all| all.iter_mut().find(|(joined, _)| joined == name));
        if let Some((_, at)) = moved {
            *at = place;
        }
    }

    /// Who has joined.
    pub(super) fn of(&self, name: &str) -> &[Key] {
        self.channels.get(name).map_or(&[], |circle| &circle.here)
    }

    /// Whether this circle still is.
    pub(super) fn is(&self, name: &str, number: u32) -> bool {
        self.channels.get(name).is_some_and(|circle| circle.number == number)
    }

    /// Where it has changed since this was asked last: how many there are.
    pub(super) fn news(&mut self) -> Vec<(Arc<str>, Presence)> {
        let mut news = Vec::with_capacity(self.stirred.len());
        for name in self.stirred.drain(..) {
            let Entry::Occupied(mut place) = self.channels.entry(Arc::clone(&name)) else {
                continue;
            };
            place.get_mut().stirred = false;
            let circle = place.get();
            let presence = Presence { count: circle.here.len() as u32, circle: circle.number };
            news.push((name, presence));
            if circle.here.is_empty() {
                place.remove();
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
        self.channels.is_empty() && self.joined.is_empty()
    }
}

fn stir(circle: &mut Circle, name: &Arc<str>, stirred: &mut Vec<Arc<str>>) {
    if !std::mem::replace(&mut circle.stirred, true) {
        stirred.push(Arc::clone(name));
    }
}
