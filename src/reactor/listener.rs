//! Listening sockets: bound with a reason when it fails, accepted from without waiting.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::fs::{Gid, Mode, OFlags, Uid, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, acceptfrom_with, bind, getsockname,
    listen, socket_with, sockopt,
};

use super::{DialError, Kind, Peer, Stream, dial};
use crate::base::Address;

/// How a listener is bound.
#[derive(Debug, Clone, Copy)]
pub struct ListenOptions {
    /// How many connections wait in the kernel; it may allow less (`net.core.somaxconn`).
    pub backlog: u32,
    /// Permissions of a unix socket's file, such as 0o666; `None` leaves it to the umask.
    pub mode: Option<u32>,
    /// User and group of a unix socket's file; `None` leaves them to the system.
    pub owner: (Option<u32>, Option<u32>),
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions { backlog: 4096, mode: None, owner: (None, None) }
    }
}

/// Whether each worker can have a listening socket of its own on the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// TCP: the kernel spreads connections over the sockets of a group ([`Listener::another`]).
    PerWorker,
    /// Unix, abstract and inherited: one socket, accepted by one worker.
    Single,
}

/// Why an address cannot be listened on; the text names the address and, where it can, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there.
    #[error("cannot listen on {0}: another process listens there")]
    InUse(Address),
    /// A low port, or a directory that is not ours to write.
    #[error("cannot listen on {0}: {1}")]
    Denied(Address, &'static str),
    /// An IP address that no interface of this machine has.
    #[error("cannot listen on {0}: this machine does not have that address")]
    NotOurs(Address),
    /// A host name without an address.
    #[error("cannot listen on {0}: the name has no address ({1})")]
    Unresolved(Address, io::Error),
    /// A file that is no socket is in the way.
    #[error("cannot listen on {0}: there is a file of that name that is no socket")]
    Occupied(Address),
    /// What the system says.
    #[error("cannot listen on {0}: {1}")]
    Failed(Address, io::Error),
}

impl BindError {
    fn of(address: &Address, error: impl Into<io::Error>) -> BindError {
        let (address, error) = (address.clone(), error.into());
        match Errno::from_io_error(&error) {
            Some(Errno::ADDRINUSE) => BindError::InUse(address),
            Some(Errno::ADDRNOTAVAIL) => BindError::NotOurs(address),
            Some(Errno::ACCESS | Errno::PERM) => {
                let remedy = match address {
                    Address::Unix(_) => {
                        "its directory cannot be written by this user, or chown-socket is for root"
                    }
                    _ => "ports below 1024 are for root or a binary with CAP_NET_BIND_SERVICE",
                };
                BindError::Denied(address, remedy)
            }
            _ => BindError::Failed(address, error),
        }
    }
}

/// A bound address; closed when dropped. The file of a unix socket stays until
/// [`unlink`](Listener::unlink) or the next bind.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    /// As configured, for people.
    address: Address,
    /// As bound: port 0 became a real one.
    local: Peer,
    kind: Kind,
    /// Which file a unix socket made: device and inode.
    file: Option<(u64, u64)>,
    /// Somebody else bound it.
    inherited: bool,
}

impl Listener {
    /// Binds an address that nobody listens on, this process included. Names are resolved here and now.
    pub fn bind(address: &Address, options: &ListenOptions) -> Result<Listener, BindError> {
        let fault = |error: Errno| BindError::of(address, error);
        let (fd, kind) = match address {
            Address::Ip(ip) => (bind_ip(*ip, options, true).map_err(fault)?, Kind::Tcp),
            Address::Name { host, port } => {
                let ip = resolve(host, *port)
                    .map_err(|error| BindError::Unresolved(address.clone(), error))?;
                (bind_ip(ip, options, true).map_err(fault)?, Kind::Tcp)
            }
            Address::Unix(path) => (bind_path(address, path, options)?, Kind::Unix),
            Address::Abstract(name) => {
                let name = SocketAddrUnix::new_abstract_name(name).map_err(fault)?;
                (bind_unix(&name, None, options).map_err(fault)?, Kind::Unix)
            }
        };
        let local = Peer::from_any(getsockname(&fd).map_err(fault)?);
        let (address, file) = (address.clone(), file(address));
        Ok(Listener { fd, address, local, kind, file, inherited: false })
    }

    /// Takes over a socket that listens, from whoever started us. Its file, if it has one, is not ours to remove.
    ///
    /// # Errors
    /// When it is no stream socket, or does not listen.
    pub fn inherit(fd: OwnedFd) -> io::Result<Listener> {
        if sockopt::socket_type(&fd)? != SocketType::STREAM || !sockopt::socket_acceptconn(&fd)? {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
        fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
        let bound = getsockname(&fd)?;
        let local = Peer::from_any(bound.clone());
        let (address, kind) = match SocketAddr::try_from(bound.clone()) {
            Ok(address) => (Address::Ip(address), Kind::Tcp),
            Err(_) => {
                let bound = SocketAddrUnix::try_from(bound)?;
                let path =
                    bound.path().map(|path| PathBuf::from(OsStr::from_bytes(path.to_bytes())));
                let name = bound.abstract_name().map(|name| Address::Abstract(name.to_owned()));
                let address = path.map(Address::Unix).or(name);
                (address.ok_or(io::ErrorKind::InvalidInput)?, Kind::Unix)
            }
        };
        if kind == Kind::Tcp {
            accepted_inherit(&fd)?;
        }
        Ok(Listener { fd, address, local, kind, file: None, inherited: true })
    }

    /// Whether what is configured as `address` is this one: every address of IPv6 may well be those of IPv4, too.
    pub fn serves(&self, address: &Address) -> bool {
        match (&self.address, address) {
            (Address::Ip(own), Address::Ip(asked)) => {
                let all = own.ip().is_unspecified() && asked.ip().is_unspecified();
                own == asked || all && own.is_ipv6() && own.port() == asked.port()
            }
            (own, asked) => own == asked,
        }
    }

    /// The same, configured as `address`.
    #[must_use]
    pub fn configured_as(self, address: &Address) -> Listener {
        Listener { address: address.clone(), ..self }
    }

    /// Binds one more socket of the same group, on the port that this one has.
    ///
    /// # Errors
    /// Also when the listener is [`Single`](Sharing::Single).
    pub fn another(&self, options: &ListenOptions) -> Result<Listener, BindError> {
        let Peer::Ip(ip) = self.local else { return Err(BindError::InUse(self.address.clone())) };
        let fd =
            bind_ip(ip, options, false).map_err(|error| BindError::of(&self.address, error))?;
        let (address, local) = (self.address.clone(), self.local);
        Ok(Listener { fd, address, local, kind: self.kind, file: None, inherited: false })
    }

    /// Whether each worker can have one.
    pub fn sharing(&self) -> Sharing {
        match self.kind {
            Kind::Tcp if !self.inherited => Sharing::PerWorker,
            Kind::Tcp | Kind::Unix => Sharing::Single,
        }
    }

    /// The address as configured.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The address as bound: with the real port when port 0 was asked for.
    pub fn local(&self) -> Peer {
        self.local
    }

    /// Takes the next connection that waits, ready for use: non-blocking, without delay of small
    /// writes. [`AcceptFault`](super::AcceptFault) tells the errors apart.
    #[inline]
    pub fn accept(&self) -> io::Result<(Stream, Peer)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (fd, peer) = acceptfrom_with(&self.fd, flags)?;
        let peer = match self.kind {
            Kind::Tcp => peer.map_or(Peer::Unix, Peer::from_any),
            Kind::Unix => Peer::Unix,
        };
        Ok((Stream::new(fd, self.kind), peer))
    }

    /// Registers for an edge when somebody waits.
    pub fn register(&self, registry: &Registry, token: u64) -> io::Result<()> {
        let interest = Interest::READABLE;
        registry.register(&mut SourceFd(&self.fd.as_raw_fd()), Token(token as usize), interest)
    }

    /// Takes it off the poll.
    pub fn deregister(&self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.fd.as_raw_fd()))
    }

    /// Removes the file of a unix socket, when we stop for good; one that another process has put in
    /// its place stays.
    pub fn unlink(&self) {
        if let Address::Unix(path) = &self.address
            && self.file.is_some()
            && file(&self.address) == self.file
        {
            // Somebody else may have removed it: that is as well.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Device and inode of a unix socket's file.
fn file(address: &Address) -> Option<(u64, u64)> {
    let Address::Unix(path) = address else { return None };
    std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    let mut addresses = (host, port).to_socket_addrs()?;
    addresses.next().ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn open(family: AddressFamily) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    socket_with(family, SocketType::STREAM, flags, None)
}

/// Silence before the kernel asks, time between its questions, and how many go unanswered: a host
/// that vanished is gone after two minutes.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(15), 4);

/// The first of a group makes sure that it is the first: with `SO_REUSEPORT` a second process of
/// the same user would silently get a share of the connections.
fn bind_ip(ip: SocketAddr, options: &ListenOptions, first: bool) -> rustix::io::Result<OwnedFd> {
    let family = if ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let prepared = || {
        let fd = open(family)?;
        sockopt::set_socket_reuseaddr(&fd, true)?;
        if ip.is_ipv6() {
            sockopt::set_ipv6_v6only(&fd, true)?;
        }
        rustix::io::Result::Ok(fd)
    };
    if first && ip.port() != 0 {
        bind(&prepared()?, &ip)?;
    }
    let fd = prepared()?;
    sockopt::set_socket_reuseport(&fd, true)?;
    accepted_inherit(&fd)?;
    bind(&fd, &ip)?;
    listen(&fd, backlog(options))?;
    Ok(fd)
}

/// What sockets accepted from this one have from the beginning, which saves calls for each.
fn accepted_inherit(fd: &OwnedFd) -> rustix::io::Result<()> {
    sockopt::set_tcp_nodelay(fd, true)?;
    // A host that vanished is noticed where nobody else asks.
    sockopt::set_socket_keepalive(fd, true)?;
    sockopt::set_tcp_keepidle(fd, KEEPALIVE.0)?;
    sockopt::set_tcp_keepintvl(fd, KEEPALIVE.1)?;
    sockopt::set_tcp_keepcnt(fd, KEEPALIVE.2)
}

fn bind_unix(
    name: &SocketAddrUnix,
    path: Option<&Path>,
    options: &ListenOptions,
) -> rustix::io::Result<OwnedFd> {
    let fd = open(AddressFamily::UNIX)?;
    bind(&fd, name)?;
    // Nobody can connect before `listen`, so the permissions are never wider than asked for.
    let granted = path.map_or(Ok(()), |path| grant(path, options));
    if let Err(error) = granted.and_then(|()| listen(&fd, backlog(options))) {
        // The file is ours since `bind`. Somebody else may have removed it: that is as well.
        let _ = path.map(std::fs::remove_file);
        return Err(error);
    }
    Ok(fd)
}

/// Gives the file of a unix socket its rights and owners.
fn grant(path: &Path, options: &ListenOptions) -> rustix::io::Result<()> {
    if let Some(mode) = options.mode {
        rustix::fs::chmod(path, Mode::from_raw_mode(mode))?;
    }
    match options.owner {
        (None, None) => Ok(()),
        (user, group) => rustix::fs::chown(path, user.map(Uid::from_raw), group.map(Gid::from_raw)),
    }
}

/// Removes a socket file that nobody listens on any more, and nothing else.
fn bind_path(
    address: &Address,
    path: &Path,
    options: &ListenOptions,
) -> Result<OwnedFd, BindError> {
    let fault = |error: Errno| BindError::of(address, error);
    if let Ok(metadata) = std::fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            return Err(BindError::Occupied(address.clone()));
        }
        match dial(address) {
            Ok(_) | Err(DialError::Busy) => return Err(BindError::InUse(address.clone())),
            Err(DialError::Failed(Errno::CONNREFUSED)) => {
                std::fs::remove_file(path).map_err(|error| BindError::of(address, error))?;
            }
            Err(error) => return Err(BindError::of(address, error.to_io())),
        }
    }
    let name = SocketAddrUnix::new(path).map_err(fault)?;
    bind_unix(&name, Some(path), options).map_err(fault)
}

fn backlog(options: &ListenOptions) -> i32 {
    i32::try_from(options.backlog).unwrap_or(i32::MAX)
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
