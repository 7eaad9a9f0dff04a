//! What a request is for, as rules see it: an answer, or a WebSocket in some draft.

use crate::config::WebSocketDraft;

/// What a request wants its connection to become.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Purpose {
    /// It stays HTTP.
    #[default]
    Plain,
    /// A WebSocket, in the draft its head looks like; `None`: in none that there is.
    WebSocket(Option<WebSocketDraft>),
}

impl Purpose {
    fn bit(self) -> u8 {
        match self {
            Purpose::Plain => 1,
            Purpose::WebSocket(None) => 1 << 1,
            Purpose::WebSocket(Some(draft)) => 1 << 2 << draft as u8,
        }
    }
}

/// A set of them: those a rule takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Purposes(u8);

impl Purposes {
    /// All there are.
    pub const ALL: Purposes = Purposes(0x7f);

    /// WebSockets in this draft, `None`: in any or in none that there is; negated, all the others.
    pub fn of(draft: Option<WebSocketDraft>, negated: bool) -> Purposes {
        let named = match draft {
            Some(draft) => Purpose::WebSocket(Some(draft)).bit(),
            None => Purposes::ALL.0 & !Purpose::Plain.bit(),
        };
        Purposes(if negated { Purposes::ALL.0 & !named } else { named })
    }

    /// Those in both sets.
    #[must_use]
    pub fn and(self, other: Purposes) -> Purposes {
        Purposes(self.0 & other.0)
    }

    /// Whether `purpose` is one of them.
    pub fn contains(self, purpose: Purpose) -> bool {
        self.0 & purpose.bit() != 0
    }
}

impl Default for Purposes {
    fn default() -> Purposes {
        Purposes::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_is_in_the_sets_that_name_it() {
        let drafts = WebSocketDraft::NAMES.map(|(_, draft)| Purpose::WebSocket(Some(draft)));
        let all = [Purpose::Plain, Purpose::WebSocket(None)].into_iter().chain(drafts);
        let all: Vec<Purpose> = all.collect();
        let of = Purposes::of;
        assert_eq!(all.iter().fold(0, |bits, purpose| bits | purpose.bit()), Purposes::ALL.0);
        for purpose in all {
            let is_websocket = purpose != Purpose::Plain;
            assert_eq!(of(None, false).contains(purpose), is_websocket);
            assert_eq!(of(None, true).contains(purpose), !is_websocket);
            for (_, draft) in WebSocketDraft::NAMES {
                let is_it = purpose == Purpose::WebSocket(Some(draft));
                assert_eq!(of(Some(draft), false).contains(purpose), is_it);
                assert_eq!(of(Some(draft), true).contains(purpose), !is_it);
            }
            let both = of(None, false).and(of(Some(WebSocketDraft::Rfc6455), true));
            let other = purpose == Purpose::WebSocket(Some(WebSocketDraft::Rfc6455));
            assert_eq!(both.contains(purpose), is_websocket && !other);
        }
    }
}
