//! Floods a TLS port: connects, sends the same ClientHello each time, never answers, and goes on.
//!
//!     hellos 127.0.0.1:8443 SECONDS
//!
//! Prints how many it sent. Connections are held open, the oldest 2,000 of them, as a flooder would who wants the
//! server to wait for what never comes.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use socket2::{Domain, Socket, Type};

/// Connections held open.
const HELD: usize = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (Some(server), Some(seconds)) = (args.next(), args.next()) else {
        println!("Usage: hellos ADDR:PORT SECONDS");
        return Ok(());
    };
    let server: SocketAddr = server.parse()?;
    let until = Instant::now() + Duration::from_secs_f64(seconds.parse()?);
    let hello = hello()?;
    let mut held = VecDeque::with_capacity(HELD);
    let (mut sent, mut refused) = (0u64, 0u64);
    while Instant::now() < until {
        match send(server, &hello) {
            Ok(stream) => {
                sent += 1;
                held.push_back(stream);
                if held.len() > HELD {
                    held.pop_front();
                }
            }
            Err(_) => refused += 1,
        }
    }
    println!("{{\"sent\":{sent},\"refused\":{refused}}}");
    Ok(())
}

/// A ClientHello as clients send it.
fn hello() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), "localhost".try_into()?)?;
    let mut hello = Vec::new();
    client.write_tls(&mut hello)?;
    Ok(hello)
}

/// Over loopback a connection is there at once, unless the server's queue is full: then it is given up.
fn send(server: SocketAddr, hello: &[u8]) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM.nonblocking(), None)?;
    match socket.connect(&server.into()) {
        Err(error) if error.raw_os_error() != Some(115) => return Err(error),
        _ => {}
    }
    let mut stream = TcpStream::from(socket);
    stream.write_all(hello)?;
    Ok(stream)
}
