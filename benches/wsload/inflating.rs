//! Buffers all connections use in turn, and the check of echoes that come deflated.

use tidegate::proto::ws::{DeflateParams, Engines, Inflater, Sender};

use crate::connection::Fault;

/// Room for one read, and what inflates.
pub(crate) struct Room {
    pub(crate) bytes: Vec<u8>,
    /// The same before TLS is opened: less, for the start of its first record may have come before.
    pub(crate) wire: Vec<u8>,
    pub(crate) inflating: Inflating,
}

/// The decompressors that connections share, and room for one message.
pub(crate) struct Inflating {
    engines: Engines,
    text: Vec<u8>,
}

impl Room {
    /// Room for messages of so many bytes.
    pub(crate) fn new(size: usize) -> Room {
        let inflating = Inflating { engines: Engines::new(), text: vec![0; size + 1] };
        Room { bytes: vec![0; 256 * 1024], wire: vec![0; 224 * 1024], inflating }
    }
}

/// The deflated message that comes in on one connection.
pub(crate) struct Deflated {
    inflater: Inflater,
    /// What has come of it.
    packed: Vec<u8>,
}

impl Deflated {
    /// For what a server sends under `agreed`.
    pub(crate) fn new(agreed: DeflateParams) -> Deflated {
        let inflater = Inflater::new(agreed.direction(Sender::Server));
        Deflated { inflater, packed: Vec::new() }
    }

    /// Takes a piece; an idle connection keeps none of it.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.packed.extend_from_slice(piece);
    }

    /// The message that is whole now.
    pub(crate) fn whole<'i>(&mut self, with: &'i mut Inflating) -> Result<&'i [u8], Fault> {
        let packed = std::mem::take(&mut self.packed);
        let Inflating { engines, text } = with;
        let limit = text.len() as u64 - 1;
        let done = self.inflater.inflate(&packed, true, limit, engines, text);
        match done {
            Ok(step) if step.done => Ok(&text[..step.written]),
            _ => Err(Fault::Inflate),
        }
    }
}
