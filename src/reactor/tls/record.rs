//! The record header, and what RFC 8446 and RFC 5246 allow a record to be.

use super::Fault;

/// Bytes of a record's header.
pub(super) const HEADER: usize = 5;
/// The most bytes of content in a record.
pub(super) const CONTENT_MAX: usize = 1 << 14;
/// The most bytes a protected record's fragment may have (RFC 5246 section 6.2.3; RFC 8446 has less, which
/// the length of what it opens to bounds).
const FRAGMENT_MAX: usize = CONTENT_MAX + 2048;
/// Longest record on the wire.
pub(super) const RECORD_MAX: usize = HEADER + FRAGMENT_MAX;

/// What a record carries (RFC 8446 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Content {
    /// Closing, or an error.
    Alert = 21,
    /// A handshake message.
    Handshake = 22,
    /// Bytes of the application.
    Data = 23,
}

impl Content {
    /// Content that may follow a handshake. A change of cipher does not.
    pub(super) fn of(byte: u8) -> Result<Content, Fault> {
        match byte {
            21 => Ok(Content::Alert),
            22 => Ok(Content::Handshake),
            23 => Ok(Content::Data),
            _ => Err(Fault::UnexpectedMessage),
        }
    }
}

/// The header of a record and its fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header(pub(super) [u8; HEADER]);

impl Header {
    /// The header `bytes` begin with; `None` when they are too few to tell.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let header = Header(*header);
        if header.0[1] != 3 {
            return Err(Fault::BadVersion);
        }
        if header.fragment() > FRAGMENT_MAX {
            return Err(Fault::RecordOverflow);
        }
        Ok(Some(header))
    }

    /// The header of a record with so long a fragment.
    pub(super) fn new(content: u8, fragment: usize) -> Header {
        let [high, low] = (fragment as u16).to_be_bytes();
        Header([content, 3, 3, high, low])
    }

    /// What it says it carries.
    pub(super) fn content(self) -> u8 {
        self.0[0]
    }

    /// Bytes that follow the header.
    pub(super) fn fragment(self) -> usize {
        usize::from(u16::from_be_bytes([self.0[3], self.0[4]]))
    }

    /// Bytes of the whole record.
    pub(super) fn record(self) -> usize {
        HEADER + self.fragment()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_how_long_its_record_is() {
        let header = Header::new(23, 0x1234);
        assert_eq!(header.0, [23, 3, 3, 0x12, 0x34]);
        for len in 0..HEADER {
            assert!(Header::parse(&header.0[..len]).unwrap().is_none());
        }
        let header = Header::parse(&header.0).unwrap().unwrap();
        assert_eq!((header.content(), header.fragment(), header.record()), (23, 0x1234, 0x1239));
    }

    #[test]
    fn a_header_that_cannot_be_is_refused() {
        let long = Header::new(23, FRAGMENT_MAX + 1);
        assert_eq!(Header::parse(&long.0).unwrap_err(), Fault::RecordOverflow);
        assert_eq!(Header::parse(b"GET / ").unwrap_err(), Fault::BadVersion);
    }
}
