//! Frames: what is written is read, however it is cut; anything else is refused.

use super::*;
use crate::base::Rng;

fn all() -> Vec<Frame> {
    let name = |text: &str| -> Arc<str> { text.into() };
    let said = |number, kind, age, payload: &[u8]| Frame::Said {
        number,
        kind,
        messages: 7,
        age,
        name: name("room-7"),
        payload: payload.into(),
    };
    vec![
        Frame::Hello { instance: *b"0123456789abcdef", published: u64::MAX },
        Frame::Interest { all: true, on: true, names: vec![name("a"), name(&"x".repeat(128))] },
        Frame::Interest { all: false, on: false, names: Vec::new() },
        said(1, Kind::Text, None, "hällo".as_bytes()),
        said(2, Kind::Binary, Some(0), b"\xff\0"),
        said(3, Kind::Text, Some(60_000), b""),
        Frame::Missed { number: 4, names: None },
        Frame::Missed { number: 5, names: Some(vec![name("a"), name("b")]) },
        Frame::Begin { number: 3 },
        Frame::Got { number: 1 << 40 },
        Frame::Ping,
        Frame::Bye,
    ]
}

fn read(pieces: &[&[u8]]) -> Result<Vec<Frame>, BadFrame> {
    let mut frames = Frames::default();
    let mut found = Vec::new();
    for piece in pieces {
        frames.feed(piece);
        while let Some(frame) = frames.take()? {
            found.push(frame);
        }
    }
    Ok(found)
}

#[test]
fn what_is_written_is_read_however_it_is_cut() {
    let mut bytes = Vec::new();
    all().iter().for_each(|frame| put_frame(frame, &mut bytes));
    assert_eq!(read(&[&bytes]), Ok(all()));
    for at in 0..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(read(&[first, second]), Ok(all()), "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(&single), Ok(all()));
}

#[test]
fn what_is_no_frame_is_refused() {
    for (bytes, fault) in [
        (&b"\xff\xff\xff\xff"[..], BadFrame::Long),
        (b"\x04\0\0\x01", BadFrame::Long),
        (b"\0\0\0\0", BadFrame::Malformed),
        (b"\0\0\0\x01\x09", BadFrame::Unknown),
        (b"\0\0\0\x02\x06\0", BadFrame::Malformed),
        (b"\0\0\0\x02\x01\0", BadFrame::Malformed),
        (b"\0\0\0\x03\x02\x01\0", BadFrame::Malformed),
        (b"\0\0\0\x04\x02\x01\x02a", BadFrame::Malformed),
        (b"\0\0\0\x04\x02\x01\x01\xff", BadFrame::Malformed),
        (b"\0\0\0\x0a\x04\0\0\0\0\0\0\0\x01\x02", BadFrame::Malformed),
    ] {
        assert_eq!(read(&[bytes]), Err(fault), "{}", bytes.escape_ascii());
    }
    let mut bytes = Vec::new();
    put_said(1, Kind::Text, (0, None), "a", b"\xff", &mut bytes);
    assert_eq!(read(&[&bytes]), Err(BadFrame::Malformed), "text is UTF-8");
}

#[test]
fn a_length_alone_takes_no_memory() {
    let mut frames = Frames::default();
    frames.feed(&(FRAME_MAX as u32).to_be_bytes());
    assert_eq!(frames.take(), Ok(None));
    assert!(frames.held.capacity() < 100);
}

#[test]
fn garbage_never_panics_and_never_becomes_more_than_it_is() {
    let mut rng = Rng::new(7);
    for round in 0..2000 {
        let mut bytes = Vec::new();
        all().iter().for_each(|frame| put_frame(frame, &mut bytes));
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            *bytes.get_mut(at).expect("a byte") = rng.number() as u8;
        }
        bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
        if let Ok(frames) = read(&[&bytes]) {
            let mut again = Vec::new();
            frames.iter().for_each(|frame| put_frame(frame, &mut again));
            assert!(again.len() <= bytes.len(), "round {round}");
        }
    }
}
