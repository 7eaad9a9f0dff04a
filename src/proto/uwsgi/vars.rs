//! The packet's wire form: a header, and variables one after the other.

/// The most bytes of variables one packet can carry.
pub const PACKET_MAX: usize = 0xffff;
/// Modifiers and size, before the variables.
const HEADER: usize = 4;

/// Why a request cannot be told to a uwsgi worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The variables take more than the 65,535 bytes a packet can carry.
    #[error("the request's variables take more than 65,535 bytes")]
    TooLarge,
}

/// Writes one packet behind whatever is in a buffer already.
pub(super) struct Vars<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    value: usize,
}

impl<'o> Vars<'o> {
    /// Opens a packet.
    pub(super) fn begin(out: &'o mut Vec<u8>, modifier1: u8, modifier2: u8) -> Self {
        let start = out.len();
        out.extend_from_slice(&[modifier1, 0, 0, modifier2]);
        Self { out, start, value: 0 }
    }

    /// Writes a whole variable. The key must not be empty: workers refuse that.
    // Most keys are known to the compiler, which then needs no loop to copy them: half the instructions.
    #[inline(always)]
    pub(super) fn push(&mut self, key: &str, value: &[u8]) {
        debug_assert!(!key.is_empty());
        self.length(key.len());
        self.piece(key.as_bytes());
        self.length(value.len());
        self.piece(value);
    }

    /// Begins the variable of a header, `HTTP_` and its name; the value follows in pieces.
    pub(super) fn open_header(&mut self, name: &str) {
        const PREFIX: &[u8] = b"HTTP_";
        self.length(PREFIX.len() + name.len());
        self.piece(PREFIX);
        self.out.extend(name.bytes().map(|byte| match byte {
            b'-' => b'_',
            byte => byte.to_ascii_uppercase(),
        }));
        self.open_value();
    }

    /// Begins a variable; the value follows in pieces.
    #[inline(always)]
    pub(super) fn open(&mut self, key: &str) {
        self.length(key.len());
        self.piece(key.as_bytes());
        self.open_value();
    }

    /// A piece of the value that is open.
    pub(super) fn piece(&mut self, piece: &[u8]) {
        self.out.extend_from_slice(piece);
    }

    /// Ends the value that is open.
    pub(super) fn close(&mut self) {
        let length = self.out.len() - self.value - 2;
        self.patch(self.value, length);
    }

    /// Ends the packet; one that is too large is taken back from the buffer.
    pub(super) fn finish(mut self) -> Result<(), PacketError> {
        let size = self.out.len() - self.start - HEADER;
        if size > PACKET_MAX {
            self.out.truncate(self.start);
            return Err(PacketError::TooLarge);
        }
        self.patch(self.start + 1, size);
        Ok(())
    }

    fn open_value(&mut self) {
        self.value = self.out.len();
        self.length(0);
    }

    // Lengths are cut to 16 bits: what does not fit makes the packet too large, and `finish` says so.
    fn length(&mut self, length: usize) {
        self.piece(&(length as u16).to_le_bytes());
    }

    fn patch(&mut self, at: usize, length: usize) {
        if let Some(place) = self.out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = (length as u16).to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_framed_as_workers_read_it() {
        let mut out = b"before".to_vec();
        let mut vars = Vars::begin(&mut out, 5, 9);
        vars.push("A", b"");
        vars.open_header("x-y");
        vars.piece(b"1");
        vars.piece(b"23");
        vars.close();
        vars.finish().unwrap();
        assert_eq!(out, b"before\x05\x14\0\x09\x01\0A\0\0\x08\0HTTP_X_Y\x03\x00123".as_slice());
    }

    #[test]
    fn a_packet_holds_65535_bytes_and_not_one_more() {
        for (value, fits) in [(PACKET_MAX - 5, true), (PACKET_MAX - 4, false), (70_000, false)] {
            let mut out = vec![7; 3];
            let mut vars = Vars::begin(&mut out, 0, 0);
            vars.push("K", &vec![b'v'; value]);
            assert_eq!(vars.finish().is_ok(), fits);
            assert_eq!(out.len(), if fits { 3 + HEADER + PACKET_MAX } else { 3 });
        }
    }
}
