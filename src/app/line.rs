//! A connection of a thread that may wait, but never for ever.

use std::io::{self, ErrorKind, Read, Write};
use std::net::ToSocketAddrs;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::base::Address;
use crate::reactor::{Stream, dial};

/// A stream whose reads and writes wait until a moment and no longer; then they fail with
/// [`TimedOut`](ErrorKind::TimedOut).
#[derive(Debug)]
pub(super) struct Line {
    stream: Stream,
    until: Instant,
}

impl Line {
    /// Over a connected stream, for so long.
    pub(super) fn new(stream: Stream, patience: Duration) -> Line {
        Line { stream, until: Instant::now() + patience }
    }

    /// From now on for so long.
    pub(super) fn allow(&mut self, patience: Duration) {
        self.until = Instant::now() + patience;
    }

    /// Connects, and all that follows, within `patience`.
    ///
    /// # Errors
    /// What the system says; `TimedOut` when nobody answered.
    pub(super) fn dial(address: &Address, patience: Duration) -> io::Result<Line> {
        let resolved = match address {
            Address::Name { host, port } => {
                let first = (host.as_str(), *port).to_socket_addrs()?.next();
                &Address::Ip(first.ok_or(ErrorKind::NotFound)?)
            }
            _ => address,
        };
        let stream = dial(resolved).map_err(|error| error.to_io())?;
        let line = Line::new(stream, patience);
        line.wait(PollFlags::OUT)?;
        match line.stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(line),
        }
    }

    /// Says that nothing more comes from here.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.stream.shutdown_write()
    }

    fn wait(&self, what: PollFlags) -> io::Result<()> {
        let patience = self.until.saturating_duration_since(Instant::now());
        if wait(self.stream.as_fd(), what, Some(patience))? {
            Ok(())
        } else {
            Err(ErrorKind::TimedOut.into())
        }
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Read for Line {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::IN)?,
                read => return read,
            }
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.stream.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::OUT)?,
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until a descriptor is ready, for ever or for so long; false when it was not.
pub(super) fn wait(
    fd: BorrowedFd<'_>,
    what: PollFlags,
    patience: Option<Duration>,
) -> io::Result<bool> {
    let patience = patience.map(|patience| Timespec {
        tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    });
    loop {
        match poll(&mut [PollFd::from_borrowed_fd(fd, what)], patience.as_ref()) {
            Err(Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn waits_so_long_and_no_longer() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let address = Address::Unix(path.clone());
        let patience = Duration::from_millis(20);
        assert_eq!(Line::dial(&address, patience).unwrap_err().kind(), ErrorKind::NotFound);
        let listener = UnixListener::bind(&path).expect("bound");
        let mut line = Line::dial(&address, patience).expect("a line");
        assert_eq!(line.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
        line.allow(patience);
        let full = line.write_all(&vec![0; 8 << 20]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::TimedOut);
        let (mut other, _) = listener.accept().expect("accepted");
        other.write_all(b"hello").expect("written");
        let mut room = [0; 8];
        assert_eq!(line.read(&mut room).expect("read"), 5);
    }
}
