//! The sample worker: a listener on a loopback port and a thread per connection.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::Address;
use crate::proto::h1::{Limits, RequestHead, Upgrade, parse_request};
use crate::proto::http::{Body, FieldStore};

use super::{echo, pages};

/// How long a kept connection may be silent between requests.
const IDLE: Duration = Duration::from_secs(75);
/// How long a client may take to read what it asked for.
const STALLED: Duration = Duration::from_secs(30);
/// How long, and for how many reads, the end of a client is waited for after ours.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_READS: usize = 64;
/// Connections served at once; beyond it new ones are closed.
const CONNECTIONS: usize = 256;
/// The largest request body that is read and dropped to keep a connection.
const DROPPED_BODY: u64 = 64 << 10;
/// Bytes read at once.
const READ: usize = 16 << 10;

/// A running sample worker; dropped, it takes no more connections.
#[derive(Debug)]
pub struct Worker {
    listening: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<thread::JoinHandle<()>>,
}

/// What all connections of a worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) listening: SocketAddr,
    pub(super) started: Instant,
    /// Requests answered.
    pub(super) requests: AtomicU64,
    /// Messages echoed.
    pub(super) messages: AtomicU64,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

impl Worker {
    /// Binds a free loopback port and starts to serve it.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let listening = listener.local_addr()?;
        let shared = Arc::new(Shared {
            listening,
            started: Instant::now(),
            requests: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::Builder::new()
            .name("demo-worker".to_owned())
            .spawn(move || accept(&listener, &accepting))?;
        Ok(Self { listening, shared, acceptor: Some(acceptor) })
    }

    /// Where it listens.
    pub fn address(&self) -> Address {
        Address::Ip(self.listening)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Relaxed);
        // One more connection wakes the acceptor; if it fails, the listener is gone already.
        drop(TcpStream::connect(self.listening));
        if let Some(acceptor) = self.acceptor.take() {
            // A panic of the acceptor was reported where it happened.
            drop(acceptor.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.stopped.load(Relaxed) {
            return;
        }
        let Ok((stream, peer)) = accepted else {
            // Out of descriptors, most likely: they come back.
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        if shared.connections.fetch_add(1, Relaxed) >= CONNECTIONS {
            shared.connections.fetch_sub(1, Relaxed);
            continue;
        }
        let serving = Arc::clone(shared);
        let spawned = thread::Builder::new().name("demo-client".to_owned()).spawn(move || {
            // A connection that breaks concerns nobody but its client.
            drop(serve(stream, peer, &serving));
            serving.connections.fetch_sub(1, Relaxed);
        });
        if spawned.is_err() {
            shared.connections.fetch_sub(1, Relaxed);
        }
    }
}

/// What the worker does after an answer.
enum Next {
    /// The head and so many bytes of body are done with; another request may follow.
    Request(usize, u64),
    /// The connection is a WebSocket from here on, behind a head of this length.
    WebSocket(usize),
    Close,
}

/// Serves one connection until either end is through with it.
fn serve(mut stream: TcpStream, peer: SocketAddr, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(STALLED))?;
    let limits = Limits::default();
    let mut bytes = Vec::new();
    let mut out = Vec::new();
    loop {
        let next = loop {
            let mut store = FieldStore::new();
            match parse_request(&bytes, &mut store, &limits) {
                Ok(Some(head)) => break answer(&head, peer, shared, &mut out),
                Ok(None) => {}
                Err(error) => {
                    pages::refuse(error.status(), &mut out);
                    break Next::Close;
                }
            }
            if read_more(&mut stream, &mut bytes)? == 0 {
                return Ok(());
            }
        };
        stream.write_all(&out)?;
        out.clear();
        match next {
            Next::Request(head, body) => {
                bytes.drain(..head);
                drop_body(&mut stream, &mut bytes, body)?;
            }
            Next::WebSocket(head) => {
                bytes.drain(..head);
                stream.set_read_timeout(None)?;
                echo::run(&mut stream, bytes, &shared.messages)?;
                return linger(&mut stream);
            }
            Next::Close => return linger(&mut stream),
        }
    }
}

/// Writes the answer to one request.
fn answer(
    head: &RequestHead<'_, '_>,
    peer: SocketAddr,
    shared: &Shared,
    out: &mut Vec<u8>,
) -> Next {
    shared.requests.fetch_add(1, Relaxed);
    if head.path == b"/ws/echo" && head.upgrade == Upgrade::WebSocket {
        return match echo::accept(head, out) {
            Ok(()) => Next::WebSocket(head.len),
            Err(()) => Next::Close,
        };
    }
    let body = match head.body {
        Body::Empty => Some(0),
        Body::Length(length) => Some(length).filter(|length| *length <= DROPPED_BODY),
        Body::Chunked | Body::UntilClose => None,
    };
    let keep = head.keep_alive && body.is_some();
    pages::answer(head, peer, shared, keep, out);
    match body {
        Some(body) if keep => Next::Request(head.len, body),
        _ => Next::Close,
    }
}

/// Ends our side and waits a moment for the other's, so that what was written is read before the
/// connection is gone.
fn linger(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    let mut bytes = [0; 4096];
    for _ in 0..LINGER_READS {
        if stream.read(&mut bytes)? == 0 {
            break;
        }
    }
    Ok(())
}

/// Reads behind what is there already; 0 is the end.
fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let start = bytes.len();
    bytes.resize(start + READ, 0);
    let read = stream.read(bytes.get_mut(start..).unwrap_or_default());
    bytes.truncate(start + *read.as_ref().unwrap_or(&0));
    read
}

/// Takes `left` bytes of body away from what was read and what comes.
fn drop_body(stream: &mut TcpStream, bytes: &mut Vec<u8>, mut left: u64) -> io::Result<()> {
    loop {
        let here = left.min(bytes.len() as u64);
        bytes.drain(..here as usize);
        left -= here;
        if left == 0 {
            return Ok(());
        }
        if read_more(stream, bytes)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
