//! A connected socket: the raw calls, nothing remembered but its kind.

use std::cell::Cell;
use std::ffi::c_int;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::ioctl::{Getter, Opcode, ioctl};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, sockopt};

use super::Peer;

/// The longest the kernel takes (`MAX_TCP_KEEPIDLE`).
const KEEPALIVE_MAX: Duration = Duration::from_secs(32_767);
/// The longest the kernel takes, in milliseconds.
const TIMEOUT_MAX: u32 = i32::MAX as u32;

/// How much of the send queue is not acknowledged (tcp(7)).
const SIOCOUTQ: Opcode = 0x5411;

/// What a socket is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TCP over IPv4 or IPv6.
    Tcp,
    /// A unix stream socket.
    Unix,
}

/// A non-blocking stream socket, closed when dropped; 8 bytes.
///
/// Every call is one system call and fails with [`WouldBlock`](io::ErrorKind::WouldBlock) rather than wait. Writing
/// to what the peer has closed is an error, never a signal. What the socket is ready for is
/// [`Readiness`](super::Readiness)'s to know.
#[derive(Debug)]
pub struct Stream {
    fd: OwnedFd,
    kind: Kind,
    /// Whether it is registered for WRITABLE, where that is not so from the start.
    wants_write: bool,
    /// It was made here, and connected at once.
    connected: bool,
    prompt: Cell<Prompt>,
}

/// Whether what is written leaves at once, however short it is (`TCP_NODELAY`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    /// It does.
    Always,
    /// Only once: there is nothing yet whose acknowledgement it could wait for.
    Once,
    /// It has to be asked for.
    Ask,
}

impl Stream {
    /// Wraps a socket that is non-blocking already.
    pub fn new(fd: OwnedFd, kind: Kind) -> Stream {
        let prompt = Cell::new(Prompt::Always);
        Stream { fd, kind, wants_write: false, connected: false, prompt }
    }

    /// Wraps a non-blocking socket that was made here. Its second write asks for small writes to be sent at once: many have
    /// but one.
    pub fn dialled(fd: OwnedFd, kind: Kind) -> Stream {
        // One to the same machine is connected before the call that connects returns, though that says otherwise over TCP.
        let connected = kind == Kind::Unix || rustix::net::getpeername(&fd).is_ok();
        Stream { connected, prompt: Cell::new(Prompt::Once), ..Stream::new(fd, kind) }
    }

    /// Whether it was made here, and connected when it was wrapped.
    pub fn was_connected(&self) -> bool {
        self.connected
    }

    /// What it is made of.
    #[inline]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Reads into `room`; 0 is the end of the stream when there was room.
    #[inline]
    pub fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        // `recv` goes to the socket straight; `read` goes through the file system's layer first.
        let received = || rustix::net::recv(&self.fd, &mut *room, RecvFlags::empty());
        Ok(uninterrupted(received)?.0)
    }

    /// Looks at what the next read would get, and leaves it there.
    pub fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        let received = || rustix::net::recv(&self.fd, &mut *room, RecvFlags::PEEK);
        Ok(uninterrupted(received)?.0)
    }

    /// Reads into several buffers, one after the other.
    #[inline]
    pub fn readv(&self, rooms: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        uninterrupted(|| rustix::io::readv(&self.fd, rooms))
    }

    /// Writes as much as the socket takes.
    #[inline]
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.begin_write();
        uninterrupted(|| rustix::net::send(&self.fd, bytes, SendFlags::NOSIGNAL))
    }

    /// Writes several buffers, one after the other, as much as the socket takes.
    #[inline]
    pub fn writev(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.begin_write();
        uninterrupted(|| {
            let mut control = SendAncillaryBuffer::default();
            rustix::net::sendmsg(&self.fd, slices, &mut control, SendFlags::NOSIGNAL)
        })
    }

    /// Whether nothing can be read now: no byte, no end, no error. An idle connection that is not
    /// quiet must not be used again.
    pub fn is_quiet(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        uninterrupted(|| rustix::net::recv(&self.fd, &mut [0u8; 1], flags).map(|(got, _)| got))
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Says that nothing more will be written (FIN).
    pub fn shutdown_write(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.fd, Shutdown::Write)?)
    }

    /// Closes so that a TCP peer sees a reset, and what is unsent is thrown away.
    pub fn abort(self) {
        if self.kind == Kind::Tcp {
            // If it fails the socket is closed all the same.
            let _ = sockopt::set_socket_linger(&self.fd, Some(Duration::ZERO));
        }
    }

    /// Whether the peer's host has acknowledged all that was written, FIN included. What a unix socket took is there.
    pub fn is_delivered(&self) -> bool {
        self.kind == Kind::Unix || self.unacknowledged().is_none_or(|bytes| bytes == 0)
    }

    /// Bytes that were written and not acknowledged; `None` where the system does not say.
    #[allow(unsafe_code)]
    fn unacknowledged(&self) -> Option<c_int> {
        // SAFETY: SIOCOUTQ writes one `int` and has no other effect.
        unsafe { ioctl(&self.fd, Getter::<SIOCOUTQ, c_int>::new()) }.ok()
    }

    /// The error the socket has met, if any; asking clears it.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(sockopt::socket_error(&self.fd)?.err().map(io::Error::from))
    }

    /// What is written next leaves at once, however short it is. To be called by whoever writes past this.
    #[inline]
    pub(super) fn begin_write(&self) {
        if self.prompt.get() != Prompt::Always {
            self.be_prompt();
        }
    }

    fn be_prompt(&self) {
        if self.kind == Kind::Unix {
            self.prompt.set(Prompt::Always);
        } else if self.prompt.replace(Prompt::Ask) == Prompt::Ask {
            self.prompt.set(Prompt::Always);
            // Where it is refused, what is written still arrives.
            let _ = sockopt::set_tcp_nodelay(&self.fd, true);
        }
    }

    /// Lets the kernel probe a silent peer after `idle`, then every `interval`, and give up after
    /// `count` probes without an answer (TCP only; whole seconds, at least one and at most 32,767).
    /// With [`set_user_timeout`](Self::set_user_timeout) it gives up at the first probe behind that instead.
    pub fn set_keepalive(&self, idle: Duration, interval: Duration, count: u32) -> io::Result<()> {
        let bounds = |time: Duration| time.clamp(Duration::from_secs(1), KEEPALIVE_MAX);
        self.only_tcp(|fd| {
            sockopt::set_tcp_keepidle(fd, bounds(idle))?;
            sockopt::set_tcp_keepintvl(fd, bounds(interval))?;
            sockopt::set_tcp_keepcnt(fd, count)?;
            sockopt::set_socket_keepalive(fd, true)
        })
    }

    /// Ends the connection when what was sent is not acknowledged for so long, or finds no room at the
    /// peer (TCP only; milliseconds, at most 24 days).
    pub fn set_user_timeout(&self, after: Duration) -> io::Result<()> {
        let millis =
            u32::try_from(after.as_millis()).map_or(TIMEOUT_MAX, |millis| millis.min(TIMEOUT_MAX));
        self.only_tcp(|fd| sockopt::set_tcp_user_timeout(fd, millis))
    }

    fn only_tcp(
        &self,
        set: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<()>,
    ) -> io::Result<()> {
        match self.kind {
            Kind::Tcp => Ok(set(self.fd.as_fd())?),
            Kind::Unix => Ok(()),
        }
    }

    /// The other end. Fails when the connection is not, or no longer, made.
    pub fn peer(&self) -> io::Result<Peer> {
        let address = rustix::net::getpeername(&self.fd)?;
        Ok(address.map_or(Peer::Unix, Peer::from_any))
    }

    /// This end.
    pub fn local(&self) -> io::Result<Peer> {
        Ok(Peer::from_any(rustix::net::getsockname(&self.fd)?))
    }

    /// Registers for edges: TCP for reading and writing once and for all, unix for reading only,
    /// because a unix socket wakes a writer at every read of its peer. So is a server that was connected: that it can be written
    /// is no news, and most take all that they are sent. Edges tell of urgent data as well.
    pub fn register(&self, registry: &Registry, token: u64) -> io::Result<()> {
        let interest = interest(!self.connected && self.kind == Kind::Tcp);
        registry.register(&mut SourceFd(&self.fd.as_raw_fd()), Token(token as usize), interest)
    }

    /// Asks for an edge when it can be written, or no longer, where it was not registered for that or is a unix socket; does
    /// nothing when that is so already. An edge comes at once if it can be written now.
    #[inline]
    pub fn want_write(&mut self, registry: &Registry, token: u64, want: bool) -> io::Result<()> {
        if self.wants_write == want || self.kind == Kind::Tcp && !(want && self.connected) {
            return Ok(());
        }
        self.wants_write = want;
        let token = Token(token as usize);
        registry.reregister(&mut SourceFd(&self.fd.as_raw_fd()), token, interest(want))
    }

    /// Takes it off the poll, for another thread to have. Closing does so by itself.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.wants_write = false;
        registry.deregister(&mut SourceFd(&self.fd.as_raw_fd()))
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> OwnedFd {
        stream.fd
    }
}

/// What edges shall tell.
fn interest(writable: bool) -> Interest {
    let interest = Interest::READABLE | Interest::PRIORITY;
    if writable { interest | Interest::WRITABLE } else { interest }
}

/// Calls again while a signal interrupts.
#[inline]
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(done) => return Ok(done),
        }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
