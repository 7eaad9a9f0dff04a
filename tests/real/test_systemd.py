"""systemd: sockets that listened before the router did, and what it is told. Started by systemd-socket-activate."""

import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness.certificates import Authority
from harness.process import Process
from harness.raw import Raw
from harness.router import TIDEGATE, ini
from harness.tls import TlsRaw
from harness.upstream import free_port

ACTIVATE = shutil.which("systemd-socket-activate")
pytestmark = pytest.mark.skipif(ACTIVATE is None, reason="systemd-socket-activate is Debian's package systemd")


class Manager:
    """The socket that systemd is told things on."""

    def __init__(self, directory):
        self.path = directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(10)

    def hears(self):
        return self.socket.recv(4096).decode()


def activate(stage, listens, options, *more):
    """A router behind sockets of systemd's: it starts when the first client comes."""
    file = stage.directory / "site.ini"
    file.write_text(ini({"workers": 2, "admin": "off", **options}))
    sockets = [word for address in listens for word in ("-l", address)]
    child = stage.track(Process("activated", [ACTIVATE, *sockets, *more, TIDEGATE, file], stage.directory))
    child.wait_for("Listening on .*" * len(listens) if len(listens) == 1 else r"(Listening on .*\n[\s\S]*)" * len(listens))
    return child, file


def unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    sock.connect(str(path))
    return Raw(sock)


def test_who_came_before_it_started_is_served(stage):
    port, path = free_port(), stage.directory / "in.sock"
    child, _ = activate(stage, [f"127.0.0.1:{port}", str(path)],
                        {"http": [f"127.0.0.1:{port}", f"unix:{path}"], "route-run": "send:${LISTENER} ${SERVER_PORT}"}, "--fdname=web:local")
    with Raw.connect(port) as first, Raw.connect(port) as second, unix(path) as third:
        for raw in (second, first):
            assert raw.get("/").response().body == f"127.0.0.1:{port} {port}".encode()
        assert third.get("/").response().body == f"unix:{path} ".encode()
        assert third.get("/").response().status == 200
    child.wait_for(f"listening on http://127.0.0.1:{port}\n.*listening on unix:{path}\n")
    log = child.log()
    assert "cannot" not in log and "WARN" not in log, log
    # Both workers have clients: the one that accepts hands them on.
    for _ in range(20):
        with Raw.connect(port) as raw:
            assert raw.get("/").response().status == 200
    os.kill(child.pid, signal.SIGTERM)
    assert child.wait() == 0
    assert path.is_socket(), "its file is systemd's"


def test_tls_and_other_listeners_too(stage):
    pair = Authority(stage.directory).issue("localhost")
    port, plain = free_port(), free_port()
    child, _ = activate(stage, [f"127.0.0.1:{port}"], {"https": f"127.0.0.1:{port},{pair}", "http": f"127.0.0.1:{plain}", "route-run": "send:${REQUEST_SCHEME}"})
    with TlsRaw.connect(port) as raw:
        assert raw.get("/").response().body == b"https"
    with Raw.connect(plain) as raw:
        assert raw.get("/").response().body == b"http"


def test_every_address(stage):
    """`ListenStream=8080` is [::]:8080 and takes IPv4, too; `http = :8080` means it."""
    port = free_port()
    child, _ = activate(stage, [str(port)], {"http": f":{port}", "route-run": "send:${REMOTE_ADDR}"})
    with Raw.connect(port) as raw:
        assert raw.get("/").response().body == b"127.0.0.1"


def test_what_nobody_asked_for_is_closed_and_said(stage):
    port, spare = free_port(), free_port()
    child, _ = activate(stage, [f"127.0.0.1:{port}", f"127.0.0.1:{spare}"], {"http": f"127.0.0.1:{port}", "route-run": "send:fine"}, "--fdname=web:spare")
    with Raw.connect(port) as raw:
        assert raw.get("/").response().body == b"fine"
    child.wait_for(rf"127\.0\.0\.1:{spare} \(spare of LISTEN_FDS\) is closed")


def test_sockets_for_another_process_are_left_alone(stage):
    port = free_port()
    file = stage.directory / "site.ini"
    file.write_text(ini({"workers": 1, "admin": "off", "http": f"127.0.0.1:{port}", "route-run": "send:fine"}))
    child = stage.track(Process("tidegate", [TIDEGATE, file], stage.directory, env={"LISTEN_FDS": "1", "LISTEN_PID": "1"}))
    child.wait_for("listening on ")
    assert "LISTEN_FDS" not in child.log()


def test_a_restart_refuses_nobody(stage):
    """The socket listens on while one router has stopped and the next has not started."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        file = stage.directory / "site.ini"
        file.write_text(ini({"workers": 2, "admin": "off", "http": f"127.0.0.1:{port}", "route-run": "send:fine", "drain-timeout": "1s"}))
        os.set_inheritable(listener.fileno(), True)
        run = ["bash", "-c", f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "bash", TIDEGATE, file]
        for name in ("first", "second", "third"):
            log = open(stage.directory / f"{name}.log", "wb")
            child = subprocess.Popen([str(word) for word in run], pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
            try:
                with Raw.connect(port) as raw:
                    assert raw.get("/", "Connection: close").response().body == b"fine"
            finally:
                os.kill(child.pid, signal.SIGTERM)
                assert child.wait(20) == 0


def test_systemd_is_told(stage):
    manager = Manager(stage.directory)
    file = stage.directory / "site.ini"
    text = ini({"workers": 1, "admin": "off", "http": "127.0.0.1:0", "route-run": "send:fine", "drain-timeout": "1s"})
    file.write_text(text)
    child = stage.track(Process("tidegate", [TIDEGATE, file], stage.directory, env={"NOTIFY_SOCKET": str(manager.path)}))
    assert manager.hears() == "READY=1"
    child.wait_for("listening on ")
    for broken in (False, True):
        file.write_text(text + ("nonsense = 1\n" if broken else ""))
        os.kill(child.pid, signal.SIGHUP)
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", manager.hears())
        assert manager.hears() == "READY=1"
    os.kill(child.pid, signal.SIGTERM)
    assert manager.hears() == "STOPPING=1"
    assert child.wait() == 0
