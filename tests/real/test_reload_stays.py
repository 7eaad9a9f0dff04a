"""What a reload leaves as it is: idle connections to servers, listeners that stay, and whoever has knocked at one that goes."""

import os
import re
import signal
import socket

import pytest

from harness.certificates import Authority
from harness.freezing import frozen
from harness.raw import Raw
from harness.upstream import free_port, http_ok
from harness.waiting import until
from test_config_examples import Secure, decrypted
from test_reload import Site

# More than a worker lets in in one turn, and no more than may wait on any host.
KNOCKING = 100


@pytest.fixture
def site(stage):
    return Site(stage)


def test_idle_connections_are_used_again(site, stage):
    """By the same route, by another one, by an address and by a group that has it."""
    upstream = stage.upstream(http_ok)
    way = f"http:{upstream.address}"
    router = site.start({"workers": 1, "default": way})
    group = f"[upstream:app]\nserver = {upstream.address}\n"
    for number, (default, more) in enumerate([(way, ""), (way, f"[route:x]\npath = ^/x\nto = {way}\n"), ("http:app", group),
                                              ("http:app", group + "connect-timeout = 2s\n"), (way, "")]):
        with router.connect() as raw:
            for path in ["/", "/x"]:
                assert raw.get(path).response().status == 200
        assert len(upstream.peers) == 1, f"one connection for all, before reload {number}"
        site.write({"workers": 1, "default": default}, more)
        site.hup()
    assert router.get("/").status == 200 and len(upstream.peers) == 1


def test_idle_connections_over_tls_are_used_again(site, stage):
    authority = Authority(stage.directory)
    upstream = stage.upstream(http_ok)
    secure = Secure(authority.issue("localhost", "127.0.0.1"), decrypted(upstream.address))
    group = f"[upstream:app]\nprotocol = https\nserver = {secure.address}\nca = {authority.path}\n"
    router = site.start({"workers": 1, "default": "https:app"}, group)
    for _ in range(3):
        assert router.get("/").status == 200
        site.write({"workers": 1, "default": "https:app"}, group)
        site.hup()
    assert router.get("/").status == 200 and len(upstream.peers) == 1
    secure.socket.close()


def listening(pid, port):
    """The kernel's numbers of the sockets that listen at a port."""
    with open(f"/proc/{pid}/net/tcp") as table:
        rows = [row.split() for row in table.read().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}


def test_listeners_that_stay_are_the_same_sockets(site, stage):
    staying, going, coming = (free_port() for _ in range(3))
    unix = stage.directory / "site.sock"
    at = lambda *ports: [f"127.0.0.1:{port}" for port in ports] + [f"unix:{unix}"]
    router = site.start({"http": at(staying, going), "route-run": "send:one"})
    before, inode = listening(router.pid, staying), unix.stat().st_ino
    assert len(before) == 2, "one for each worker"
    for ports, text in [((staying, coming), "two"), ((coming, staying), "three"), ((staying,), "four")]:
        site.write({"http": at(*ports), "route-run": f"send:{text}"})
        site.hup()
        assert (listening(router.pid, staying), unix.stat().st_ino) == (before, inode)
        assert not listening(router.pid, going)
        with Raw.connect(staying) as raw:
            assert raw.get("/").response().body == text.encode()


def woken(pid):
    """How often threads have been sent mail, all together."""
    count = 0
    for number in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{number}") as file:
                count += sum(int(found, 16) for found in re.findall(r"eventfd-count:\s+([0-9a-f]+)", file.read()))
        except FileNotFoundError:
            pass  # closed in between
    return count


def test_who_has_knocked_is_let_in_before_a_listener_goes(site, stage):
    """They come while the worker is held, and so does the news that their listener is no more."""
    staying, going = free_port(), free_port()
    router = site.start({"workers": 1, "http": [f"127.0.0.1:{staying}", f"127.0.0.1:{going}"], "route-run": "send:one"})
    assert router.get("/").body == b"one"
    with frozen(router.pid, "worker-0"):
        knocking = [Raw.connect(going) for _ in range(KNOCKING)]
        for raw in knocking:
            raw.get("/")
        site.write({"workers": 1, "http": f"127.0.0.1:{staying}", "route-run": "send:two"})
        before = woken(router.pid)
        os.kill(router.pid, signal.SIGHUP)
        until("the worker is told", lambda: woken(router.pid) > before)
    for raw in knocking:
        with raw:
            assert raw.response().body == b"two", "it is let in, and its request comes after the reload"
    until("the reload", lambda: "reload: done" in router.log())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", going), 10)
