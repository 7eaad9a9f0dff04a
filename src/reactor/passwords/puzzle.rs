//! A password that is still to be compared with a hash, which takes its time.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

use super::hash::Hash;
use super::verified::{Mark, Verified};

/// What is known of a name and a password at once.
#[derive(Debug)]
pub enum Standing {
    /// They are right.
    Right,
    /// They are not.
    Wrong,
    /// That has to be computed.
    Unsolved(Puzzle),
}

/// A password and a hash.
pub struct Puzzle {
    pub(super) hash: Arc<Hash>,
    pub(super) password: Zeroizing<Vec<u8>>,
    pub(super) mark: Mark,
    /// The hash is somebody else's: nobody has this name, and that must not show in the time it takes.
    pub(super) in_vain: bool,
    pub(super) verified: Arc<Verified>,
}

impl Puzzle {
    /// Whether the password is right. Takes its time.
    pub fn solve(self) -> bool {
        if self.verified.has(&self.mark, Instant::now()) {
            return true;
        }
        let right = self.hash.is_of(&self.password) && !self.in_vain;
        if right {
            self.verified.put(self.mark, Instant::now());
        }
        right
    }
}

/// Without anything of it.
impl fmt::Debug for Puzzle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Puzzle").finish_non_exhaustive()
    }
}
