//! Servers in turn, smoothly by weight: of weights 5, 1, 1 the turns are a a b a c a a.

use super::group::{Group, Server};

/// Whose turn it is in one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Rotation {
    /// Of each server, what it has saved up for its next turn.
    saved: Vec<i64>,
}

impl Rotation {
    /// Starts anew when a reload has changed how many servers there are; workers with different offsets begin with
    /// different servers.
    pub(super) fn fit(&mut self, group: &Group, offset: usize) {
        if self.saved.len() == group.servers.len() {
            return;
        }
        self.saved.clear();
        self.saved.resize(group.servers.len(), 0);
        for _ in 0..offset.checked_rem(group.servers.len()).unwrap_or(0) {
            self.turn(group, |_, server| server.weight.into());
        }
    }

    /// Gives each server its weight, and the turn to the one that has saved up most, the first of equals; the turn
    /// costs what was given. A server of weight 0 takes no part.
    pub(super) fn turn(
        &mut self,
        group: &Group,
        weight: impl Fn(u16, &Server) -> u32,
    ) -> Option<u16> {
        let mut given = 0;
        let mut best: Option<(u16, i64)> = None;
        for ((place, server), saved) in (0..=u16::MAX).zip(&group.servers).zip(&mut self.saved) {
            let weight = i64::from(weight(place, server));
            if weight == 0 {
                continue;
            }
            *saved += weight;
            given += weight;
            if best.is_none_or(|(_, most)| *saved > most) {
                best = Some((place, *saved));
            }
        }
        let (place, _) = best?;
        *self.saved.get_mut(usize::from(place))? -= given;
        Some(place)
    }
}
