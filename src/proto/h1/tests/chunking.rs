//! The chunked coding and its rules.

use super::super::*;
use ChunkError::*;
use proptest::prelude::*;

/// Decodes a body given in pieces that end at these places: the payload, and how many bytes were
/// behind its end, or `None` while it has not ended.
fn decode(bytes: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Option<usize>), ChunkError> {
    let mut decoder = ChunkedDecoder::new();
    let mut payload = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([bytes.len()]) {
        while start < end {
            let chunk = decoder.advance(&bytes[start..end])?;
            start += chunk.framing;
            payload.extend_from_slice(&bytes[start..start + chunk.data]);
            start += chunk.data;
            assert_eq!(chunk.done, decoder.is_done());
            if chunk.done {
                assert_eq!(
                    decoder.advance(&bytes[start..]),
                    Ok(Chunk { framing: 0, data: 0, done: true })
                );
                return Ok((payload, Some(bytes.len() - start)));
            }
        }
    }
    Ok((payload, None))
}

/// Whole, byte by byte, and cut in two anywhere: always the same.
fn decode_anyhow(bytes: &[u8]) -> Result<(Vec<u8>, Option<usize>), ChunkError> {
    let whole = decode(bytes, &[]);
    let every: Vec<usize> = (1..bytes.len()).collect();
    assert_eq!(decode(bytes, &every), whole, "byte by byte: {}", bytes.escape_ascii());
    for cut in 0..bytes.len().min(300) {
        assert_eq!(decode(bytes, &[cut]), whole, "cut at {cut}: {}", bytes.escape_ascii());
    }
    whole
}

/// Each entry: the rule, a body, the fault.
const REFUSED: &[(&str, &[u8], ChunkError)] = &[
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"0x5\r\nhello\r\n0\r\n\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"+5\r\nhello\r\n0\r\n\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"-5\r\nhello\r\n0\r\n\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b" 0\r\n\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"\t5\r\nhello\r\n0\r\n\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"5 \r\nhello\r\n0\r\n\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"1_0\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"5,5\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"5g\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"\"5\"\r\n", Size),
    ("chunk sizes are 1*HEXDIG without prefix or sign", b"5\0\r\n", Size),
    ("chunk sizes are not empty", b"\r\n\r\n", Size),
    ("chunk sizes are not empty", b";ext\r\n\r\n", Size),
    ("chunk sizes are not empty", b"5\r\nhello\r\n\r\n\r\n", Size),
    ("chunk sizes are bounded", b"FFFFFFFFFFFFFFFFF\r\n", SizeTooLarge),
    ("chunk sizes are bounded", b"FFFFFFFFFFFFFFFF\r\n", SizeTooLarge),
    ("chunk sizes are bounded", b"8000000000000000\r\n", SizeTooLarge),
    ("chunk sizes are bounded", b"00000000000000005\r\nhello\r\n0\r\n\r\n", SizeTooLarge),
    ("CRLF only: bare LF", b"5\nhello\r\n0\r\n\r\n", LineEnd),
    ("CRLF only: bare LF", b"5;x\nhello\r\n0\r\n\r\n", LineEnd),
    ("CRLF only: bare LF", b"5;x=\"\n\"\r\nhello\r\n0\r\n\r\n", LineEnd),
    ("CRLF only: bare LF", b"0\r\n\n", LineEnd),
    ("CRLF only: bare LF", b"0\r\nX: y\n\r\n", LineEnd),
    ("CRLF only: bare CR", b"5\rhello\r\n0\r\n\r\n", LineEnd),
    ("CRLF only: bare CR", b"5;x\ry\r\nhello\r\n0\r\n\r\n", LineEnd),
    ("CRLF only: \\r\\r", b"5\r\r\nhello\r\n0\r\n\r\n", LineEnd),
    ("CRLF only: \\r\\r", b"0\r\n\r\r\n", LineEnd),
    ("data not followed by CRLF", b"5\r\nhelloX\r\n0\r\n\r\n", DataEnd),
    ("data not followed by CRLF", b"5\r\nhello\n0\r\n\r\n", DataEnd),
    ("data not followed by CRLF", b"5\r\nhello\rX0\r\n\r\n", DataEnd),
    ("data not followed by CRLF", b"5\r\nhello0\r\n\r\n", DataEnd),
    ("chunk extensions have no controls", b"5;\0\r\nhello\r\n0\r\n\r\n", Extension),
    ("chunk extensions have no controls", b"5;x\x7f\r\nhello\r\n0\r\n\r\n", Extension),
    ("trailers are field lines", b"0\r\n X: y\r\n\r\n", Trailer),
    ("trailers are field lines", b"0\r\nX: y\r\n z\r\n\r\n", Trailer),
    ("trailers are field lines", b"0\r\n: y\r\n\r\n", Trailer),
    ("trailers are field lines", b"0\r\nX : y\r\n\r\n", Trailer),
    ("trailers are field lines", b"0\r\nabc\r\n\r\n", Trailer),
    ("trailers are field lines", b"0\r\nX: \0\r\n\r\n", Trailer),
    ("trailers are field lines", b"0\r\nGET / HTTP/1.1\r\n\r\n", Trailer),
];

#[test]
fn chunked_bodies_that_are_refused() {
    for (rule, bytes, error) in REFUSED {
        assert_eq!(decode_anyhow(bytes), Err(*error), "{rule}: {}", bytes.escape_ascii());
    }
}

#[test]
fn payload_is_found_and_what_follows_the_body_is_left() {
    let cases: &[(&[u8], &[u8], Option<usize>)] = &[
        (b"0\r\n\r\n", b"", Some(0)),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello", Some(0)),
        (b"5\r\nhello\r\n1\r\n!\r\n000\r\n\r\nGET", b"hello!", Some(3)),
        (
            b"A\r\n0123456789\r\na;x=\"y z\"\r\n0123456789\r\n0;last\r\n\r\n",
            b"01234567890123456789",
            Some(0),
        ),
        (b"0000000000000005\r\nhello\r\n0\r\n\r\n", b"hello", Some(0)),
        (b"5\r\n\r\n0\r\n\r\n0\r\n\r\n", b"\r\n0\r\n", Some(0)),
        (b"7FFFFFFFFFFFFFFF\r\nab", b"ab", None),
    ];
    for (bytes, payload, left) in cases {
        assert_eq!(decode_anyhow(bytes), Ok((payload.to_vec(), *left)), "{}", bytes.escape_ascii());
    }
}

#[test]
fn an_end_inside_a_chunked_body_is_never_its_end() {
    let bytes = b"5;x\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for end in 0..bytes.len() {
        assert!(matches!(decode(&bytes[..end], &[]), Ok((_, None))), "{end}");
    }
}

#[test]
fn trailers_are_dropped() {
    let bytes = b"5\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: evil\r\nX:\r\n\r\nrest";
    assert_eq!(decode_anyhow(bytes), Ok((b"hello".to_vec(), Some(4))));
}

#[test]
fn chunk_extensions_and_trailers_are_bounded() {
    let extension = |len| format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(len)).into_bytes();
    assert!(decode(&extension(4095), &[]).is_ok());
    assert_eq!(decode(&extension(4096), &[]), Err(ExtensionTooLarge));
    let many = |len, times| format!("1;{}\r\n!\r\n", "x".repeat(len)).repeat(times).into_bytes();
    assert!(decode(&many(10, 10_000), &[]).is_ok());
    assert_eq!(decode(&many(100, 10_000), &[]), Err(ExtensionTooLarge));
    let signed = format!("{:x};chunk-signature={}\r\n", 65_536, "f".repeat(64));
    let signed = [signed.as_bytes(), &[b'x'; 65_536], b"\r\n"].concat().repeat(300);
    assert!(decode(&signed, &[]).is_ok(), "as S3 clients do");
    let trailers = |len: usize| format!("0\r\n{}\r\n", "X: y\r\n".repeat(len / 5)).into_bytes();
    assert!(decode(&trailers(8 << 10), &[]).is_ok());
    assert_eq!(decode(&trailers((8 << 10) + 10), &[]), Err(TrailersTooLarge));
}

#[test]
fn prefixes_carry_the_end_of_the_chunk_before() {
    let prefix = |len, first| {
        let mut out = [0; 24];
        let written = encode_chunk_prefix(len, first, &mut out);
        String::from_utf8(out[..written].to_vec()).expect("ASCII")
    };
    assert_eq!(prefix(1, true), "1\r\n");
    assert_eq!(prefix(16, false), "\r\n10\r\n");
    assert_eq!(prefix(usize::MAX, false), "\r\nffffffffffffffff\r\n");
    assert_eq!(last_chunk(true), b"0\r\n\r\n");
    assert_eq!(last_chunk(false), b"\r\n0\r\n\r\n");
}

#[test]
fn the_decoder_is_small_plain_data() {
    assert!(size_of::<ChunkedDecoder>() <= 16);
}

proptest! {
    /// Round trip: what is written in chunks is read back, however it is cut.
    #[test]
    fn what_is_written_is_read_back(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..5),
        mut cuts in prop::collection::vec(0usize..1600, 0..6),
    ) {
        let mut bytes = Vec::new();
        let mut prefix = [0; 24];
        for (index, chunk) in chunks.iter().enumerate() {
            let len = encode_chunk_prefix(chunk.len(), index == 0, &mut prefix);
            bytes.extend_from_slice(&prefix[..len]);
            bytes.extend_from_slice(chunk);
        }
        bytes.extend_from_slice(last_chunk(chunks.is_empty()));
        cuts.retain(|cut| *cut < bytes.len());
        cuts.sort_unstable();
        prop_assert_eq!(decode(&bytes, &cuts), Ok((chunks.concat(), Some(0))));
    }

    /// Any split of anything gives the same result.
    #[test]
    fn any_split_decodes_the_same(
        bytes in prop::collection::vec(
            prop::sample::select(&b"0015aF;=\"xX: \r\r\r\n\n\n\t"[..]), 0..40),
        mut cuts in prop::collection::vec(0usize..40, 0..6),
    ) {
        cuts.retain(|cut| *cut < bytes.len());
        cuts.sort_unstable();
        prop_assert_eq!(decode(&bytes, &cuts), decode(&bytes, &[]));
    }
}
