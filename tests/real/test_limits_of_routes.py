"""Limits that a route has of its own: of a head, they hold once the route is found; of a body and of silence, as long as it lasts."""

import threading

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from harness.upstream import http_ok, uwsgi_ok


@pytest.mark.parametrize("key, value, target, field, status", [
    ("max-uri", 64, "/small?" + "x" * 58, "A: 1", 414), ("max-uri", 64, "/small?" + "x" * 57, "A: 1", 200), ("max-uri", 64, "/large?" + "x" * 58, "A: 1", 200),
    ("max-head", 256, "/small", "A: " + "x" * 256, 431), ("max-head", 256, "/small", "A: 1", 200), ("max-head", 256, "/large", "A: " + "x" * 256, 200),
    ("max-fields", 3, "/small", "A: 1\r\nB: 1", 431), ("max-fields", 3, "/small", "A: 1", 200), ("max-fields", 3, "/large", "A: 1\r\nB: 1", 200),
])
def test_a_head_within_the_limits_of_its_route(stage, key, value, target, field, status):
    to = f"http:{stage.upstream(http_ok).address}"
    router = stage.tidegate({"default": to}, f"[route:small]\npath = ^/small\n{key} = {value}\nto = {to}\n")
    assert router.get(target, field).status == status


@pytest.mark.parametrize("scheme, serve", [("http", http_ok), ("uwsgi", uwsgi_ok)])
def test_a_body_within_the_limit_of_its_route(stage, scheme, serve):
    """Less than that of all others, or more; announced, or in chunks."""
    to = f"{scheme}:{stage.upstream(serve).address}"
    router = stage.tidegate({"default": to, "max-body": 100},
                            f"[route:small]\npath = ^/small\nmax-body = 10\nto = {to}\n[route:large]\npath = ^/large\nmax-body = 1k\nto = {to}\n")
    for path, size, status in [("/small", 10, 200), ("/small", 11, 413), ("/", 100, 200), ("/", 101, 413), ("/large", 1024, 200), ("/large", 1025, 413)]:
        body = "x" * size
        for framed in [f"Content-Length: {size}\r\n\r\n{body}", f"Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n"]:
            with router.connect() as raw:
                answer = raw.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{framed}").response()
                assert answer.status == status, (path, framed[:20])
                assert status == 413 or answer.json()["body"] == body


def test_a_server_may_be_silent_as_long_as_its_route_says(stage):
    late = threading.Event()

    def slow(peer):
        request = peer.request()
        late.wait(30) if request.target == "/patient" else peer.is_ended(30)
        peer.reply()

    to = f"http:{stage.upstream(slow).address}"
    router = stage.tidegate({"default": to}, f"[route:quick]\npath = ^/quick\nhttp-timeout = 500ms\nto = {to}\n")
    with router.connect() as patient:
        patient.get("/patient")
        assert router.get("/quick").status == 504
        late.set()
        assert patient.response().status == 200


def test_a_websocket_may_be_silent_as_long_as_its_route_says(stage, echo):
    to = f"http:{echo.address}"
    router = stage.tidegate({"default": to, "websockets-ping-freq": "off"}, f"[route:quick]\npath = ^/quick\ntunnel-timeout = 500ms\nto = {to}\n")
    with connect(router.url("/patient", "ws"), ping_interval=None) as patient, connect(router.url("/quick", "ws"), ping_interval=None) as quick:
        with pytest.raises(ConnectionClosed):
            quick.recv(timeout=20)
        patient.send("here")
        assert patient.recv(timeout=10) == "here"
