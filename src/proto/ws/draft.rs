//! The WebSocket drafts by name, and sets of them.

use std::fmt;
use std::str::FromStr;

/// A WebSocket wire format, from the first in browsers to the RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Draft {
    /// `hixie-75`: no challenge, text frames between 00 and FF.
    Hixie75,
    /// `hixie-76`, also hybi-00: two keys and eight bytes behind the head.
    Hixie76,
    /// `hybi-07`: version 7.
    Hybi07,
    /// `hybi-08` to hybi-12: version 8.
    Hybi08,
    /// `13`: hybi-13 to RFC 6455.
    Rfc6455,
}

impl Draft {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] =
        [Self::Hixie75, Self::Hixie76, Self::Hybi07, Self::Hybi08, Self::Rfc6455];

    /// Its name in configuration and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hixie75 => "hixie-75",
            Self::Hixie76 => "hixie-76",
            Self::Hybi07 => "hybi-07",
            Self::Hybi08 => "hybi-08",
            Self::Rfc6455 => "13",
        }
    }

    /// Its `Sec-WebSocket-Version`; the hixie drafts have none.
    pub const fn version(self) -> Option<u8> {
        match self {
            Self::Hixie75 | Self::Hixie76 => None,
            Self::Hybi07 => Some(7),
            Self::Hybi08 => Some(8),
            Self::Rfc6455 => Some(13),
        }
    }

    /// The draft that a `Sec-WebSocket-Version` stands for.
    pub const fn from_version(version: u8) -> Option<Self> {
        match version {
            7 => Some(Self::Hybi07),
            8 => Some(Self::Hybi08),
            13 => Some(Self::Rfc6455),
            _ => None,
        }
    }
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not the name of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of hixie-75, hixie-76, hybi-07, hybi-08, 13")]
pub struct UnknownDraft;

impl FromStr for Draft {
    type Err = UnknownDraft;

    fn from_str(name: &str) -> Result<Self, UnknownDraft> {
        Self::ALL.into_iter().find(|draft| draft.name() == name).ok_or(UnknownDraft)
    }
}

/// A set of drafts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Drafts(u8);

impl Drafts {
    /// No draft.
    pub const NONE: Self = Self(0);
    /// Every draft there is.
    pub const ALL: Self = Self(0b1_1111);

    /// The set with `draft` in it.
    #[must_use]
    pub const fn with(self, draft: Draft) -> Self {
        Self(self.0 | 1 << draft as u8)
    }

    /// Whether `draft` is in the set.
    pub const fn contains(self, draft: Draft) -> bool {
        self.0 & 1 << draft as u8 != 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The drafts of the set, oldest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Draft> {
        Draft::ALL.into_iter().filter(move |draft| self.contains(*draft))
    }

    /// The value of `Sec-WebSocket-Version` that tells a client what is spoken here, newest first;
    /// empty when no draft of the set has a version.
    pub const fn versions(self) -> &'static str {
        let (v7, v8, v13) = (
            self.contains(Draft::Hybi07),
            self.contains(Draft::Hybi08),
            self.contains(Draft::Rfc6455),
        );
        match (v13, v8, v7) {
            (true, true, true) => "13, 8, 7",
            (true, true, false) => "13, 8",
            (true, false, true) => "13, 7",
            (true, false, false) => "13",
            (false, true, true) => "8, 7",
            (false, true, false) => "8",
            (false, false, true) => "7",
            (false, false, false) => "",
        }
    }
}

impl FromIterator<Draft> for Drafts {
    fn from_iter<I: IntoIterator<Item = Draft>>(drafts: I) -> Self {
        drafts.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Drafts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Drafts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, draft) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(draft.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_round_trip() {
        for draft in Draft::ALL {
            assert_eq!(draft.name().parse(), Ok(draft));
            if let Some(version) = draft.version() {
                assert_eq!(Draft::from_version(version), Some(draft));
            }
        }
        for name in ["", "7", "hybi-13", "HYBI-07", "14"] {
            assert_eq!(name.parse::<Draft>(), Err(UnknownDraft));
        }
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        assert_eq!(Draft::ALL.into_iter().collect::<Drafts>(), Drafts::ALL);
        assert_eq!(Drafts::ALL.to_string(), "hixie-75 hixie-76 hybi-07 hybi-08 13");
        assert!(Drafts::NONE.is_empty());
        let modern = Drafts::NONE.with(Draft::Hybi08).with(Draft::Rfc6455);
        assert!(!modern.contains(Draft::Hybi07));
        let other = Drafts::NONE.with(Draft::Hixie75).with(Draft::Rfc6455);
        assert_eq!(modern.and(other).to_string(), "13");
    }

    #[test]
    fn the_list_of_versions_is_that_of_the_set() {
        for bits in 0..32u8 {
            let set = Drafts(bits);
            let versions: Vec<String> =
                set.iter().rev().filter_map(Draft::version).map(|v| v.to_string()).collect();
            assert_eq!(set.versions(), versions.join(", "));
        }
    }
}
