//! The challenge of hixie-76: two numbers hidden in keys, eight bytes, and their MD5.

use std::fmt::Write as _;

use md5::{Digest, Md5};

/// Bytes of key3, which follow a client's head without being announced.
pub const KEY3_LEN: usize = 8;

/// The numbers of a client's two keys: all that is kept until key3 comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    numbers: [u32; 2],
}

impl Challenge {
    /// Reads the values of `Sec-WebSocket-Key1` and `-Key2`, each space in them significant; `None`
    /// when either hides no number (hixie-76 section 5.2).
    pub fn parse(key1: &[u8], key2: &[u8]) -> Option<Self> {
        Some(Self { numbers: [number(key1)?, number(key2)?] })
    }

    /// What a server writes behind its head, once key3 is there.
    pub fn answer(self, key3: [u8; KEY3_LEN]) -> [u8; 16] {
        let mut md5 = Md5::new();
        for number in self.numbers {
            md5.update(number.to_be_bytes());
        }
        md5.chain_update(key3).finalize().into()
    }

    /// The two numbers, to be written down.
    pub const fn numbers(self) -> [u32; 2] {
        self.numbers
    }

    /// The challenge of these two numbers.
    pub const fn of(numbers: [u32; 2]) -> Self {
        Self { numbers }
    }
}

/// The digits as one number, divided by the number of spaces, which must go without a rest.
fn number(key: &[u8]) -> Option<u32> {
    let spaces = key.iter().filter(|byte| **byte == b' ').count() as u64;
    let mut digits = key.iter().filter(|byte| byte.is_ascii_digit()).peekable();
    digits.peek()?;
    let number = digits.try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    if spaces == 0 || number % spaces != 0 {
        return None;
    }
    u32::try_from(number / spaces).ok()
}

/// A key of our own, as a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HixieKey {
    /// The value of `Sec-WebSocket-Key1` or `-Key2`.
    pub text: String,
    /// The number in it.
    pub number: u32,
}

impl HixieKey {
    /// Hides a number in a key (hixie-76 section 4.1); `random` gives numbers without a bound.
    pub fn generate(mut random: impl FnMut() -> u64) -> Self {
        let spaces = 1 + random() % 12;
        let number = (random() % (u64::from(u32::MAX) / spaces + 1)) as u32;
        let mut text = String::with_capacity(40);
        // Writing to a String does not fail.
        let _ = write!(text, "{}", u64::from(number) * spaces);
        for _ in 0..1 + random() % 12 {
            // Neither a digit nor a space: 0x21 to 0x2f, 0x3a to 0x7e.
            let at = (random() % 84) as u8;
            let other = if at < 15 { 0x21 + at } else { 0x3a + (at - 15) };
            let place = random() as usize % (text.len() + 1);
            text.insert(place, char::from(other));
        }
        // A space at an edge would be lost with the ones around a field's value.
        if text.len() < 2 {
            text.push('-');
        }
        for _ in 0..spaces {
            let place = 1 + random() as usize % (text.len() - 1);
            text.insert(place, ' ');
        }
        Self { text, number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(key1: &str, key2: &str, key3: &[u8; 8]) -> Option<[u8; 16]> {
        Some(Challenge::parse(key1.as_bytes(), key2.as_bytes())?.answer(*key3))
    }

    #[test]
    fn examples_of_the_draft() {
        for (key1, key2, key3, expected) in [
            ("4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00", b"^n:ds[4U", b"8jKS'y:G*Co,Wxa-"),
            (
                "18x 6]8vM;54 *(5:  {   U1]8  z [  8",
                "1_ tx7X d  <  nw  334J702) 7]o}` 0",
                b"Tm[K T2u",
                b"fQJ,fN/4F4!~K~MH",
            ),
        ] {
            assert_eq!(answer(key1, key2, key3).as_ref(), Some(expected));
        }
        let largest = answer("4294967 295!", "42 94967295~", &[0; 8]).unwrap();
        let hex: String = largest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "f858d36231ba743ad8c898d86a67a864");
    }

    #[test]
    fn keys_without_a_number_are_refused() {
        let endless = "9".repeat(40) + " 9";
        for key in ["12345", "ab cd", "1 0 1", "4294967296 0", "", " ", &endless] {
            assert_eq!(number(key.as_bytes()), None, "{key:?}");
        }
        assert_eq!(number(b"4294967295 "), Some(u32::MAX));
        assert_eq!(number(b"0 "), Some(0));
    }

    proptest! {
        #[test]
        fn our_keys_hide_their_numbers(seeds in proptest::collection::vec(any::<u64>(), 60)) {
            let mut seeds = seeds.into_iter().cycle();
            let key = HixieKey::generate(|| seeds.next().unwrap());
            prop_assert_eq!(number(key.text.as_bytes()), Some(key.number), "{}", key.text);
            prop_assert_eq!(key.text.trim(), &key.text);
            prop_assert!(key.text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        }
    }
}
