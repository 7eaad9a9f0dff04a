//! The compressors and decompressors of a worker, lent to the connection whose message is at hand.

use flate2::{Compress, Compression, Decompress};

use super::params::Window;

/// Idle ones kept of each kind; a compressor holds up to 300 KB, a decompressor up to 50 KB.
const SPARE: usize = 8;
/// zlib's level: most of what is to be gained, at a fraction of the time of the higher ones.
const LEVEL: u32 = 3;

/// Idle compressors and decompressors, each with the bits of its window.
#[derive(Debug, Default)]
pub struct Engines {
    deflaters: Vec<(u8, Compress)>,
    inflaters: Vec<(u8, Decompress)>,
}

impl Engines {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many compressors and decompressors lie idle.
    pub fn idle(&self) -> (usize, usize) {
        (self.deflaters.len(), self.inflaters.len())
    }

    /// Lets go of what lies idle.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn deflater(&mut self, window: Window) -> Compress {
        take(&mut self.deflaters, window.bits).unwrap_or_else(|| {
            Compress::new_with_window_bits(Compression::new(LEVEL), false, window.bits)
        })
    }

    pub(super) fn inflater(&mut self, window: Window) -> Decompress {
        take(&mut self.inflaters, window.bits)
            .unwrap_or_else(|| Decompress::new_with_window_bits(false, window.bits))
    }

    pub(super) fn keep_deflater(&mut self, window: Window, mut engine: Compress) {
        if self.deflaters.len() < SPARE {
            engine.reset();
            self.deflaters.push((window.bits, engine));
        }
    }

    pub(super) fn keep_inflater(&mut self, window: Window, mut engine: Decompress) {
        if self.inflaters.len() < SPARE {
            engine.reset(false);
            self.inflaters.push((window.bits, engine));
        }
    }
}

/// Takes one whose window has so many bits.
fn take<T>(idle: &mut Vec<(u8, T)>, bits: u8) -> Option<T> {
    let at = idle.iter().rposition(|(have, _)| *have == bits)?;
    Some(idle.swap_remove(at).1)
}
