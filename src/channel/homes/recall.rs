//! What an engine has kept of a channel finds its place before what is known of it here, and whoever waited for that is told.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::letter::{Answer, Asker};
use super::super::publication::Publication;
use super::super::recalled::Recalled;
use super::{AHEAD, Homes, Kept};

impl Homes {
    /// What was published behind an id, for who asks; none where that has to wait for what is kept elsewhere.
    pub(in super::super) fn tell(
        &mut self,
        name: &str,
        asker: Asker,
        since: u64,
        now: u64,
    ) -> Option<Answer> {
        match self.channels.get_mut(name) {
            Some(home) if home.waits => {
                home.asking.push((asker, since));
                None
            }
            _ => Some(self.story(name, since, now)),
        }
    }

    /// What was kept elsewhere, in the order of its ids; none: that cannot be had now. Returns what those are told who waited.
    pub(in super::super) fn recall(
        &mut self,
        name: &Arc<str>,
        story: Option<Vec<Recalled>>,
        now: u64,
    ) -> Vec<(Asker, Answer)> {
        self.insert(name, story.unwrap_or_default(), now);
        let Some(home) = self.channels.get_mut(name) else { return Vec::new() };
        home.waits = false;
        let asking = std::mem::take(&mut home.asking);
        let answers = asking.into_iter().map(|(who, since)| (who, self.story(name, since, now)));
        let answers = answers.collect();
        self.make_room();
        self.forget_if_over(name);
        answers
    }

    /// All of it has ids lower than what came since, and no greater than where it was published: who comes back with one of
    /// those gets nothing twice.
    fn insert(&mut self, name: &Arc<str>, mut story: Vec<Recalled>, now: u64) {
        let Some(home) = self.channels.get_mut(name) else { return };
        let Some(keep) = story.last().map(|newest| newest.keep) else { return };
        let known: HashSet<_> = home.kept.iter().map(|kept| (kept.from, kept.said)).collect();
        story.retain(|one| {
            let is_late = keep.age.is_some_and(|age| one.at.saturating_add(age) < now);
            !is_late && one.id <= now * 1000 + AHEAD && !known.contains(&(one.from, one.id))
        });
        let Some(newest) = story.last() else { return };
        home.last = home.last.max(newest.id);
        self.last = self.last.max(home.last);
        if home.kept.is_empty() {
            home.age = keep.age;
        }
        let mut count = 0;
        let mut next = home.kept.front().map_or(u64::MAX, |kept| kept.publication.id);
        for Recalled { from, id: said, kind, payload, at, sure, hole, .. } in
            story.into_iter().rev()
        {
            let id = said.min(next.saturating_sub(1));
            if id == 0 {
                // Nobody who says the truth has one so low; what is to be dropped is found by its id.
                break;
            }
            (next, count) = (id, count + 1);
            if hole {
                home.missing = home.missing.max(id);
            }
            let channel = Arc::clone(name);
            let publication = Arc::new(Publication { channel, id, kind, payload, notice: false });
            let sure = sure && id == said;
            let kept = Kept { publication, from, said, sure, at: at.min(now) };
            self.kept += kept.size();
            self.messages += 1;
            home.kept.push_front(kept);
        }
        home.unknown = next.saturating_sub(1);
        let read = home.kept.iter().take(count).map(|kept| (Arc::clone(name), kept.publication.id));
        self.order.extend(read);
        self.drop_while(name, |home| home.kept.len() > keep.messages as usize);
    }
}

#[cfg(test)]
#[path = "recall_tests.rs"]
mod tests;
