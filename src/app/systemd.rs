//! What systemd is told, where it started us.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says that all listeners are bound (`Type=notify`, sd_notify(3)). Does nothing elsewhere.
pub(super) fn ready() {
    let Some(to) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = tell(to.as_encoded_bytes(), b"READY=1") {
        tracing::warn!(%error, "systemd cannot be told that we are ready");
    }
}

fn tell(to: &[u8], what: &[u8]) -> io::Result<()> {
    let address = match to {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(String::from_utf8_lossy(path).as_ref())?,
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
            tell(to.as_bytes(), b"READY=1").expect("told");
            let mut said = [0; 16];
            let n = socket.recv(&mut said).expect("heard");
            assert_eq!(&said[..n], b"READY=1");
        }
    }
}
