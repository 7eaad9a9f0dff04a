"""Unix sockets that clients connect to: rights, owners, files left over and files of others."""

import os
import signal
import socket
import stat

import pytest

from harness.process import Process
from harness.raw import Raw
from harness.router import TIDEGATE, ini

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
