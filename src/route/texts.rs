//! Texts that conditions look at beside path and host: put together when first asked for, once per request.

use crate::config::{Part, Template};

use super::rule::Says;

/// Memory for them; a worker keeps one for all its tables.
#[derive(Debug, Default)]
pub(super) struct Texts {
    slots: Vec<Slot>,
    turn: u32,
}

#[derive(Debug, Default)]
struct Slot {
    text: Vec<u8>,
    /// The turn it was put together in.
    turn: u32,
}

impl Texts {
    /// Forgets them: another request, or one that says something else now.
    pub(super) fn turn(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        if self.turn == 0 {
            self.slots.clear();
            self.turn = 1;
        }
    }

    /// Sees to it that text number `n` is there.
    pub(super) fn make(&mut self, n: u16, templates: &[Template], says: &dyn Says) {
        let n = usize::from(n);
        if self.slots.len() <= n {
            self.slots.resize_with(n + 1, Slot::default);
        }
        let slot = &mut self.slots[n];
        if std::mem::replace(&mut slot.turn, self.turn) == self.turn {
            return;
        }
        slot.text.clear();
        for part in templates[n].parts() {
            match part {
                Part::Text(text) => slot.text.extend_from_slice(text.as_bytes()),
                Part::Variable(variable) => {
                    says.say(variable, &mut |piece| slot.text.extend_from_slice(piece));
                }
                // The configuration sees to it that conditions ask for none.
                Part::Capture(_) => {}
            }
        }
    }

    /// Text number `n`, once it is made.
    pub(super) fn get(&self, n: u16) -> &[u8] {
        self.slots.get(usize::from(n)).map(|slot| slot.text.as_slice()).unwrap_or_default()
    }
}
