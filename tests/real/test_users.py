"""`user` and `group`: who the process is once it listens, and what still works then."""

import os
import re
import shutil
import signal
import subprocess

import pytest
from websockets.sync.client import connect

from harness.admin import ctl
from harness.certificates import Authority
from harness.process import Process
from harness.raw import Raw
from harness.router import TIDEGATE, ini
from harness.upstream import free_port
from harness.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def ids(pid):
    """Users, groups and further groups of every thread of a process."""
    found = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            text = file.read()
        lines = [re.search(rf"^{key}:(.*)$", text, re.M)[1].split() for key in ("Uid", "Gid", "Groups", "CapEff")]
        found.add(tuple(tuple(line) for line in lines))
    return found


class Site:
    """A router that is started as root, in a directory everybody may enter."""

    def __init__(self, stage, **options):
        self.stage = stage
        stage.directory.chmod(0o755)
        self.home = stage.directory / "home"
        self.home.mkdir()
        os.chown(self.home, 33, 33)
        self.admin = self.home / "admin.sock"
        self.options = {"http": f"127.0.0.1:{free_port()}", "workers": 2, "admin": f"unix:{self.admin}", "spool-dir": self.home,
                        "route": "^/loop echo:", "logto": stage.directory / "access.log", "user": "www-data", **options}
        self.router = stage.tidegate(self.options)
        self.router.process.wait_for("running as ")

    def reload(self, said="reload: done", **changes):
        self.options.update(changes)
        (self.stage.directory / "tidegate.ini").write_text(ini(self.options))
        before = len(self.router.log())
        os.kill(self.router.pid, signal.SIGHUP)
        until("the reload", lambda: re.search(said, self.router.log()[before:]))
        return self.router.log()[before:]

    def lines(self):
        return (self.stage.directory / "access.log").read_text().splitlines()


@pytest.mark.parametrize("options, want", [
    ({}, ("33", "33", ["33"])),
    ({"group": "daemon"}, ("33", "1", ["1"])),
    ({"user": None, "uid": "33", "gid": "1"}, ("33", "1", ["1"])),
    ({"user": None, "http-uid": "4241", "http-gid": "4242"}, ("4241", "4242", ["4242"])),
    ({"user": None, "group": "daemon"}, ("0", "1", ["1"])),
])
def test_all_threads_become_it_for_good(stage, options, want):
    user, group, more = want
    site = Site(stage, **options)
    until("workers", lambda: len(os.listdir(f"/proc/{site.router.pid}/task")) > 5)
    capabilities = {caps for _, _, _, (caps,) in ids(site.router.pid)}
    assert {(users, groups, further) for users, groups, further, _ in ids(site.router.pid)} == {((user,) * 4, (group,) * 4, tuple(more))}
    assert user == "0" or capabilities == {"0" * 16}


def test_further_groups_are_those_of_the_user(stage):
    site = Site(stage)
    own = {str(group) for group in os.getgrouplist("www-data", 33)}
    for _, _, groups, _ in ids(site.router.pid):
        assert set(groups) == own and "0" not in groups


def test_a_low_port_a_log_a_spool_and_the_admin_socket(stage):
    """Bound as root where only root can; everything else works afterwards, a rotated log, too."""
    site = Site(stage)
    log = stage.directory / "access.log"
    assert (log.stat().st_uid, site.admin.stat().st_uid, site.admin.stat().st_mode & 0o777) == (33, 33, 0o600)
    assert site.router.get("/none").status == 404
    until("a line", lambda: len(site.lines()) == 1)
    # logrotate, with `create 640 www-data adm`.
    log.rename(stage.directory / "access.log.1")
    log.touch()
    os.chown(log, 33, 4)
    os.kill(site.router.pid, signal.SIGUSR1)
    until("a line in the new file", lambda: site.router.get("/none").status == 404 and site.lines())
    assert ctl("--admin", f"unix:{site.admin}", "status").returncode == 0
    assert "cannot" not in site.router.log(), site.router.log()


def test_a_body_is_spooled(stage):
    def serve(peer):
        request = peer.packet()
        body = peer.take(int(request.variables["CONTENT_LENGTH"]))
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + (b"yes" if body == b"x" * 300_000 else b"no!"))

    site = Site(stage, **{"http-to": stage.upstream(serve).address})
    with site.router.connect() as raw:
        raw.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(30):
            raw.send(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        assert raw.send(b"0\r\n\r\n").response().body == b"yes"


def test_reload_goes_on_and_names_what_cannot_change(stage):
    site = Site(stage)
    with connect(f"ws://127.0.0.1:{site.router.port}/loop") as live:
        other = f"127.0.0.1:{free_port()}"
        said = site.reload(http=[site.options["http"], other], user="daemon", group="root", **{"route-run": "send:new"})
        for key in ("user", "group"):
            assert f"{key} cannot change while the router runs" in said
        with Raw.connect(int(other.split(":")[1])) as raw:
            assert raw.get("/").response().body == b"new"
        live.send("still")
        assert live.recv(timeout=10) == "still"
    assert {users for users, _, _, _ in ids(site.router.pid)} == {("33",) * 4}


def test_what_only_root_can_keeps_the_old_configuration(stage):
    site = Site(stage)
    said = site.reload("stays as it was", **{"http": [site.options["http"], f"unix:{stage.directory}/in.sock"]})
    assert "its directory cannot be written by this user" in said
    assert site.router.get("/none").status == 404


def test_what_will_fail_later_is_said_at_once(stage):
    """A key that root alone can read, a directory that root alone can write to: this start went well, a reload would not."""
    pair = Authority(stage.directory).issue("localhost")
    pair.key.chmod(0o600)
    private = stage.directory / "private"
    private.mkdir(mode=0o700)
    site = Site(stage, **{"https": f"127.0.0.1:0,{pair}", "spool-dir": private})
    log = until("both warnings", lambda: "cannot write to spool-dir" in (log := site.router.log()) and "a reload will fail" in log and log)
    assert str(pair.key) in log and str(private) in log
    said = site.reload("stays as it was")
    assert str(pair.key) in said
    with site.router.tls() as raw:
        assert raw.get("/none").response().status == 404


def test_unix_sockets_are_for_whom_they_are_given_to(stage):
    path = stage.directory / "home" / "in.sock"
    site = Site(stage, **{"http": [f"127.0.0.1:{free_port()}", f"unix:{path}"], "chown-socket": "daemon:www-data", "chmod-socket": "660"})
    assert (path.stat().st_uid, path.stat().st_gid) == (1, 33)
    os.kill(site.router.pid, signal.SIGTERM)
    assert site.router.process.wait() == 0
    assert not path.exists() and not site.admin.exists(), "its directory is the user's"


def as_daemon():
    os.setgid(1)
    os.setuid(1)


def test_who_may_not_become_it_does_not_start(stage):
    stage.directory.chmod(0o755)
    file = stage.directory / "site.ini"
    file.write_text(ini({"http": "127.0.0.1:0", "admin": "off", "user": "www-data", "route-run": "send:x", "workers": 1}))
    program = stage.directory / "tidegate"
    shutil.copy(TIDEGATE, program)
    done = subprocess.run([program, file], preexec_fn=as_daemon, capture_output=True, text=True, timeout=20, cwd=stage.directory)
    assert done.returncode == 1 and "cannot become www-data" in done.stderr
    file.write_text(file.read_text().replace("www-data", "daemon"))
    child = stage.track(Process("daemon", ["setpriv", "--reuid=1", "--regid=1", "--clear-groups", program, file], stage.directory))
    child.wait_for("listening on ")


def test_whom_nobody_knows_is_a_mistake(stage):
    file = stage.directory / "site.ini"
    file.write_text("[tidegate]\nhttp = 127.0.0.1:0\nroute-run = send:x\nuser = nobody-at-all\nchown-socket = www-data:none-at-all\n")
    done = subprocess.run([TIDEGATE, "check", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert ':4:8: user = "nobody-at-all": there is no such user' in done.stderr
    assert ':5:16: chown-socket = "www-data:none-at-all": there is no such group' in done.stderr


def test_a_socket_that_cannot_be_given_away_does_not_stay(stage):
    """A reload that only root could do is refused, and the file that it made is gone again."""
    site = Site(stage)
    address = site.home / "http.sock"
    site.reload("the configuration stays as it was", http=[site.options["http"], f"unix:{address}"], **{"chown-socket": "root"})
    assert not address.exists() and site.router.get("/none").status == 404
