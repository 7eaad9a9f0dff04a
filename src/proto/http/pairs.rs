//! Names with values, one behind the other in one buffer that is used again.

/// Header fields or variables that are added to what somebody else says.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Of each: the lengths of name and value in two bytes and four, the name, the value.
    bytes: Vec<u8>,
}

/// Bytes of the two lengths.
const LENGTHS: usize = 6;

impl Pairs {
    /// None of them.
    pub const NONE: &'static Pairs = &Pairs { bytes: Vec::new() };

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets them, but keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Adds one; what does not fit into its length is cut off.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let name = name.get(..name.len().min(usize::from(u16::MAX))).unwrap_or_default();
        let value = value.get(..value.len().min(u32::MAX as usize)).unwrap_or_default();
        self.bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(value);
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (lengths, behind) = rest.split_first_chunk::<LENGTHS>()?;
            let [a, b, c, d, e, f] = *lengths;
            let (name, behind) = behind.split_at_checked(u16::from_le_bytes([a, b]).into())?;
            let value = u32::from_le_bytes([c, d, e, f]) as usize;
            let (value, behind) = behind.split_at_checked(value)?;
            rest = behind;
            Some((str::from_utf8(name).ok()?, value))
        })
    }

    /// Whether one has this name, whatever its case.
    pub fn has(&self, name: &str) -> bool {
        !self.is_empty() && self.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Pairs {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(all: I) -> Pairs {
        let mut pairs = Pairs::default();
        all.into_iter().for_each(|(name, value)| pairs.push(name, value));
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let all = [("A", b"1".as_slice()), ("", b""), ("Long-Name", &[0xff; 300]), ("a", b"2")];
        let mut pairs: Pairs = all.into_iter().collect();
        assert!(pairs.iter().eq(all));
        assert!(pairs.has("long-name") && !pairs.has("long"));
        pairs.clear();
        assert!(pairs.is_empty() && pairs.iter().next().is_none() && !pairs.has("a"));
    }
}
