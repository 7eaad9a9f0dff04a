//! Which numbers of others have come, in each channel: what comes again is known, and what did not come is missing.

use std::collections::HashMap;
use std::sync::Arc;

use super::instances::InstanceId;

/// Channels that are remembered; with more, all are forgotten: then what is missing in between is not seen.
const CHANNELS: usize = 1 << 16;
/// Instances that are remembered in each, twice: for what is kept and what is not.
const INSTANCES: usize = 64;

/// What is known of what came.
#[derive(Debug, Default)]
pub(super) struct Ear {
    channels: HashMap<Arc<str>, Vec<Heard>>,
    /// Another one each time that whoever listens was told of what may be missing anyway.
    era: u32,
}

#[derive(Debug)]
struct Heard {
    from: InstanceId,
    is_kept: bool,
    number: u64,
    era: u32,
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whether {
    /// It is the next.
    Next,
    /// It is not the next: something before it is missing.
    Gap,
    /// It had come already.
    Known,
}

impl Ear {
    /// A number has come, and which one was said before it; 0: nobody knows.
    pub(super) fn hear(
        &mut self,
        from: InstanceId,
        channel: &Arc<str>,
        is_kept: bool,
        number: u64,
        before: u64,
    ) -> Whether {
        if self.channels.len() >= CHANNELS && !self.channels.contains_key(channel) {
            self.channels.clear();
        }
        let era = self.era;
        let all = self.channels.entry(Arc::clone(channel)).or_default();
        let known = all.iter_mut().find(|one| one.from == from && one.is_kept == is_kept);
        let Some(one) = known else {
            if all.len() >= INSTANCES {
                all.remove(0);
            }
            all.push(Heard { from, is_kept, number, era });
            return Whether::Next;
        };
        if number <= one.number {
            return Whether::Known;
        }
        let is_missing = before > one.number && one.era == era;
        (one.number, one.era) = (number, era);
        if is_missing { Whether::Gap } else { Whether::Next }
    }

    /// Of this channel only what is kept was heard for a while, or will be.
    pub(super) fn forget(&mut self, channel: &str) {
        if let Some(all) = self.channels.get_mut(channel) {
            all.retain(|one| one.is_kept);
            if all.is_empty() {
                self.channels.remove(channel);
            }
        }
    }

    /// What is missing up to now was told.
    pub(super) fn begin(&mut self) {
        self.era = self.era.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_of_each_instance_counts_for_itself() {
        let mut ear = Ear::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        assert_eq!(ear.hear([1; 16], &a, false, 5, 3), Whether::Next, "nobody listened before");
        assert_eq!(ear.hear([1; 16], &a, false, 5, 3), Whether::Known);
        assert_eq!(ear.hear([2; 16], &a, false, 2, 1), Whether::Next);
        assert_eq!(ear.hear([1; 16], &b, false, 6, 0), Whether::Next);
        assert_eq!(ear.hear([1; 16], &a, false, 9, 5), Whether::Next);
        assert_eq!(
            ear.hear([1; 16], &a, true, 8, 7),
            Whether::Next,
            "what is kept goes another way"
        );
        assert_eq!(ear.hear([1; 16], &a, false, 12, 11), Whether::Gap);
        assert_eq!(ear.hear([1; 16], &a, false, 14, 0), Whether::Next, "it does not know");
        ear.begin();
        assert_eq!(ear.hear([1; 16], &a, false, 12, 11), Whether::Known, "also from before");
        assert_eq!(ear.hear([1; 16], &a, false, 20, 19), Whether::Next, "that was told");
        assert_eq!(ear.hear([1; 16], &a, false, 30, 29), Whether::Gap);
        ear.forget("a");
        assert_eq!(ear.hear([1; 16], &a, false, 40, 39), Whether::Next);
        assert_eq!(
            ear.hear([1; 16], &a, true, 8, 7),
            Whether::Known,
            "what is kept comes all the time"
        );
    }

    #[test]
    fn it_remembers_no_more_than_so_many() {
        let mut ear = Ear::default();
        for number in 0..CHANNELS + 10 {
            let name: Arc<str> = format!("room-{number}").into();
            ear.hear([1; 16], &name, true, 1, 0);
        }
        assert!(ear.channels.len() <= CHANNELS);
        let name: Arc<str> = "room".into();
        for number in 0..200 {
            ear.hear([number; 16], &name, true, 1, 0);
        }
        assert_eq!(ear.channels["room"].len(), INSTANCES);
    }
}
