//! What HTTP means whatever its wire version: methods, fields, bodies, statuses, hosts and paths.
//!
//! A parsed head borrows everything from the bytes it was parsed from. Its fields live in a
//! [`FieldStore`] on the caller's stack, are classified once ([`Known`]) and are then read through
//! [`Fields`]. Nothing here knows how a message is framed on the wire: that is `h1`.

mod accept;
mod basic;
mod body;
mod coding;
mod conditions;
mod field;
pub mod forwarded;
pub mod host;
mod known;
pub mod list;
mod media;
mod method;
mod pairs;
pub mod path;
mod ranges;
mod status;
mod version;

pub use accept::prefers_html;
pub use basic::Basic;
pub use body::Body;
pub use coding::Coding;
pub use conditions::{Validators, Verdict, put_date};
pub use field::{FIELDS_MAX, Field, FieldStore, Fields};
pub use host::HostError;
pub use known::Known;
pub use media::Media;
pub use method::Method;
pub use pairs::Pairs;
pub use path::{CanonicalPath, PathError, PathScratch, canonical};
pub use ranges::{ByteRange, Parts, RANGES_MAX, Ranges};
pub use status::reason;
pub use version::Version;
