//! Answers to requests in the uwsgi protocol, one per connection.

use std::io;

use crate::answers;
use crate::peer::Speech;

/// Answers the packet at the start of `bytes`; returns its length, `None` while it is not whole.
pub(crate) fn answer(
    bytes: &[u8],
    reply: &mut Vec<u8>,
    speech: &mut Speech,
) -> io::Result<Option<usize>> {
    let Some((&[_, low, high, _], rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let size = usize::from(u16::from_le_bytes([low, high]));
    let Some(mut variables) = rest.get(..size) else { return Ok(None) };
    let (mut path, mut key) = (&b"/"[..], None);
    while !variables.is_empty() {
        let name = string(&mut variables).ok_or(io::ErrorKind::InvalidData)?;
        let value = string(&mut variables).ok_or(io::ErrorKind::InvalidData)?;
        match name {
            b"PATH_INFO" => path = value,
            b"HTTP_SEC_WEBSOCKET_KEY" => key = Some(value),
            _ => {}
        }
    }
    match key {
        Some(key) => {
            answers::switch(key, reply);
            *speech = Speech::WebSocket;
        }
        None => {
            // No word of the end, which concerns this connection alone: a client's may stay.
            answers::body(path, false, reply);
            *speech = Speech::Over;
        }
    }
    Ok(Some(4 + size))
}

/// Takes a length of two bytes, the lower first, and as many bytes.
fn string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&[low, high], rest) = bytes.split_first_chunk::<2>()?;
    let (string, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
    *bytes = rest;
    Some(string)
}
