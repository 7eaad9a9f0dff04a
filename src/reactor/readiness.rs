//! What is known about a socket between two edges.

use mio::event::Event;

/// Whether reading and writing are worth a try. Edges set it, the results of calls clear it.
///
/// Edge-triggered means: after a call that would have blocked an event will come, and before that
/// perhaps none. A read shorter than its room has emptied the socket, which saves the call that would
/// have blocked, *unless* an event has carried the peer's end or an error: a FIN that came together
/// with data sends no second event, so then one reads to the end. So it is where it has carried urgent
/// data: a read ends at their mark, whatever lies behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    /// A read may get something.
    pub readable: bool,
    /// A write may be taken.
    pub writable: bool,
    /// The worst that an event has said.
    pub end: Ending,
}

/// What events have said of a connection's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Ending {
    /// Nothing.
    #[default]
    Open,
    /// Nothing of an end, but that there are urgent data (RFC 6093), where a read ends without being at the end.
    Urgent,
    /// Read-closed or hang-up: read to the end.
    Closing,
    /// An error: the connection is broken, though there may be bytes to read before that is said.
    Broken,
}

impl Readiness {
    /// Nothing is known to be ready: a connection being dialled.
    pub const NONE: Readiness = Readiness { readable: false, writable: false, end: Ending::Open };

    /// A connection just made: it can be written, and reading is worth a try.
    pub const OPEN: Readiness = Readiness { readable: true, writable: true, ..Readiness::NONE };

    /// Takes in an edge.
    #[inline]
    pub fn event(&mut self, event: &Event) {
        let error = event.is_error();
        let read_closed = event.is_read_closed();
        let write_closed = event.is_write_closed();
        self.readable |= event.is_readable() || read_closed || error;
        self.writable |= event.is_writable() || write_closed || error;
        if error {
            self.end = Ending::Broken;
        } else if read_closed || write_closed {
            self.end = self.end.max(Ending::Closing);
        } else if event.is_priority() {
            self.end = self.end.max(Ending::Urgent);
        }
    }

    /// Whether an event has carried read-closed, hang-up or error.
    #[inline]
    pub fn is_closing(&self) -> bool {
        self.end >= Ending::Closing
    }

    /// Takes in that a read with room for `wanted` bytes got `got`; 0 of some is the end.
    #[inline]
    pub fn read_result(&mut self, wanted: usize, got: usize) {
        let ended = got == 0 && wanted != 0;
        if ended || (got < wanted && self.end == Ending::Open) {
            self.readable = false;
        }
    }

    /// Takes in that a read would have blocked, or failed.
    #[inline]
    pub fn read_blocked(&mut self) {
        self.readable = false;
    }

    /// Takes in that of `offered` bytes `taken` were written: less is a full socket.
    #[inline]
    pub fn write_result(&mut self, offered: usize, taken: usize) {
        if taken < offered {
            self.writable = false;
        }
    }

    /// Takes in that a write would have blocked, or failed.
    #[inline]
    pub fn write_blocked(&mut self) {
        self.writable = false;
    }
}

#[cfg(test)]
#[path = "readiness_tests.rs"]
mod tests;
