//! What can be wrong with what the other end says in TLS, and the alert that answers it.

use rustls::AlertDescription;

use super::hello::HelloError;

/// What was wrong with a record, after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not open with the connection's key (RFC 8446 section 5.2).
    #[error("a record does not open")]
    BadRecordMac,
    /// It is longer than a record may be (RFC 8446 section 5.1).
    #[error("a record is too long")]
    RecordOverflow,
    /// It is not a TLS record.
    #[error("what arrived is not a TLS record")]
    BadVersion,
    /// Its content may not come here: a renegotiation, a change of cipher, a message nobody knows.
    #[error("a message that may not come after the handshake")]
    UnexpectedMessage,
    /// Its content cannot be read (RFC 8446 section 6.2).
    #[error("a message that cannot be read")]
    Decode,
    /// A field of it has a value it must not have.
    #[error("a message with an illegal value")]
    IllegalParameter,
    /// Key updates, empty records or warnings without end.
    #[error("too many messages that carry nothing")]
    TooMany,
    /// The other end reports an error.
    #[error("the other end sent alert {0}")]
    Alert(u8),
    /// The key has sealed or opened as much as is safe (RFC 8446 section 5.5).
    #[error("the keys are used up")]
    Exhausted,
}

impl Fault {
    /// The alert that answers it; none to an alert.
    pub(super) fn alert(self) -> Option<u8> {
        Some(u8::from(match self {
            Fault::BadRecordMac => AlertDescription::BadRecordMac,
            Fault::RecordOverflow => AlertDescription::RecordOverflow,
            Fault::BadVersion => AlertDescription::ProtocolVersion,
            Fault::UnexpectedMessage | Fault::TooMany => AlertDescription::UnexpectedMessage,
            Fault::Decode => AlertDescription::DecodeError,
            Fault::IllegalParameter => AlertDescription::IllegalParameter,
            Fault::Exhausted => AlertDescription::InternalError,
            Fault::Alert(_) => return None,
        }))
    }
}

/// Why a TLS handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeFault {
    /// What the client sent first is not a ClientHello.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// The two cannot agree, or one of them breaks the rules.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    /// A record that came with the end of the handshake must not.
    #[error(transparent)]
    Record(#[from] Fault),
    /// More arrived than the longest flight of messages.
    #[error("a flight of messages that is too long")]
    TooLong,
    /// The other end left before both had agreed.
    #[error("the other end left")]
    Gone,
}
