//! Who is let in by name and password.

use std::sync::Arc;

use crate::proto::http::Basic;
use crate::reactor::{Standing, UserFile, is_same};

/// Lets those in whom it knows.
#[derive(Debug)]
pub struct Keeper {
    /// What people are told the password is for.
    pub realm: String,
    /// Whom it knows.
    pub who: Known,
    /// Others are not refused.
    pub next: bool,
}

/// Whom a keeper knows.
pub enum Known {
    /// Nobody.
    Nobody,
    /// This one.
    User {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// Those in this file.
    File(Arc<UserFile>),
}

/// Never with a password.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Known::Nobody => f.write_str("Nobody"),
            Known::User { name, .. } => write!(f, "User({name})"),
            Known::File(_) => f.write_str("File"),
        }
    }
}

impl Keeper {
    /// What is known of whoever says this of itself, without any waiting.
    pub fn judge(&self, said: Option<&Basic>) -> Standing {
        let Some(said) = said else { return Standing::Wrong };
        match &self.who {
            Known::Nobody => Standing::Wrong,
            Known::User { name, password } => {
                // Both are compared, so that the time does not tell which was wrong.
                let name = is_same(name.as_bytes(), said.user());
                let password = is_same(password.as_bytes(), said.password());
                if name & password { Standing::Right } else { Standing::Wrong }
            }
            Known::File(file) => file.judge(said.user(), said.password()),
        }
    }

    /// The challenge to whoever is not let in (RFC 7617 section 2).
    pub fn challenge(&self) -> String {
        format!("Basic realm=\"{}\", charset=\"UTF-8\"", self.realm)
    }
}
