"""Logs that cannot be written: nobody waits for them, and nobody ends because of them."""

import signal
import socket

import pytest

from harness.process import Process
from harness.raw import Raw
from harness.router import TIDEGATE, ini
from harness.upstream import http_ok
from harness.waiting import until

REDIRECTIONS = {
    "full disk": "2>/dev/full >/dev/full",
    "closed": "2>&- >&-",
    "nobody reads any more": "2> >(:) > >(:)",
    "nobody reads": "2> >(sleep 60) > >(sleep 60)",
}


@pytest.mark.parametrize("streams", REDIRECTIONS.values(), ids=REDIRECTIONS)
def test_serves_and_stops(stage, streams):
    upstream = stage.upstream(http_ok)
    path = stage.directory / "front.sock"
    settings = {"http": f"unix:{path}", "default": f"http:{upstream.address}", "log-level": "debug"}
    file = stage.directory / "site.ini"
    file.write_text(ini(settings))
    script = f'exec "$0" "$1" {streams}'
    router = stage.track(Process("tidegate", ["bash", "-c", script, TIDEGATE, file], stage.directory))
    until("listening", path.exists)
    for _ in range(3):
        router.signal(signal.SIGHUP)
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        with Raw(sock) as raw:
            assert raw.get("/", "User-Agent: " + "x" * 8000).response().status == 200
    # Much more than a pipe holds.
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    with Raw(sock) as raw:
        for _ in range(50):
            assert raw.get("/", "User-Agent: " + "x" * 8000).response().status == 200
    router.signal(signal.SIGTERM)
    assert router.wait(8) == 0
