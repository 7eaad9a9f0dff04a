//! How a server is met that is dialled with TLS.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

/// What we expect of a server, and show it.
#[derive(Clone, Debug)]
pub struct Connector {
    /// For rustls: whom we trust, and our own certificate.
    pub config: Arc<ClientConfig>,
    /// The name the server's certificate must have.
    pub name: ServerName<'static>,
}
