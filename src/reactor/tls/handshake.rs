//! The TLS handshake, driven by rustls over a stream that never blocks.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::{CertificateError, CommonState, HandshakeKind, ProtocolVersion};

use super::acceptor::{Acceptor, Profile};
use super::connector::Connector;
use super::engine::Buffers;
use super::fault::HandshakeFault;
use super::hello::{HelloError, parse_hello};
use super::keys::TrafficSecrets;
use super::records::{Records, Resumption};
use super::subject::{describe, has_ended};
use crate::base::{Certificate, NameRules};
use crate::buf::{Pool, Rx};
use crate::reactor::{Readiness, Stream};

/// Bytes read at once.
const READ: usize = 4096;
/// Bytes that may wait to be understood: the longest flight of handshake messages.
const INCOMING_MAX: usize = 128 << 10;

/// What both ends agreed on.
#[derive(Debug)]
pub struct Agreed {
    /// The version.
    pub version: ProtocolVersion,
    /// The suite's name, as IANA writes it.
    pub suite: &'static str,
    /// An earlier session was resumed: nobody was asked for a certificate.
    pub resumed: bool,
    /// The name the client asked for, in small letters.
    pub server_name: Option<Box<str>>,
    /// What its listener presented to a client, and the rules of that listener's names, where we accepted.
    pub profile: Option<(Arc<Profile>, Arc<NameRules>)>,
    /// The client's certificate, where it showed a good one.
    pub certificate: Option<Arc<Certificate>>,
}

/// How far a handshake is.
#[derive(Debug)]
pub enum Progress {
    /// The other end has to say something, or to read.
    Waiting,
    /// Over; what arrived behind it is in the window already.
    Open(Box<(Records, Agreed)>),
    /// Over, with nothing. What the other end is told has been written.
    Failed(HandshakeFault),
}

/// A TLS handshake under way.
pub struct Handshake {
    stage: Stage,
    incoming: Vec<u8>,
    /// How much of it rustls has taken note of, and still needs.
    noted: usize,
    outgoing: Vec<u8>,
    secrets: TrafficSecrets,
    server_name: Option<Box<str>>,
}

enum Stage {
    /// A client's first message is awaited, which says what to present.
    Hello(Arc<Acceptor>),
    Accepting(Box<UnbufferedServerConnection>, Arc<Profile>, Arc<NameRules>),
    Dialling(Box<UnbufferedClientConnection>),
    Over,
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.stage {
            Stage::Hello(_) => "Handshake: awaiting a ClientHello",
            Stage::Accepting(..) => "Handshake: accepting",
            Stage::Dialling(_) => "Handshake: dialling",
            Stage::Over => "Handshake: over",
        })
    }
}

impl Handshake {
    /// With a client that was just accepted.
    pub fn accept(acceptor: Arc<Acceptor>) -> Handshake {
        Handshake::new(Stage::Hello(acceptor))
    }

    /// With a server that was just dialled, and is to have `prelude` before anything else.
    ///
    /// # Errors
    /// When its name or configuration cannot be used.
    pub fn dial(connector: &Connector, prelude: Vec<u8>) -> Result<Handshake, HandshakeFault> {
        let (config, name) = (connector.config(), connector.name.clone());
        let connection = UnbufferedClientConnection::new(config, name)?;
        let stage = Stage::Dialling(Box::new(connection));
        Ok(Handshake { outgoing: prelude, ..Handshake::new(stage) })
    }

    fn new(stage: Stage) -> Handshake {
        Handshake {
            stage,
            incoming: Vec::new(),
            noted: 0,
            outgoing: Vec::new(),
            secrets: TrafficSecrets::default(),
            server_name: None,
        }
    }

    /// Whether it goes on before those of new clients: what was done for it would be lost, or a client waits for the
    /// server that was dialled.
    pub fn goes_first(&self) -> bool {
        !matches!(self.stage, Stage::Hello(_))
    }

    /// Goes on as far as what has arrived allows.
    pub fn advance(
        &mut self,
        stream: &Stream,
        ready: &mut Readiness,
        rx: &mut Rx,
        pool: &Pool,
    ) -> Progress {
        match self.try_advance(stream, ready) {
            Ok(false) => Progress::Waiting,
            Ok(true) => match self.open(rx, pool) {
                // What has arrived in the meantime, and be it the end, is seen by the next read.
                Ok(open) => {
                    ready.readable = true;
                    Progress::Open(Box::new(open))
                }
                Err(fault) => Progress::Failed(fault),
            },
            Err(fault) => {
                if let HandshakeFault::Hello(error) = &fault {
                    self.outgoing = answer(*error);
                }
                // The last word, if the socket takes it.
                let _ = self.write(stream, ready);
                Progress::Failed(fault)
            }
        }
    }

    fn try_advance(
        &mut self,
        stream: &Stream,
        ready: &mut Readiness,
    ) -> Result<bool, HandshakeFault> {
        self.write(stream, ready)?;
        loop {
            let before = self.incoming.len();
            let ended = self.read(stream, ready)?;
            let arrived = self.incoming.len() > before || matches!(self.stage, Stage::Dialling(_));
            let open = self.understand(arrived)?;
            self.write(stream, ready)?;
            if open || !(ready.readable || ended) {
                return Ok(open);
            }
            if ended {
                return Err(HandshakeFault::Gone);
            }
        }
    }

    /// Reads once; whether the other end has ended.
    fn read(&mut self, stream: &Stream, ready: &mut Readiness) -> Result<bool, HandshakeFault> {
        if !ready.readable {
            return Ok(false);
        }
        if self.incoming.len() > INCOMING_MAX {
            return Err(HandshakeFault::TooLong);
        }
        let start = self.incoming.len();
        self.incoming.resize(start + READ, 0);
        let result = stream.read(self.incoming.get_mut(start..).unwrap_or_default());
        self.incoming.truncate(start + result.as_ref().map_or(0, |n| *n));
        match result {
            Ok(n) => {
                ready.read_result(READ, n);
                Ok(n == 0)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ready.read_blocked();
                Ok(false)
            }
            Err(_) => Err(HandshakeFault::Gone),
        }
    }

    /// Lets rustls see what has arrived. `true` when the connection is open.
    fn understand(&mut self, arrived: bool) -> Result<bool, HandshakeFault> {
        if !arrived {
            return Ok(false);
        }
        if let Stage::Hello(acceptor) = &self.stage {
            let Some(hello) = parse_hello(&self.incoming)? else { return Ok(false) };
            let profile = Arc::clone(acceptor.choose(hello.server_name.as_deref()));
            let connection = UnbufferedServerConnection::new(Arc::clone(&profile.config))?;
            self.server_name = hello.server_name;
            let names = Arc::clone(acceptor.names());
            self.stage = Stage::Accepting(Box::new(connection), profile, names);
        }
        TrafficSecrets::forget();
        let Handshake { incoming, noted, outgoing, .. } = self;
        let buffers = Buffers { incoming, noted, outgoing };
        let result = match &mut self.stage {
            Stage::Accepting(connection, ..) => buffers.advance(&mut **connection),
            Stage::Dialling(connection) => buffers.advance(&mut **connection),
            Stage::Hello(_) | Stage::Over => Ok(false),
        };
        self.secrets.learn();
        Ok(result?)
    }

    /// Writes what there is to send, as far as the socket takes it.
    fn write(&mut self, stream: &Stream, ready: &mut Readiness) -> Result<(), HandshakeFault> {
        while !self.outgoing.is_empty() && ready.writable {
            match stream.write(&self.outgoing) {
                Ok(n) => {
                    ready.write_result(self.outgoing.len(), n);
                    self.outgoing.drain(..n);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.write_blocked(),
                Err(_) => return Err(HandshakeFault::Gone),
            }
        }
        Ok(())
    }

    /// Whether bytes wait for the socket.
    pub fn is_behind(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Both agree: rustls gives the keys away, and is done.
    fn open(&mut self, rx: &mut Rx, pool: &Pool) -> Result<(Records, Agreed), HandshakeFault> {
        let secrets = std::mem::take(&mut self.secrets);
        let unusable = |_| HandshakeFault::Tls(rustls::Error::General("unusable keys".into()));
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        let (mut records, agreed) = match stage {
            Stage::Accepting(connection, profile, names) => {
                let agreed = self.agreed(&connection, Some((profile, names)))?;
                let (keys, _) = connection.dangerous_into_kernel_connection()?;
                let records = Records::new(agreed.version, &keys, secrets, None, false);
                (records.map_err(unusable)?, agreed)
            }
            Stage::Dialling(connection) => {
                let agreed = self.agreed(&connection, None)?;
                let (keys, rest) = connection.dangerous_into_kernel_connection()?;
                let tickets =
                    (agreed.version == ProtocolVersion::TLSv1_3).then_some(Resumption(rest));
                let records = Records::new(agreed.version, &keys, secrets, tickets, true);
                (records.map_err(unusable)?, agreed)
            }
            Stage::Hello(_) | Stage::Over => return Err(HandshakeFault::Gone),
        };
        records.begin(&self.outgoing, &self.incoming, rx, pool);
        Ok((records, agreed))
    }

    fn agreed(
        &mut self,
        connection: &CommonState,
        profile: Option<(Arc<Profile>, Arc<NameRules>)>,
    ) -> Result<Agreed, rustls::Error> {
        let clients = connection.peer_certificates().filter(|_| profile.is_some());
        let shown = clients.and_then(|chain| chain.first());
        let unfinished = rustls::Error::HandshakeNotComplete;
        let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        // A ticket brings the certificate of its first handshake along, which nobody looks at again.
        if resumed && shown.is_some_and(|shown| has_ended(shown, SystemTime::now())) {
            return Err(rustls::Error::InvalidCertificate(CertificateError::Expired));
        }
        let suite = connection.negotiated_cipher_suite().ok_or(unfinished.clone())?;
        Ok(Agreed {
            version: connection.protocol_version().ok_or(unfinished)?,
            suite: suite.suite().as_str().unwrap_or_default(),
            resumed,
            server_name: self.server_name.take(),
            profile,
            certificate: shown.map(|shown| Arc::new(describe(shown))),
        })
    }
}

/// What plain HTTP gets from a port that speaks TLS; the length is the text's.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nServer: tidegate\r\n\
Content-Type: text/plain; charset=utf-8\r\nContent-Length: 61\r\nConnection: close\r\n\r\n\
This port speaks HTTPS: use https:// (or wss://) to reach it\n";

/// The answer to a first message that rustls is not shown.
fn answer(error: HelloError) -> Vec<u8> {
    match error.alert() {
        // A fatal alert, unprotected.
        Some(alert) => vec![21, 3, 3, 0, 2, 2, alert],
        None if error == HelloError::PlainHttp => PLAIN_HTTP.to_vec(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let text = str::from_utf8(PLAIN_HTTP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
