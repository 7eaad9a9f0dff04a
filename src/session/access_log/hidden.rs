//! What of a request no line may have: tokens in its query, which are as good as passwords while they hold.

use crate::proto::h1::RequestHead;

use super::super::expand::decoded;

/// What stands in their place.
const INSTEAD: &[u8] = b"token=-";

/// A target without its tokens.
pub(super) struct Hidden {
    target: Vec<u8>,
    /// Where its query begins.
    query: usize,
}

impl Hidden {
    /// The target of a request that has a token in its query.
    pub(super) fn of(head: &RequestHead<'_, '_>) -> Option<Hidden> {
        let query = head.query.filter(|query| query.split(is_end).any(is_token))?;
        let mut target = head.target.strip_suffix(query).unwrap_or(b"?").to_vec();
        let begin = target.len();
        for (place, pair) in query.split(is_end).enumerate() {
            if place > 0 {
                target.push(b'&');
            }
            target.extend_from_slice(if is_token(pair) { INSTEAD } else { pair });
        }
        Some(Hidden { target, query: begin })
    }

    /// The head with this in place of what it says.
    pub(super) fn head<'s, 'a>(&'a self, head: &RequestHead<'s, 'a>) -> RequestHead<'s, 'a> {
        let mut masked = *head;
        masked.target = &self.target;
        masked.query = self.target.get(self.query..);
        masked
    }
}

fn is_end(byte: &u8) -> bool {
    *byte == b'&'
}

/// Whether a pair of a query is a token, as those read it that look for one.
fn is_token(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    decoded(name).eq(b"token".iter().copied())
}
