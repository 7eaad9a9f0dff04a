//! What one worker knows of servers, and its choice among them.

use crate::base::Millis;

use super::group::{Group, Server, ServerId};
use super::mark::Mark;
use super::tried::Tried;

/// How a dial ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The server took the connection, or answered on one that was idle.
    Connected,
    /// It refused, could not be reached in time, or its name stands for nothing.
    Failed,
}

/// A worker's memory of servers. It outlives generations.
#[derive(Debug)]
pub struct State {
    marks: Vec<Mark>,
    rotations: Vec<Rotation>,
    offset: usize,
}

/// Whose turn it is in one group, smoothly by weight: of weights 5, 1, 1 the turns are a a b a c a a.
#[derive(Clone, Debug, Default)]
struct Rotation {
    /// Of each server, what it has saved up for its next turn.
    saved: Vec<i64>,
}

impl State {
    /// Nothing known yet. Workers with different offsets begin with different servers.
    pub fn new(offset: usize) -> State {
        State { marks: Vec::new(), rotations: Vec::new(), offset }
    }

    /// The place in `group` of the server a request goes to: the next one in turn that is not marked and was not
    /// tried. When all others are out, marks do not count: a single server is always tried. `None` when the request
    /// has been everywhere.
    pub fn pick(&mut self, group: &Group, now: Millis, tried: &Tried) -> Option<u16> {
        if tried.is_full() {
            return None;
        }
        let marks = &self.marks;
        let untried = |place, _: &Server| !tried.contains(place);
        let usable = |place, server: &Server| {
            let mark = marks.get(server.id.index()).copied().unwrap_or_default();
            untried(place, server) && !mark.is_avoided(now)
        };
        let id = group.id.index();
        if self.rotations.len() <= id {
            self.rotations.resize_with(id + 1, Rotation::default);
        }
        let rotation = self.rotations.get_mut(id)?;
        rotation.fit(group, self.offset);
        let place = rotation.turn(group, usable).or_else(|| rotation.turn(group, untried))?;
        let server = group.servers.get(usize::from(place))?;
        self.mark(server.id).picked(now);
        Some(place)
    }

    /// Remembers how a dial ended.
    pub fn report(&mut self, server: ServerId, outcome: Outcome, now: Millis) {
        match outcome {
            Outcome::Connected => self.mark(server).connected(),
            Outcome::Failed => self.mark(server).failed(now),
        }
    }

    /// Whether requests that have another choice stay away from `server`.
    pub fn is_marked(&self, server: ServerId, now: Millis) -> bool {
        self.marks.get(server.index()).is_some_and(|mark| mark.is_avoided(now))
    }

    fn mark(&mut self, server: ServerId) -> &mut Mark {
        if self.marks.len() <= server.index() {
            self.marks.resize(server.index() + 1, Mark::default());
        }
        &mut self.marks[server.index()]
    }
}

impl Rotation {
    /// Starts anew when a reload has changed how many servers there are.
    fn fit(&mut self, group: &Group, offset: usize) {
        if self.saved.len() == group.servers.len() {
            return;
        }
        self.saved.clear();
        self.saved.resize(group.servers.len(), 0);
        for _ in 0..offset.checked_rem(group.servers.len()).unwrap_or(0) {
            self.turn(group, |_, _| true);
        }
    }

    /// Gives each server that takes part its weight, and the turn to the one that has saved up most, the first of
    /// equals; the turn costs what was given.
    fn turn(&mut self, group: &Group, takes_part: impl Fn(u16, &Server) -> bool) -> Option<u16> {
        let mut given = 0;
        let mut best: Option<(u16, i64)> = None;
        for ((place, server), saved) in (0..=u16::MAX).zip(&group.servers).zip(&mut self.saved) {
            if !takes_part(place, server) {
                continue;
            }
            *saved += i64::from(server.weight);
            given += i64::from(server.weight);
            if best.is_none_or(|(_, most)| *saved > most) {
                best = Some((place, *saved));
            }
        }
        let (place, _) = best?;
        *self.saved.get_mut(usize::from(place))? -= given;
        Some(place)
    }
}
