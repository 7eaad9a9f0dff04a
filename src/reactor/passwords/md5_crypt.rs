//! The crypt of MD5, of which Apache's apr1 differs by a word: a thousand rounds over password and salt.

use md5::{Digest, Md5};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magic {
    /// `$apr1$`
    Apr1,
    /// `$1$`
    Crypt,
}

impl Magic {
    /// What the hash begins with.
    pub(super) fn text(self) -> &'static str {
        match self {
            Magic::Apr1 => "$apr1$",
            Magic::Crypt => "$1$",
        }
    }
}

/// The whole hash of a password with this salt.
pub(super) fn md5_crypt(magic: Magic, salt: &[u8], password: &[u8]) -> String {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password);
    let inner = inner.finalize();
    let mut outer = Md5::new();
    outer.update(password);
    outer.update(magic.text());
    outer.update(salt);
    for piece in password.chunks(inner.len()) {
        outer.update(inner.get(..piece.len()).unwrap_or_default());
    }
    let mut left = password.len();
    while left > 0 {
        let first = password.first().copied().unwrap_or_default();
        outer.update([if left & 1 == 1 { 0 } else { first }]);
        left >>= 1;
    }
    let mut sum = outer.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        let odd = round & 1 == 1;
        next.update(if odd { password } else { &sum });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &sum[..] } else { password });
        sum = next.finalize();
    }
    let mut text = format!("{}{}$", magic.text(), String::from_utf8_lossy(salt));
    let sum: [u8; 16] = sum.into();
    encode(&sum, &mut text);
    text
}

/// The sum in crypt's own order and letters.
fn encode(sum: &[u8; 16], text: &mut String) {
    const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = sum.map(u32::from);
    let groups = [(a, g, m), (b, h, n), (c, i, o), (d, j, p), (e, k, f)];
    let mut put = |mut bits: u32, letters: usize| {
        for _ in 0..letters {
            text.push(char::from(LETTERS[bits as usize & 0x3f]));
            bits >>= 6;
        }
    };
    for (high, middle, low) in groups {
        put(high << 16 | middle << 8 | low, 4);
    }
    put(l, 2);
}
