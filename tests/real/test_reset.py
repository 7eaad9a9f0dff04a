"""One end of a tunnel resets: the other one gets all that was received before, and then its end."""

import fcntl
import struct
import termios
import threading

import pytest

from harness import websocket
from harness.waiting import until

# More than the client's window and the router's queues take, less than they and the kernel hold together.
MESSAGE = bytes(range(256)) * 4
MUCH = 300


def acknowledged(sock):
    """Whether the other host has everything that was written."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0] == 0


def say_all_and_reset(raw, data):
    raw.send(data)
    until("all of it is acknowledged", lambda: acknowledged(raw.socket))
    raw.reset()


def read_all(sock):
    """Everything up to the end, and whether that was a reset."""
    data = bytearray()
    sock.settimeout(10)
    while True:
        try:
            piece = sock.recv(5000)
        except ConnectionResetError:
            return bytes(data), True
        if not piece:
            return bytes(data), False
        data += piece


@pytest.fixture
def tunnel(stage):
    """An open tunnel: the router, its client, and what to do with the upstream's end."""

    def opened(mode, **options):
        ready, go = threading.Event(), threading.Event()
        does = []

        def serve(peer):
            request = peer.request()
            peer.send(websocket.response(websocket.accept_of(request["Sec-WebSocket-Key"])))
            ready.set()
            assert go.wait(20)
            does[0](peer)

        upstream = stage.upstream(serve)
        router = stage.tidegate({"default": f"http:{upstream.address}", "websockets-mode": mode, "websockets-ping-freq": "off"})
        raw = router.connect(**options)
        websocket.open_websocket(raw)
        assert ready.wait(10)

        def upstream_does(what):
            does.append(what)
            go.set()

        return router, raw, upstream, upstream_does

    return opened


@pytest.mark.parametrize("mode", ["pass", "track", "guard"])
def test_what_an_upstream_said_before_its_reset(tunnel, mode):
    router, raw, upstream, upstream_does = tunnel(mode, receive_buffer=4096)
    data = websocket.frame(MESSAGE, masked=False) * MUCH
    upstream_does(lambda peer: say_all_and_reset(peer, data))
    # Nobody reads until the reset is there.
    upstream.ended()
    got, was_reset = read_all(raw.socket)
    assert got[: len(data)] == data
    close = b"" if mode == "pass" else b"\x88\x02" + (1011 if mode == "guard" else 1001).to_bytes(2, "big")
    assert got[len(data) :] == close
    assert was_reset == (mode == "pass"), "what ends here is told in words, what is opaque by the same end"
    until("the line of the end", lambda: " end=tunnel-reset " in "".join(router.access()))


@pytest.mark.parametrize("mode", ["pass", "track", "guard"])
def test_what_a_client_said_before_its_reset(tunnel, mode):
    router, raw, upstream, upstream_does = tunnel(mode)
    read, at_end = [], threading.Event()

    def reads(peer):
        read.append(read_all(peer.socket)[0])
        at_end.set()

    data = websocket.frame(MESSAGE) * MUCH
    say_all_and_reset(raw, data)
    upstream_does(reads)
    assert at_end.wait(20)
    if mode == "guard":
        assert read[0].count(MESSAGE) == MUCH, "as it is: its mask is zero"
    else:
        assert read[0][: len(data)] == data
    assert (len(read[0]) > len(data)) == (mode != "pass"), "a Close, where there are frames"
    until("the line of the end", lambda: " end=tunnel-reset " in "".join(router.access()))


@pytest.mark.parametrize("mode", ["pass", "track"])
def test_a_client_that_had_finished_before_its_reset(tunnel, mode):
    """There is nothing left to be read of it, and inside a frame nothing to be written to it."""
    router, raw, upstream, upstream_does = tunnel(mode)

    def half(peer):
        peer.send(websocket.frame(MESSAGE, masked=False)[:500])
        peer.rest()
        peer.over.wait(20)

    upstream_does(half)
    raw.take(500)
    raw.finish()
    until("the upstream has heard of it", lambda: upstream.peers[0].ended)
    raw.reset()
    # The upstream has five seconds to answer, and does not.
    until("the line of the end", lambda: " end=tunnel-reset " in "".join(router.access()))
