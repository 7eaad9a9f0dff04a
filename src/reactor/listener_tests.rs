//! Binding what is free, taken, stale or not ours, and accepting from it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use super::super::testing::Watch;
use super::super::{AcceptFault, Readiness};
use super::*;

const OPTIONS: ListenOptions = ListenOptions { backlog: 64, mode: None, owner: (None, None) };

fn loopback() -> Listener {
    Listener::bind(&"127.0.0.1:0".parse().unwrap(), &OPTIONS).unwrap()
}

fn address_of(listener: &Listener) -> SocketAddr {
    match listener.local() {
        Peer::Ip(address) => address,
        Peer::Unix => panic!("not an IP listener"),
    }
}

#[test]
fn accepts_ready_streams() {
    let listener = loopback();
    let blocked = listener.accept().unwrap_err();
    assert_eq!(AcceptFault::of(&blocked), AcceptFault::Blocked);
    let (mut watch, mut readiness) = (Watch::new(), Readiness::NONE);
    listener.register(watch.poll.registry(), 3).unwrap();
    let mut client = TcpStream::connect(address_of(&listener)).unwrap();
    watch.until(3, &mut readiness, |ready| ready.readable);
    let (stream, peer) = listener.accept().unwrap();
    assert_eq!(peer, Peer::Ip(client.local_addr().unwrap()));
    assert_eq!(stream.peer().unwrap(), peer);
    assert!(sockopt::tcp_nodelay(&stream).unwrap(), "inherited from the listener");
    assert!(sockopt::socket_keepalive(&stream).unwrap(), "inherited from the listener");
    assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), std::time::Duration::from_secs(60));
    assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    stream.write(b"x").unwrap();
    client.read_exact(&mut [0; 1]).unwrap();
    listener.deregister(watch.poll.registry()).unwrap();
}

#[test]
fn a_group_shares_a_port_and_strangers_do_not_get_in() {
    let first = loopback();
    assert_eq!(first.sharing(), Sharing::PerWorker);
    let second = first.another(&OPTIONS).unwrap();
    assert_eq!(first.local(), second.local());
    let clients: Vec<TcpStream> =
        (0..64).map(|_| TcpStream::connect(address_of(&first)).unwrap()).collect();
    let accepted = |listener: &Listener| std::iter::from_fn(|| listener.accept().ok()).count();
    assert_eq!(accepted(&first) + accepted(&second), clients.len());

    let address = Address::Ip(address_of(&first));
    let error = Listener::bind(&address, &OPTIONS).unwrap_err();
    assert!(matches!(error, BindError::InUse(_)));
    let shown = format!("cannot listen on {address}: another process listens there");
    assert_eq!(error.to_string(), shown);
    drop((first, second));
    Listener::bind(&address, &OPTIONS).unwrap();
}

#[test]
fn ipv6_leaves_the_port_to_ipv4() {
    let Ok(v6) = Listener::bind(&"[::]:0".parse().unwrap(), &OPTIONS) else {
        return; // A machine without IPv6.
    };
    let port = address_of(&v6).port();
    let v4 = Address::Ip((Ipv4Addr::UNSPECIFIED, port).into());
    assert!(sockopt::ipv6_v6only(&v6).unwrap());
    // The port may be somebody else's in IPv4, but never for our own sake.
    if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        Listener::bind(&v4, &OPTIONS).unwrap();
    }
}

#[test]
fn names_and_addresses_that_are_not_ours() {
    let listener = Listener::bind(&"localhost:0".parse().unwrap(), &OPTIONS).unwrap();
    assert!(listener.local().ip().unwrap().is_loopback());
    let error = Listener::bind(&"192.0.2.1:80".parse().unwrap(), &OPTIONS).unwrap_err();
    assert!(matches!(error, BindError::NotOurs(_)), "{error}");
    let error = Listener::bind(&"nowhere.invalid:80".parse().unwrap(), &OPTIONS).unwrap_err();
    assert!(matches!(error, BindError::Unresolved(..)), "{error}");
}

#[test]
fn a_unix_path_is_taken_over_only_when_it_is_stale() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("front.sock");
    let address = Address::Unix(path.clone());
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());

    let options = ListenOptions { mode: Some(0o640), ..OPTIONS };
    let listener = Listener::bind(&address, &options).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(listener.sharing(), Sharing::Single);
    assert!(listener.another(&options).is_err());
    assert!(matches!(Listener::bind(&address, &options), Err(BindError::InUse(_))));

    let mut client = UnixStream::connect(&path).unwrap();
    // The first in line came from the refused bind.
    let accepted: Vec<_> = std::iter::from_fn(|| listener.accept().ok()).collect();
    assert!(
        accepted
            .iter()
            .all(|(stream, peer)| { stream.kind() == Kind::Unix && *peer == Peer::Unix })
    );
    client.write_all(b"x").unwrap();
    assert_eq!(accepted.last().unwrap().0.read(&mut [0; 8]).unwrap(), 1);
    listener.unlink();
    assert!(!path.exists());
}

#[test]
fn a_file_in_the_way_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("precious");
    std::fs::write(&path, "data").unwrap();
    let error = Listener::bind(&Address::Unix(path.clone()), &OPTIONS).unwrap_err();
    assert!(matches!(error, BindError::Occupied(_)), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}

#[test]
fn abstract_names() {
    let name = format!("@tidegate-test-listener-{}", std::process::id());
    let address: Address = name.parse().unwrap();
    let listener = Listener::bind(&address, &OPTIONS).unwrap();
    let client = dial(&address).unwrap();
    let (stream, _) = listener.accept().unwrap();
    client.write(b"x").unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
    assert!(matches!(Listener::bind(&address, &OPTIONS), Err(BindError::InUse(_))));
}

#[test]
fn what_another_process_has_put_in_its_place_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let old = Listener::bind(&Address::Unix(path.clone()), &OPTIONS).unwrap();
    std::fs::rename(&path, directory.path().join("old")).unwrap();
    let new = Listener::bind(&Address::Unix(path.clone()), &OPTIONS).unwrap();
    old.unlink();
    assert!(path.exists());
    new.unlink();
    assert!(!path.exists());
}

#[test]
fn what_somebody_else_bound_is_taken_over_and_left_in_place() {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::Ip(bound.local_addr().unwrap());
    let listener = Listener::inherit(bound.into()).unwrap();
    assert_eq!((listener.address(), listener.sharing()), (&address, Sharing::Single));
    assert!(listener.serves(&address) && !listener.serves(&"127.0.0.1:1".parse().unwrap()));
    let blocked = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(blocked, Err(io::ErrorKind::WouldBlock), "nobody waits for a client");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.sock");
    let bound = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let listener = Listener::inherit(bound.into()).unwrap();
    assert_eq!(listener.address(), &Address::Unix(path.clone()));
    listener.unlink();
    assert!(path.exists(), "its file is somebody else's");

    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(Listener::inherit(silent.into()).is_err());
    let (one, _another) = std::os::unix::net::UnixStream::pair().unwrap();
    assert!(Listener::inherit(one.into()).is_err());
}

#[test]
fn every_address_of_ipv6_may_be_those_of_ipv4_too() {
    let all: Address = "[::]:0".parse().unwrap();
    let bound = Listener::bind(&all, &OPTIONS).unwrap();
    let port = bound.local().port().unwrap();
    let all = bound.configured_as(&format!("[::]:{port}").parse().unwrap());
    for (address, serves) in
        [("0.0.0.0", true), ("[::]", true), ("127.0.0.1", false), ("[::1]", false)]
    {
        assert_eq!(all.serves(&format!("{address}:{port}").parse().unwrap()), serves, "{address}");
    }
    let other = all.configured_as(&format!("0.0.0.0:{port}").parse().unwrap());
    assert!(!other.serves(&format!("[::]:{port}").parse().unwrap()));
}
