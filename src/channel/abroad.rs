//! What hubs tell whoever talks to other instances, and what was lost on the way.

use std::collections::HashSet;
use std::sync::Arc;

use super::publication::{Keep, Publication};

/// Names of channels in which something was lost that are remembered; with more it may have been in any.
const NAMES: usize = 1024;

/// What a hub has to tell other instances.
#[derive(Debug)]
pub enum Bulletin {
    /// Something was published here.
    Said(Arc<Publication>, Keep),
    /// These channels have begun to be of interest here, or are no more.
    Interest(Vec<(Arc<str>, bool)>),
    /// Something was published here that the others will not be told.
    Lost(Lost),
    /// There will be nothing more.
    End,
}

/// Where something was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// In these channels.
    In(Vec<Arc<str>>),
    /// Perhaps in any.
    Anywhere,
}

/// What was lost and is not told yet.
#[derive(Debug, Default)]
pub struct Losses {
    names: HashSet<Arc<str>>,
    anywhere: bool,
}

impl Losses {
    /// Something was lost in a channel.
    pub fn add(&mut self, name: &Arc<str>) {
        if self.names.len() < NAMES {
            self.names.insert(Arc::clone(name));
        } else if !self.names.contains(name) {
            self.anywhere = true;
        }
    }

    /// More was lost.
    pub fn extend(&mut self, lost: &Lost) {
        match lost {
            Lost::In(names) => names.iter().for_each(|name| self.add(name)),
            Lost::Anywhere => self.anywhere = true,
        }
    }

    /// All of it, to be told.
    pub fn take(&mut self) -> Option<Lost> {
        let names = std::mem::take(&mut self.names);
        match std::mem::take(&mut self.anywhere) {
            true => Some(Lost::Anywhere),
            false if names.is_empty() => None,
            false => Some(Lost::In(names.into_iter().collect())),
        }
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.anywhere
    }
}

#[cfg(test)]
#[path = "abroad_tests.rs"]
mod tests;

#[cfg(test)]
mod losses_tests {
    use super::*;

    #[test]
    fn names_are_remembered_as_long_as_they_are_few() {
        let mut losses = Losses::default();
        assert_eq!(losses.take(), None);
        let name = |number: usize| -> Arc<str> { format!("room-{number}").into() };
        (0..NAMES).for_each(|number| losses.add(&name(number)));
        losses.add(&name(3));
        assert!(matches!(losses.take(), Some(Lost::In(names)) if names.len() == NAMES));
        assert!(losses.is_empty());
        (0..=NAMES).for_each(|number| losses.add(&name(number)));
        assert_eq!(losses.take(), Some(Lost::Anywhere));
        assert_eq!(losses.take(), None);
    }
}
