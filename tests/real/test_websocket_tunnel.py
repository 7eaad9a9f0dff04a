"""WebSocket pass-through, byte by byte: only the right 101 opens a tunnel, and then every byte goes through."""

import os
import threading
import time

import pytest

from harness import websocket
from harness.process import memory
from harness.upstream import http_ok
from harness.waiting import in_background, until

MIB = 1 << 20
# What is sent here is no frame: nothing must look into it.
OPAQUE = {"websockets-mode": "pass"}


def accepting(then):
    """An upstream that takes every handshake, over http, and goes on with `then(peer)`."""

    def serve(peer):
        request = peer.request()
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        then(peer)

    return serve


def echo_bytes(peer):
    peer.record = False
    while peer.buffer or peer.fill():
        data, peer.buffer = peer.buffer, b""
        peer.send(data)


@pytest.fixture
def tunnel(stage):
    """Opens a tunnel to an upstream that goes on with `then(peer)`."""

    def open_to(then, options=None, **connection):
        upstream = stage.upstream(accepting(then))
        router = stage.tidegate({**OPAQUE, "default": f"http:{upstream.address}", **(options or {})})
        raw = router.connect(**connection)
        websocket.open_websocket(raw)
        raw.router, raw.upstream = router, upstream
        return raw

    return open_to


@pytest.mark.parametrize("size", [1, 125, 65_536, 3_000_000])
def test_bytes_come_through_as_they_are(tunnel, size):
    raw = tunnel(echo_bytes)
    data = websocket.frame(os.urandom(size))
    in_background(raw.send, data)
    assert raw.take(len(data)) == data


def test_early_bytes_of_the_client_come_after_the_101(stage):
    """They wait for the upstream's answer, and are then the first of the tunnel, in order."""
    seen = []

    def late(peer):
        request = peer.request()
        seen.append(bytes(peer.buffer))
        time.sleep(0.3)
        seen.append(peer.is_silent(0.1))
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
        echo_bytes(peer)

    router = stage.tidegate({**OPAQUE, "default": f"http:{stage.upstream(late).address}"})
    with router.connect() as raw:
        raw.send(websocket.request() + b"first,").send(b"second,")
        time.sleep(0.1)
        raw.send(b"third,")
        assert raw.response().status == 101
        raw.send(b"fourth")
        assert raw.take(25) == b"first,second,third,fourth"
        assert seen == [b"", True], "bytes reached the upstream before its 101"


def test_early_bytes_of_the_upstream_follow_its_101(stage):
    """A server may speak in the same segment as its 101."""
    def eager(peer):
        request = peer.request()
        hello = websocket.frame(b"hello", masked=False)
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])) + hello)
        echo_bytes(peer)

    router = stage.tidegate({**OPAQUE, "default": f"http:{stage.upstream(eager).address}"})
    with router.connect() as raw:
        websocket.open_websocket(raw)
        assert websocket.read_frame(raw)[1] == b"hello"
        raw.send(b"x")
        assert raw.take(1) == b"x"


def test_full_duplex(tunnel):
    """8 MiB each way at once while nobody waits for the other."""
    size = 8 * MIB

    def both(peer):
        peer.record = False
        writer = in_background(peer.send, b"d" * size)
        assert peer.take(size) == b"u" * size
        writer.join()

    raw = tunnel(both)
    in_background(raw.send, b"u" * size)
    assert raw.take(size) == b"d" * size


def test_half_close_of_the_client(tunnel):
    def after_fin(peer):
        data = peer.rest()
        peer.send(b"got %d, " % len(data))
        time.sleep(0.2)
        peer.send(b"bye")

    raw = tunnel(after_fin)
    raw.send(b"x" * 1000).finish()
    assert raw.rest() == b"got 1000, bye"


def test_half_close_of_the_upstream(tunnel):
    heard = []

    def first_fin(peer):
        peer.send(b"all I have")
        peer.finish()
        heard.append(peer.rest())

    raw = tunnel(first_fin)
    assert raw.rest() == b"all I have"
    raw.send(b"still ").send(b"talking").finish()
    until("the client's words upstream", lambda: heard == [b"still talking"])


def test_reset_of_one_side_ends_the_other(tunnel):
    done = threading.Event()

    def wait_for_end(peer):
        peer.rest(10)
        done.set()

    raw = tunnel(wait_for_end)
    raw.send(b"x")
    raw.reset()
    assert done.wait(5)


def test_reset_of_the_upstream_ends_the_client(tunnel):
    raw = tunnel(lambda peer: (peer.take(1), peer.reset()))
    raw.send(b"x")
    assert raw.is_ended(5)


@pytest.mark.parametrize("reader", ["client", "upstream"])
def test_a_slow_reader_holds_little(tunnel, reader):
    """One side reads nothing while the other pushes all it can: the router holds less than 1 MiB for it."""
    release = threading.Event()
    sent = [0]
    piece = b"x" * 65_536

    def push(raw):
        raw.socket.settimeout(0.5)
        try:
            while True:
                sent[0] += raw.socket.send(piece)
        except TimeoutError:
            pass

    def upstream_side(peer):
        peer.record = False
        if reader == "client":
            push(peer)
            release.wait(20)
        else:
            release.wait(20)
            total = 0
            while total < sent[0]:
                peer.fill()
                total += len(peer.buffer)
                peer.buffer = b""
            peer.send(b"all")

    raw = tunnel(upstream_side)
    before = memory(raw.router.pid)
    if reader == "client":
        until("the upstream can push no more", lambda: _still(sent), 15)
    else:
        push(raw)
    grown = memory(raw.router.pid) - before
    assert grown < MIB, f"{grown} bytes more for {sent[0]} bytes pushed"
    release.set()
    if reader == "client":
        assert len(raw.take(sent[0])) == sent[0]
    else:
        assert raw.take(3) == b"all"


def _still(count):
    before = count[0]
    time.sleep(0.6)
    return before > 0 and count[0] == before


def test_tunnel_timeout(tunnel):
    """Silence of both ends; a byte of either begins it anew."""
    raw = tunnel(echo_bytes, {"tunnel-timeout": "1s"})
    begin = time.monotonic()
    for _ in range(3):
        time.sleep(0.6)
        raw.send(b"x")
        assert raw.take(1) == b"x"
    assert raw.is_ended(5)
    assert 2.5 < time.monotonic() - begin < 5


def test_a_tunnel_outlives_the_http_timeouts(tunnel):
    raw = tunnel(echo_bytes, {"http-timeout": "1s", "http-keepalive": "1s", "http-headers-timeout": "1s"})
    time.sleep(2.5)
    raw.send(b"still here")
    assert raw.take(10) == b"still here"


def test_after_a_200_it_stays_http(stage):
    """An upstream that knows no WebSocket answers, and the connection goes on with HTTP."""
    router = stage.tidegate({**OPAQUE, "default": f"http:{stage.upstream(http_ok).address}"})
    with router.connect() as raw:
        raw.send(websocket.request())
        assert raw.response().status == 200
        try:
            assert raw.get("/next").response().json()["target"] == "/next"
        except (EOFError, ConnectionError):
            pass  # or it has ended; but never is it a tunnel


def test_what_the_upstream_sees_of_a_handshake(stage):
    seen = []

    def note(peer):
        request = peer.request()
        seen.append(request)
        peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"]), "Sec-WebSocket-Protocol: chat"))
        echo_bytes(peer)

    router = stage.tidegate({**OPAQUE, "default": f"http:{stage.upstream(note).address}"})
    with router.connect() as raw:
        answer = websocket.open_websocket(raw, "/a/../ws?x=%41", "Sec-WebSocket-Protocol: chat, other", "Origin: http://a", "Cookie: a=1",
                                          "Sec-WebSocket-Extensions: permessage-deflate")
        assert answer["Sec-WebSocket-Protocol"] == "chat"
        assert answer["Upgrade"].lower() == "websocket" and answer["Connection"].lower() == "upgrade"
    request = seen[0]
    assert request.target == "/ws?x=%41"
    assert request["Upgrade"].lower() == "websocket"
    assert "upgrade" in request["Connection"].lower()
    assert request["Sec-WebSocket-Version"] == "13"
    assert request["Origin"] == "http://a" and request["Cookie"] == "a=1"
    assert request["X-Forwarded-For"] == "127.0.0.1"


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_to_a_unix_socket_and_tcp(stage, kind):
    upstream = stage.upstream(accepting(echo_bytes), path=stage.directory / "up.sock" if kind == "unix" else None)
    router = stage.tidegate({**OPAQUE, "default": f"http:{'unix:' if kind == 'unix' else ''}{upstream.address}"})
    with router.connect() as raw:
        websocket.open_websocket(raw)
        data = os.urandom(500_000)
        in_background(raw.send, data)
        assert raw.take(len(data)) == data
