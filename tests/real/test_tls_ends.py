"""How TLS connections end: close_notify both ways, and a cut that is seen as one."""

import signal
import ssl
import struct
import threading

import pytest

from harness import websocket
from harness.certificates import Authority
from harness.upstream import http_ok

VERSIONS = ["1.2", "1.3"]


@pytest.fixture
def start(stage):
    def start(serve, **options):
        upstream = stage.upstream(serve)
        pair = Authority(stage.directory).issue("localhost")
        router = stage.tidegate({
            "http": None, "https": f"127.0.0.1:0,{pair}", "default": f"http:{upstream.address}",
            **{key.replace("_", "-"): value for key, value in options.items()}})
        router.upstream = upstream
        return router

    return start


def how_it_ended(peer):
    """What an upstream sees: all bytes, and whether FIN or RST came behind them."""
    data = b""
    while True:
        try:
            more = peer.socket.recv(65536)
        except ConnectionResetError:
            return data, "reset"
        if not more:
            return data, "finished"
        data += more


def closing(end):
    """An upstream whose body goes to the end of the connection, which comes as `end` says."""

    def serve(peer):
        peer.take_until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 50_000)
        if end == "reset":
            peer.socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: close() resets

    return serve


@pytest.mark.parametrize("version", VERSIONS)
def test_a_body_to_the_end_ends_with_close_notify(start, version):
    with start(closing("finished")).tls(version=version) as raw:
        response = raw.get("/", version="1.0").response()
        assert response.body == b"x" * 50_000
        assert not raw.truncated


@pytest.mark.parametrize("version", VERSIONS)
def test_a_body_that_was_cut_ends_without_close_notify(start, version):
    """Else nobody could tell it from a whole one."""
    with start(closing("reset")).tls(version=version) as raw:
        raw.get("/", version="1.0").head()
        raw.rest()
        assert raw.truncated or _reset(raw)


def _reset(raw):
    """Whether the connection is gone for good rather than closed in order."""
    try:
        return raw.socket.read(1) is None
    except ssl.SSLZeroReturnError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_request_cut_without_close_notify_is_never_completed(start, framing, version):
    seen, begun, done = [], threading.Event(), threading.Event()

    def serve(peer):
        data = peer.take_until(b"12345")
        begun.set()
        seen.append(data + peer.buffer + how_it_ended(peer)[0])
        done.set()

    body = b"12345" if "Length" in framing else b"5\r\n12345\r\n"
    with start(serve).tls(version=version) as raw:
        raw.send(f"POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode() + body)
        assert begun.wait(10)
        raw.leave()
        assert done.wait(10)
    assert body.startswith(seen[0].partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("said", [True, False], ids=["close_notify", "cut"])
def test_raw_bytes_end_as_they_ended_here(start, said, version):
    """What goes to the end of a connection: a cut here is a cut there."""
    seen, begun, done = [], threading.Event(), threading.Event()

    def serve(peer):
        peer.take_until(b"first")
        begun.set()
        seen.append(how_it_ended(peer))
        done.set()

    with start(serve, http_raw_body="true").tls(version=version) as raw:
        raw.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nfirst")
        assert begun.wait(10)
        raw.send(b"second")
        if said:
            raw.say_close()
        raw.leave()
        assert done.wait(10)
    data, end = seen[0]
    assert end == ("finished" if said else "reset")
    assert not said or data == b"second"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_has_said_all_still_gets_its_answer(start, version):
    go = threading.Event()

    def serve(peer):
        peer.request()
        assert go.wait(10)
        peer.reply(b"late")

    with start(serve).tls(version=version) as raw:
        raw.get("/")
        raw.say_close()
        go.set()
        assert raw.response().body == b"late"
        assert raw.is_ended() and not raw.truncated


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("requests", [0, 1])
def test_close_notify_is_answered(start, requests, version):
    with start(http_ok).tls(version=version) as raw:
        for _ in range(requests):
            assert raw.get("/").response().status == 200
        plain = raw.socket.unwrap()
        assert plain.recv(1) == b"", "then TCP ends"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", ["keepalive", "bad-request", "close", "head-timeout", "stop", "websocket"])
def test_whatever_ends_here_ends_with_close_notify(start, case, version):
    router = start(http_ok, http_keepalive="300ms" if case == "keepalive" else "1m", route="^/echo echo:",
                   http_headers_timeout="300ms" if case == "head-timeout" else "1m")
    with router.tls(version=version) as raw:
        if case == "keepalive":
            assert raw.get("/").response().status == 200
        elif case == "bad-request":
            assert raw.send("nonsense\r\n\r\n").response().status == 400
        elif case == "close":
            assert raw.get("/", "Connection: close").response().status == 200
        elif case == "head-timeout":
            assert raw.send("GET / HT").response().status == 408
        elif case == "stop":
            assert raw.get("/").response().status == 200
            router.process.signal(signal.SIGTERM)
        elif case == "websocket":
            websocket.open_websocket(raw, "/echo")
            raw.send(websocket.close(1000))
            assert websocket.close_code(raw) == 1000
        assert raw.is_ended()
        assert raw.buffer == b""
        assert not raw.truncated
