//! Lines as messages to a syslog daemon, one datagram each.
//!
//! To the daemon of this host, by its socket, as `syslog(3)` writes them; over UDP as in RFC 5424.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::{Address, Dates};
use crate::config::Syslog;

use super::output::Unwritten;

/// Of severity informational.
const SEVERITY: u8 = 6;
/// What daemons take of a message, in bytes; the rest of a longer line is left away.
const MOST: usize = 8 << 10;

/// A way to a daemon.
#[derive(Debug)]
pub(super) struct Daemon {
    socket: Socket,
    /// From the priority to the date.
    before: String,
    /// From the date to the line.
    behind: String,
    /// The message being made.
    message: Vec<u8>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram, UnixAddr),
}

impl Daemon {
    /// A way to `syslog`, whether or not anybody listens there yet.
    ///
    /// # Errors
    /// When there can be none: its name has no address, its path is too long.
    pub(super) fn open(syslog: &Syslog, host: &str) -> io::Result<Daemon> {
        let socket = Socket::open(&syslog.to)?;
        let (priority, ident) = (syslog.facility * 8 + SEVERITY, &syslog.ident);
        let (version, host) = match socket {
            Socket::Udp(_) => ("1 ", if host.is_empty() { "-" } else { host }),
            Socket::Unix(..) => ("", ""),
        };
        let pid = std::process::id();
        let behind = match socket {
            Socket::Udp(_) => format!(" {host} {ident} {pid} - - "),
            Socket::Unix(..) => format!(" {ident}[{pid}]: "),
        };
        Ok(Daemon { socket, before: format!("<{priority}>{version}"), behind, message: Vec::new() })
    }

    /// Sends each line.
    ///
    /// # Errors
    /// When at least one was not taken; the others were sent.
    pub(super) fn send_all(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        let date = self.date(SystemTime::now());
        let mut unsent: Option<Unwritten> = None;
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.message.clear();
            let _ = write!(self.message, "{}{date}{}", self.before, self.behind);
            self.message.extend_from_slice(line);
            self.message.truncate(MOST);
            if let Err(error) = self.socket.send(&self.message) {
                let lines = unsent.map_or(0, |unsent| unsent.lines) + 1;
                unsent = Some(Unwritten { lines, error });
            }
        }
        unsent.map_or(Ok(()), Err)
    }

    /// `Nov 21 02:30:00` on this host, `2026-11-21T02:30:00.123Z` elsewhere.
    fn date(&self, now: SystemTime) -> String {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let dates = Dates::of(since.as_secs());
        match self.socket {
            Socket::Udp(_) => dates.iso(since.subsec_millis() as u16).as_str().to_owned(),
            Socket::Unix(..) => {
                // Sat, 21 Nov 2026 02:30:00 GMT
                let part = |range| dates.http().get(range).unwrap_or_default();
                let day = part(5..7).trim_start_matches('0');
                format!("{} {day:>2} {}", part(8..11), part(17..25))
            }
        }
    }
}

impl Socket {
    fn open(to: &Address) -> io::Result<Socket> {
        let unix = |address| Ok(Socket::Unix(UnixDatagram::unbound()?, address));
        match to {
            Address::Unix(path) => unix(UnixAddr::from_pathname(path)?),
            Address::Abstract(name) => unix(UnixAddr::from_abstract_name(name)?),
            Address::Ip(address) => Socket::udp(*address),
            Address::Name { host, port } => {
                let found = (host.as_str(), *port).to_socket_addrs()?.next();
                Socket::udp(found.ok_or(io::ErrorKind::AddrNotAvailable)?)
            }
        }
    }

    fn udp(to: SocketAddr) -> io::Result<Socket> {
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(to)?;
        Ok(Socket::Udp(socket))
    }

    fn send(&self, message: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Udp(socket) => socket.send(message),
            Socket::Unix(socket, to) => socket.send_to_addr(message, to),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn daemon(to: Address) -> Daemon {
        let syslog = Syslog { to, ident: "site".into(), facility: 16 };
        Daemon::open(&syslog, "front-1").expect("a way")
    }

    #[test]
    fn over_udp_as_in_rfc_5424() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a deadline");
        let mut daemon = daemon(Address::Ip(socket.local_addr().expect("an address")));
        let long = "x".repeat(2 * MOST);
        daemon.send_all(format!("one\n{long}\n").as_bytes()).expect("sent");
        let mut message = [0; 3 * MOST];
        let len = socket.recv(&mut message).expect("a message");
        let text = std::str::from_utf8(&message[..len]).expect("text");
        let (head, rest) = text.split_once(' ').expect("a version");
        assert_eq!(head, "<134>1");
        let (date, rest) = rest.split_once(' ').expect("a date");
        assert!(date.len() == 24 && date.ends_with('Z'), "{date}");
        assert_eq!(rest, format!("front-1 site {} - - one", std::process::id()));
        assert_eq!(socket.recv(&mut message).expect("a message"), MOST);
    }

    #[test]
    fn on_this_host_as_syslog_3_does_and_again_when_the_daemon_is_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut daemon = daemon(Address::Unix(path.clone()));
        daemon.send_all(b"lost\n").expect_err("nobody listens");
        for _ in 0..2 {
            let socket = UnixDatagram::bind(&path).expect("a socket");
            daemon.send_all(b"line\n").expect("sent");
            let mut message = [0; 256];
            let len = socket.recv(&mut message).expect("a message");
            let text = std::str::from_utf8(&message[..len]).expect("text");
            let expected = format!(" site[{}]: line", std::process::id());
            assert!(text.starts_with("<134>") && text.ends_with(&expected), "{text}");
            assert_eq!(text.len(), 5 + "Nov 21 02:30:00".len() + expected.len());
            std::fs::remove_file(&path).expect("removed");
        }
    }

    #[test]
    fn days_of_one_digit_are_padded() {
        let daemon = daemon(Address::Abstract(b"nobody".to_vec()));
        let date = daemon.date(UNIX_EPOCH + Duration::from_secs(3 * 86_400 + 3_661));
        assert_eq!(date, "Jan  4 01:01:01");
    }
}
