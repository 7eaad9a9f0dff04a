"""The access log: a line for each exchange, two for a WebSocket, nothing a client can forge."""

import json
import re
import signal

import pytest

from harness import websocket
from harness.upstream import http_ok
from harness.waiting import until

COMBINED = re.compile(
    r'(?P<address>\S+) - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<bytes>\d+|-) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)"(?P<more>.*)'
)


def lines(router, count):
    until(f"{count} lines in the access log", lambda: len(router.access()) >= count, 5)
    return router.access()


def socket_end(peer):
    request = peer.request()
    peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
    peer.send(websocket.frame(peer.take(11)[6:] and b"hello", masked=False))
    peer.rest()


def test_combined(stage):
    upstream = stage.upstream(http_ok)
    router = stage.tidegate({}, f"[route:things]\npath = ^/things\nto = http:{upstream.address}\n")
    router.get("/things?x=1", "Referer: http://r/", "User-Agent: tester")
    router.get("/none")
    first, second = [COMBINED.fullmatch(line) for line in lines(router, 2)[:2]]
    assert first and second, router.access()
    assert (first["address"], first["request"], first["status"]) == ("127.0.0.1", "GET /things?x=1 HTTP/1.1", "200")
    assert int(first["bytes"]) > 10
    assert (first["referer"], first["agent"]) == ("http://r/", "tester")
    assert "route=things" in first["more"] and f"upstream={upstream.address}" in first["more"]
    assert second["status"] == "404"


def test_json(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "log-format": "json"})
    with router.connect() as raw:
        raw.send('POST /a%20b?q HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nUser-Agent: a"b\\c\r\n\r\nhello').response()
    line = json.loads(lines(router, 1)[0])
    assert (line["method"], line["status"], line["host"]) == ("POST", 200, "h")
    assert (line["client"], line["bytes_in"]) == ("127.0.0.1", 5)
    assert line["bytes_out"] > 0 and line["total_ms"] >= 0
    assert line["agent"] == 'a"b\\c'


@pytest.mark.parametrize("form", ["combined", "json"])
def test_matched_is_logged(stage, form):
    """The path is the canonical one; the raw target is a field of its own."""
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "log-format": form})
    router.get("/public/../%61dmin")
    line = lines(router, 1)[0]
    if form == "json":
        assert json.loads(line)["path"] == "/admin"
    else:
        assert COMBINED.fullmatch(line)["request"] == "GET /admin HTTP/1.1"
    assert "/public/../%61dmin" in line


@pytest.mark.parametrize("form", ["combined", "json"])
@pytest.mark.parametrize("value", ['" 200 forged "', "\x1b[31m", "\\x0d", "caf\xe9"])
def test_nothing_is_forged(stage, form, value):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "log-format": form})
    with router.connect() as raw:
        raw.get("/", f"User-Agent: {value}", f"Referer: {value}").response()
    (line,) = lines(router, 1)
    assert "\x1b" not in line
    if form == "json":
        assert json.loads(line)["status"] in (200, 400)
    else:
        assert COMBINED.fullmatch(line), line


@pytest.mark.parametrize("form", ["combined", "json"])
def test_websocket_opens_and_ends(stage, form):
    """Two lines, joined by an id."""
    upstream = stage.upstream(socket_end)
    router = stage.tidegate({"default": f"http:{upstream.address}", "log-format": form})
    with router.connect() as raw:
        websocket.open_websocket(raw, "/live")
        assert "/live" in lines(router, 1)[0], "the opening is logged when it opens"
        raw.send(websocket.frame(b"hello"))
        assert websocket.read_frame(raw)[1] == b"hello"
    opened, ended = lines(router, 2)
    if form == "json":
        opened, ended = json.loads(opened), json.loads(ended)
        assert (opened["event"], opened["status"], ended["event"]) == ("open", 101, "close")
        assert opened["tunnel"] == ended["tunnel"]
        assert (ended["bytes_in"], ended["bytes_out"]) == (11, 7)
    else:
        ids = [re.search(r"tunnel=(\d+)", line)[1] for line in (opened, ended)]
        assert ids[0] == ids[1]
        assert " 101 " in opened and " in=11 " in ended


def test_refused_requests_are_logged(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}"})
    with router.connect() as raw:
        raw.send("nonsense\r\n\r\n").response()
    line = COMBINED.fullmatch(lines(router, 1)[0])
    assert line and line["status"] == "400"


def test_to_a_file_reopened_by_usr1(stage):
    file = stage.directory / "access.log"
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "logto": file})
    router.get("/one")
    until("the first line", lambda: "/one" in file.read_text(), 5)
    file.rename(stage.directory / "access.log.1")
    router.process.signal(signal.SIGUSR1)

    def reopened():
        router.get("/two")
        return file.exists() and "/two" in file.read_text()

    until("lines in the new file", reopened, 5, pause=0.2)
    assert "/two" not in (stage.directory / "access.log.1").read_text().splitlines()[0]


def test_disabled(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "disable-logging": "true"})
    for _ in range(20):
        router.get("/")
    router.process.signal(signal.SIGTERM)
    router.process.wait()
    assert router.access() == []


def test_nothing_is_lost_at_the_end(stage):
    router = stage.tidegate({"default": f"http:{stage.upstream(http_ok).address}", "workers": 2})
    with router.connect() as raw:
        for _ in range(500):
            raw.get("/").response()
    router.process.signal(signal.SIGTERM)
    assert router.process.wait() == 0
    assert len(router.access()) == 500
