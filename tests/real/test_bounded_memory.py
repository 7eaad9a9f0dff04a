"""Bounded memory: whatever one side pushes while the other takes nothing, the router holds less than 1 MiB of it."""

import threading

import pytest

from harness.process import memory
from harness.raw import chunk
from harness.waiting import until

MIB = 1 << 20
WHOLE = 1 << 30  # announced; what is pushed at the slow side is what the kernel and the router take of it
AFTER = 24 * MIB  # what really goes through once the slow side reads


class Pusher:
    """Sends as much as it can without waiting for anybody, and counts."""

    def __init__(self, sock, wrap=lambda data: data):
        self.socket, self.sent, self.piece = sock, 0, wrap(b"x" * 65_536)

    def push(self, most=WHOLE):
        self.socket.settimeout(1)
        try:
            while self.sent < most:
                self.sent += self.socket.send(self.piece)
        except TimeoutError:
            pass


@pytest.mark.parametrize("scheme", ["http", "uwsgi"])
def test_upload_to_a_slow_worker(stage, scheme):
    read_now, done = threading.Event(), threading.Event()

    def slow(peer):
        peer.record = False
        peer.head() if scheme == "http" else peer.packet()
        read_now.wait(30)
        total = 0
        while total < AFTER:
            assert peer.fill()
            total += len(peer.buffer)
            peer.buffer = b""
        done.set()

    router = stage.tidegate({"default": f"{scheme}:{stage.upstream(slow).address}", "http-timeout": 30})
    with router.connect() as raw:
        raw.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {WHOLE}\r\n\r\n")
        before = memory(router.pid)
        pusher = Pusher(raw.socket)
        pusher.push()
        grown = memory(router.pid) - before
        assert pusher.sent < 64 * MIB, "somebody takes it all"
        assert grown < MIB, f"{grown} bytes more while {pusher.sent} were pushed"
        read_now.set()
        pusher.push(AFTER + MIB)
        assert done.wait(20), "the rest does not come through"
        assert memory(router.pid) - before < MIB


@pytest.mark.parametrize("scheme", ["http", "uwsgi"])
@pytest.mark.parametrize("framing", ["length", "chunked", "until-close"])
def test_download_to_a_slow_client(stage, scheme, framing):
    pushers = []
    head = {"length": f"Content-Length: {WHOLE}\r\n", "chunked": "Transfer-Encoding: chunked\r\n", "until-close": ""}[framing]
    go_on = threading.Event()

    def fast(peer):
        peer.record = False
        peer.head() if scheme == "http" else peer.packet()
        peer.send(f"HTTP/1.1 200 OK\r\n{head}\r\n")
        pusher = Pusher(peer.socket, chunk if framing == "chunked" else lambda data: data)
        pushers.append(pusher)
        pusher.push()
        go_on.wait(30)
        pusher.push(AFTER + MIB)

    router = stage.tidegate({"default": f"{scheme}:{stage.upstream(fast).address}", "http-timeout": 30})
    with router.connect(receive_buffer=65_536) as raw:
        before = memory(router.pid)
        raw.get("/").head()
        seen = [0]

        def still():
            sent, seen[0] = seen[0], pushers[0].sent if pushers else 0
            return sent and sent == seen[0]

        until("the upstream can push no more", still, 20, pause=0.7)
        grown = memory(router.pid) - before
        assert pushers[0].sent < 64 * MIB, "somebody takes it all"
        assert grown < MIB, f"{grown} bytes more while {pushers[0].sent} were pushed"
        go_on.set()
        raw.take(AFTER)
        assert memory(router.pid) - before < MIB


def test_many_slow_readers_of_small_pieces(stage):
    """100 clients that read nothing of a stream of small pieces: what is kept for each is bounded."""
    def drip(peer):
        peer.record = False
        peer.head()
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        peer.socket.settimeout(1)
        for _ in range(20_000):
            peer.socket.send(chunk(b"x" * 100))
        peer.is_ended(20)

    router = stage.tidegate({"default": f"http:{stage.upstream(drip).address}", "http-timeout": 30})
    before = memory(router.pid)
    raws = [router.connect(receive_buffer=4096).get("/") for _ in range(100)]
    last = [0]

    def settled():
        now, last[0] = last[0], memory(router.pid)
        return now == last[0]

    until("the router's memory settled", settled, 20, pause=1.0)
    grown = memory(router.pid) - before
    assert grown < 100 * 256 * 1024, f"{grown // 100} bytes for each"
    for raw in raws:
        raw.close()
    until("the memory is given back", lambda: memory(router.pid) - before < grown / 2 + MIB, 20)
