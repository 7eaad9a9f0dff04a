//! Names and passwords in files as `htpasswd` writes them.
//!
//! A [`UserFile`] is read when the configuration is, and anew within a second when it changes. Looking a name up is
//! memory only; what is left to be computed is a [`Puzzle`], for a thread that has the time. What was found right is
//! remembered for a while, under a digest that nobody can compute without this process's key.

mod files;
mod hash;
mod md5_crypt;
mod puzzle;
mod users;
mod verified;

pub use files::{UserFile, UserFiles};
pub use puzzle::{Puzzle, Standing};
pub use verified::is_same;
