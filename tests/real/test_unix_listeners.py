"""Unix sockets that clients connect to: rights, owners, files left over and files of others; and listeners with rules of their own."""

import os
import signal
import socket
import stat
import subprocess

import pytest

from harness.process import Process
from harness.raw import Raw
from harness.router import TIDEGATE, ini
from harness.upstream import free_port
from harness.waiting import until

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def listen(path, **options):
    return {"http": ["127.0.0.1:0", f"unix:{path}"], "route-run": "send:fine", **options}


def ask(path, target="/", *fields):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    sock.connect(str(path))
    with Raw(sock) as raw:
        return raw.get(target, *fields, "Connection: close").response()


@pytest.mark.parametrize("written, mode", [("660", 0o660), ("0600", 0o600), ("666", 0o666), (None, None), ("", 0o666)])
def test_permissions(stage, written, mode):
    path = stage.directory / "in.sock"
    options = listen(path)
    if written:
        options["chmod-socket"] = written
    router = stage.tidegate(options, more="chmod-socket\n" if written == "" else "")
    found = stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    assert found == (0o777 & ~umask if mode is None else mode)
    assert ask(path).body == b"fine" and router.process.alive()


@ROOT
@pytest.mark.parametrize("written, owner", [("www-data", (33, 0)), ("www-data:daemon", (33, 1)), (":daemon", (0, 1)), ("4241:4242", (4241, 4242))])
def test_owners(stage, written, owner):
    path = stage.directory / "in.sock"
    stage.tidegate(listen(path, **{"chown-socket": written, "chmod-socket": "660"}))
    found = path.stat()
    assert ((found.st_uid, found.st_gid), stat.S_IMODE(found.st_mode)) == (owner, 0o660)
    assert ask(path).body == b"fine"


def test_a_file_left_over_is_taken_over(stage):
    path = stage.directory / "in.sock"
    first = stage.tidegate(listen(path), name="first")
    os.kill(first.pid, signal.SIGKILL)
    first.process.wait()
    assert path.is_socket()
    stage.tidegate(listen(path), name="second")
    assert ask(path).body == b"fine"


def test_a_file_that_somebody_listens_on_is_not(stage):
    path = stage.directory / "in.sock"
    stage.tidegate(listen(path), name="first")
    file = stage.directory / "second.ini"
    file.write_text(ini({"workers": 1, "admin": "off", **listen(path)}))
    second = stage.track(Process("second", [TIDEGATE, file], stage.directory))
    assert second.wait() == 1
    assert "another process listens there" in second.log()
    assert ask(path).body == b"fine"


@pytest.mark.parametrize("what", ["file", "directory", "link"])
def test_what_is_no_socket_stays(stage, what):
    path = stage.directory / "in.sock"
    {"file": lambda: path.write_text("precious"), "directory": path.mkdir,
     "link": lambda: path.symlink_to(stage.directory / "elsewhere")}[what]()
    file = stage.directory / "site.ini"
    file.write_text(ini({"workers": 1, "admin": "off", **listen(path)}))
    child = stage.track(Process("tidegate", [TIDEGATE, file], stage.directory))
    assert child.wait() == 1
    assert "no socket" in child.log()
    assert os.path.lexists(path) and not path.is_socket()


def test_its_file_goes_when_it_stops(stage):
    path = stage.directory / "in.sock"
    router = stage.tidegate(listen(path))
    os.kill(router.pid, signal.SIGTERM)
    assert router.process.wait() == 0
    assert not path.exists()


def test_anothers_file_stays_when_it_stops(stage):
    """Somebody has put a socket of his own in its place."""
    path = stage.directory / "in.sock"
    router = stage.tidegate(listen(path))
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        os.kill(router.pid, signal.SIGTERM)
        assert router.process.wait() == 0
        assert path.is_socket()


def test_a_default_route_for_each(stage):
    """The same path, by three listeners."""
    ports, path = [free_port(), free_port()], stage.directory / "in.sock"
    router = stage.tidegate({
        "http": [f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", f"unix:{path}"],
        "route": "^/shared$ send:all",
        "route-if": [f"equal:${{LISTENER}};127.0.0.1:{ports[0]} send:first", f"equal:${{SERVER_PORT}};{ports[1]} send:second",
                     f"equal:${{LISTENER}};unix:{path} send:${{LISTENER}}"],
    })
    for target, bodies in (("/", [b"first", b"second", f"unix:{path}".encode()]), ("/shared", [b"all"] * 3)):
        found = []
        for port in ports:
            with Raw.connect(port) as raw:
                found.append(raw.get(target).response().body)
        assert [*found, ask(path, target).body] == bodies
    assert router.process.alive()


def test_a_listener_that_is_not_there_is_a_mistake(stage):
    file = stage.directory / "site.ini"
    file.write_text("[tidegate]\nhttp = 127.0.0.1:8080\nroute-if = equal:${LISTENER};127.0.0.1:8081 send:x\n")
    done = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True)
    assert done.returncode == 2 and "${LISTENER} is never 127.0.0.1:8081; expected 127.0.0.1:8080" in done.stderr


def test_listeners_keep_their_rules_over_a_reload(stage):
    ports = [free_port() for _ in range(3)]
    rules = {port: f"equal:${{LISTENER}};127.0.0.1:{port} send:{port}" for port in ports}
    options = lambda some: {"http": [f"127.0.0.1:{port}" for port in some], "route-if": [rules[port] for port in some],
                            "workers": 2, "admin": "off", "route-run": "send:none"}
    router = stage.tidegate(options(ports[:2]))
    with Raw.connect(ports[1]) as kept:
        assert kept.get("/").response().body == str(ports[1]).encode()
        for some in ([ports[2], ports[1]], [ports[0], ports[2], ports[1]]):
            (stage.directory / "tidegate.ini").write_text(ini(options(some)))
            before = router.log().count("reload: done")
            os.kill(router.pid, signal.SIGHUP)
            until("the reload", lambda: router.log().count("reload: done") > before)
            for port in some:
                with Raw.connect(port) as raw:
                    assert raw.get("/").response().body == str(port).encode()
            assert kept.get("/").response().body == str(ports[1]).encode()
