//! rustls' unbuffered connections, shown what has arrived one record after the other.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, InsufficientSizeError, UnbufferedStatus};

/// A rustls connection of either side.
pub(super) trait Engine {
    type Data;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Engine for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ServerConnectionData> {
        self.process_tls_records(incoming)
    }
}

impl Engine for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ClientConnectionData> {
        self.process_tls_records(incoming)
    }
}

/// What a handshake reads from and writes to.
pub(super) struct Buffers<'a> {
    /// What has arrived, and rustls still needs.
    pub(super) incoming: &'a mut Vec<u8>,
    /// Bytes of whole records at the front of `incoming` that hold the beginning of a message. rustls has put it
    /// together over their headers, and expects them to be there still.
    pub(super) noted: &'a mut usize,
    pub(super) outgoing: &'a mut Vec<u8>,
}

impl Buffers<'_> {
    /// Goes on until rustls wants more bytes (`false`) or the connection is open (`true`). After an error the
    /// alert that reports it is in `outgoing`. rustls is shown one record after the other: what lies behind the
    /// handshake is not for it.
    pub(super) fn advance<E: Engine>(self, engine: &mut E) -> Result<bool, rustls::Error> {
        let mut fault = None;
        let (mut shown, mut whole) = record_end(self.incoming, *self.noted);
        loop {
            let records = self.incoming.get_mut(..shown).unwrap_or_default();
            let UnbufferedStatus { discard, state } = engine.process(records);
            let over = match state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(|room| data.encode(room), self.outgoing);
                    None
                }
                Ok(ConnectionState::TransmitTlsData(sent)) => {
                    sent.done();
                    None
                }
                Ok(ConnectionState::WriteTraffic(_)) => Some(Ok(true)),
                Ok(ConnectionState::BlockedHandshake) => Some(Ok(false)),
                // There is no early data, and nobody has anything to say to somebody who leaves now.
                Ok(_) => Some(Err(rustls::Error::HandshakeNotComplete)),
                Err(error) => fault.replace(error).map(Err),
            };
            self.incoming.drain(..discard);
            shown = shown.saturating_sub(discard);
            *self.noted = self.noted.saturating_sub(discard);
            match (over, &fault) {
                (None, _) => {}
                (Some(Ok(_)), Some(error)) => return Err(error.clone()),
                (Some(Ok(false)), _) if whole => {
                    *self.noted = shown;
                    if shown == self.incoming.len() {
                        return Ok(false);
                    }
                    (shown, whole) = record_end(self.incoming, shown);
                }
                (Some(result), _) => return result,
            }
        }
    }
}

/// Where the record ends that begins at `start`, or what has arrived of it, and whether it is whole.
fn record_end(bytes: &[u8], start: usize) -> (usize, bool) {
    match bytes.get(start..) {
        Some([_, _, _, high, low, rest @ ..]) => {
            let fragment = usize::from(u16::from_be_bytes([*high, *low]));
            let here = fragment.min(rest.len());
            (bytes.len() - rest.len() + here, here == fragment)
        }
        _ => (bytes.len(), false),
    }
}

/// Appends what rustls has to send.
fn encode(mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>, outgoing: &mut Vec<u8>) {
    let start = outgoing.len();
    let mut room = 0;
    loop {
        outgoing.resize(start + room, 0);
        match encode(outgoing.get_mut(start..).unwrap_or_default()) {
            Ok(n) => return outgoing.truncate(start + n),
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                room = required_size;
            }
            Err(EncodeError::AlreadyEncoded) => return outgoing.truncate(start),
        }
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
