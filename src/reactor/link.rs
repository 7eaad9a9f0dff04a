//! Links between instances: TCP with TLS 1.3 on a poll of one's own, without certificates that anybody trusts.
//!
//! Nobody is known by his certificate here, which is made at each start. Whoever has a link proves by its [binding](Secure::binding) that he knows the
//! secret and that nobody stands in between: who he is comes from that alone.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, Error, ServerConfig,
    ServerConnection, SignatureScheme,
};

/// What the binding is exported under.
const LABEL: &[u8] = b"EXPORTER-tidegate-instances";
/// Bytes read at once.
const READ: usize = 64 << 10;

/// Bytes that nobody can foresee.
///
/// # Errors
/// When the system has none.
pub fn unforeseen<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    ::aws_lc_rs::rand::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// How links are made.
#[derive(Clone, Debug)]
pub struct SecureTerms {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl SecureTerms {
    /// With a certificate and its key, in DER and PKCS #8.
    ///
    /// # Errors
    /// When they do not go together.
    pub fn new(certificate: Vec<u8>, key: Vec<u8>) -> Result<SecureTerms, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = &[&rustls::version::TLS13];
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let mut server = server
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], PrivatePkcs8KeyDer::from(key).into())?;
        server.send_tls13_tickets = 0;
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let mut client = client
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        (client.enable_sni, client.resumption) = (false, Resumption::disabled());
        Ok(SecureTerms { client: Arc::new(client), server: Arc::new(server) })
    }
}

/// Takes every certificate, of whose key the peer has given proof: see above for why that is enough.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A link.
#[derive(Debug)]
pub struct Secure {
    /// Its socket, for the poll.
    pub stream: TcpStream,
    tls: Connection,
    /// What is to be sent and is not sealed yet.
    waiting: Vec<u8>,
    /// How much of it is.
    sealed: usize,
    /// The peer will send no more.
    over: bool,
}

impl Secure {
    /// Begins to connect. It is connected when the poll says that it can be written to.
    ///
    /// # Errors
    /// When the system refuses at once.
    pub fn dial(terms: &SecureTerms, address: SocketAddr) -> io::Result<Secure> {
        let name = ServerName::IpAddress(address.ip().into());
        let tls = ClientConnection::new(Arc::clone(&terms.client), name);
        let tls = tls.map_err(io::Error::other)?;
        Ok(Secure::new(TcpStream::connect(address)?, tls.into()))
    }

    /// The other end of one.
    ///
    /// # Errors
    /// When rustls has no memory.
    pub fn accept(terms: &SecureTerms, stream: TcpStream) -> io::Result<Secure> {
        let tls = ServerConnection::new(Arc::clone(&terms.server)).map_err(io::Error::other)?;
        Ok(Secure::new(stream, tls.into()))
    }

    fn new(stream: TcpStream, tls: Connection) -> Secure {
        Secure { stream, tls, waiting: Vec::new(), sealed: 0, over: false }
    }

    /// Whether the connection is made.
    ///
    /// # Errors
    /// When it will not be.
    pub fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => self.stream.set_nodelay(true).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What both ends know of this connection and nobody else, once the handshake is over.
    pub fn binding(&self) -> Option<[u8; 32]> {
        if self.tls.is_handshaking() {
            return None;
        }
        self.tls.export_keying_material([0; 32], LABEL, None).ok()
    }

    /// Reads what has come, as long as `out` has less than `most` bytes. True when there may be more at once.
    ///
    /// # Errors
    /// When nothing more can come; what has come before is in `out`.
    pub fn read(&mut self, most: usize, out: &mut Vec<u8>) -> io::Result<bool> {
        while out.len() < most {
            if self.over {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match self.tls.read_tls(&mut (&self.stream).take(READ as u64)) {
                Ok(0) => self.over = true,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            // An alert that says why is not sent: strangers are told nothing.
            let state = self.tls.process_new_packets().map_err(io::Error::other)?;
            self.over |= state.peer_has_closed();
            let start = out.len();
            out.resize(start + state.plaintext_bytes_to_read(), 0);
            if let Some(place) = out.get_mut(start..)
                && !place.is_empty()
            {
                self.tls.reader().read_exact(place)?;
            }
        }
        Ok(true)
    }

    /// Has bytes sent with the next [`flush`](Secure::flush).
    pub fn queue(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Bytes that are not sealed yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len() - self.sealed
    }

    /// Whether everything is with the system.
    pub fn is_flushed(&self) -> bool {
        self.waiting() == 0 && !self.tls.wants_write()
    }

    /// Sends what the system takes.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        loop {
            // rustls seals no more than it has room for.
            let rest = self.waiting.get(self.sealed..).unwrap_or_default();
            if !rest.is_empty() && !self.tls.is_handshaking() {
                self.sealed += self.tls.writer().write(rest)?;
            }
            if self.sealed == self.waiting.len() {
                (self.waiting, self.sealed) = (Vec::new(), 0);
            }
            if !self.tls.wants_write() {
                return Ok(());
            }
            match self.tls.write_tls(&mut &self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
