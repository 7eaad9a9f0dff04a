//! Tests of permessage-deflate: negotiation, vectors of RFC 7692, any split both ways, bombs.
#![allow(clippy::indexing_slicing)]

use super::super::close::CloseCode;
use super::super::frame::FrameError;
use super::super::frame::Sender;
use super::*;
use proptest::prelude::*;

const PLAIN: DeflatePolicy = DeflatePolicy { takeover: false, bits: 15 };
const TAKEOVER: DeflatePolicy = DeflatePolicy { takeover: true, bits: 15 };
const NO_TAKEOVER: Window = Window { takeover: false, bits: 15 };
const KEPT: Window = Window { takeover: true, bits: 15 };

fn accepted(offer: &str, policy: DeflatePolicy) -> Option<String> {
    DeflateParams::accept([offer.as_bytes()], policy).map(|answer| answer.to_string())
}

#[test]
fn offers_are_answered() {
    let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (offer, plain, takeover) in [
        ("permessage-deflate", both, "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", both, "permessage-deflate"),
        (
            "permessage-deflate; server_no_context_takeover",
            both,
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            "Permessage-Deflate ;client_no_context_takeover",
            both,
            "permessage-deflate; client_no_context_takeover",
        ),
        (
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            "permessage-deflate; client_max_window_bits=\"10\"",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=10",
        ),
        ("permessage-deflate; client_max_window_bits=8", both, "permessage-deflate"),
        ("deflate-frame, permessage-deflate", both, "permessage-deflate"),
        (
            "permessage-deflate; server_max_window_bits=8, permessage-deflate",
            both,
            "permessage-deflate",
        ),
        ("permessage-deflate; x=1, permessage-deflate", both, "permessage-deflate"),
    ] {
        assert_eq!(accepted(offer, PLAIN).as_deref(), Some(plain), "{offer}");
        assert_eq!(accepted(offer, TAKEOVER).as_deref(), Some(takeover), "{offer}");
    }
}

#[test]
fn a_smaller_window_of_ours_is_said() {
    let small = DeflatePolicy { takeover: true, bits: 11 };
    for (offer, answer) in [
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=11"),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=11",
        ),
        (
            "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
        ),
    ] {
        assert_eq!(accepted(offer, small).as_deref(), Some(answer));
    }
}

#[test]
fn bad_offers_are_declined() {
    for params in [
        "server_max_window_bits=8",
        "server_max_window_bits",
        "server_max_window_bits=",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=010",
        "server_max_window_bits=+10",
        "server_max_window_bits=\"10",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=0",
        "client_max_window_bits; client_max_window_bits=10",
        "server_no_context_takeover=1",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "client_no_context_takeover=\"\"",
        "window_bits=10",
        "",
    ] {
        assert_eq!(accepted(&format!("permessage-deflate; {params}"), PLAIN), None, "{params}");
    }
    assert_eq!(accepted("x-webkit-deflate-frame, deflate-stream", PLAIN), None);
}

#[test]
fn answers_keep_to_the_offer() {
    let offer = DeflateParams::offer(PLAIN);
    assert_eq!(
        offer.to_string(),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         client_max_window_bits"
    );
    let check = |offer: DeflateParams, answer: &str| offer.check([answer.as_bytes()]);
    assert_eq!(check(offer, ""), Ok(None));
    assert_eq!(check(offer, "permessage-deflate"), Err(ParamsError::NotOffered));
    let kept = check(offer, "permessage-deflate; server_no_context_takeover").unwrap().unwrap();
    assert_eq!(kept.direction(Sender::Server), NO_TAKEOVER);
    assert_eq!(kept.direction(Sender::Client), KEPT);

    let small = DeflateParams::offer(DeflatePolicy { takeover: true, bits: 10 });
    assert_eq!(
        small.to_string(),
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10"
    );
    for (answer, result) in [
        ("permessage-deflate", ParamsError::NotOffered),
        ("permessage-deflate; server_max_window_bits=11", ParamsError::NotOffered),
        ("permessage-deflate; server_max_window_bits=9; x", ParamsError::Unknown),
        (
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits",
            ParamsError::Value,
        ),
        (
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8",
            ParamsError::NotOffered,
        ),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", ParamsError::Repeated),
    ] {
        assert_eq!(check(small, answer), Err(result), "{answer}");
    }
    let answer = "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10";
    let kept = check(small, answer).unwrap().unwrap();
    assert_eq!(kept.direction(Sender::Server), Window { takeover: true, bits: 9 });
    assert_eq!(kept.direction(Sender::Client), Window { takeover: true, bits: 10 });
}

/// Inflates a message given in pieces, into rooms of so many bytes.
fn inflated(
    inflater: &mut Inflater,
    engines: &mut Engines,
    pieces: &[&[u8]],
    room: usize,
    limit: u64,
) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        let mut rest = *piece;
        loop {
            let mut here = vec![0; room];
            let last = i + 1 == pieces.len();
            let step = inflater.inflate(rest, last, limit, engines, &mut here)?;
            out.extend_from_slice(&here[..step.written]);
            rest = &rest[step.read..];
            if step.done {
                assert!(rest.is_empty());
                break;
            }
            assert!(step.written == room, "it stops for want of room only");
        }
    }
    Ok(out)
}

fn inflate_one(message: &[u8], limit: u64) -> Result<Vec<u8>, InflateError> {
    inflated(&mut Inflater::new(NO_TAKEOVER), &mut Engines::new(), &[message], 64, limit)
}

fn deflate_one(deflater: &mut Deflater, engines: &mut Engines, message: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    deflater.deflate(message, true, engines, &mut out);
    out.split_off(6)
}

#[test]
fn examples_of_rfc_7692_section_7_2_3() {
    for message in [
        &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..],
        b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
        b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
        b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
    ] {
        assert_eq!(inflate_one(message, 5).as_deref(), Ok(&b"Hello"[..]), "{message:02x?}");
    }
    let (mut inflater, mut engines) = (Inflater::new(KEPT), Engines::new());
    for message in [&b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..], b"\xf2\x00\x11\x00\x00"] {
        let text = inflated(&mut inflater, &mut engines, &[message], 64, 5);
        assert_eq!(text.as_deref(), Ok(&b"Hello"[..]));
    }
    assert_eq!(inflate_one(b"\x00", 0).as_deref(), Ok(&b""[..]));
}

#[test]
fn hello_is_deflated_as_in_the_rfc() {
    let mut engines = Engines::new();
    let mut deflater = Deflater::new(KEPT);
    let hello = deflate_one(&mut deflater, &mut engines, b"Hello");
    assert_eq!(hello, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    let again = deflate_one(&mut deflater, &mut engines, b"Hello");
    assert_eq!(again, b"\xf2\x00\x11\x00\x00");
    let mut deflater = Deflater::new(NO_TAKEOVER);
    for _ in 0..2 {
        assert_eq!(deflate_one(&mut deflater, &mut engines, b"Hello"), hello);
        assert_eq!(deflate_one(&mut deflater, &mut engines, b""), b"\x00");
    }
}

#[test]
fn without_takeover_a_connection_keeps_nothing() {
    let mut engines = Engines::new();
    let mut deflaters: Vec<_> = (0..20).map(|_| Deflater::new(NO_TAKEOVER)).collect();
    let mut inflaters: Vec<_> = (0..20).map(|_| Inflater::new(NO_TAKEOVER)).collect();
    for (deflater, inflater) in deflaters.iter_mut().zip(&mut inflaters) {
        let message = deflate_one(deflater, &mut engines, b"once only");
        inflated(inflater, &mut engines, &[&message], 64, 100).unwrap();
    }
    assert_eq!(engines.idle(), (1, 1), "one after the other they shared one");
    let mut out = Vec::new();
    for (deflater, inflater) in deflaters.iter_mut().zip(&mut inflaters) {
        deflater.deflate(b"begun", false, &mut engines, &mut out);
        inflater.inflate(b"\xf2", false, 100, &mut engines, &mut [0; 9]).unwrap();
    }
    assert_eq!(engines.idle(), (0, 0));
    for (deflater, inflater) in deflaters.iter_mut().zip(&mut inflaters) {
        deflater.deflate(b"", true, &mut engines, &mut out);
        inflated(inflater, &mut engines, &[b"\x48\xcd\xc9\xc9\x07\x00"], 64, 100).unwrap();
    }
    assert_eq!(engines.idle(), (8, 8), "no more are kept than are worth it");
    engines.clear();
    assert_eq!(engines.idle(), (0, 0));
}

#[test]
fn bombs_end_at_the_limit() {
    let mut engines = Engines::new();
    let zeros = vec![0; 10 << 20];
    let bomb = deflate_one(&mut Deflater::new(NO_TAKEOVER), &mut engines, &zeros);
    assert!(bomb.len() < 100_000);
    assert_eq!(inflate_one(&bomb, 1000), Err(InflateError::TooLarge));
    assert_eq!(FrameError::from(InflateError::TooLarge).close_code(), CloseCode::TOO_LARGE);
    let exact = deflate_one(&mut Deflater::new(NO_TAKEOVER), &mut engines, &zeros[..1000]);
    assert_eq!(inflate_one(&exact, 1000).map(|all| all.len()), Ok(1000));
    assert_eq!(inflate_one(&exact, 999), Err(InflateError::TooLarge));
    let mut room = [7; 4000];
    let mut inflater = Inflater::new(NO_TAKEOVER);
    let result = inflater.inflate(&bomb, true, 1000, &mut engines, &mut room);
    assert_eq!(result, Err(InflateError::TooLarge));
    assert_eq!(room[1001..], [7; 2999], "nothing was inflated beyond");
}

#[test]
fn between_the_fragments_of_a_message_no_compressor_is_kept() {
    for end in [&b""[..], b"and the end"] {
        let (mut engines, mut wire) = (Engines::new(), Vec::new());
        let mut deflater = Deflater::new(NO_TAKEOVER);
        for _ in 0..3 {
            deflater.deflate(b"over and over, ", false, &mut engines, &mut wire);
            deflater.pause(&mut engines, &mut wire);
            assert_eq!(engines.idle().0, 1);
        }
        deflater.deflate(end, true, &mut engines, &mut wire);
        let whole = [&b"over and over, ".repeat(3)[..], end].concat();
        assert_eq!(inflate_one(&wire, 100), Ok(whole));
        assert!(deflater.written_down().is_some(), "nothing is open");
    }
}

#[test]
fn an_open_message_holds_a_window() {
    let mut engines = Engines::new();
    let mut inflater = Inflater::new(NO_TAKEOVER);
    assert_eq!(inflater.held(), 0);
    let step = inflater.inflate(b"\xf2\x48", false, 100, &mut engines, &mut [0; 100]);
    assert!(step.is_ok() && inflater.held() > 32 << 10);
    inflater.forget();
    assert_eq!(inflater.held(), 0);
}

#[test]
fn what_is_no_deflate_stream_is_refused() {
    for message in [&b"\x07"[..], b"\xff\xff\xff", b"\x00\x05\x00\x00\x00", b"\xf2\x00\x11\x00\x00"]
    {
        assert_eq!(inflate_one(message, 100), Err(InflateError::Corrupt), "{message:02x?}");
    }
    assert_eq!(FrameError::from(InflateError::Corrupt).close_code(), CloseCode::BAD_DATA);
}

fn split<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_split_comes_back_the_same(
        messages in proptest::collection::vec(
            prop_oneof!["[ab]{0,200}".prop_map(String::into_bytes), any::<Vec<u8>>()], 1..5),
        in_cuts in proptest::collection::vec(any::<usize>(), 0..5),
        out_cuts in proptest::collection::vec(any::<usize>(), 0..5),
        room in 1usize..100,
        takeover: bool,
        bits in 9u8..=15,
    ) {
        let window = Window { takeover, bits };
        let mut engines = Engines::new();
        let (mut deflater, mut inflater) = (Deflater::new(window), Inflater::new(window));
        for message in messages {
            let mut wire = Vec::new();
            let pieces = split(&message, &in_cuts);
            for (i, piece) in pieces.iter().enumerate() {
                deflater.deflate(piece, i + 1 == pieces.len(), &mut engines, &mut wire);
            }
            prop_assert!(!wire.is_empty());
            let limit = message.len() as u64;
            let back = inflated(&mut inflater, &mut engines, &split(&wire, &out_cuts), room, limit);
            prop_assert_eq!(back.as_ref(), Ok(&message));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn large_messages_come_back_the_same(seed: u64, len in 0usize..300_000, bits in 9u8..=15) {
        let window = Window { takeover: true, bits };
        let mut engines = Engines::new();
        let mut state = seed | 1;
        let message: Vec<u8> = (0..len).map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 60) as u8
        }).collect();
        let wire = deflate_one(&mut Deflater::new(window), &mut engines, &message);
        let back = inflated(&mut Inflater::new(window), &mut engines, &[&wire], 16384, len as u64);
        prop_assert_eq!(back.as_ref(), Ok(&message));
    }

}

proptest! {
    #[test]
    fn garbage_is_bounded(bytes: Vec<u8>, cuts in proptest::collection::vec(any::<usize>(), 0..4)) {
        let whole = inflate_one(&bytes, 500);
        prop_assert!(whole.as_ref().is_ok_and(|all| all.len() <= 500) || whole.is_err());
        let pieces = split(&bytes, &cuts);
        let split = inflated(&mut Inflater::new(NO_TAKEOVER), &mut Engines::new(), &pieces, 7, 500);
        prop_assert_eq!(split, whole);
    }
}

#[test]
fn an_open_inflater_counts_for_what_it_takes_however_small_its_window() {
    let mut engines = Engines::new();
    for bits in [9, 15] {
        let mut inflater = Inflater::new(Window { takeover: false, bits });
        assert_eq!(inflater.held(), 0);
        inflater.inflate(b"\x00", false, 100, &mut engines, &mut [0; 100]).unwrap();
        assert!(inflater.held() > 1 << 15, "{bits}");
    }
}
