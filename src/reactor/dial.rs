//! Dialling: begins a connection, and says later whether it was made.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt,
};

use super::{Kind, Readiness, Stream};
use crate::base::Address;

/// Why a connection could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialError {
    /// The address is a name, and names are resolved elsewhere.
    Unresolved,
    /// The backlog of a unix socket is full: its server lives but is behind.
    Busy,
    /// We have no descriptor, port or memory left: the server is not to blame.
    Exhausted(Errno),
    /// What the system says.
    Failed(Errno),
}

impl DialError {
    fn of(error: Errno) -> DialError {
        match error {
            Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::ADDRNOTAVAIL => {
                DialError::Exhausted(error)
            }
            _ => DialError::Failed(error),
        }
    }

    /// The same as the standard library's error.
    pub fn to_io(self) -> io::Error {
        match self {
            DialError::Unresolved => io::ErrorKind::AddrNotAvailable.into(),
            DialError::Busy => Errno::AGAIN.into(),
            DialError::Exhausted(error) | DialError::Failed(error) => error.into(),
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialError::Unresolved => f.write_str("the name has no address"),
            DialError::Busy => f.write_str("the unix socket's backlog is full"),
            DialError::Exhausted(error) | DialError::Failed(error) => {
                io::Error::from(*error).fmt(f)
            }
        }
    }
}

impl std::error::Error for DialError {}

/// Begins a connection. Over TCP it is made when [`connected`] says so, which may be at once; a unix socket is connected
/// already.
pub fn dial(address: &Address) -> Result<Stream, DialError> {
    match address {
        Address::Ip(address) => dial_ip(*address),
        Address::Unix(path) => dial_unix(SocketAddrUnix::new(path.as_path())),
        Address::Abstract(name) => dial_unix(SocketAddrUnix::new_abstract_name(name)),
        Address::Name { .. } => Err(DialError::Unresolved),
    }
}

fn dial_ip(address: SocketAddr) -> Result<Stream, DialError> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = open(family)?;
    match connect(&fd, &address) {
        // Interrupted, a non-blocking socket goes on connecting too.
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(Stream::dialled(fd, Kind::Tcp)),
        Err(error) => Err(DialError::of(error)),
    }
}

fn dial_unix(address: rustix::io::Result<SocketAddrUnix>) -> Result<Stream, DialError> {
    let fd = open(AddressFamily::UNIX)?;
    match address.and_then(|address| connect(&fd, &address)) {
        Ok(()) => Ok(Stream::dialled(fd, Kind::Unix)),
        Err(Errno::AGAIN) => Err(DialError::Busy),
        Err(error) => Err(DialError::of(error)),
    }
}

fn open(family: AddressFamily) -> Result<std::os::fd::OwnedFd, DialError> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    socket_with(family, SocketType::STREAM, flags, None).map_err(DialError::of)
}

/// Whether a dialled stream is connected, asked after each of its events with what they said;
/// `Ok(false)` is "not yet".
pub fn connected(stream: &Stream, readiness: Readiness) -> Result<bool, DialError> {
    if !readiness.writable && !readiness.is_closing() {
        return Ok(stream.was_connected());
    }
    if !readiness.is_closing() {
        return Ok(true);
    }
    match sockopt::socket_error(stream) {
        Ok(Ok(())) => Ok(readiness.writable || stream.was_connected()),
        Ok(Err(error)) | Err(error) => Err(DialError::of(error)),
    }
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
