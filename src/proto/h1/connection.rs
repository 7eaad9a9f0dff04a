//! The options of `Connection` fields (RFC 9110 section 7.6.1).

use crate::proto::http::{Field, Fields, Known, list};

/// The most options all `Connection` fields of a head may have: looking for a name among them is
/// done for each forwarded field.
const OPTIONS_MAX: usize = 32;

/// What the `Connection` fields of a head ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    /// There are options that may be names of fields to remove.
    pub(super) nominates: bool,
    count: usize,
}

impl Options {
    /// Adds one field's options; false when there are too many in all.
    pub(super) fn note(&mut self, value: &[u8]) -> bool {
        for option in list::elements(value) {
            self.count += 1;
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                self.nominates = true;
            }
        }
        self.count <= OPTIONS_MAX
    }
}

/// Whether a `Connection` field asks for the removal of this field and may have its way: never for
/// what says who is asking, how long a body is, or what we add ourselves.
pub(super) fn is_nominated(fields: Fields<'_, '_>, field: Field<'_>) -> bool {
    !field.known.is_kept_against_nomination()
        && fields.all(Known::Connection).any(|value| list::has_token(value, field.name))
}
