//! Tests of frame headers: vectors, every refusal, and properties.
#![allow(clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

const CLIENT: Rules = Rules::new(Sender::Client, u64::MAX);
const SERVER: Rules = Rules::new(Sender::Server, u64::MAX);

fn encoded(head: &FrameHead) -> Vec<u8> {
    let mut out = [0; HEAD_MAX];
    let len = head.encode(&mut out);
    out[..len].to_vec()
}

fn refused(bytes: &[u8], rules: &Rules, error: FrameError) {
    assert_eq!(FrameHead::parse(bytes, rules), Err(error), "{bytes:02x?}");
}

#[test]
fn examples_of_rfc_6455_section_5_7() {
    let cases: [(&[u8], &Rules, FrameHead); 7] = [
        (b"\x81\x05", &SERVER, FrameHead::new(Opcode::Text, 5)),
        (
            b"\x81\x85\x37\xfa\x21\x3d",
            &CLIENT,
            FrameHead::new(Opcode::Text, 5).masked([0x37, 0xfa, 0x21, 0x3d]),
        ),
        (b"\x01\x03", &SERVER, FrameHead { fin: false, ..FrameHead::new(Opcode::Text, 3) }),
        (b"\x80\x02", &SERVER, FrameHead::new(Opcode::Continuation, 2)),
        (b"\x89\x05", &SERVER, FrameHead::new(Opcode::Ping, 5)),
        (b"\x82\x7e\x01\x00", &SERVER, FrameHead::new(Opcode::Binary, 256)),
        (
            b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
            &SERVER,
            FrameHead::new(Opcode::Binary, 65536),
        ),
    ];
    for (bytes, rules, head) in cases {
        assert_eq!(FrameHead::parse(bytes, rules), Ok(Some((head, bytes.len()))));
        assert_eq!(encoded(&head), bytes);
    }
}

#[test]
fn client_frames_are_masked_and_server_frames_are_not() {
    refused(b"\x81\x05", &CLIENT, FrameError::Unmasked);
    refused(b"\x81\x85", &SERVER, FrameError::Masked);
    assert_eq!(FrameError::Unmasked.close_code(), CloseCode::PROTOCOL);
}

#[test]
fn reserved_bits_and_opcodes_are_known() {
    for rsv in [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70] {
        refused(&[0x81 | rsv], &SERVER, FrameError::ReservedBits);
    }
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        refused(&[0x80 | opcode], &SERVER, FrameError::UnknownOpcode);
    }
}

#[test]
fn rsv1_belongs_to_the_first_frame_of_a_data_message() {
    let rules = Rules { rsv1: true, ..SERVER };
    for first in [0xc1, 0xc2, 0x41] {
        let (head, _) = FrameHead::parse(&[first, 0], &rules).unwrap().unwrap();
        assert!(head.rsv1);
        assert_eq!(encoded(&head), [first, 0]);
    }
    for first in [0xc0, 0xc8, 0xc9, 0xca, 0xe1] {
        refused(&[first, 0], &rules, FrameError::ReservedBits);
    }
}

#[test]
fn control_frames_are_short_and_whole() {
    for opcode in [0x8, 0x9, 0xa] {
        refused(&[opcode], &SERVER, FrameError::FragmentedControl);
        refused(&[0x80 | opcode, 126], &SERVER, FrameError::LongControl);
        refused(&[0x80 | opcode, 127], &SERVER, FrameError::LongControl);
        assert!(FrameHead::parse(&[0x80 | opcode, 125], &SERVER).unwrap().is_some());
    }
}

#[test]
fn lengths_are_minimal() {
    refused(b"\x82\x7e\x00\x7d", &SERVER, FrameError::LengthNotMinimal);
    refused(b"\x82\x7f\0\0\0\0\0\0\xff\xff", &SERVER, FrameError::LengthNotMinimal);
    assert!(FrameHead::parse(b"\x82\x7e\x00\x7e", &SERVER).unwrap().is_some());
    assert!(FrameHead::parse(b"\x82\x7f\0\0\0\0\0\x01\0\0", &SERVER).unwrap().is_some());
}

#[test]
fn lengths_are_below_the_limit_before_any_payload_is_waited_for() {
    refused(b"\x82\x7f\x80", &SERVER, FrameError::LengthOverflow);
    let rules = Rules { max_message: 1000, ..CLIENT };
    refused(b"\x82\xfe\x03\xe9", &rules, FrameError::TooLarge);
    refused(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", &rules, FrameError::TooLarge);
    assert_eq!(FrameHead::parse(b"\x82\xfe\x03\xe8", &rules), Ok(None));
    let tiny = Rules { max_message: 1, ..SERVER };
    assert!(FrameHead::parse(b"\x89\x7d", &tiny).unwrap().is_some(), "a ping is no message");
    assert_eq!(FrameError::TooLarge.close_code(), CloseCode::TOO_LARGE);
}

fn any_head() -> impl Strategy<Value = FrameHead> {
    let opcode = prop_oneof![
        Just(Opcode::Continuation),
        Just(Opcode::Text),
        Just(Opcode::Binary),
        Just(Opcode::Close),
        Just(Opcode::Ping),
        Just(Opcode::Pong),
    ];
    let payload = prop_oneof![0u64..300, 65_000u64..66_000, 0u64..1 << 63];
    (opcode, any::<bool>(), any::<Option<[u8; 4]>>(), payload).prop_map(
        |(opcode, fin, mask, payload)| {
            let control = opcode.is_control();
            FrameHead {
                fin: fin || control,
                rsv1: false,
                opcode,
                mask,
                payload: if control { payload % 126 } else { payload },
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_and_every_prefix_asks_for_more(head in any_head()) {
        let rules = if head.mask.is_some() { CLIENT } else { SERVER };
        let bytes = encoded(&head);
        for end in 0..bytes.len() {
            prop_assert_eq!(FrameHead::parse(&bytes[..end], &rules), Ok(None));
            let least = FrameHead::len_at_least(&bytes[..end]);
            prop_assert!(end < least && least <= bytes.len());
        }
        prop_assert_eq!(FrameHead::parse(&bytes, &rules), Ok(Some((head, bytes.len()))));
    }

    #[test]
    fn what_is_read_is_written_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        for rules in [CLIENT, SERVER] {
            if let Ok(Some((head, len))) = FrameHead::parse(&bytes, &rules) {
                prop_assert_eq!(&encoded(&head), &bytes[..len]);
            }
        }
    }

    #[test]
    fn an_early_refusal_is_never_taken_back(bytes in proptest::collection::vec(any::<u8>(), 1..20)) {
        for rules in [CLIENT, SERVER] {
            let whole = FrameHead::parse(&bytes, &rules);
            for end in 0..bytes.len() {
                match FrameHead::parse(&bytes[..end], &rules) {
                    Ok(None) => {}
                    early => prop_assert_eq!(early, whole),
                }
            }
        }
    }
}
