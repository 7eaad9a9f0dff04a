//! Sessions that are taken through a pass together: of some events all is read first, then all machines go on, then all is
//! written.
//!
//! What a step needs, code most of all, is then still in the nearest caches when the next session comes to it, and whoever is
//! woken by what is written finds more of it. Where few events come at once each session is driven by itself.

use crate::base::Key;
use crate::buf::Block;
use crate::session::Side;

use super::drive::Pass;
use super::turn::Worker;

/// Sessions that are taken through together, at most: what was read of the first must not have left the caches.
pub(super) const MOST: usize = 16;
/// Events that come at once from which on it pays.
const SOME: usize = 3;

/// The sessions that are in the middle of a pass: something was read of them, and nothing written yet. None is there twice.
#[derive(Debug, Default)]
pub(super) struct Together {
    /// Those that events are for are put there, and not driven by themselves.
    on: bool,
    /// One has a new connection to its server.
    pub(super) dialled: bool,
    begun: Vec<(Key, Next)>,
}

/// What is left to do for one of them.
#[derive(Debug)]
enum Next {
    /// The second and the third step of a pass.
    Pass(Pass),
    /// Sending bytes that came of this side, to the other one, as they are.
    Send(Side, Block),
    /// Nothing.
    Nothing,
}

impl Worker {
    /// So many events follow, up to [`end_together`](Self::end_together).
    pub(super) fn begin_together(&mut self, events: usize) {
        self.together.on = events >= SOME;
    }

    /// All events were seen: nothing is left in the middle.
    pub(super) fn end_together(&mut self) {
        self.go_through();
        self.together.on = false;
    }

    /// Whether sessions are taken through together now.
    #[inline]
    pub(super) fn is_together(&self) -> bool {
        self.together.on
    }

    /// Something happened to a session: it is driven, or its pass begun. `side` is the one of which bytes have come, where
    /// nothing else has.
    pub(super) fn begin(&mut self, key: Key, side: Option<Side>) {
        self.stir();
        if !self.together.on {
            return self.guarded(key, |worker| worker.drive_on(key, side));
        }
        let mut pass = Pass::default();
        self.guarded(key, |worker| worker.receive(key, side, &mut pass));
        self.put(key, Next::Pass(pass));
    }

    /// Bytes that came of one side of a session shall go over to the other.
    pub(super) fn send_later(&mut self, key: Key, side: Side, block: Block) {
        self.put(key, Next::Send(side, block));
    }

    fn put(&mut self, key: Key, next: Next) {
        self.together.begun.push((key, next));
        if self.together.begun.len() == MOST {
            self.go_through();
        }
    }

    /// Takes all sessions that have begun through what is left to do.
    pub(super) fn go_through(&mut self) {
        if self.together.begun.is_empty() {
            return;
        }
        let mut begun = std::mem::take(&mut self.together.begun);
        for (key, next) in &mut begun {
            let Next::Pass(pass) = next else { continue };
            self.together.dialled = false;
            self.guarded(*key, |worker| worker.advance(*key, pass));
            // A server that is dialled is woken for that, and shall find its first bytes then.
            if self.together.dialled {
                let pass = *pass;
                *next = Next::Nothing;
                self.guarded(*key, |worker| worker.finish(*key, pass));
            }
        }
        for (key, next) in begun.drain(..) {
            match next {
                Next::Pass(pass) => self.guarded(key, |worker| worker.finish(key, pass)),
                Next::Send(side, block) => {
                    self.guarded(key, |worker| worker.hand_over(key, side, block));
                }
                Next::Nothing => {}
            }
        }
        debug_assert!(
            self.together.begun.is_empty(),
            "a session began while others were gone through"
        );
        // Its memory is used again.
        self.together.begun = begun;
    }

    fn hand_over(&mut self, key: Key, side: Side, block: Block) {
        let Some(mut parts) = self.parts(key) else { return };
        parts.session.begun = false;
        if !parts.send(side, block) {
            self.stir();
            self.drive_on(key, None);
        }
    }
}
