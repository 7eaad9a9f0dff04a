//! What an engine has kept of a channel: put in order, each once, and what is missing is seen.

use std::collections::HashMap;
use std::sync::Arc;

use crate::proto::instances::{Frame, Packet, read_packet};
use crate::proto::ws::Kind;

use super::instances::InstanceId;
use super::publication::Keep;

/// Milliseconds after which what an instance has said is with all who are there; later their connections are given up.
const AROUND: u64 = 15_000;

/// A message that an engine has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// Where it was published; none: here.
    pub from: Option<InstanceId>,
    /// Under which id.
    pub id: u64,
    /// Text or binary.
    pub kind: Kind,
    /// What it says.
    pub payload: Arc<[u8]>,
    /// How long it is kept.
    pub keep: Keep,
    /// When the engine got it, in milliseconds since 1970.
    pub at: u64,
    /// All who have heard it have heard the same before: nobody else published anything about that time.
    pub sure: bool,
    /// Something is missing before it.
    pub hole: bool,
}

/// Reads what was kept of a channel, in the order of the engine, each with the time when it got it. Returns it in the order of its
/// ids, and how much of it was strange.
pub(super) fn recalled(
    me: InstanceId,
    channel: &str,
    entries: Vec<(u64, Vec<u8>)>,
) -> (Vec<Recalled>, u64) {
    let mut story: Vec<Recalled> = Vec::new();
    let mut last: HashMap<InstanceId, u64> = HashMap::new();
    let mut strange = 0;
    for (at, bytes) in entries {
        let Ok(Packet { instance, before, id, frame }) = read_packet(&bytes) else {
            strange += 1;
            continue;
        };
        let Frame::Said { number, kind, messages, age, name, payload } = frame else {
            strange += 1;
            continue;
        };
        let known = last.get(&instance).copied().unwrap_or(0);
        if *name != *channel || messages == 0 {
            strange += 1;
        } else if number > known {
            last.insert(instance, number);
            let (from, keep) = ((instance != me).then_some(instance), Keep { messages, age });
            let hole = before != known && !story.is_empty();
            story.push(Recalled { from, id, kind, payload, keep, at, sure: true, hole });
        }
    }
    alone(&mut story);
    in_order(&mut story);
    (story, strange)
}

/// Of what different instances said at about the same time nobody knows who has heard what.
fn alone(story: &mut [Recalled]) {
    let mut doubt = |backwards: bool| {
        let (mut former, mut other) = (None, None);
        for place in 0..story.len() {
            let place = if backwards { story.len() - 1 - place } else { place };
            let Some(one) = story.get_mut(place) else { return };
            if let Some((from, at)) = former
                && from != one.from
            {
                other = Some(at);
            }
            one.sure &= other.is_none_or(|at| one.at.abs_diff(at) > AROUND);
            former = Some((one.from, one.at));
        }
    };
    doubt(false);
    doubt(true);
}

/// In the order of ids; where clocks go so differently that the engine had another one, nobody knows who has heard what.
fn in_order(story: &mut Vec<Recalled>) {
    let mut placed: Vec<(usize, Recalled)> = story.drain(..).enumerate().collect();
    placed.sort_by_key(|(_, one)| one.id);
    let mut most = None;
    for (place, one) in &mut placed {
        one.sure &= most.is_none_or(|most| most < *place);
        most = most.max(Some(*place));
    }
    let mut least = usize::MAX;
    for (place, one) in placed.iter_mut().rev() {
        one.sure &= *place < least;
        least = least.min(*place);
    }
    story.extend(placed.into_iter().map(|(_, one)| one));
}

#[cfg(test)]
#[path = "recalled_tests.rs"]
mod tests;
