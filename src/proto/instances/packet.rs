//! A packet: what an instance says on a bus where all hear it, and nobody answers. It is a frame behind who says it.

use super::frame::{BadFrame, Frame, Frames};

/// What each begins with: what this is, and its version.
const GREETING: &[u8; 4] = b"tgb2";

/// What came from the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Who says it.
    pub instance: [u8; 16],
    /// The number of what it said before on the same topic; 0: nothing, or it does not know any more.
    pub before: u64,
    /// The id it gave to what was published; 0: this is something else.
    pub id: u64,
    /// What it says.
    pub frame: Frame,
}

/// Begins a packet. One frame is to be put behind it.
pub fn begin_packet(instance: &[u8; 16], before: u64, id: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(GREETING);
    out.extend_from_slice(instance);
    out.extend_from_slice(&before.to_be_bytes());
    out.extend_from_slice(&id.to_be_bytes());
}

/// Reads a packet.
///
/// # Errors
/// When it is none.
pub fn read_packet(bytes: &[u8]) -> Result<Packet, BadFrame> {
    let rest = bytes.strip_prefix(GREETING).ok_or(BadFrame::Unknown)?;
    let (instance, rest) = rest.split_first_chunk().ok_or(BadFrame::Malformed)?;
    let (before, rest) = rest.split_first_chunk().ok_or(BadFrame::Malformed)?;
    let (id, rest) = rest.split_first_chunk().ok_or(BadFrame::Malformed)?;
    let mut frames = Frames::default();
    frames.feed(rest);
    let frame = frames.take()?.ok_or(BadFrame::Malformed)?;
    if !frames.is_empty() {
        return Err(BadFrame::Malformed);
    }
    let (before, id) = (u64::from_be_bytes(*before), u64::from_be_bytes(*id));
    Ok(Packet { instance: *instance, before, id, frame })
}

#[cfg(test)]
mod tests {
    use super::super::frame::put_frame;
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let frame = Frame::Missed { number: 7, names: Some(vec!["a".into()]) };
        let mut bytes = Vec::new();
        begin_packet(&[3; 16], 6, 9, &mut bytes);
        put_frame(&frame, &mut bytes);
        let packet = Packet { instance: [3; 16], before: 6, id: 9, frame };
        assert_eq!(read_packet(&bytes), Ok(packet));
        for end in 0..bytes.len() {
            let (cut, _) = bytes.split_at(end);
            assert!(read_packet(cut).is_err(), "cut at {end}");
        }
        bytes.push(0);
        assert_eq!(read_packet(&bytes), Err(BadFrame::Malformed), "one byte more");
        assert_eq!(read_packet(b"hello"), Err(BadFrame::Unknown));
    }
}
