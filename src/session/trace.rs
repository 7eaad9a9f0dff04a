//! What rules did with a request, written down where somebody wants it explained.

use crate::route::{Facts, Found, Refuted, Scratch, Table};

/// What happened at each rule that was looked at, in order.
#[derive(Debug, Default)]
pub struct Trace {
    /// Rules, by their numbers.
    pub steps: Vec<(u32, Happened)>,
}

/// What happened at a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It did not match.
    Refuted(Refuted),
    /// It matched, and its action came to this text: what it adds, the new target, the answer.
    Did(String),
}

/// A trace, if one is kept.
pub(super) struct Notebook<'w>(pub(super) Option<&'w mut Trace>);

impl Notebook<'_> {
    /// The rules are tried from the first one on.
    pub(super) fn begin(&mut self) {
        if let Some(trace) = &mut self.0 {
            trace.steps.clear();
        }
    }

    /// The rules from number `from` on were looked at, and the first that matched is `found`.
    pub(super) fn looked(
        &mut self,
        table: &Table,
        from: u32,
        found: Option<&Found>,
        facts: &Facts<'_>,
        scratch: &mut Scratch,
    ) {
        let Some(trace) = &mut self.0 else { return };
        let all = u32::try_from(table.len()).unwrap_or(u32::MAX);
        for rule in from..found.map_or(all, |found| found.rule) {
            // What the index left out cannot match; here it has to say why.
            if let Some(refuted) = table.refute(rule, facts, scratch) {
                trace.steps.push((rule, Happened::Refuted(refuted)));
            }
        }
    }

    /// The action of a rule that matched came to this.
    pub(super) fn did(&mut self, rule: u32, text: &[u8]) {
        if let Some(trace) = &mut self.0 {
            let text = String::from_utf8_lossy(text).into_owned();
            trace.steps.push((rule, Happened::Did(text)));
        }
    }
}
