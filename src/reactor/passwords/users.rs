//! What stands in a file of users.

use std::collections::HashMap;
use std::sync::Arc;

use super::hash::Hash;

/// Users by name.
#[derive(Debug, Default)]
pub(super) struct Users {
    by_name: HashMap<Vec<u8>, Arc<Hash>>,
    /// The hash that takes the longest: whoever has no name here is made to wait as long.
    slowest: Option<Arc<Hash>>,
}

/// A line that cannot be used, and why.
pub(super) type Fault = (usize, String);

impl Users {
    /// Reads lines of `NAME:HASH`. Of two with one name the first counts, as for Apache.
    pub(super) fn parse(text: &[u8]) -> (Users, Vec<Fault>) {
        let (mut users, mut faults) = (Users::default(), Vec::new());
        for (line, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.trim_ascii().is_empty() || text.starts_with(b"#") {
                continue;
            }
            if let Err(fault) = users.add(text) {
                faults.push((line, fault));
            }
        }
        users.slowest = users.by_name.values().max_by_key(|hash| hash.cost()).cloned();
        (users, faults)
    }

    fn add(&mut self, line: &[u8]) -> Result<(), String> {
        let colon = line.iter().position(|byte| *byte == b':').ok_or("expected NAME:HASH")?;
        let (name, rest) = line.split_at_checked(colon).unwrap_or_default();
        let hash = str::from_utf8(rest.get(1..).unwrap_or_default())
            .map_err(|_| "the hash is not ASCII")?;
        // What stands behind a second colon is a comment.
        let hash = Hash::parse(hash.split(':').next().unwrap_or_default().trim_end());
        let who = String::from_utf8_lossy(name).into_owned();
        let hash = hash.map_err(|expected| format!("{who} cannot log in: {expected}"))?;
        if self.by_name.contains_key(name) {
            return Err(format!("{who} was there before; that line counts"));
        }
        self.by_name.insert(name.to_vec(), Arc::new(hash));
        Ok(())
    }

    /// Whether there is nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The hash of a name.
    pub(super) fn hash_of(&self, name: &[u8]) -> Option<&Arc<Hash>> {
        self.by_name.get(name)
    }

    /// The hash that takes the longest.
    pub(super) fn slowest(&self) -> Option<&Arc<Hash>> {
        self.slowest.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::tests::WRITTEN;
    use super::*;

    #[test]
    fn lines_of_a_file_and_what_is_wrong_with_them() {
        let [bcrypt, sha, apr1, ..] = WRITTEN;
        let text = format!(
            "# users\njoe:{sha}\r\n\nann:{bcrypt}:Ann, a comment\nJoe:{apr1}\njoe:{bcrypt}\nbad:plain\nnothing\n\u{e9}:{sha}"
        );
        let (users, faults) = Users::parse(text.as_bytes());
        let hash = |name: &str| users.hash_of(name.as_bytes()).map(|hash| hash.text());
        assert_eq!([hash("joe"), hash("ann"), hash("Joe")], [Some(sha), Some(bcrypt), Some(apr1)]);
        assert_eq!(hash("é"), Some(sha));
        assert_eq!([hash("bad"), hash("nothing"), hash("")], [None; 3]);
        assert_eq!(users.slowest().unwrap().text(), bcrypt);
        let lines: Vec<usize> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [6, 7, 8]);
        assert!(faults[1].1.starts_with("bad cannot log in: expected a hash"), "{faults:?}");
    }
}
