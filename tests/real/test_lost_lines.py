"""The access log when its reader does not read: nobody waits, memory is bounded, and what is lost is counted to the line."""

import fcntl
import os
import select
import signal
import socket

import pytest

from harness.admin import ctl, curl
from harness.process import memory
from harness.router import ini
from harness.upstream import free_port
from harness.waiting import in_background, until

# Lines of 50 KB, 75 MB in all.
REQUESTS, LONG = 1500, 50_000
# Twice 8 MiB are held for a reader: what waits, and what is being written. Buffers have some room to spare.
BOUND = 36 << 20


class Fifo:
    """A named pipe that somebody has open, and reads when he is told to."""

    def __init__(self, directory):
        path = directory / "access.fifo"
        os.mkfifo(path)
        self.target, self.pipe = path, os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self.pipe, fcntl.F_SETPIPE_SZ, 1 << 20)

    def take(self):
        """The lines that have come."""
        try:
            return os.read(self.pipe, 1 << 20).count(b"\n")
        except BlockingIOError:
            return 0


class Syslog:
    """The socket of a daemon that hangs."""

    def __init__(self, directory):
        path = directory / "log.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.target = f"rsyslog:{path},site,local3"

    def take(self):
        lines = 0
        while select.select([self.socket], [], [], 0)[0]:
            assert b" /" in self.socket.recv(65536)
            lines += 1
        return lines


@pytest.mark.parametrize("reader", [Fifo, Syslog])
def test_lines_are_lost_and_counted_and_nobody_waits(stage, reader):
    reader, admin = reader(stage.directory), stage.directory / "admin.sock"
    router = stage.tidegate({"route-run": "send:ok", "logto": reader.target, "admin": f"unix:{admin}", "max-head": "64k"})
    lost = lambda: curl(admin, "/status")[1]["counters"]["log_lost"]
    before = memory(router.pid)
    with router.connect() as raw:
        for number in range(REQUESTS):
            assert raw.get(f"/{number}", "User-Agent: " + "x" * LONG).response().status == 200
    assert memory(router.pid) - before < BOUND
    until("lines were lost", lost)
    taken = [0]

    def all_are_there():
        taken[0] += reader.take()
        return taken[0] + lost() == REQUESTS

    until(lambda: f"{taken[0]} read and {lost()} lost make {REQUESTS}", all_are_there, 30, pause=0)
    assert taken[0] > 100, "what fits is kept"
    shown = ctl("--admin", f"unix:{admin}", "status").stdout
    assert any(line.split()[:1] == ["log_lost"] and str(lost()) in line.replace(",", "") for line in shown.splitlines()), shown


def test_a_full_disk_loses_lines_and_counts_them(stage):
    admin = stage.directory / "admin.sock"
    router = stage.tidegate({"route-run": "send:ok", "logto": "/dev/full", "admin": f"unix:{admin}"})
    router.process.wait_for("listening")

    def ten_are_lost():
        assert router.get("/").status == 200
        return curl(admin, "/status")[1]["counters"]["log_lost"] >= 10

    until("ten lines are lost", ten_are_lost)
    router.process.wait_for("a log cannot be written: /dev/full")


def test_a_pipe_that_nobody_has_opened_yet_stops_nobody(stage):
    """Neither the start, nor a reload that turns to it, nor opening it anew, nor the end."""
    first, second = stage.directory / "first", stage.directory / "second"
    os.mkfifo(first)
    os.mkfifo(second)
    settings = {"http": f"127.0.0.1:{free_port()}", "route-run": "send:ok", "logto": first}
    router = stage.tidegate(settings)
    assert router.get("/one").status == 200
    with open(first) as reader:
        assert "/one" in reader.readline()
    (stage.directory / "tidegate.ini").write_text(ini({**settings, "admin": "off", "workers": 1, "logto": second}))
    router.process.signal(signal.SIGHUP)
    router.process.wait_for("reload: done")
    router.process.signal(signal.SIGUSR1)
    assert router.get("/two").status == 200
    lines = []
    in_background(lambda: lines.append(second.open().readline()))
    until("the line", lambda: any("/two" in line for line in lines))
    router.process.signal(signal.SIGTERM)
    assert router.process.wait() == 0
