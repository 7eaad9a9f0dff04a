//! What the standard library lacks, without any I/O.
//!
//! [`Slab`] holds state under generational [`Key`]s, [`Wheel`] keeps one timer per owner, [`Clock`] is
//! read for a turn, [`Counters`] are what a worker counts for others to read, [`Address`] is how
//! the configuration names an end point, [`Network`] a range of addresses, and [`Problem`] is a fault of configuration with its
//! [`Place`].

mod address;
mod by_name;
mod certificate;
mod clock;
mod counters;
mod dates;
mod file_kind;
mod json;
mod key;
mod neighbours;
mod network;
mod numbers;
mod problem;
mod rng;
mod rooms;
mod slab;
mod wheel;

pub use address::{Address, AddressError};
pub use by_name::{ByName, NameRules, RuleId};
pub use certificate::Certificate;
pub use clock::{Clock, Millis};
pub use counters::{CLOSE_REASONS, Counter, Counters};
pub use dates::{Dates, IsoDate};
pub use file_kind::FileKind;
pub use json::write_json;
pub use key::Key;
pub use neighbours::Neighbours;
pub use network::{Network, NetworkError};
pub use numbers::{ByNumber, NumberHasher};
pub use problem::{Place, Problem, Severity};
pub use rng::Rng;
pub use slab::Slab;
pub use wheel::{TimerKey, Wheel};
