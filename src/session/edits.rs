//! What rules have changed of a request and of what it is answered.

use crate::proto::http::{Pairs, PathScratch};

/// The changes that rules made on the way to the one that takes a request. Reused; it keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// `addheader:`, and other fields of the response.
    pub(super) response: Pairs,
    /// `delheader:`, by name.
    pub(super) without: Pairs,
    /// `addrequestheader:`.
    pub(super) request: Pairs,
    /// `addvar:`.
    pub(super) vars: Pairs,
    /// `log:`, without names.
    pub(super) notes: Pairs,
    /// `rewrite:`: path and query, which are not the client's then.
    pub(super) target: Vec<u8>,
    /// `donotlog:`.
    pub(super) silent: bool,
}

impl Edits {
    /// Forgets them.
    pub(super) fn clear(&mut self) {
        let Edits { response, without, request, vars, notes, target, silent } = self;
        [response, without, request, vars, notes].into_iter().for_each(Pairs::clear);
        target.clear();
        *silent = false;
    }

    /// Whether nothing is changed that somebody asks for once the request is on its way.
    pub(super) fn is_empty(&self) -> bool {
        [&self.response, &self.without, &self.request, &self.vars]
            .into_iter()
            .all(|pairs| pairs.is_empty())
            && self.target.is_empty()
    }
}

/// Memory for putting together what rules say.
#[derive(Debug, Default)]
pub(super) struct Rewriting {
    /// The target that a rule made, as far as it is not the client's.
    pub(super) target: Vec<u8>,
    /// A text on its way to where it belongs.
    pub(super) text: Vec<u8>,
    /// What the target's path comes to.
    pub(super) path: PathScratch,
}

/// Path and query of a target.
pub(super) fn split(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (target.get(..at).unwrap_or_default(), target.get(at + 1..)),
        None => (target, None),
    }
}
