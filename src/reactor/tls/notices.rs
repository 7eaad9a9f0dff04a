//! What is said on an open TLS connection besides data: alerts, and handshake messages that come after the handshake.

use super::Fault;
use super::cipher::Cipher;
use super::record::{CONTENT_MAX, Content};

/// The longest handshake message taken after the handshake: a ticket.
const MESSAGE_MAX: usize = 64 << 10;
/// Bytes of a handshake message's header.
const MESSAGE_HEADER: usize = 4;

const HELLO_REQUEST: u8 = 0;
const CLIENT_HELLO: u8 = 1;
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;
const CLOSE_NOTIFY: u8 = 0;
const USER_CANCELED: u8 = 90;

/// What a handshake message that came after the handshake wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The other end goes on to its next keys; `true`: and so shall we.
    Update(bool),
    /// A ticket to resume with, for who dialled.
    Ticket(Vec<u8>),
    /// To begin anew (TLS 1.2), which is declined.
    Renegotiate,
}

/// What the other end has said besides data.
#[derive(Debug)]
pub(super) struct Notices {
    /// The beginning of a handshake message whose rest has not arrived.
    message: Vec<u8>,
    /// The other end said that nothing follows.
    closed: bool,
    /// We dialled: tickets may come.
    client: bool,
}

impl Notices {
    pub(super) fn new(client: bool) -> Notices {
        Notices { message: Vec::new(), closed: false, client }
    }

    /// Whether the other end said that nothing follows.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether no part of a message has arrived, and more may come.
    pub(super) fn is_quiet(&self) -> bool {
        self.message.is_empty() && !self.closed
    }

    /// Other records do not come before the rest of a message has (RFC 8446 section 5.1).
    pub(super) fn uninterrupted(&self) -> Result<(), Fault> {
        if self.message.is_empty() { Ok(()) } else { Err(Fault::UnexpectedMessage) }
    }

    /// Takes in an alert or handshake messages.
    pub(super) fn take_in(
        &mut self,
        content: Content,
        bytes: &[u8],
        cipher: &mut Cipher,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), Fault> {
        if content == Content::Alert {
            self.uninterrupted()?;
            return self.alert(bytes, cipher);
        }
        if bytes.is_empty() {
            return Err(Fault::UnexpectedMessage);
        }
        self.message.extend_from_slice(bytes);
        let messages = std::mem::take(&mut self.message);
        let mut rest = &messages[..];
        while let [kind, a, b, c, ..] = *rest {
            let len = u32::from_be_bytes([0, a, b, c]) as usize;
            if len > self.longest(kind, cipher)? {
                return Err(Fault::Decode);
            }
            let Some((message, behind)) = rest.split_at_checked(MESSAGE_HEADER + len) else {
                break;
            };
            let body = message.get(MESSAGE_HEADER..).unwrap_or_default();
            rest = behind;
            wishes.push(self.handshake(kind, body, rest.is_empty(), cipher)?);
        }
        self.message = rest.to_vec();
        Ok(())
    }

    /// How long a message of this kind may be, where it may come at all.
    fn longest(&self, kind: u8, cipher: &Cipher) -> Result<usize, Fault> {
        match (cipher.is_tls13(), self.client, kind) {
            (true, _, KEY_UPDATE) => Ok(1),
            (true, true, NEW_SESSION_TICKET) => Ok(MESSAGE_MAX),
            (false, true, HELLO_REQUEST) => Ok(0),
            // One that asks for renegotiation fits a record.
            (false, false, CLIENT_HELLO) => Ok(CONTENT_MAX),
            _ => Err(Fault::UnexpectedMessage),
        }
    }

    /// One whole message; `last` says that nothing follows it in its record.
    fn handshake(
        &self,
        kind: u8,
        body: &[u8],
        last: bool,
        cipher: &mut Cipher,
    ) -> Result<Wish, Fault> {
        match (kind, body) {
            // Whatever follows in the same record would be under the old keys (RFC 8446 section 5.1).
            (KEY_UPDATE, _) if !last => Err(Fault::UnexpectedMessage),
            (KEY_UPDATE, [asked @ (0 | 1)]) => {
                cipher.update()?;
                Ok(Wish::Update(*asked == 1))
            }
            (KEY_UPDATE, []) => Err(Fault::Decode),
            (KEY_UPDATE, _) => Err(Fault::IllegalParameter),
            (NEW_SESSION_TICKET, ticket) if self.client => Ok(Wish::Ticket(ticket.to_vec())),
            _ => Ok(Wish::Renegotiate),
        }
    }

    /// Takes in an alert (RFC 8446 section 6, RFC 5246 section 7.2).
    fn alert(&mut self, bytes: &[u8], cipher: &Cipher) -> Result<(), Fault> {
        let [level, description] = *bytes else { return Err(Fault::Decode) };
        match (level, description) {
            (_, CLOSE_NOTIFY) => {
                self.closed = true;
                Ok(())
            }
            (1, USER_CANCELED) => Ok(()),
            (1, _) if !cipher.is_tls13() => Ok(()),
            (1 | 2, description) => Err(Fault::Alert(description)),
            _ => Err(Fault::IllegalParameter),
        }
    }
}
