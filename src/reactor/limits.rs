//! How many descriptors there are, and what a failed `accept` means.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many descriptors this process may have open.
pub fn descriptors() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises that number to the most the system allows us, and returns it.
pub fn raise_descriptors() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    }
    Ok(descriptors())
}

/// What to do about an error of `accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptFault {
    /// Nobody waits: an edge will come.
    Blocked,
    /// No descriptors or memory: stop for a moment; whoever waits goes on waiting, and no edge tells.
    Exhausted,
    /// That one client is gone, or its network: accept the next.
    Client,
    /// The listening socket itself is of no use.
    Broken,
}

impl AcceptFault {
    /// Tells them apart.
    pub fn of(error: &io::Error) -> AcceptFault {
        match Errno::from_io_error(error) {
            Some(Errno::AGAIN) => AcceptFault::Blocked,
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                AcceptFault::Exhausted
            }
            Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::FAULT | Errno::OPNOTSUPP) => {
                AcceptFault::Broken
            }
            _ => AcceptFault::Client,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raised_to_the_hard_limit() {
        let raised = raise_descriptors().unwrap();
        assert_eq!(Some(raised), getrlimit(Resource::Nofile).maximum.or(Some(u64::MAX)));
        assert_eq!(descriptors(), raised);
    }

    #[test]
    fn faults_of_accept() {
        for (errno, fault) in [
            (Errno::AGAIN, AcceptFault::Blocked),
            (Errno::MFILE, AcceptFault::Exhausted),
            (Errno::NFILE, AcceptFault::Exhausted),
            (Errno::NOBUFS, AcceptFault::Exhausted),
            (Errno::CONNABORTED, AcceptFault::Client),
            (Errno::HOSTUNREACH, AcceptFault::Client),
            (Errno::INVAL, AcceptFault::Broken),
        ] {
            assert_eq!(AcceptFault::of(&errno.into()), fault, "{errno:?}");
        }
    }
}
