//! The opening handshake from the client's side.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidegate::proto::ws::DeflateParams;

use crate::connection::Fault;
use crate::stream::Stream;

/// The longest answer that is read before giving up.
const ANSWER_MAX: usize = 16 * 1024;

/// A handshake under way: the request on its way out, the answer on its way in.
pub(crate) struct Handshake {
    request: Vec<u8>,
    accept: [u8; 28],
    offer: Option<DeflateParams>,
    answer: Vec<u8>,
}

impl Handshake {
    /// The request for `path` at `host`, with a key made of `seed`; `offer` must be agreed.
    pub(crate) fn new(
        host: &str,
        path: &str,
        offer: Option<DeflateParams>,
        seed: u128,
    ) -> Handshake {
        let key = STANDARD.encode(seed.to_be_bytes());
        let deflate =
            offer.map(|offer| format!("Sec-WebSocket-Extensions: {offer}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{deflate}\r\n"
        );
        Handshake {
            request: request.into_bytes(),
            accept: tidegate::proto::ws::accept_key(key.as_bytes()),
            offer,
            answer: Vec::new(),
        }
    }

    /// Writes what is left of the request.
    pub(crate) fn flush(&mut self, stream: &mut Stream) -> io::Result<()> {
        while !self.request.is_empty() {
            let Some(n) = stream.write(&self.request)? else { break };
            self.request.drain(..n);
        }
        Ok(())
    }

    /// Takes answer bytes; once the head is whole and right, returns how many of `bytes` it used and
    /// what of permessage-deflate was agreed.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
    ) -> Result<Option<(usize, Option<DeflateParams>)>, Fault> {
        let had = self.answer.len();
        self.answer.extend_from_slice(bytes);
        let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            if self.answer.len() > ANSWER_MAX {
                return Err(Fault::Handshake("an endless head".to_owned()));
            }
            return Ok(None);
        };
        let deflate = self.check(&self.answer[..end + 4])?;
        Ok(Some((end + 4 - had, deflate)))
    }

    fn check(&self, head: &[u8]) -> Result<Option<DeflateParams>, Fault> {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(head);
        let first_line =
            || String::from_utf8_lossy(head).lines().next().unwrap_or_default().to_owned();
        if parsed.is_err() || response.code != Some(101) {
            return Err(Fault::Handshake(first_line()));
        }
        let accept = response
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case("sec-websocket-accept"));
        if accept.is_none_or(|field| field.value != self.accept) {
            return Err(Fault::Handshake("a wrong accept key".to_owned()));
        }
        let Some(offer) = self.offer else { return Ok(None) };
        let agreed = response
            .headers
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case("sec-websocket-extensions"));
        match offer.check(agreed.map(|field| field.value)) {
            Ok(Some(agreed)) => Ok(Some(agreed)),
            Ok(None) => Err(Fault::Handshake("no permessage-deflate".to_owned())),
            Err(error) => Err(Fault::Handshake(error.to_string())),
        }
    }
}
