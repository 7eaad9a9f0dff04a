//! permessage-deflate: offers, and messages inflated and deflated in any pieces.

use tidegate::proto::ws::*;

/// The longest message, so that short inputs reach it.
const MESSAGE_MAX: u64 = 4096;

/// An offer is answered with what it allows, and a client that made it takes the answer.
pub fn ws_offer(data: &[u8]) {
    for takeover in [true, false] {
        for bits in [9, 15] {
            let policy = DeflatePolicy { takeover, bits };
            let Some(answer) = DeflateParams::accept([data], policy) else { continue };
            let written = answer.to_string();
            // A client that would take anything, for what was offered is not kept.
            let anything = DeflateParams { client_bits: Some(None), ..DeflateParams::default() };
            assert_eq!(anything.check([written.as_bytes()]), Ok(Some(answer)), "{written}");
            for sender in [Sender::Client, Sender::Server] {
                let window = answer.direction(sender);
                assert!((9..=15).contains(&window.bits) && (takeover || !window.takeover));
            }
            assert!(answer.direction(Sender::Server).bits <= bits);
        }
    }
}

/// A message inflates to the same in any pieces and any room, never beyond the limit; deflated in
/// any pieces it comes back. The first byte says how the windows are.
pub fn ws_deflate(data: &[u8]) {
    let (flags, message) = data.split_first().unwrap_or((&0, &[]));
    let window = Window { takeover: flags & 1 != 0, bits: 9 + (flags >> 1) % 7 };
    let engines = &mut Engines::new();
    let whole = inflated(message, message.len(), MESSAGE_MAX as usize + 1, window, engines);
    for (step, room) in [(1, 64), (3, 1), (64, 7)] {
        assert_eq!(inflated(message, step, room, window, engines), whole, "{step} into {room}");
    }
    let (mut deflater, mut inflater) = (Deflater::new(window), Inflater::new(window));
    for step in [1, 5, 1024] {
        let mut wire = Vec::new();
        for piece in message.chunks(step) {
            deflater.deflate(piece, false, engines, &mut wire);
        }
        deflater.deflate(&[], true, engines, &mut wire);
        assert!(!wire.is_empty(), "even an empty message is a byte");
        let mut back = vec![0; message.len() + 1];
        let limit = message.len() as u64;
        let result = inflater.inflate(&wire, true, limit, engines, &mut back);
        let expected = Inflated { read: wire.len(), written: message.len(), done: true };
        assert_eq!(result, Ok(expected));
        assert_eq!(back.get(..message.len()), Some(message));
    }
}

/// Inflates a message that comes in steps, into rooms of a size.
fn inflated(
    message: &[u8],
    step: usize,
    room: usize,
    window: Window,
    engines: &mut Engines,
) -> Result<Vec<u8>, InflateError> {
    let mut inflater = Inflater::new(window);
    let mut out = Vec::new();
    let mut pieces = message.chunks(step.max(1)).peekable();
    loop {
        let mut rest = pieces.next().unwrap_or_default();
        let last = pieces.peek().is_none();
        loop {
            let mut here = vec![0; room];
            let did = inflater.inflate(rest, last, MESSAGE_MAX, engines, &mut here)?;
            out.extend(here.iter().take(did.written));
            assert!(out.len() as u64 <= MESSAGE_MAX, "bounded while it inflates");
            rest = rest.get(did.read..).unwrap_or_default();
            if did.done {
                break;
            }
            assert_eq!(did.written, room, "it stops for want of room only");
        }
        if last {
            return Ok(out);
        }
    }
}
