//! Masking and unmasking of WebSocket payload, eight bytes at a time.

/// XORs `payload` with the masking `key`, in place (RFC 6455 section 5.3).
///
/// `offset` is how many bytes of the same frame's payload came before this piece, so that a payload
/// may be masked in pieces of any size. Masking and unmasking are the same operation.
#[inline]
pub fn mask(payload: &mut [u8], key: [u8; 4], offset: u64) {
    if key == [0; 4] {
        return;
    }
    let key = rotate(key, offset);
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// The key as it stands `offset` bytes into a payload.
#[inline]
pub fn rotate(key: [u8; 4], offset: u64) -> [u8; 4] {
    // Little endian puts the key's first byte lowest, so moving on is a rotation to the right.
    u32::from_le_bytes(key).rotate_right((offset % 4) as u32 * 8).to_le_bytes()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The twin: RFC 6455 section 5.3 to the letter.
    fn mask_bytewise(payload: &mut [u8], key: [u8; 4], offset: u64) {
        for (i, byte) in payload.iter_mut().enumerate() {
            *byte ^= key[((offset + i as u64) % 4) as usize];
        }
    }

    #[test]
    fn masks_the_example_of_the_rfc() {
        let mut payload = *b"Hello";
        mask(&mut payload, [0x37, 0xfa, 0x21, 0x3d], 0);
        assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn agrees_with_the_byte_loop_at_every_alignment_length_and_rotation() {
        let key = [0x11, 0x9a, 0x00, 0xfe];
        let source: Vec<u8> = (0..96u32).map(|i| (i * 37 + 5) as u8).collect();
        for start in 0..16 {
            for len in 0..64 {
                for offset in 0..8 {
                    let mut fast = source.clone();
                    let mut slow = source.clone();
                    mask(&mut fast[start..start + len], key, offset);
                    mask_bytewise(&mut slow[start..start + len], key, offset);
                    assert_eq!(fast, slow, "start {start} len {len} offset {offset}");
                }
            }
        }
    }

    #[test]
    fn an_offset_near_the_end_of_u64_does_not_overflow() {
        let mut payload = *b"abc";
        mask(&mut payload, [1, 2, 3, 4], u64::MAX);
        assert_eq!(payload, [b'a' ^ 4, b'b' ^ 1, b'c' ^ 2]);
    }

    proptest! {
        #[test]
        fn any_split_masks_the_same(
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            key: [u8; 4],
            cuts in proptest::collection::vec(0usize..300, 0..6),
        ) {
            let mut whole = payload.clone();
            mask(&mut whole, key, 0);

            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(payload.len())).collect();
            cuts.push(payload.len());
            cuts.sort_unstable();
            let mut pieces = payload.clone();
            let mut from = 0;
            for to in cuts {
                mask(&mut pieces[from..to], key, from as u64);
                from = to;
            }
            prop_assert_eq!(&whole, &pieces);

            mask(&mut whole, key, 0);
            prop_assert_eq!(whole, payload);
        }
    }
}
