//! What systemd hands to us and is told, where it started us.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

use crate::reactor::Listener;

/// The first descriptor that is handed over (sd_listen_fds(3)).
const FIRST: i32 = 3;
/// More than that is a mistake.
const MOST: i32 = 1024;

/// A socket that listened before we started.
#[derive(Debug)]
pub(super) struct Inherited {
    pub(super) listener: Listener,
    /// Its name in the socket's unit.
    pub(super) name: String,
}

/// The sockets that are handed over to this process (`LISTEN_FDS`), which can be taken once.
pub(super) fn inherited() -> Vec<Inherited> {
    let said = |name| std::env::var(name).ok();
    let count = handed_over(said("LISTEN_PID"), said("LISTEN_FDS"), std::process::id());
    let names = said("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut found = Vec::new();
    for number in FIRST..FIRST + count {
        let name = names.next().unwrap_or("unknown").to_owned();
        match Listener::inherit(take(number)) {
            Ok(listener) => found.push(Inherited { listener, name }),
            Err(error) => {
                tracing::warn!("descriptor {number} ({name}) of LISTEN_FDS is no listener: {error}")
            }
        }
    }
    found
}

/// How many descriptors are for the process of this id.
fn handed_over(pid: Option<String>, count: Option<String>, own: u32) -> i32 {
    let is_ours = pid.and_then(|pid| pid.parse::<u32>().ok()) == Some(own);
    let count = count.and_then(|count| count.parse::<i32>().ok());
    count.filter(|count| is_ours && (0..=MOST).contains(count)).unwrap_or(0)
}

#[allow(unsafe_code)]
fn take(number: i32) -> OwnedFd {
    // SAFETY: whoever set LISTEN_PID to this process left the descriptor to it, and nobody else here knows it: this
    // is called once for each, when the process starts.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Says that all listeners are bound (`Type=notify`, sd_notify(3)). Does nothing elsewhere, as the following.
pub(super) fn ready() {
    notify("READY=1");
}

/// Says that the configuration is read again; [`ready`] ends that (`Type=notify-reload`).
pub(super) fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
    notify(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
}

/// Says that we drain and stop.
pub(super) fn stopping() {
    notify("STOPPING=1");
}

fn notify(what: &str) {
    let Some(to) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = tell(&to, what.as_bytes()) {
        tracing::warn!(%error, "systemd cannot be told {what:?}");
    }
}

fn tell(to: &OsStr, what: &[u8]) -> io::Result<()> {
    let address = match to.as_encoded_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(to)?,
    };
    UnixDatagram::unbound()?.send_to_addr(what, &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_an_abstract_name_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let name = format!("tidegate-notify-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).expect("a name");
        for (socket, to) in [
            (UnixDatagram::bind(&path), path.to_string_lossy().into_owned()),
            (UnixDatagram::bind_addr(&abstract_name), format!("@{name}")),
        ] {
            let socket = socket.expect("bound");
            tell(to.as_ref(), b"READY=1").expect("told");
            let mut said = [0; 16];
            let n = socket.recv(&mut said).expect("heard");
            assert_eq!(&said[..n], b"READY=1");
        }
    }

    #[test]
    fn only_what_is_for_this_process_is_taken() {
        for (pid, count, taken) in [
            (Some("7"), Some("2"), 2),
            (Some("8"), Some("2"), 0),
            (None, Some("2"), 0),
            (Some("7"), None, 0),
            (Some("7"), Some("-1"), 0),
            (Some("7"), Some("100000"), 0),
            (Some("x"), Some("2"), 0),
        ] {
            let given = handed_over(pid.map(str::to_owned), count.map(str::to_owned), 7);
            assert_eq!(given, taken, "{pid:?} {count:?}");
        }
    }
}
