//! The echo: every frame of a client goes back whole, unmasked.

use std::io;

use tidegate::proto::ws::{self, FrameHead, HEAD_MAX, Opcode, Rules, Sender};

use crate::peer::Speech;

const RULES: Rules = Rules::new(Sender::Client, 64 << 20);

/// Answers the frame at the start of `bytes`; returns its length, `None` while it is not whole.
pub(crate) fn answer(
    bytes: &[u8],
    reply: &mut Vec<u8>,
    speech: &mut Speech,
) -> io::Result<Option<usize>> {
    let parsed = FrameHead::parse(bytes, &RULES).map_err(io::Error::other)?;
    let Some((head, start)) = parsed else { return Ok(None) };
    let end = start + head.payload as usize;
    let Some(payload) = bytes.get(start..end) else { return Ok(None) };
    let opcode = match head.opcode {
        Opcode::Ping => Opcode::Pong,
        Opcode::Pong => return Ok(Some(end)),
        Opcode::Close => {
            *speech = Speech::Over;
            Opcode::Close
        }
        data => data,
    };
    let mut out = [0; HEAD_MAX];
    let len = FrameHead { opcode, mask: None, ..head }.encode(&mut out);
    reply.extend_from_slice(&out[..len]);
    let at = reply.len();
    reply.extend_from_slice(payload);
    ws::mask(&mut reply[at..], head.mask.unwrap_or_default(), 0);
    Ok(Some(end))
}
