"""uWSGI in each of its modes behind tidegate: HTTP and WebSocket, over TCP and over a unix socket."""

import hashlib
import os

import pytest

from harness.echoes import SIZES, echo_all
from harness.raw import chunk
from harness.stage import staged
from harness.workers import BINARY_MODES, MODES


@pytest.fixture(scope="module", params=MODES)
def mode(request):
    return request.param


@pytest.fixture(scope="module", params=["tcp", "unix"])
def site(request, mode):
    with staged(request.node) as stage:
        address, _ = stage.uwsgi(mode, unix=request.param == "unix")
        yield stage.tidegate({"http-to": address, "workers": 2})


def test_get(site):
    response = site.get("/hello")
    assert (response.status, response.body) == (200, b"hello\n")


def test_environment(site):
    seen = site.get("/env?a=1&b=%20", "X-One: 1", "Cookie: a=b").json()
    assert seen["REQUEST_METHOD"] == "GET"
    assert seen["REQUEST_URI"] == "/env?a=1&b=%20"
    assert seen["PATH_INFO"] == "/env"
    assert seen["QUERY_STRING"] == "a=1&b=%20"
    assert seen["HTTP_X_ONE"] == "1"
    assert seen["HTTP_COOKIE"] == "a=b"
    assert seen["HTTP_HOST"] == "test"
    assert seen["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_000])
def test_post_with_length(site, size):
    body = os.urandom(size)
    with site.connect() as raw:
        raw.send(f"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n").send(body)
        response = raw.response()
    assert response.status == 200
    assert hashlib.sha256(response.body).digest() == hashlib.sha256(body).digest()


def test_post_chunked(site):
    """A worker knows no chunks: it is told a length."""
    body = os.urandom(100_000)
    with site.connect() as raw:
        raw.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 7777):
            raw.send(chunk(body[at : at + 7777]))
        raw.send(chunk(b""))
        response = raw.response()
    assert response.status == 200
    assert response.body == body


def test_websocket_text(site):
    echo_all(site.url("/ws", "ws"), SIZES, kinds=("text",))


def test_websocket_binary(site, mode):
    if mode not in BINARY_MODES:
        pytest.skip("uWSGI's Ruby has no websocket_send_binary")
    echo_all(site.url("/ws?binary=1", "ws"), SIZES, kinds=("binary",), expect="binary")


def test_many_requests_on_one_connection(site):
    with site.connect() as raw:
        for _ in range(20):
            assert raw.get("/hello").response().body == b"hello\n"
